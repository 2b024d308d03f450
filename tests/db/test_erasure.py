"""Every table can erase a member. Erased data is deleted, and other members' data stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from db.audit_check import check_audit
from db.cases import Cases, Origin, Outcome
from db.database import Database
from db.erasure import BATCH, ErasureRequest, Erasures
from db.images import Pictures
from db.jobs import JobAction, Jobs
from db.member_export import MemberExport
from db.personal_data import PERSONAL_DATA
from db.verdicts import Verdicts
from generation.request import MemberId
from moderation.duration import DAY
from moderation.verdict import ALLOWED
from tests.db.forgotten import COLUMNS, cells_with, forget
from tests.db.rows import (
    ALICE,
    BOB,
    CHANNEL,
    GUILD,
    MODERATOR,
    NOW,
    a_job,
    note,
    record,
    record_done,
    store,
)
from tests.db.traces import ALICES_NAME, MODERATORS_NAME, leave_traces
from tests.drawings import grown_from

NO_PERSON = {
    "id",
    "number",
    "last",
    "guild_id",
    "channel_id",
    "message_id",
    "card_channel_id",
    "card_message_id",
    "log_channel_id",
    "role_id",
    "case_role_id",
    "raid",
    "orders",
    "shown_orders",
    "digest_hour",
    "quiet_from",
    "quiet_to",
    "told_of_channel_id",
    "case_id",
    "block",
    "verdict",
    "rule",
    "position",
    "parent_image",
    "factor",
    "blended",
    "image_index",
    "width",
    "height",
    "steps",
    "seed",
    "images",
    "pictures",
    "bytes",
    "day",
    "count",
    "is_picture",
    "refunded",
    "failures",
    "ruling",
    "is_escalated",
    "is_helpers_proposal",
    "is_bot_ban_proposed",
    "is_withheld",
    "is_first_refusal",
    "is_card_stale",
    "is_shadow",
    "ban_needs_second",
    "is_paid",
    "pings",
    "is_pinging",
    "is_age_restricted",
    "policy_channel_id",
    "mark",
    "added_version",
    "removed_version",
    "version",
    "style",
}
"""Integer columns that identify no person. A column that is missing here counts as a person's id and must be erased."""
NO_NAME = {("server_rules", "name"), ("presets", "name"), ("styles", "name"), ("kept_reasons", "name")}
GOES_WITH = {("spending", "member"): "its job", ("erasures", "member"): "the request, which it is"}
LATER = NOW + 5000 * DAY


async def columns_of_persons(db: Database) -> set[tuple[str, str]]:
    return {
        (row["table"], row["column"])
        for row in await db.reader.all(COLUMNS)
        if row["type"] == "INTEGER" and row["column"] not in NO_PERSON
    }


async def test_every_column_that_holds_a_member_is_in_the_one_table(db: Database) -> None:
    named = {(rows.table, rows.column): rows for rows in PERSONAL_DATA if not rows.through}
    assert named.keys() == await columns_of_persons(db)
    assert {each for each, rows in named.items() if not rows.at or not rows.treatments} == GOES_WITH.keys()


async def test_a_member_in_any_one_column_is_not_forgotten_yet(db: Database, tmp_path: Path) -> None:
    await leave_traces(db, tmp_path, BOB, MODERATOR)
    forgetting = Erasures(db)
    # openings of the audit log can't be changed: the database refuses
    columns = await columns_of_persons(db) - GOES_WITH.keys() - {("audit_openings", "person")}
    for number, (table, column) in enumerate(sorted(columns)):
        erasure = ErasureRequest(member=MemberId(1000 + number), asked_at=LATER)
        assert not await forgetting.has_left(erasure)
        async with db.transaction() as tx:
            await tx.all(f"UPDATE {table} SET {column} = ? WHERE {column} IS NOT NULL", (erasure.member,))
        assert await forgetting.has_left(erasure), (table, column)


async def test_every_table_can_forget_a_member(db: Database, tmp_path: Path) -> None:
    subject, moderator = MemberId(555_000_111), MemberId(555_000_222)
    await leave_traces(db, tmp_path, subject, moderator)
    assert await cells_with(db, subject, moderator) >= await columns_of_persons(db), (
        "a column that may hold a person, and no trace in it"
    )
    columns = [(row["table"], row["column"]) for row in await db.reader.all(COLUMNS)]
    names = {(table, name) for table, name in columns if name.endswith("name")} - NO_NAME
    assert await cells_with(db, ALICES_NAME, MODERATORS_NAME) >= names

    async with db.transaction() as tx:
        await Jobs(db).cancel(tx, (await Jobs(db).live_of_member(subject))[0].id, NOW + 1)
    assert await forget(db, tmp_path, subject, now=LATER, acts_before=NOW - 1)
    assert await cells_with(db, subject, ALICES_NAME) == set()
    assert await cells_with(db, moderator) != set(), "what moderators did stays until its time is over"
    assert await forget(db, tmp_path, moderator, now=LATER, acts_before=LATER - DAY)
    assert await cells_with(db, subject, ALICES_NAME, moderator, MODERATORS_NAME) == set()
    assert check_audit(db.path).fault is None
    exported = await MemberExport(db).export(subject)
    assert not any(rows for name, rows in exported.items() if name != "member")


async def test_forgetting_a_member_leaves_everybody_elses_rows(db: Database, tmp_path: Path) -> None:
    subject = MemberId(555_000_111)
    await leave_traces(db, tmp_path, BOB, MODERATOR)
    before = await MemberExport(db).export(BOB)
    await leave_traces(db, tmp_path, subject, MODERATOR)
    await forget(db, tmp_path, subject, now=LATER, acts_before=NOW - 1)
    assert await MemberExport(db).export(BOB) == before


async def test_what_came_after_the_request_is_not_meant(db: Database, tmp_path: Path) -> None:
    first = await record_done(db)
    later = await record_done(db, created_at=NOW + 10)
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW - 1)
    assert await Jobs(db).get(first.id) is None
    assert await Jobs(db).get(later.id) is not None


async def test_what_others_made_of_a_picture_stays_theirs(db: Database, tmp_path: Path) -> None:
    pictures = Pictures(db, tmp_path)
    job = await record_done(db)
    async with db.transaction() as tx:
        await store(pictures, tx, job.id)
    own = grown_from((await record_done(db, member=BOB)).id)
    changes: dict[str, Any] = {
        "member": BOB,
        "action": JobAction.VARIATION,
        "pictures": (*grown_from(job.id), *own),
    }
    bobs = await record_done(db, **changes)
    waiting = await record(db, **changes)
    await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW - 1)
    # While a variation of it is waiting, the row stays to show that the picture was deleted.
    assert await Jobs(db).get(job.id) is not None
    assert all(each.is_removed for each in await pictures.of_job(job.id))
    async with db.transaction() as tx:
        await Jobs(db).fail(tx, waiting.id, "input", NOW)
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW - 1)
    kept = await Jobs(db).get(bobs.id)
    assert kept is not None
    assert kept.drawing == replace(bobs.drawing, pictures=own)


async def test_a_message_that_is_still_there_keeps_its_row(db: Database, tmp_path: Path) -> None:
    job = await record_done(db)
    async with db.transaction() as tx:
        await Jobs(db).set_message(tx, job.id, 77)
    erasure = ErasureRequest(member=ALICE, asked_at=NOW + 5)
    forgetting = Erasures(db)
    async with db.transaction() as tx:
        await forgetting.ask(tx, ALICE, NOW + 5)
    assert not (await forgetting.advance(erasure, now=LATER, acts_before=NOW)).is_done
    [posted] = await forgetting.posted(erasure, LATER, 9)
    assert (posted.place, posted.row, posted.channel_id, posted.message_id) == ("jobs", job.id, CHANNEL, 77)
    await forgetting.is_gone(posted)
    assert (await forgetting.advance(erasure, now=LATER, acts_before=NOW)).is_done


async def test_many_rows_go_in_small_transactions(db: Database, tmp_path: Path) -> None:
    pictures = ()
    for _ in range(BATCH + 50):
        async with db.transaction() as tx:
            job = a_job(pictures=pictures, member=ALICE)
            await Jobs(db).record(tx, job)
            await Jobs(db).finish(tx, job.id, NOW)
            await Verdicts(db).add(
                tx,
                at=NOW,
                guild_id=GUILD,
                channel_id=CHANNEL,
                member=ALICE,
                member_name="alice",
                source="/imagine",
                prompt="a fox",
                verdict=ALLOWED,
                job=job.id,
            )
            pictures = grown_from(job.id)
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW)
    assert await cells_with(db, ALICE) == set()


async def test_a_cases_number_is_never_given_twice(db: Database, tmp_path: Path) -> None:
    async def opened() -> int:
        async with db.transaction() as tx:
            case = await Cases(db).open(
                tx, guild_id=GUILD, origin=Origin.MODERATOR, at=NOW, member=ALICE, member_name="alice"
            )
            await Cases(db).close(
                tx, case.id, outcome=Outcome.REMOVE, by=MODERATOR, name="mo", at=NOW, reason="", is_told=True
            )
        return case.number

    assert [await opened(), await opened()] == [1, 2]
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW)
    assert await Cases(db).page(GUILD) == []
    assert await opened() == 3


async def test_what_is_forgotten_is_not_in_the_files_any_more(db: Database, tmp_path: Path) -> None:
    """Erased data remains neither in a free page of the database nor in its write-ahead log."""
    secret = "a very peculiar prompt about walruses"
    async with db.transaction() as tx:
        for _ in range(50):
            await note(db, tx, secret)
    await db.tidy()
    assert secret.encode() in db.path.read_bytes()
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW)
    await db.tidy()
    for path in (db.path, db.path.with_name(db.path.name + "-wal")):
        assert secret.encode() not in path.read_bytes()
