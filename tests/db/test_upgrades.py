"""A database of every released version is upgraded, with rows in every table.

`tests/db/version_*.sql` are the dumps of the releases (tests/db/traces.py writes the next one).
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.audit_check import check_audit
from db.database import Database
from db.jobs import Jobs, JobState
from db.member_export import MemberExport
from db.migrate import FILE_NAME, migrate, migrations
from generation.request import JobId
from tests.db.forgotten import cells_with, forget
from tests.db.rows import ALICE, BOB, NOW

pytestmark = pytest.mark.slow

RELEASES = {"0.1.0": 10, "0.2.0": 19}
"""Releases by the version of their database."""
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def dump_of(version: int) -> str:
    return Path(__file__).with_name(f"version_{version}.sql").read_text("utf-8")


@pytest.fixture(params=RELEASES.values(), ids=list(RELEASES))
def released(path: Path, request: pytest.FixtureRequest) -> dict[str, int]:
    """Writes a release's database to `path`. Returns the number of rows by table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump_of(request.param))
    return counts(path)


def counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'"
        names = [row[0] for row in connection.execute(tables)]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def migrations_to(version: int, tmp_path: Path) -> Path:
    """Returns a folder with the migrations up to a version."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for step in migrations():
        if step.version <= version:
            (folder / step.name).write_text(step.sql, "utf-8")
    return folder


def schema(path: Path) -> dict[str, str]:
    """Returns the SQL of tables, indices and triggers by name, without what differs in spelling alone."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: re.sub(r"--.*", "", sql).replace('"', "").translate({ord(each): "" for each in " \n\t"})
            for name, sql in connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        }


def test_every_release_is_here() -> None:
    assert list(RELEASES) == re.findall(r"^## (\d\S+)", CHANGELOG.read_text("utf-8"), re.M)[::-1]


def test_a_release_has_rows_in_every_table(released: dict[str, int]) -> None:
    assert [table for table, rows in released.items() if not rows] == []


async def test_all_rows_are_there_afterwards_and_are_read(path: Path, released: dict[str, int]) -> None:
    async with Database.open(path) as db:
        jobs = [await Jobs(db).get(JobId(row["id"])) for row in await db.reader.all("SELECT id FROM jobs")]
        exports = [await MemberExport(db).export(member) for member in (ALICE, BOB)]
    now = counts(path)
    assert {table: now[table] for table in released} == released
    assert {job.state for job in jobs if job} == set(JobState)
    assert all(export["jobs"] for export in exports)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert check_audit(path).fault is None


async def test_a_member_of_an_earlier_release_is_forgotten(
    path: Path, released: dict[str, int], tmp_path: Path
) -> None:
    async with Database.open(path) as db:
        assert await cells_with(db, ALICE)
        async with db.transaction() as tx:
            for job in await Jobs(db).live_of_member(ALICE):  # those in line wait for their end
                await Jobs(db).cancel(tx, job.id, NOW)
        await forget(db, tmp_path, ALICE, now=NOW + 9e6, acts_before=NOW + 9e6, asked_at=NOW + 8e6)
        assert await cells_with(db, ALICE) == set()


@pytest.mark.parametrize("version", [each.version for each in migrations()[:-1]])
def test_from_every_version_one_arrives_at_the_same_schema(tmp_path: Path, version: int) -> None:
    folder = migrations_to(version, tmp_path)
    paths = [tmp_path / name / FILE_NAME for name in ("upgraded", "new")]
    assert migrate(paths[0], folder=folder).after == version
    assert [migrate(each).before for each in paths] == [version, 0]
    upgraded, new = map(schema, paths)
    assert upgraded == new


@pytest.mark.parametrize("version", RELEASES.values())
def test_a_released_schema_is_what_its_migrations_make(path: Path, tmp_path: Path, version: int) -> None:
    """A released migration never changes."""
    made = tmp_path / "made" / FILE_NAME
    migrate(made, folder=migrations_to(version, tmp_path))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump_of(version))
    assert schema(path) == schema(made)
