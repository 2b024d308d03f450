"""The state of an existing database, and `opened`, the connection of every tool that must not create or migrate one."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.errors import DatabaseMissing, DatabaseTooOld, storage_errors
from db.jobs import JobState
from db.migrate import BUSY_TIMEOUT, check, demand_not_lost, known_version, version_of

COUNT_JOBS = "SELECT state, count(*) FROM jobs GROUP BY state"
LOG_CHANNELS = "SELECT guild_id, log_channel_id FROM guilds WHERE log_channel_id IS NOT NULL"
COUNT_IMAGES = """
SELECT count(*), coalesce(sum(bytes), 0) FROM (
    SELECT bytes FROM images WHERE removed_at IS NULL UNION ALL SELECT bytes FROM uploads WHERE removed_at IS NULL)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    version: int  # 0: an empty file
    known: int  # the newest version that this release knows
    bytes: int  # of the file and its write-ahead log
    jobs: Mapping[JobState, int]  # by state; no entries when the file is empty
    pictures: int  # without removed ones
    picture_bytes: int  # of their files
    faults: tuple[str, ...]  # one sentence each, in SQLite's words or ours; empty: none


def state_of(path: Path) -> State:
    """Returns the state. Checks every page and every reference, which takes long for a large file.

    Raises DatabaseMissing, DatabaseLost, DatabaseTooNew, DatabaseBroken, DatabaseBusy.
    """
    with opened(path) as connection:
        version = version_of(connection)
        jobs, pictures, length = {}, 0, 0
        if version:
            counts = dict(connection.execute(COUNT_JOBS).fetchall())
            jobs = {state: counts.get(state, 0) for state in JobState}
            pictures, length = connection.execute(COUNT_IMAGES).fetchone()
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [
            f"{row[0]}: a row refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")
        ]
    return State(
        version=version,
        known=known_version(),
        bytes=_bytes_on_disk(path),
        jobs=jobs,
        pictures=pictures,
        picture_bytes=length,
        faults=tuple(faults),
    )


def chosen_log_channels(path: Path) -> Mapping[int, int]:
    """Returns the id of the moderators' channel by that of its server, where one is chosen. Raises as `opened`."""
    with opened(path, is_current=True) as connection:
        return dict(connection.execute(LOG_CHANNELS).fetchall())


@contextmanager
def opened(path: Path, *, is_current: bool = False) -> Generator[sqlite3.Connection, None, None]:
    """Opens a connection to an existing database, for reading. Creates and migrates nothing.

    SQLite may merge a write-ahead log that a killed process left into the file when the connection closes.
    Raises DatabaseMissing, DatabaseLost, DatabaseTooNew, DatabaseBroken, DatabaseBusy; with `is_current` also DatabaseTooOld.
    """
    demand_not_lost(path)
    if not path.is_file():
        raise DatabaseMissing(path=path)
    with (
        storage_errors(path),
        closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)) as connection,
    ):
        known = known_version()
        version = check(connection, path, known=known)
        if is_current and version < known:
            raise DatabaseTooOld(path=path, version=version, known=known)
        yield connection


def size_text(length: int) -> str:
    """Returns a number of bytes as text in decimal units: 1 kB is 1000 bytes."""
    if length >= 1e9:
        return f"{length / 1e9:.1f} GB"
    return f"{length / 1e6:.1f} MB" if length >= 100_000 else f"{length / 1e3:.1f} kB"


def _bytes_on_disk(path: Path) -> int:
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
