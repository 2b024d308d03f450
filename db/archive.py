"""An archive of the data folder in one tar file: the database, the live pictures, and folders of keys. Also its restoration.

Writers may continue while an archive is written: the database in it is one consistent state, and every live picture of that state
is in the archive.
"""

import hashlib
import io
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from db import forgotten
from db.audit import head_path
from db.backup import back_up
from db.errors import ArchiveBroken, DatabaseBroken, DataFolderInUse, storage_errors
from db.migrate import FILE_NAME
from db.state import opened

LIVE = """
SELECT sha256 FROM images WHERE removed_at IS NULL UNION SELECT sha256 FROM uploads WHERE removed_at IS NULL
"""
REMOVED = "SELECT removed_at, removed_by, removed_reason, job, image_index FROM images WHERE sha256 = ?"
REMOVE = """
UPDATE images SET removed_at = ?, removed_by = ?, removed_reason = ?
WHERE job = ? AND image_index = ? AND sha256 = ? AND removed_at IS NULL
"""
REMOVED_UPLOADS = "SELECT removed_at, id FROM uploads WHERE sha256 = ?"
REMOVE_UPLOAD = "UPDATE uploads SET removed_at = ? WHERE id = ? AND sha256 = ? AND removed_at IS NULL"
HEAD = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"

_HEAD_NAME = head_path(Path(FILE_NAME)).name
_FORGOTTEN = forgotten.list_path(Path(FILE_NAME)).name
_PICTURE = re.compile(r"images/[0-9a-f]{2}/[0-9a-f]{64}\.png")
_ROUNDS = 5
"""Maximum of copies of the database: another one is taken when a picture was removed between the copy and the reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """The content of an archive that was written or restored."""

    path: Path
    pictures: int
    missing: int  # pictures whose file was lost or damaged before; their rows are there


def write_archive(data: Path, target: Path, folders: Sequence[str] = ()) -> Archived:
    """Writes the archive, readable by the file's owner alone. `target` appears only when it is complete.

    `folders`: names of further folders in `data`. Raises FileExistsError, DiskFull and the errors of `opened`.
    """
    if target.exists():
        raise FileExistsError(target)
    with opened(data / FILE_NAME):
        pass  # checks that the file is a database of Atelier
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    database = partial.with_suffix(".sqlite3")
    try:
        with storage_errors(target):
            descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            with os.fdopen(descriptor, "w+b") as file:
                with tarfile.open(fileobj=file, mode="w") as tar:
                    pictures, missing = _add_pictures(tar, data, database)
                    for folder in folders:
                        if (data / folder).is_dir():
                            tar.add(data / folder, folder)
                    _add(tar, _HEAD_NAME, _head(database))
                    _add(
                        tar,
                        _FORGOTTEN,
                        "".join(f"{each}\n" for each in forgotten.read(data / _FORGOTTEN)).encode(),
                    )
                    tar.add(database, FILE_NAME)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
        database.unlink(missing_ok=True)
    return Archived(path=target, pictures=pictures, missing=missing)


def restore_archive(archive: Path, data: Path, folders: Sequence[str] = ()) -> Archived:
    """Restores an archive into a data folder that has no database; pictures that are there stay. An error changes nothing.

    Raises DataFolderInUse, ArchiveBroken, DiskFull, OSError.
    """
    if (data / FILE_NAME).exists():
        raise DataFolderInUse(path=data / FILE_NAME)
    staging = data / f".restored-{secrets.token_hex(4)}"
    try:
        with storage_errors(data), _reading(archive), tarfile.open(archive, "r:") as tar:
            staging.mkdir(mode=0o700, parents=True)
            members = {member.name: member for member in tar if not member.isdir()}
            if FILE_NAME not in members:
                raise ArchiveBroken(path=archive, reason=f"it contains no {FILE_NAME}")
            live = _live(_extract(tar, members.pop(FILE_NAME), staging))
            pictures = 0
            for name, member in members.items():
                if _PICTURE.fullmatch(name):
                    if Path(name).stem in live:  # others were removed while the archive was written
                        _demand_whole(_extract(tar, member, staging), archive)
                        pictures += 1
                elif name in (_HEAD_NAME, _FORGOTTEN) or Path(name).parts[0] in folders:
                    _extract(tar, member, staging)
                else:
                    raise ArchiveBroken(path=archive, reason=f"it contains {name!r}, which is not Atelier's")
        # The database is last: without it, a start refuses and names the pictures that are there.
        files = sorted(
            (path for path in staging.rglob("*") if path.is_file()), key=lambda path: path.name == FILE_NAME
        )
        moves = [(path, data / path.relative_to(staging)) for path in files if path.name != _FORGOTTEN]
        for path, target in moves:
            if target.exists() and target.read_bytes() != path.read_bytes():
                raise DataFolderInUse(path=target)
        # Both lists count: who was forgotten after the backup is forgotten again.
        known = forgotten.read(data / _FORGOTTEN)
        forgotten.append(
            data / _FORGOTTEN, [each for each in forgotten.read(staging / _FORGOTTEN) if each not in known]
        )
        for path, target in moves:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Archived(path=archive, pictures=pictures, missing=len(live) - pictures)


def _add_pictures(tar: tarfile.TarFile, data: Path, database: Path) -> tuple[int, int]:
    """Copies the database to `database` and adds its live pictures. Returns how many were added, and how many are missing."""
    added: set[str] = set()
    missing: set[str] = set()
    for _ in range(_ROUNDS):
        database.unlink(missing_ok=True)
        back_up(data / FILE_NAME, database)
        before, missing = missing, set()
        for sha256 in sorted(_live(database) - added):
            name = f"images/{sha256[:2]}/{sha256}.png"
            try:
                content = (data / name).read_bytes()
            except FileNotFoundError:
                content = b""
            if hashlib.sha256(content).hexdigest() == sha256:
                _add(tar, name, content)
                added.add(sha256)
            else:
                missing.add(sha256)
        if missing <= before:
            break  # none is missing, or only those that were lost before: a picture removed just now is not live in the next copy
    missing -= _note_removals(data / FILE_NAME, database, missing)
    return len(_live(database) & added), len(missing)


def _note_removals(source: Path, copy: Path, missing: set[str]) -> set[str]:
    """Marks as removed in the copy what was removed since it was made. Returns the hashes of these pictures."""
    removed: set[str] = set()
    with opened(source) as connection, closing(sqlite3.connect(copy)) as changed, changed:
        for sha256 in missing:
            rows = connection.execute(REMOVED, (sha256,)).fetchall()
            uploads = connection.execute(REMOVED_UPLOADS, (sha256,)).fetchall()
            if (rows or uploads) and all(row[0] is not None for row in (*rows, *uploads)):
                removed.add(sha256)
                changed.executemany(REMOVE, [(*row, sha256) for row in rows])
                changed.executemany(REMOVE_UPLOAD, [(*row, sha256) for row in uploads])
    return removed


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> Path:
    """Writes one member below `folder` and returns its path. Raises ArchiveBroken."""
    path = folder / member.name
    if not member.isreg() or not path.resolve().is_relative_to(folder.resolve()):
        raise ArchiveBroken(path=Path(str(tar.name)), reason=f"{member.name!r} is not an ordinary file in it")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file)
        file.flush()
        os.fsync(file.fileno())
    return path


def _demand_whole(picture: Path, archive: Path) -> None:
    if hashlib.sha256(picture.read_bytes()).hexdigest() != picture.stem:
        raise ArchiveBroken(path=archive, reason=f"the picture {picture.name} is damaged")


def _live(database: Path) -> set[str]:
    """Returns the hashes of the pictures that are not removed. Raises the errors of `opened`, and DatabaseBroken."""
    with opened(database) as connection:
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        if faults:
            raise DatabaseBroken(path=database, reason="; ".join(faults[:5]))
        return {sha256 for (sha256,) in connection.execute(LIVE)}


def _head(database: Path) -> bytes:
    """Returns the content of the head file that belongs to this copy; empty when nothing is logged."""
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute(HEAD).fetchone()
    return f"{row[0]} {row[1]}\n".encode("ascii") if row else b""


@contextmanager
def _reading(archive: Path) -> Generator[None]:
    """Turns the errors of a file that is no archive, or only the beginning of one, into ArchiveBroken."""
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveBroken(path=archive, reason=str(error)) from error
    except DatabaseBroken as error:
        raise ArchiveBroken(path=archive, reason=f"its database is damaged: {error.reason}") from error
