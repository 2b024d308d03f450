"""A database of the release before drawings is migrated, and every row is found again."""

import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.audit_check import check_audit
from db.database import Database
from db.effects import Effects
from db.erasure import DAY
from db.jobs import Job, JobAction, Jobs, JobState, Parent, PictureSource, ReplyTarget
from db.member_export import MemberExport
from generation.request import (
    Drawing,
    ImageSize,
    InputPicture,
    JobId,
    Lora,
    LoraName,
    MemberId,
    ModelName,
    Prompt,
    Role,
)
from tests.db.forgotten import forget
from tests.db.rows import ALICE, BOB, NOW

DUMP = Path(__file__).with_name("version_10.sql")
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
FORGOTTEN = MemberId(80351110224678999)
"""The member asked for erasure shortly before the update: an order of the last day stays, without its contents."""
EXPORT_OF_JOBS = """
SELECT id, member, member_name, action, guild_id, channel_id, message_id, parent, parent_image, model,
       prompt, negative, width, height, steps, guidance, seed, images, strength, loras, is_remix, state, failure,
       is_age_restricted, policy_channel_id,
       created_at, started_at, finished_at, delivered_at
FROM jobs WHERE member = ? ORDER BY id
"""
"""The export query of that release."""


@pytest.fixture
def old(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of the old database at `path`, by table and without views."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text("utf-8"))
        return tables(connection)


@pytest.fixture
async def db(path: Path, old: object) -> AsyncGenerator[Database, None]:
    async with Database.open(path) as opened:
        yield opened


def tables(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    connection.row_factory = sqlite3.Row
    return {
        name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')]
        for (name,) in connection.execute(TABLES)
    }


def column(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def job_of(row: dict[str, Any]) -> Job:
    """Reads a job row as the earlier release did, into today's values."""
    loras: dict[LoraName, float] = json.loads(row["loras"])
    picture: InputPicture[PictureSource] | None = row["parent"] and InputPicture(
        source=Parent(job=JobId(row["parent"]), image=row["parent_image"]),
        role=Role.UPSCALE if row["strength"] is None else Role.START,
        strength=1.0 if row["strength"] is None else row["strength"],
    )
    return Job(
        id=JobId(row["id"]),
        member=MemberId(row["member"]),
        member_name=row["member_name"],
        action=JobAction.REMIX if row["is_remix"] else JobAction(row["action"]),
        place=ReplyTarget(
            guild_id=row["guild_id"],
            channel_id=row["channel_id"],
            message_id=row["message_id"],
            token=row["token"],
            token_at=row["token_at"],
        ),
        drawing=Drawing(
            prompt=Prompt(text=row["prompt"], negative=row["negative"]),
            model=ModelName(row["model"]),
            size=ImageSize(width=row["width"], height=row["height"]),
            steps=row["steps"],
            guidance=row["guidance"],
            seed=row["seed"],
            images=row["images"],
            loras=tuple(Lora(name=name, weight=weight) for name, weight in loras.items()),
            pictures=(picture,) if picture else (),
        ),
        is_age_restricted=bool(row["is_age_restricted"]),
        policy_channel_id=row["policy_channel_id"],
        state=JobState(row["state"]),
        failure=row["failure"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        delivered_at=row["delivered_at"],
    )


def test_the_dump_has_rows_of_every_table_and_jobs_of_every_kind(
    old: dict[str, list[dict[str, Any]]],
) -> None:
    assert [name for name, rows in old.items() if not rows] == []
    jobs = old["jobs"]
    assert {row["state"] for row in jobs} == set(JobState)
    later = {JobAction.REGION, JobAction.ZOOM, JobAction.PAN, JobAction.SQUARE, JobAction.CREATIVE}
    assert {row["action"] for row in jobs} | {"remix"} == set(JobAction) - later
    assert {row["strength"] for row in jobs if row["is_remix"]} == {0.6 + 0.4 * 0.4, 1.0}
    assert any(row["parent"] and row["strength"] is None for row in jobs)
    assert [row["prompt"] for row in jobs if row["member"] == FORGOTTEN] == [""]


async def test_every_job_is_found_again_field_by_field(
    old: dict[str, list[dict[str, Any]]], db: Database
) -> None:
    jobs = Jobs(db)
    for row in old["jobs"]:
        assert await jobs.get(JobId(row["id"])) == job_of(row)
    in_line = [job_of(row) for row in old["jobs"] if row["state"] in ("queued", "running")]
    assert await jobs.unfinished() == sorted(in_line, key=lambda job: (job.created_at, job.id))


async def test_the_rows_of_every_other_table_are_the_same(
    path: Path, old: dict[str, list[dict[str, Any]]], db: Database
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        new = tables(connection)
    assert len(new.pop("job_parents")) == sum(row["parent"] is not None for row in old["jobs"])
    assert len(new.pop("jobs")) == len(old.pop("jobs"))
    assert {row.pop("likeness") for name in ("cases", "verdicts") for row in new[name]} == {None}
    assert {row.pop("language") for name in ("cases", "verdicts") for row in new[name]} == {""}
    assert {row.pop("details") for row in new["case_entries"]} == {"{}"}
    assert {row.pop("job") for row in new["case_entries"]} == {None}
    assert {row.pop(name) for row in new["cases"] for name in ("folds_until", "raid")} == {None}
    assert {row.pop("kept_reason") for row in new["cases"]} == {""}
    assert all(row.pop("job") for row in new["withheld_pictures"])
    added = ("digested_at", "quiet_from", "quiet_to", "case_role_id")
    assert {row.pop(name) for row in new["guilds"] for name in added} == {None}
    assert {row.pop("digest_hour") for row in new["guilds"]} == {8}
    assert {row.pop("proposed_seconds") for row in new["cases"]} == {None}
    flags = ("is_helpers_proposal", "is_bot_ban_proposed")
    assert {row.pop(name) for row in new["cases"] for name in flags} == {0}
    assert all(
        row.pop("proposed_outcome") == (None if row["proposed_by"] is None else "ban") for row in new["cases"]
    )
    assert {row.pop("is_first_refusal") for row in new["cases"]} <= {0, 1}
    assert {row.pop("told_of_channel_id") for row in new["guilds"]} == {None}
    ends = ("raid_at", "raid_until", "mode_until")
    assert {row.pop(name) for row in new["gates"] for name in ends} == {None}
    assert {row.pop("is_paid") for row in new["guilds"]} == {0}
    new["sqlite_sequence"] = [row for row in new["sqlite_sequence"] if row["name"] != "effects"]
    assert {name: new.get(name) for name in old} == old


@pytest.mark.parametrize("table", ["cases", "verdicts"])
async def test_what_a_removed_picture_looked_like_is_read_from_the_old_words(
    path: Path, old: object, table: str
) -> None:
    words = json.dumps(["job 3s4y6wxmvy, 12 bits apart", "picture 1"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {table} SET words = ? WHERE id < 3", (words,))
        connection.execute(f"UPDATE {table} SET rule = 'removed before' WHERE id = 2")
    async with Database.open(path):
        pass
    found = column(path, f"SELECT words, likeness FROM {table} WHERE id < 3 ORDER BY id")
    assert found == [(words, None), (words, "3s4y6wxmvy")]


@pytest.mark.parametrize("member", [ALICE, BOB, FORGOTTEN])
async def test_the_export_of_a_members_jobs_is_the_same(path: Path, member: MemberId) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text("utf-8"))
        connection.row_factory = sqlite3.Row
        before = [dict(row) for row in connection.execute(EXPORT_OF_JOBS, (member,))]
    async with Database.open(path) as db:
        exported = (await MemberExport(db).export(member))["jobs"]
    # Columns of versions 16, 24, 26, 28 and 31 follow.
    added = {
        "handed_out_at": None,
        "given_up_at": None,
        "notes": "[]",
        "scheduler": "",
        "is_pinging": 0,
        "style": None,
    }
    laid = {"placement": None, "region": None}
    before = [row | added | laid | {"factor": None if row["parent"] is None else 0} for row in before]
    assert before and exported == before
    assert [list(row) for row in exported] == [list(row) for row in before]


async def test_references_are_kept(path: Path, old: object) -> None:
    async with Database.open(path):
        pass
    for table in ("images", "spending", "job_parents"):
        assert "jobs" in {row[2] for row in column(path, f"PRAGMA foreign_key_list({table})")}
    assert column(path, "PRAGMA foreign_key_check") == []
    assert column(path, "PRAGMA integrity_check") == [("ok",)]
    assert check_audit(path).fault is None


async def test_what_is_forgotten_later_is_not_in_pages_of_the_old_table(db: Database, tmp_path: Path) -> None:
    secret = b"a seal in a bowler hat"
    await db.tidy()
    assert secret in db.path.read_bytes()
    await forget(db, tmp_path, ALICE, now=NOW + 9 * DAY, acts_before=NOW, asked_at=NOW + DAY)
    await db.tidy()
    for path in (db.path, db.path.with_name(db.path.name + "-wal")):
        assert secret not in path.read_bytes()


async def test_a_ban_that_runs_is_lifted_at_its_end(path: Path, old: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        (block,) = connection.execute(
            """INSERT INTO blocks (guild_id, member, set_by, reason, at, expires_at) VALUES (1, 2, 3, 'raids', 10, 99)
            RETURNING id"""
        ).fetchone()
        connection.execute(
            "UPDATE cases SET power = 'ban', block = ?, expires_at = 99 WHERE id = 1", (block,)
        )
        connection.execute(
            "UPDATE cases SET power = 'timeout', block = ?, expires_at = 99 WHERE id = 2", (block,)
        )
    async with Database.open(path) as db:
        assert [each.case_id for each in await Effects(db).due(99.0)] == [1]
