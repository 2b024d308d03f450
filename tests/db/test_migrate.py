import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from db.backup import drop_copies
from db.errors import DatabaseBroken, DatabaseLost, DatabaseTooNew
from db.migrate import (
    APPLICATION_ID,
    FILE_NAME,
    Migrated,
    check,
    known_version,
    migrate,
    migrations,
)
from moderation.duration import DAY
from tests.db.rows import NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two migrations of a small database."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("-- A comment; with a semicolon.\nCREATE TABLE a (x) ;\n", "utf-8")
    (folder / "0002_second.sql").write_text(
        "CREATE TABLE b (y);\nINSERT INTO b SELECT x FROM a;\nDROP TABLE a;\n", "utf-8"
    )
    return folder


def only_first(folder: Path) -> Path:
    first = folder / "first"
    first.mkdir()
    (first / "0001_first.sql").write_text((folder / "0001_first.sql").read_text("utf-8"), "utf-8")
    return first


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_from_nothing_every_migration_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "atelier.sqlite3"
    assert migrate(path) == Migrated(before=0, after=known_version(), backup=None)
    assert rows(path, "PRAGMA user_version") == [(known_version(),)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_every_table_is_strict(path: Path) -> None:
    migrate(path)
    tables = rows(path, "SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'")
    assert len(tables) >= 8
    assert [name for name, strict in tables if not strict] == []


def test_a_second_time_there_is_nothing_to_do(path: Path) -> None:
    migrate(path)
    assert migrate(path) == Migrated(before=known_version(), after=known_version(), backup=None)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_existing_database_is_copied_before_it_is_migrated(path: Path, folder: Path) -> None:
    migrate(path, folder=only_first(folder))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO a VALUES (42)")
    done = migrate(path, folder=folder)
    assert (done.before, done.after) == (1, 2)
    assert rows(path, "SELECT y FROM b") == [(42,)]
    assert done.backup is not None
    assert stat.S_IMODE(done.backup.stat().st_mode) == 0o600
    assert rows(done.backup, "SELECT x FROM a") == [(42,)]
    assert rows(done.backup, "PRAGMA user_version") == [(1,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path, folder: Path) -> None:
    migrate(path, folder=only_first(folder))
    (folder / "0002_second.sql").write_text("DROP TABLE a;\nCREATE TABLE b (y);\n", "utf-8")
    (folder / "0003_third.sql").write_text("SELEKT 1;\n", "utf-8")
    with pytest.raises(sqlite3.OperationalError):
        migrate(path, folder=folder)
    assert rows(path, "PRAGMA user_version") == [(1,)]
    assert rows(path, "SELECT count(*) FROM a") == [(0,)]


def test_a_migration_that_leaves_rows_referring_to_nothing_is_undone(path: Path, folder: Path) -> None:
    migrate(path, folder=only_first(folder))
    (folder / "0002_second.sql").write_text(
        "CREATE TABLE c (a TEXT REFERENCES d (id));\nCREATE TABLE d (id TEXT PRIMARY KEY);\n"
        "INSERT INTO c VALUES ('nobody');\n",
        "utf-8",
    )
    with pytest.raises(DatabaseBroken, match="0002_second"):
        migrate(path, folder=folder)
    assert rows(path, "PRAGMA user_version") == [(1,)]


def test_a_trigger_is_one_statement(path: Path) -> None:
    migrate(path)
    assert len(rows(path, "SELECT name FROM sqlite_schema WHERE type = 'trigger'")) == 17


@pytest.mark.parametrize("attempt", range(8))
def test_several_at_once_apply_each_migration_once(path: Path, attempt: int) -> None:
    together = threading.Barrier(6)

    def open_it() -> None:
        together.wait()
        migrate(path)

    with ThreadPoolExecutor(together.parties) as pool:
        done = [pool.submit(open_it) for _ in range(together.parties)]
    assert [future.exception() for future in done] == [None] * together.parties
    assert rows(path, "PRAGMA user_version") == [(known_version(),)]
    assert not list(path.parent.glob("*-version-*")), (
        "nobody takes a database that is being made for an old one"
    )


def test_several_at_once_copy_an_existing_database_once(path: Path, folder: Path) -> None:
    migrate(path, folder=only_first(folder))
    together = threading.Barrier(6)

    def open_it() -> Migrated:
        together.wait()
        return migrate(path, folder=folder)

    with ThreadPoolExecutor(together.parties) as pool:
        done = [pool.submit(open_it) for _ in range(together.parties)]
    (backup,) = [copy for future in done if (copy := future.result().backup) is not None]
    assert rows(backup, "PRAGMA user_version") == [(1,)]
    assert rows(path, "PRAGMA user_version") == [(2,)]


def test_the_check_reads_one_state_of_the_file(path: Path) -> None:
    """Another process creates the database between two statements of the check."""
    path.touch()
    script = f"""BEGIN; CREATE TABLE jobs (id); PRAGMA application_id = {APPLICATION_ID};
        PRAGMA user_version = {known_version()}; COMMIT"""
    tried: list[str] = []

    def create_as_it_counts_the_tables(action: int, table: str | None, *_: object) -> int:
        """A callback for `set_authorizer`, which SQLite calls while it prepares each statement."""
        if action == sqlite3.SQLITE_READ and table in ("sqlite_master", "sqlite_schema") and not tried:
            tried.append(table)
            other = sqlite3.connect(path, timeout=0, isolation_level=None)
            with closing(other), suppress(sqlite3.OperationalError):  # locked, because the check is reading
                other.executescript(script)
        return sqlite3.SQLITE_OK

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_authorizer(create_as_it_counts_the_tables)
        assert check(connection, path, known=known_version()) == 0
    assert tried


def test_a_newer_database_is_refused_with_nothing_changed(path: Path) -> None:
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {known_version() + 3}")
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew) as caught:
        migrate(path)
    assert caught.value.path == path
    assert caught.value.version == known_version() + 3
    assert caught.value.known == known_version()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_left_alone(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(DatabaseBroken, match="another program"):
        migrate(path)
    assert path.read_bytes() == before


def test_a_number_may_be_left_out_and_none_is_used_twice(path: Path, folder: Path) -> None:
    (folder / "0004_fourth.sql").write_text("CREATE TABLE d (z);", "utf-8")
    assert migrate(path, folder=folder) == Migrated(before=0, after=4, backup=None)
    assert migrate(path, folder=folder) == Migrated(before=4, after=4, backup=None)
    (folder / "0004_other.sql").write_text("SELECT 1;", "utf-8")
    with pytest.raises(ValueError, match="0004_other"):
        migrations(folder)


def leave_nothing(path: Path) -> None:
    """Moves the database away."""


def leave_an_empty_file(path: Path) -> None:
    path.touch()
    path.with_name(path.name + "-wal").write_bytes(b"what SQLite would delete")


def leave_a_database_without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


@pytest.mark.parametrize(
    "leave",
    [leave_nothing, leave_an_empty_file, leave_a_database_without_tables],
    ids=lambda each: each.__name__,
)
@pytest.mark.parametrize("folder", ["ab", "trash/2026-11-29/ab"])
def test_beside_pictures_no_new_database_is_made(
    path: Path, folder: str, leave: Callable[[Path], None]
) -> None:
    picture = path.parent / "images" / folder / "abc.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    leave(path)
    before = {each: each.is_file() and each.read_bytes() for each in path.parent.rglob("*")}
    with pytest.raises(DatabaseLost) as lost:
        migrate(path)
    assert lost.value.pictures == path.parent / "images"
    assert {each: each.is_file() and each.read_bytes() for each in path.parent.rglob("*")} == before

    (path.parent / "images").rename(path.parent / "old pictures")
    assert migrate(path).before == 0


def test_the_copies_of_before_a_migration_go_after_a_while(tmp_path: Path) -> None:
    """They hold members who are forgotten since."""
    path = tmp_path / FILE_NAME
    old, new, own = (
        tmp_path / f"atelier-{name}.sqlite3" for name in ("version-1-x", "version-2-x", "backup-x")
    )
    for copy, days in ((old, 31), (new, 29), (own, 31)):
        copy.touch()
        os.utime(copy, (NOW - days * DAY, NOW - days * DAY))
    drop_copies(path, NOW)
    assert [each.exists() for each in (old, new, own)] == [False, True, True]
