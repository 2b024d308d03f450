"""Data that an erasure keeps as long as it is needed: sanctions, open cases, today's charges, moderators' acts."""

from dataclasses import replace
from pathlib import Path

import pytest

from db.audit import Act, Audit
from db.blocks import Blocks
from db.case_entries import CaseEntries, EntryKind
from db.cases import Cases, Origin, Outcome
from db.database import Database
from db.erasure import ErasureRequest, Erasures
from db.jobs import Jobs
from db.member_export import MemberExport
from db.personal_data import REFUSALS_STAY
from db.reports import Reports
from db.spending import Spending
from db.strikes import Strikes
from db.verdicts import Verdicts
from moderation.duration import DAY
from moderation.verdict import ALLOWED, Category, Ruling, Verdict
from tests.db.forgotten import cells_with, forget
from tests.db.rows import ALICE, BOB, CHANNEL, GUILD, MODERATOR, NOW, note, record_done
from tests.db.traces import ALICES_NAME


async def test_a_refusal_of_today_stays_for_the_moderators_until_tomorrow(
    db: Database, tmp_path: Path
) -> None:
    refused = Verdict(ruling=Ruling.REFUSE, category=Category.NUDITY, rule="nude", score=1.0)
    async with db.transaction() as tx:
        for verdict in (ALLOWED, refused):
            await note(db, tx, "a nude woman", verdict=verdict)
    assert not await forget(db, tmp_path, ALICE, asked_at=NOW + 1, now=NOW + 60, acts_before=NOW - 1)
    [left] = (await MemberExport(db).export(ALICE))["verdicts"]
    assert (left["ruling"], left["prompt"]) == (Ruling.REFUSE.value, "a nude woman")
    assert not await forget(db, tmp_path, ALICE, asked_at=NOW + 1, now=NOW + DAY + 1, acts_before=NOW - 1)
    [left] = (await MemberExport(db).export(ALICE))["verdicts"]
    assert (left["ruling"], left["prompt"], left["member_name"]) == (Ruling.REFUSE.value, "", "")
    # The next refusal is not the first.
    async with db.transaction() as tx:
        await note(db, tx, "a nude woman", at=NOW + 2 * DAY, verdict=refused)
    newest = (await Verdicts(db).page(GUILD, limit=1))[0]
    assert not await Verdicts(db).is_first_refusal(newest.id)
    after = NOW + REFUSALS_STAY
    assert await forget(db, tmp_path, ALICE, asked_at=NOW + 1, now=after, acts_before=NOW - 1)
    [left] = (await MemberExport(db).export(ALICE))["verdicts"]
    assert left["at"] == NOW + 2 * DAY


@pytest.mark.parametrize("until", [NOW + 30 * DAY, None])
async def test_of_a_live_sanction_stays_what_it_needs_and_no_more(
    db: Database, tmp_path: Path, until: float | None
) -> None:
    case = await sanctioned(db, until)
    assert not await forget(db, tmp_path, ALICE, now=NOW + 2 * DAY, acts_before=NOW - 1)
    assert {
        name for name, rows in (await MemberExport(db).export(ALICE)).items() if name != "member" and rows
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
    again = ErasureRequest(member=ALICE, asked_at=NOW + 5)
    assert (await Erasures(db).advance(again, now=NOW + 2 * DAY, acts_before=NOW - 1)).rows == 0
    # When the sanction has ended, the rest is erased too.
    if until is None:
        async with db.transaction() as tx:
            await Blocks(db).lift_all(tx, guild_id=GUILD, member=ALICE, by=MODERATOR, at=NOW + 3 * DAY)
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
    assert (kept.drawing.prompt.text, kept.drawing.prompt.negative, kept.member_name, kept.place.token) == (
        "",
        "",
        "",
        "",
    )
    assert await Jobs(db).of_member(ALICE) == [] and await Jobs(db).undelivered() == []
    assert await forget(db, tmp_path, ALICE, now=NOW + DAY, acts_before=NOW - 1)
    assert await Spending(db).since(ALICE, 0) == []


@pytest.mark.parametrize("kind", [EntryKind.EVIDENCE, EntryKind.REPORTED])
async def test_forgetting_is_no_way_to_more_reports(db: Database, tmp_path: Path, kind: EntryKind) -> None:
    job = await record_done(db, member=BOB)
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.REPORT, at=NOW, member=BOB, member_name="bob", job=job.id
        )
        await Reports(db).add(
            tx, guild_id=GUILD, job=job.id, case_id=case.id, member=ALICE, reason="ugly", at=NOW
        )
        await CaseEntries(db).add(tx, case.id, at=NOW, by=ALICE, name=ALICES_NAME, kind=kind, text="ugly")
    assert not await forget(db, tmp_path, ALICE, now=NOW + 3599, acts_before=NOW - 1)
    assert await Reports(db).times(ALICE, 0) == [NOW]
    assert await forget(db, tmp_path, ALICE, now=NOW + 3600, acts_before=NOW - 1)
    # The case about Bob stays with the report, but without the person who reported it.
    [entry] = await CaseEntries(db).of_case(case.id)
    assert (entry.text, entry.written_name) == ("ugly", "")
    assert await cells_with(db, ALICE, ALICES_NAME) == set()


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
