"""Data that is deleted by age, with a clock that the test moves; and old data that stays."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from db import audit, cases, erasure, images, jobs, member_stats, uploads, verdicts
from db.appeals import Appeals, Decision
from db.audit import Act, Audit
from db.audit_check import check_audit
from db.blocks import Blocks
from db.cases import Cases, Origin, Outcome
from db.database import Database
from db.erasure import BATCH
from db.images import Pictures, Stored
from db.jobs import Jobs
from db.member_export import EXPORTS
from db.retention import EXPIRIES, OLD_PICTURES, PICTURES_AT_ONCE, Periods, Retention
from db.strikes import Strikes
from db.verdicts import Verdicts
from moderation.duration import DAY
from moderation.verdict import Category, Ruling
from tests.db.rows import ALICE, BOB, GUILD, MODERATOR, NOW, note, record, record_done, store
from tests.drawings import grown_from

pytestmark = pytest.mark.slow

FOR_EVER = Periods(
    prompts=None, pictures=None, picture_bytes=None, jobs=None, cases=None, sanctions=None, audit=1e12
)


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
    everything = Periods(prompts=1, pictures=1, picture_bytes=1, jobs=1, cases=1, sanctions=1, audit=1)
    assert await sweep(db, tmp_path, everything, NOW + 1e9) == 0
    assert await Blocks(db).live(GUILD, ALICE, NOW + 1e9) is not None


async def test_above_the_limit_on_all_pictures_the_oldest_go(db: Database, tmp_path: Path) -> None:
    job, pictures = await record_done(db), Pictures(db, tmp_path)
    count = PICTURES_AT_ONCE + 5
    async with db.transaction() as tx:
        for index in range(count):
            await store(pictures, tx, job.id, index, b"%09d" % index)
        await tx.all("UPDATE images SET created_at = ? - image_index", (NOW,))  # the last one is the oldest
    assert await pictures.stored() == Stored(pictures=count, bytes=9 * count)
    assert await sweep(db, tmp_path, replace(FOR_EVER, picture_bytes=9 * count), NOW) == 0
    # One byte less than three pictures need.
    assert await sweep(db, tmp_path, replace(FOR_EVER, picture_bytes=26), NOW) == count - 2
    left = [image for image in await pictures.of_job(job.id) if not image.is_removed]
    assert [image.index for image in left] == [0, 1]
    assert len(files(tmp_path)) == 2
    assert await pictures.stored() == Stored(pictures=2, bytes=18)


async def test_pictures_are_counted_whatever_happens_to_them(db: Database, tmp_path: Path) -> None:
    pictures = Pictures(db, tmp_path)
    jobs = [await record_done(db) for _ in range(2)]
    async with db.transaction() as tx:
        for job in jobs:
            for index in range(3):
                await store(pictures, tx, job.id, index, b"%d" % index)
        await pictures.remove(tx, jobs[0].id, 0, by=MODERATOR, reason="", at=NOW)
        await pictures.remove(tx, jobs[0].id, 0, by=MODERATOR, reason="", at=NOW)
    assert await pictures.stored() == Stored(pictures=5, bytes=5)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await pictures.remove(tx, jobs[1].id, 0, by=MODERATOR, reason="", at=NOW)
            _ = 1 / 0
    assert await pictures.stored() == Stored(pictures=5, bytes=5)
    async with db.transaction() as tx:
        await tx.all("DELETE FROM jobs WHERE id = ?", (jobs[0].id,))
        await tx.all("UPDATE images SET removed_at = NULL, removed_by = NULL")
    assert await pictures.stored() == Stored(pictures=3, bytes=3)


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


FILTERS: dict[str, dict[str, object]] = {
    "none": {},
    "member": {"member": ALICE},
    "channel": {"channel": 1},
    "ruling": {"ruling": Ruling.REFUSE},
    "since": {"since": NOW},
    "member and ruling": {"member": ALICE, "ruling": Ruling.FLAG},
    "channel and ruling": {"channel": 1, "ruling": Ruling.FLAG},
    "words": {"words": "fox"},
    "category of a member": {"member": ALICE, "category": Category.GORE},
    "words and rule of a ruling": {"words": "fox", "rule": "nudity", "ruling": Ruling.FLAG},
}
STATEMENTS = {
    **{f"{each.table}: look": each.look for each in EXPIRIES},
    **{f"{each.table}: delete": each.delete for each in EXPIRIES},
    "pictures": OLD_PICTURES,
    "files: known": images.KNOWN,
    "files: unused": images.UNUSED,
    "files: removed": images.REMOVE,
    "files: live": images.LIVE_FILES,
    "files: fingerprints": images.FINGERPRINTS,
    "files: end of a slice": images.END_OF_SLICE,
    "files: upload removed": uploads.REMOVE,
    "jobs: unfinished": jobs.UNFINISHED,
    "jobs: undelivered": jobs.UNDELIVERED,
    **{f"erasure: {number}": sql for number, sql in enumerate((*erasure.PACED, *erasure.AT_ONCE))},
    "erasure: cards": erasure.MARK_CARDS,
    "erasure: left": erasure.LEFT,
    "erasure: posted": erasure.POSTED,
    "erasure: pictures": erasure.PICTURES,
    **{f"export: {name}": sql for name, sql in EXPORTS.items()},
    **{
        f"log: {name}": verdicts.statement(verdicts.PAGE, {**which, "before_id": 1})
        for name, which in FILTERS.items()
    },
    "log: count of a member": verdicts.statement(verdicts.COUNT, FILTERS["member"]),
    "log: count of words": verdicts.statement(verdicts.COUNT, FILTERS["words"]),
    "log: count": verdicts.TALLY,
    "cases: page": cases.page_statement(),
    "cases: of a member": cases.page_statement(member=ALICE, is_open=True, before=1),
    "cases: open": cases.page_statement(is_open=True, before=1),
    "audit: page": audit.ALL,
    "audit: about a member": audit.ABOUT,
    "a member's record": member_stats.STANDING,
    "stats: opened": member_stats.OPENED,
    "stats: open now": member_stats.OPEN_NOW,
    "stats: outcomes": member_stats.OUTCOMES,
    "stats: by moderator": member_stats.BY_MODERATOR,
    "stats: waited": member_stats.WAITED,
    "stats: appeals": member_stats.APPEALS,
    "stats: reports": member_stats.REPORTS,
    "history": jobs.OF_MEMBER,
    "a button": jobs.GET,
    "a message's job": jobs.OF_MESSAGE,
    "in line": jobs.IN_LINE,
}
INDEXES = {
    "log: none": "verdicts_of_guild",
    "log: member": "verdicts_of_member",
    "log: channel": "verdicts_of_channel",
    "log: ruling": "verdicts_not_allowed",
    "log: since": "verdicts_of_guild",
    "log: member and ruling": "verdicts_of_member",
    "log: channel and ruling": "verdicts_not_allowed",
    "log: words": "verdicts_of_guild (guild_id=? AND id>? AND",
    "log: category of a member": "verdicts_of_member (member=? AND guild_id=? AND id>? AND",
    "log: words and rule of a ruling": "verdicts_not_allowed (guild_id=? AND ruling=? AND id>? AND",
    "log: count of words": "verdicts_of_guild (guild_id=? AND",
    "log: count of a member": "COVERING INDEX verdicts_of_member",
    "cases: of a member": "cases_of_member",
    "cases: open": "cases_open",
    "audit: about a member": "audit_openings_of_person",
    "stats: waited": "COVERING INDEX cases_acted",
}
"""The index that a statement follows. With another one it would read all of a server's rows."""
OF_SERVERS = {"gates", "policies", "stances", "server_rules", "erasures"}
"""Tables with a few rows a server."""


@pytest.mark.parametrize("name", STATEMENTS)
async def test_no_statement_reads_a_whole_table(db: Database, name: str) -> None:
    sql = STATEMENTS[name]
    named = dict.fromkeys(re.findall(r":(\w+)", sql), "[]")
    parameters = named or ["[]"] * sql.count("?")
    plan = [row["detail"] for row in await db.reader.all(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert plan
    scanned = {step.removeprefix("SCAN ") for step in plan if re.fullmatch(r"SCAN \w+", step)}
    assert scanned <= OF_SERVERS
    assert any(f"{INDEXES.get(name, '')} " in step for step in plan), plan
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
