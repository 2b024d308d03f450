"""Data that is deleted by age, with a clock that the test moves; and old data that stays."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from db import erasure, images, jobs
from db.appeals import Appeals, Decision
from db.audit import Act, Audit
from db.audit_check import check_audit
from db.blocks import Blocks
from db.cases import Cases, Origin, Outcome
from db.database import Database
from db.erasure import BATCH
from db.images import Pictures
from db.jobs import Jobs
from db.member_export import EXPORTS
from db.retention import EXPIRIES, OLD_PICTURES, PICTURES_AT_ONCE, Periods, Retention
from db.strikes import Strikes
from db.verdicts import Verdicts
from moderation.duration import DAY
from tests.db.rows import ALICE, BOB, GUILD, MODERATOR, NOW, note, record, record_done, store
from tests.drawings import grown_from

FOR_EVER = Periods(prompts=None, pictures=None, jobs=None, cases=None, sanctions=None, audit=1e12)


async def sweep(db: Database, folder: Path, periods: Periods, now: float) -> int:
    """Runs retention to the end and returns the number of deleted rows."""
    retention, count = Retention(db, Pictures(db, folder)), 0
    while changed := await retention.step(periods, now):
        count += changed
    return count


def files(folder: Path) -> list[Path]:
    return [*folder.glob("??/*")]


async def ask(db: Database, times: int = 1, at: float = NOW) -> None:
    async with db.transaction() as tx:
        for _ in range(times):
            await note(db, tx, at=at)


async def a_case(db: Database, at: float = NOW, *, is_decided: bool = True, block: int | None = None) -> int:
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.REPORT, at=at, member=ALICE, member_name="alice"
        )
        if is_decided:
            await Cases(db).close(
                tx,
                case.id,
                outcome=Outcome.WARN,
                by=MODERATOR,
                name="mo",
                at=at,
                reason="",
                is_told=True,
                block=block,
            )
    return case.id


async def test_nothing_goes_where_everything_is_kept_for_ever(db: Database, tmp_path: Path) -> None:
    await ask(db)
    await record_done(db)
    await a_case(db)
    assert await sweep(db, tmp_path, FOR_EVER, NOW + 1e9) == 0


async def test_prompts_go_when_they_are_old_a_batch_at_a_time(db: Database, tmp_path: Path) -> None:
    await ask(db, BATCH + 5)
    await ask(db, at=NOW + DAY)
    periods = replace(FOR_EVER, prompts=90 * DAY)
    assert await sweep(db, tmp_path, periods, NOW + 90 * DAY) == 0
    retention = Retention(db, Pictures(db, tmp_path))
    later = NOW + 90 * DAY + 1
    assert [await retention.step(periods, later) for _ in range(3)] == [BATCH, 5, 0]
    assert await Verdicts(db).count(GUILD) == 1


async def test_old_pictures_go_with_their_files_and_the_order_stays(db: Database, tmp_path: Path) -> None:
    job = await record_done(db)
    count = PICTURES_AT_ONCE + 3
    pictures = Pictures(db, tmp_path)
    async with db.transaction() as tx:
        for index in range(count):
            await store(pictures, tx, job.id, index, b"picture %d" % index)
    periods = replace(FOR_EVER, pictures=365 * DAY)
    assert await sweep(db, tmp_path, periods, NOW + 365 * DAY) == 0
    assert len(files(tmp_path)) == count
    assert await sweep(db, tmp_path, periods, NOW + 366 * DAY) == count
    assert files(tmp_path) == []
    assert all(image.is_removed and image.removed_by is None for image in await pictures.of_job(job.id))
    assert await Jobs(db).get(job.id) is not None


async def test_an_order_stays_as_long_as_its_pictures_and_while_it_is_in_line(
    db: Database, tmp_path: Path
) -> None:
    drawn, empty, waiting = await record_done(db), await record_done(db), await record(db)
    async with db.transaction() as tx:
        await store(Pictures(db, tmp_path), tx, drawn.id)
    periods = replace(FOR_EVER, jobs=30 * DAY)
    assert await sweep(db, tmp_path, periods, NOW + 40 * DAY) == 1
    assert [await Jobs(db).get(job.id) is not None for job in (drawn, empty, waiting)] == [True, False, True]
    assert await sweep(db, tmp_path, replace(periods, pictures=30 * DAY), NOW + 40 * DAY) == 2


async def test_what_grew_from_an_old_order_stays_without_it(db: Database, tmp_path: Path) -> None:
    old = await record_done(db)
    young = await record(db, member=BOB, pictures=grown_from(old.id))
    periods = replace(FOR_EVER, jobs=30 * DAY)
    assert await sweep(db, tmp_path, periods, NOW + 40 * DAY) == 0, "somebody waits for a variation of it"
    async with db.transaction() as tx:
        await Jobs(db).finish(tx, young.id, NOW + 39 * DAY)
    await sweep(db, tmp_path, periods, NOW + 40 * DAY)
    kept = await Jobs(db).get(young.id)
    assert kept is not None and kept.drawing.pictures == ()
    assert await Jobs(db).get(old.id) is None


async def test_old_cases_go_but_for_those_that_still_count(db: Database, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        block = await Blocks(db).block(tx, guild_id=GUILD, member=ALICE, by=MODERATOR, reason="spam", at=NOW)
    over, striking, blocking, appealed = (
        await a_case(db),
        await a_case(db),
        await a_case(db, block=block.id),
        await a_case(db),
    )
    undecided = await a_case(db, is_decided=False)
    async with db.transaction() as tx:
        await Strikes(db).add(
            tx,
            guild_id=GUILD,
            member=ALICE,
            case_id=striking,
            by=MODERATOR,
            at=NOW,
            expires_at=NOW + 40 * DAY,
        )
        appeal = await Appeals(db).add(tx, case_id=appealed, member=ALICE, text="why?", at=NOW)
        assert appeal

    async def left() -> list[int]:
        return [case.id for case in reversed(await Cases(db).page(GUILD, limit=50))]

    periods = replace(FOR_EVER, cases=30 * DAY)
    await sweep(db, tmp_path, periods, NOW + 30 * DAY)
    assert await left() == [over, striking, blocking, appealed, undecided]
    await sweep(db, tmp_path, periods, NOW + 31 * DAY)
    assert await left() == [striking, blocking, appealed]
    async with db.transaction() as tx:
        await Blocks(db).lift_all(tx, guild_id=GUILD, member=ALICE, by=MODERATOR, at=NOW + 41 * DAY)
        await Appeals(db).answer(
            tx, appeal.id, decision=Decision.UPHELD, by=BOB, name="bob", at=NOW + 41 * DAY, answer=""
        )
    await sweep(db, tmp_path, periods, NOW + 41 * DAY)
    assert await left() == []


@pytest.mark.parametrize("is_lifted", [True, False])
async def test_ended_sanctions_are_remembered_for_a_while(
    db: Database, tmp_path: Path, is_lifted: bool
) -> None:
    case = await a_case(db)
    end = NOW + (5 if is_lifted else 10) * DAY
    async with db.transaction() as tx:
        await Strikes(db).add(
            tx, guild_id=GUILD, member=ALICE, case_id=case, by=MODERATOR, at=NOW, expires_at=NOW + 10 * DAY
        )
        await Blocks(db).block(
            tx,
            guild_id=GUILD,
            member=ALICE,
            by=MODERATOR,
            reason="spam",
            at=NOW,
            expires_at=NOW + 10 * DAY,
        )
        if is_lifted:
            await Strikes(db).pardon(tx, case, by=MODERATOR, at=end)
            await Blocks(db).lift_all(tx, guild_id=GUILD, member=ALICE, by=MODERATOR, at=end)
    periods = replace(FOR_EVER, sanctions=180 * DAY)
    assert await sweep(db, tmp_path, periods, end + 180 * DAY) == 0
    assert await sweep(db, tmp_path, periods, end + 181 * DAY) == 2
    assert await Strikes(db).of_member(GUILD, ALICE) == []


async def test_a_ban_until_it_is_lifted_never_ends_by_itself(db: Database, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        await Blocks(db).block(tx, guild_id=GUILD, member=ALICE, by=MODERATOR, reason="spam", at=NOW)
    everything = Periods(prompts=1, pictures=1, jobs=1, cases=1, sanctions=1, audit=1)
    assert await sweep(db, tmp_path, everything, NOW + 1e9) == 0
    assert await Blocks(db).live(GUILD, ALICE, NOW + 1e9) is not None


async def test_names_and_reasons_leave_the_audit_log_and_the_chain_holds(
    db: Database, tmp_path: Path
) -> None:
    async with db.transaction() as tx:
        for at in (NOW, NOW + DAY):
            await Audit(db).append(
                tx,
                at=at,
                guild_id=GUILD,
                actor=MODERATOR,
                actor_name="mo",
                act=Act.WARN,
                member=ALICE,
                reason="spam",
            )
    periods = replace(FOR_EVER, audit=730 * DAY)
    assert await sweep(db, tmp_path, periods, NOW + 730 * DAY + 1) == 3
    newer, older = await Audit(db).page(GUILD)
    assert (older.act, older.actor, older.member, older.reason) == ("warn", None, None, "")
    assert (newer.actor, newer.member, newer.reason) == (MODERATOR, ALICE, "spam")
    checked = check_audit(db.path)
    assert (checked.fault, checked.forgotten) == (None, 3)


async def test_rows_that_stay_are_passed_by_in_slices(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.retention.SLICE", 3)
    pictures = Pictures(db, tmp_path)
    for index in range(7):
        kept = await record_done(db)
        async with db.transaction() as tx:
            await store(pictures, tx, kept.id, content=b"picture %d" % index)
    old = [await record_done(db) for _ in range(2)]
    retention, periods = Retention(db, pictures), replace(FOR_EVER, jobs=30 * DAY)
    later = NOW + 40 * DAY
    # Three slices; the last one holds the two. Then the next pass begins.
    assert [await retention.step(periods, later) for _ in range(8)] == [0, 0, 2, 0, 0, 0, 0, 0]
    assert [await Jobs(db).get(job.id) for job in old] == [None, None]
    again = await record_done(db)
    assert sum([await retention.step(periods, later) for _ in range(4)]) == 1
    assert await Jobs(db).get(again.id) is None


async def test_a_look_at_rows_that_stay_holds_up_no_writer(db: Database, tmp_path: Path) -> None:
    kept = await record_done(db)
    pictures = Pictures(db, tmp_path)
    async with db.transaction() as tx:
        await store(pictures, tx, kept.id)
    retention = Retention(db, pictures)
    async with db.transaction():
        # Another task than the one that writes. If it needed the lock, it would wait for ever.
        assert await asyncio.create_task(retention.step(replace(FOR_EVER, jobs=30 * DAY), NOW + 1e9)) == 0


STATEMENTS = {
    **{f"{each.table}: look": each.look for each in EXPIRIES},
    **{f"{each.table}: delete": each.delete for each in EXPIRIES},
    "pictures": OLD_PICTURES,
    "files: known": images.KNOWN,
    "files: is live": images.IS_LIVE,
    "files: removed": images.REMOVE,
    "jobs: unfinished": jobs.UNFINISHED,
    "jobs: undelivered": jobs.UNDELIVERED,
    **{f"erasure: {number}": sql for number, sql in enumerate((*erasure.PACED, *erasure.AT_ONCE))},
    "erasure: cards": erasure.MARK_CARDS,
    "erasure: left": erasure.LEFT,
    "erasure: posted": erasure.POSTED,
    "erasure: pictures": erasure.PICTURES,
    **{f"export: {name}": sql for name, sql in EXPORTS.items()},
}
OF_SERVERS = {"gates", "policies", "stances", "server_rules", "erasures"}
"""Tables with a few rows a server."""


@pytest.mark.parametrize("name", STATEMENTS)
async def test_no_statement_of_a_start_a_sweep_or_an_erasure_reads_a_whole_table(
    db: Database, name: str
) -> None:
    sql = STATEMENTS[name]
    named = dict.fromkeys(re.findall(r":(\w+)", sql), "[]")
    parameters = named or ["[]"] * sql.count("?")
    plan = [row["detail"] for row in await db.reader.all(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert plan
    scanned = {step.removeprefix("SCAN ") for step in plan if re.fullmatch(r"SCAN \w+", step)}
    assert scanned <= OF_SERVERS
    if name.endswith(
        "look"
    ):  # sorted by something else than the index, it would read everything before the first row
        assert not any("TEMP B-TREE" in step for step in plan), plan


async def test_a_case_stays_as_long_as_its_card(db: Database, tmp_path: Path) -> None:
    """Otherwise a later erasure would not find the card."""
    case, periods = await a_case(db), replace(FOR_EVER, cases=DAY)
    async with db.transaction() as tx:
        await Cases(db).set_card(tx, case, 1, 2)
        appeal = await Appeals(db).add(tx, case_id=case, member=ALICE, text="why?", at=NOW)
        assert appeal is not None
        await Appeals(db).set_card(tx, appeal.id, 3, 4)
        await Appeals(db).answer(
            tx, appeal.id, decision=Decision.UPHELD, by=BOB, name="bob", at=NOW, answer="so"
        )
    retention, now = Retention(db, Pictures(db, tmp_path)), NOW + DAY + 1
    assert await retention.cards(periods, NOW + DAY - 1, 9) == []
    assert await retention.cards(FOR_EVER, now, 9) == []
    assert await sweep(db, tmp_path, periods, now) == 0
    cards = await retention.cards(periods, now, 9)
    assert [(each.place, each.channel_id, each.message_id) for each in cards] == [
        ("cases", 1, 2),
        ("appeals", 3, 4),
    ]
    for each in cards:
        await erasure.Erasures(db).is_gone(each)
    assert await retention.cards(periods, now, 9) == []
    assert await sweep(db, tmp_path, periods, now) == 1
