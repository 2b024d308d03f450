"""Migrations: numbered SQL files, each applied once. Missing ones run in one transaction that also sets the new version.

The version is SQLite's `user_version`: 0 in an empty file, n after `000n_*.sql`.
"""

import itertools
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from db.audit_chain import teach
from db.backup import back_up, backup_name
from db.errors import DatabaseBroken, DatabaseLost, DatabaseTooNew, storage_errors

FILE_NAME = "atelier.sqlite3"
"""The database's name in the data folder."""

MIGRATIONS = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x41544C52  # "ATLR"; another program's file is not taken for ours
BUSY_TIMEOUT = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    version: int
    name: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    before: int
    after: int
    backup: Path | None  # the copy made first; None for a new or current database


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Returns the migrations in the folder, ordered by number. Raises ValueError when a number is used twice.

    Numbers may have gaps. A database past a gap would never get a migration added there later.
    """
    found = [
        Migration(version=int(file.stem.split("_", 1)[0]), name=file.name, sql=file.read_text("utf-8"))
        for file in sorted(folder.glob("*.sql"))
    ]
    for before, migration in itertools.pairwise(found):
        if migration.version <= before.version:
            raise ValueError(f"{migration.name}: its number is used already")
    return found


def known_version() -> int:
    return migrations()[-1].version


def version_of(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def migrate(path: Path, *, folder: Path = MIGRATIONS) -> Migrated:
    """Creates or updates the database at `path` (and its folder). Copies an existing database first, beside itself.

    Leaves the database in WAL mode, readable by its owner alone.
    Raises DatabaseLost, DatabaseTooNew or DatabaseBroken and leaves the file as it was.
    """
    steps = migrations(folder)
    demand_not_lost(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_private(path)
    except OSError as error:
        with storage_errors(path):
            raise DatabaseBroken(path=path, reason=error.strerror or str(error)) from error
    with storage_errors(path), closing(_connect(path)) as connection:
        teach(connection)
        # A rebuilt table leaves the old table's pages: data that a member later has erased must not be found in them.
        connection.execute("PRAGMA secure_delete = ON")
        # With foreign keys on, dropping a table would delete rows that refer to it. `_apply` checks the references.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")  # a second migrating process waits here, then has nothing to do
        try:
            known = steps[-1].version
            before = _checked_version(connection, path, known=known)
            backup = None
            if 0 < before < known:
                backup = backup_name(path, f"version-{before}")
                back_up(path, backup)
            for step in steps:
                if step.version > before:
                    _apply(connection, path, step)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        _use_wal(connection)
        return Migrated(before=before, after=version_of(connection), backup=backup)


def demand_not_lost(path: Path) -> None:
    """Raises DatabaseLost. Does not open the file: SQLite deletes the write-ahead log of an empty file."""
    if not (path.is_file() and path.stat().st_size):
        _demand_no_pictures(path)


def _demand_no_pictures(path: Path) -> None:
    pictures = path.parent / "images"
    if any(pictures.rglob("*.png")):
        raise DatabaseLost(path=path, pictures=pictures)


def check(connection: sqlite3.Connection, path: Path, *, known: int) -> int:
    """Returns the version. Raises DatabaseTooNew, DatabaseLost, or DatabaseBroken when the file is not one of ours.

    Reads in one transaction. Otherwise another process could commit the first migration between two statements.
    A file with our tables but without our mark would look like another program's.
    """
    connection.execute("BEGIN")
    try:
        return _checked_version(connection, path, known=known)
    finally:
        connection.rollback()


def _checked_version(connection: sqlite3.Connection, path: Path, *, known: int) -> int:
    version = version_of(connection)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (tables or version):
        raise DatabaseBroken(path=path, reason="the file is another program's database")
    if version > known:
        raise DatabaseTooNew(path=path, version=version, known=known)
    if not version:
        _demand_no_pictures(path)
    return version


def _keep_private(path: Path) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            path.chmod(0o600)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switches to WAL mode. SQLite ignores its timeout for other readers here, so this function waits itself.

    Raises sqlite3.OperationalError (busy) when readers stay longer than BUSY_TIMEOUT.
    """
    give_up = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(0.02)


def _apply(connection: sqlite3.Connection, path: Path, step: Migration) -> None:
    for statement in _statements(step.sql):
        connection.execute(statement)
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise DatabaseBroken(path=path, reason=f"{step.name} would leave rows that refer to nothing")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {step.version}")


def _statements(script: str) -> Iterator[str]:
    """Splits a script into statements. Python's executescript() commits before it starts, so statements run one by one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
