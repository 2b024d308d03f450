"""Every table can forget a member: at once, but for what still counts, and that as soon as it no longer does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.audit import Act, Audit
from db.audit_check import check_audit
from db.blocks import Blocks
from db.case_entries import CaseEntries, EntryKind
from db.cases import Cases, Origin, Outcome
from db.database import Database
from db.forgetting import BATCH, DAY, Erasure, Forgetting
from db.images import Pictures
from db.jobs import JobAction, Jobs, Parent
from db.members import Members
from db.reports import Reports
from db.spending import Spending
from db.strikes import Strikes
from db.verdicts import Verdicts
from generation.request import MemberId
from moderation.verdict import ALLOWED, Category, Ruling, Verdict
from tests.db.rows import ALICE, BOB, CHANNEL, GUILD, MODERATOR, NOW, a_job, note, record, record_done, store
from tests.db.test_members import ALICES_NAME, MODERATORS_NAME, leave_traces

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
    "case_id",
    "block",
    "verdict",
    "rule",
    "parent_image",
    "image_index",
    "width",
    "height",
    "steps",
    "seed",
    "images",
    "bytes",
    "refunded",
    "ruling",
    "is_escalated",
    "is_withheld",
    "is_shadow",
    "ban_needs_second",
    "is_age_restricted",
    "policy_channel_id",
    "mark",
    "added_version",
    "removed_version",
}
"""Whole numbers that say who nobody is. A column that is not here is taken for a person's id, and must be forgotten."""
NO_NAME = {("server_rules", "name")}
COLUMNS = """
SELECT tables.name AS "table", columns.name AS "column", columns.type AS type
FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' ORDER BY 1, 2
"""
LATER = NOW + 5000 * DAY


async def cells_with(db: Database, *wanted: object) -> set[tuple[str, str]]:
    """Table and column of every cell that is, or whose text holds, one of these."""
    found: set[tuple[str, str]] = set()
    for row in await db.reader.all(COLUMNS):
        table, column = row["table"], row["column"]
        for cell in await db.reader.all(f'SELECT "{column}" AS value FROM "{table}"'):
            value = cell["value"]
            if any(value == each or (isinstance(value, str) and str(each) in value) for each in wanted):
                found.add((table, column))
    return found


async def forget(
    db: Database, folder: Path, member: MemberId, *, now: float, asked_at: float = NOW + 5, acts_before: float
) -> bool:
    """As the sweep does it, with a Discord where every message is gone at once."""
    forgetting, pictures = Forgetting(db), Pictures(db, folder)
    erasure = Erasure(member=member, asked_at=asked_at)
    async with db.transaction() as tx:
        await forgetting.ask(tx, member, asked_at)
        for job, index in await forgetting.pictures(erasure, 100):
            await pictures.remove(tx, job, index, by=None, reason="", at=now)
    for posted in await forgetting.posted(erasure, now, 100):
        await forgetting.is_gone(posted)
    return (await forgetting.advance(erasure, now=now, acts_before=acts_before)).is_done


async def test_every_table_can_forget_a_member(db: Database, tmp_path: Path) -> None:
    subject, moderator = MemberId(555_000_111), MemberId(555_000_222)
    await leave_traces(db, tmp_path, subject, moderator)
    columns = [(row["table"], row["column"], row["type"]) for row in await db.reader.all(COLUMNS)]
    persons = {(table, name) for table, name, type in columns if type == "INTEGER" and name not in NO_PERSON}
    assert await cells_with(db, subject, moderator) >= persons, (
        "a column that may hold a person, and no trace in it"
    )
    names = {(table, name) for table, name, _ in columns if name.endswith("name")} - NO_NAME
    assert await cells_with(db, ALICES_NAME, MODERATORS_NAME) >= names

    async with db.transaction() as tx:
        await Jobs(db).cancel(tx, (await Jobs(db).live_of_member(subject, tx=tx))[0].id, NOW + 1)
    assert await forget(db, tmp_path, subject, now=LATER, acts_before=NOW - 1)
    assert await cells_with(db, subject, ALICES_NAME) == set()
    assert await cells_with(db, moderator) != set(), "what moderators did stays until its time is over"
    assert await forget(db, tmp_path, moderator, now=LATER, acts_before=LATER - DAY)
    assert await cells_with(db, subject, ALICES_NAME, moderator, MODERATORS_NAME) == set()
    assert check_audit(db.path).fault == ""
    exported = await Members(db).export(subject)
    assert not any(rows for name, rows in exported.items() if name != "member")


async def test_forgetting_a_member_leaves_everybody_elses_rows(db: Database, tmp_path: Path) -> None:
    subject = MemberId(555_000_111)
    await leave_traces(db, tmp_path, BOB, MODERATOR)
    before = await Members(db).export(BOB)
    await leave_traces(db, tmp_path, subject, MODERATOR)
    await forget(db, tmp_path, subject, now=LATER, acts_before=NOW - 1)
    assert await Members(db).export(BOB) == before


async def test_a_refusal_of_today_stays_for_the_moderators_until_tomorrow(
    db: Database, tmp_path: Path
) -> None:
    refused = Verdict(ruling=Ruling.REFUSE, category=Category.NUDITY, rule="nude", score=1.0)
    async with db.transaction() as tx:
        for verdict in (ALLOWED, refused):
            await note(db, tx, "a nude woman", verdict=verdict)
    assert not await forget(db, tmp_path, ALICE, asked_at=NOW + 1, now=NOW + 60, acts_before=NOW - 1)
    [left] = (await Members(db).export(ALICE))["verdicts"]
    assert left["ruling"] == Ruling.REFUSE.value
    assert await forget(db, tmp_path, ALICE, asked_at=NOW + 1, now=NOW + DAY + 1, acts_before=NOW - 1)
    assert (await Members(db).export(ALICE))["verdicts"] == []


async def test_what_came_after_the_request_is_not_meant(db: Database, tmp_path: Path) -> None:
    first = await record_done(db)
    later = await record_done(db, created_at=NOW + 10)
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW - 1)
    assert await Jobs(db).get(first.id) is None
    assert await Jobs(db).get(later.id) is not None


@pytest.mark.parametrize("until", [NOW + 30 * DAY, None])
async def test_of_a_live_sanction_stays_what_it_needs_and_no_more(
    db: Database, tmp_path: Path, until: float | None
) -> None:
    case = await sanctioned(db, until)
    assert not await forget(db, tmp_path, ALICE, now=NOW + 2 * DAY, acts_before=NOW - 1)
    assert {
        name for name, rows in (await Members(db).export(ALICE)).items() if name != "member" and rows
    } == {
        "blocks",
        "strikes",
        "cases",
        "erasures",
    }
    kept = await Cases(db).get(case)
    assert kept is not None
    assert (kept.outcome, kept.reason, kept.acted_by, kept.expires_at) == (
        Outcome.BAN,
        "raids",
        MODERATOR,
        until,
    )
    assert (kept.prompt, kept.member_name, kept.picture, kept.job, kept.verdict.words) == (
        "",
        "",
        None,
        None,
        (),
    )
    assert await Blocks(db).live(GUILD, ALICE, NOW + 2 * DAY) is not None
    assert await Strikes(db).live(GUILD, ALICE, NOW + 2 * DAY) == 1
    again = Erasure(member=ALICE, asked_at=NOW + 5)
    assert (await Forgetting(db).advance(again, now=NOW + 2 * DAY, acts_before=NOW - 1)).rows == 0
    # Once it no longer counts the rest goes too.
    if until is None:
        async with db.transaction() as tx:
            await Blocks(db).lift(tx, guild_id=GUILD, member=ALICE, by=MODERATOR, at=NOW + 3 * DAY)
    assert await forget(db, tmp_path, ALICE, now=NOW + 91 * DAY, acts_before=NOW - 1)
    assert await cells_with(db, ALICE) == set()


async def sanctioned(db: Database, until: float | None) -> int:
    job = await record_done(db)
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx,
            guild_id=GUILD,
            origin=Origin.FLAG,
            at=NOW,
            member=ALICE,
            member_name="alice",
            job=job.id,
            prompt="a fox",
            channel_id=CHANNEL,
            verdict=replace(ALLOWED, words=("fox",)),
        )
        await Cases(db).set_picture(tx, case.id, b"jpeg")
        block = await Blocks(db).block(
            tx, guild_id=GUILD, member=ALICE, by=MODERATOR, reason="raids", at=NOW, expires_at=until
        )
        await Strikes(db).add(
            tx,
            guild_id=GUILD,
            member=ALICE,
            case_id=case.id,
            by=MODERATOR,
            at=NOW,
            expires_at=NOW + 90 * DAY,
        )
        await Cases(db).close(
            tx,
            case.id,
            outcome=Outcome.BAN,
            by=MODERATOR,
            name="mo",
            at=NOW,
            reason="raids",
            expires_at=until,
            block=block.id,
            is_told=True,
        )
    return case.id


async def test_an_open_case_waits_for_its_decision(db: Database, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx,
            guild_id=GUILD,
            origin=Origin.REPORT,
            at=NOW,
            member=ALICE,
            member_name="alice",
            prompt="a fox",
        )
    assert not await forget(db, tmp_path, ALICE, now=NOW + 40 * DAY, acts_before=NOW - 1)
    assert await Cases(db).get(case.id) == case
    async with db.transaction() as tx:
        await Cases(db).close(
            tx, case.id, outcome=Outcome.APPROVE, by=MODERATOR, name="mo", at=NOW, reason="", is_told=True
        )
    assert await forget(db, tmp_path, ALICE, now=NOW + 40 * DAY, acts_before=NOW - 1)
    assert await Cases(db).get(case.id) is None


async def test_forgetting_is_no_way_to_a_fresh_allowance(db: Database, tmp_path: Path) -> None:
    job = await record_done(db)
    async with db.transaction() as tx:
        await Spending(db).spend(tx, member=ALICE, guild_id=GUILD, job=job.id, images=4, at=NOW)
    assert not await forget(db, tmp_path, ALICE, now=NOW + DAY - 1, acts_before=NOW - 1)
    assert [each.images for each in await Spending(db).since(ALICE, NOW)] == [4]
    kept = await Jobs(db).get(job.id)
    assert kept is not None
    assert (kept.prompt.text, kept.prompt.negative, kept.member_name, kept.place.token) == ("", "", "", "")
    assert await Jobs(db).of_member(ALICE) == [] and await Jobs(db).undelivered() == []
    assert await forget(db, tmp_path, ALICE, now=NOW + DAY, acts_before=NOW - 1)
    assert await Spending(db).since(ALICE, 0) == []


async def test_forgetting_is_no_way_to_more_reports(db: Database, tmp_path: Path) -> None:
    job = await record_done(db, member=BOB)
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.REPORT, at=NOW, member=BOB, member_name="bob", job=job.id
        )
        await Reports(db).add(
            tx, guild_id=GUILD, job=job.id, case_id=case.id, member=ALICE, reason="ugly", at=NOW
        )
        await CaseEntries(db).add(
            tx, case.id, at=NOW, by=ALICE, name=ALICES_NAME, kind=EntryKind.EVIDENCE, text="reported: ugly"
        )
    assert not await forget(db, tmp_path, ALICE, now=NOW + 3599, acts_before=NOW - 1)
    assert await Reports(db).times(ALICE, 0) == [NOW]
    assert await forget(db, tmp_path, ALICE, now=NOW + 3600, acts_before=NOW - 1)
    # The case about Bob stays, with what was reported, and without who did it.
    [entry] = await CaseEntries(db).of_case(case.id)
    assert (entry.text, entry.written_name) == ("reported: ugly", "a member")
    assert await cells_with(db, ALICE, ALICES_NAME) == set()


async def test_what_others_made_of_a_picture_stays_theirs(db: Database, tmp_path: Path) -> None:
    pictures = Pictures(db, tmp_path)
    job = await record_done(db)
    async with db.transaction() as tx:
        await store(pictures, tx, job.id)
    changes: dict[str, Any] = {
        "member": BOB,
        "action": JobAction.VARIATION,
        "parent": Parent(job=job.id, image=0),
        "strength": 0.6,
    }
    bobs = await record_done(db, **changes)
    waiting = await record(db, **changes)
    await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW - 1)
    # While somebody waits for a variation of it, the row is there to say that the picture is not.
    assert await Jobs(db).get(job.id) is not None
    assert await pictures.page_of_member(ALICE) == []
    async with db.transaction() as tx:
        await Jobs(db).fail(tx, waiting.id, "input", NOW)
    assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=NOW - 1)
    kept = await Jobs(db).get(bobs.id)
    assert kept is not None
    assert (kept.parent, kept.strength, kept.prompt) == (None, None, bobs.prompt)


async def test_a_message_that_is_still_there_keeps_its_row(db: Database, tmp_path: Path) -> None:
    job = await record_done(db)
    async with db.transaction() as tx:
        await Jobs(db).set_message(tx, job.id, 77)
    erasure = Erasure(member=ALICE, asked_at=NOW + 5)
    forgetting = Forgetting(db)
    async with db.transaction() as tx:
        await forgetting.ask(tx, ALICE, NOW + 5)
    assert not (await forgetting.advance(erasure, now=LATER, acts_before=NOW)).is_done
    [posted] = await forgetting.posted(erasure, LATER, 9)
    assert (posted.place, posted.row, posted.channel_id, posted.message_id) == ("jobs", job.id, CHANNEL, 77)
    await forgetting.is_gone(posted)
    assert (await forgetting.advance(erasure, now=LATER, acts_before=NOW)).is_done


async def test_many_rows_go_in_small_transactions(db: Database, tmp_path: Path) -> None:
    parent = None
    for _ in range(BATCH + 50):
        async with db.transaction() as tx:
            job = a_job(parent=parent, member=ALICE)
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
            parent = Parent(job=job.id, image=0)
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
    """Neither in a free page of the database nor in its write-ahead log."""
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


async def test_a_moderator_cannot_take_their_name_out_of_the_log(db: Database, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        for at in (NOW - 1000 * DAY, NOW):
            await Audit(db).append(
                tx,
                at=at,
                guild_id=GUILD,
                actor=MODERATOR,
                actor_name="mo",
                act=Act.WARN,
                member=ALICE,
                reason="why",
            )
    assert not await forget(db, tmp_path, MODERATOR, now=NOW + 5, acts_before=NOW - 730 * DAY)
    newer, older = await Audit(db).page(GUILD)
    assert (newer.actor, newer.actor_name, older.actor, older.actor_name) == (MODERATOR, "mo", None, "")
    assert (newer.reason, older.reason) == ("why", "why"), (
        "the reason is about the member, not about its writer"
    )
