"""Storage errors. They carry data; `str()` is a sentence for the owner. Sentences for members are written in bot/texts.

StorageError
├── DatabaseMissing    path
├── DatabaseLost       path, pictures
├── DatabaseTooNew     path, version, known
├── DatabaseTooOld     path, version, known
├── DatabaseBroken     path, reason
├── DatabaseBusy       path
├── DataFolderInUse    path
├── ArchiveBroken      path, reason
├── FolderLocked       folder
├── DiskFull           path
├── NotStorable        path
└── ImageGone          job, index
"""

import errno
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, dataclass_transform

from generation import JobId
from startup import StartError


@dataclass_transform(eq_default=False, kw_only_default=True)
class StorageError(StartError):
    """Base of the storage errors: some end a start, all may occur later. Each is a dataclass; `sentence` names its fields."""

    sentence: ClassVar[str]

    def __init_subclass__(cls) -> None:
        dataclass(eq=False, kw_only=True)(cls)

    def __str__(self) -> str:
        return self.sentence.format(**vars(self))


class DatabaseMissing(StorageError):
    """The command needs a database file, and there is none."""

    path: Path
    sentence = (
        "There is no database at {path}. Name the bot's data folder with --data, or its settings with --config. "
        "The bot creates the database when it starts for the first time."
    )


class DatabaseLost(StorageError):
    """The file is missing or empty, but there are pictures: a new database would know none of them."""

    path: Path
    pictures: Path  # their folder
    sentence = (
        "The database {path} is missing or empty, but there are pictures in {pictures}. Put a backup of "
        "the database in its place. To start without these pictures, move their folder away. Nothing was changed."
    )


class DatabaseTooNew(StorageError):
    """A later release wrote this file; it was not changed."""

    path: Path
    version: int
    known: int  # the newest version this program can read
    sentence = (
        "The database {path} has version {version}, but this program knows versions up to {known}. Update Atelier. "
        "To stay with this release, restore a backup. Nothing was changed."
    )


class DatabaseTooOld(StorageError):
    """The file needs migrations, and the command must not apply them."""

    path: Path
    version: int
    known: int
    sentence = "{path} is at version {version} and needs {known}; run `python -m db migrate` first."


class DatabaseBroken(StorageError):
    """The file is not a database, is another program's, is damaged, or can't be opened."""

    path: Path
    reason: str  # in the words of SQLite or the operating system
    sentence = (
        "The database {path} can't be used: {reason}. Move it to a safe place, together with the files "
        "beside it that end with -wal and -shm, and put a backup in its place. The pictures stay where they are."
    )


class DatabaseBusy(StorageError):
    """Another process held the write lock for longer than the busy timeout."""

    may_pass = True
    path: Path
    sentence = "Another program uses the database {path}. Is the bot running already? Otherwise try again in a moment."


class DataFolderInUse(StorageError):
    """An archive would replace what is there."""

    path: Path  # the file that is there
    sentence = (
        "There is {path} already, and a backup replaces nothing. Restore it into another folder: set ATELIER_DATA, or `data` in "
        "the settings. Nothing was changed."
    )


class ArchiveBroken(StorageError):
    """The file is not a backup of Atelier, or it is damaged or cut."""

    path: Path
    reason: str
    sentence = "The backup {path} can't be restored: {reason}. Nothing was changed."


class FolderLocked(StorageError):
    """Another process holds the lock on the data folder."""

    folder: Path
    sentence = "Another process works in the data folder {folder}. Is the bot running already?"


class DiskFull(StorageError):
    """The disk is full; the transaction was rolled back."""

    may_pass = True
    path: Path
    sentence = "The disk that holds {path} is full. Make room and try again."


class NotStorable(StorageError):
    """A number of more than 64 bits, or half of a surrogate pair: SQLite has neither, so no row has it."""

    path: Path
    sentence = "A number or a character can't be stored in {path}."


class ImageGone(StorageError):
    """The picture was removed, or its file is missing."""

    job: JobId
    index: int

    def __str__(self) -> str:
        return f"Picture {self.index + 1} of the job {self.job} is deleted."


_REFUSED_WRITES = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMOPEN,
    }
)
_BROKEN = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def storage_error(error: sqlite3.Error | OSError, path: Path) -> StorageError | None:
    """Returns the matching domain error; None for a bug, such as a violated constraint or a misspelt statement."""
    if isinstance(error, OSError):
        return DiskFull(path=path) if error.errno in _NO_SPACE else None
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)  # absent when Python itself refused
    family = code & 0xFF
    if family == sqlite3.SQLITE_FULL or code in _REFUSED_WRITES:
        return DiskFull(path=path)
    if family in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusy(path=path)
    if family in _BROKEN:
        return DatabaseBroken(path=path, reason=str(error))
    return None


@contextmanager
def storage_errors(path: Path) -> Generator[None, None, None]:
    """Turns errors of SQLite and the operating system into domain errors; bugs pass unchanged."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        known = storage_error(error, path)
        if known is None:
            raise
        raise known from error
