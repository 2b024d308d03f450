"""A clock that was ahead for a while, and rows that it left."""

from pathlib import Path

import pytest

from db.blocks import Blocks
from db.cases import Cases, Origin, Outcome
from db.clock import BATCH, TIMES, WrittenAhead
from db.database import Database
from db.images import Pictures
from db.jobs import Jobs
from db.key_values import KeyValues
from db.spending import Spending
from db.strikes import Strikes
from db.verdicts import Verdicts
from moderation.duration import DAY, HOUR
from tests.db.rows import ALICE, GUILD, MODERATOR, NOW, note, record, record_done, store

AHEAD = NOW + 40 * DAY
NO_TIME_OF_AN_EVENT = {
    ("audit", "at"),  # its chain can't be changed
    ("departures", "forget_at"),  # to come
    ("gates", "account_age"),
    ("gates", "member_age"),
}


async def test_what_was_written_ahead_counts_as_written_now(db: Database, tmp_path: Path) -> None:
    clock = WrittenAhead(db)
    await clock.check(NOW - DAY, is_right=True)
    early = await record_done(db, created_at=NOW - DAY)
    await clock.check(AHEAD, is_right=False)
    job = await record(db, created_at=AHEAD)
    async with db.transaction() as tx:
        await store(Pictures(db, tmp_path), tx, early.id)
        await tx.all("UPDATE images SET created_at = ?", (AHEAD,))
        await Spending(db).spend(tx, member=ALICE, guild_id=GUILD, job=job.id, images=4, at=AHEAD)
        await note(db, tx, at=AHEAD)
        await note(db, tx, at=NOW - HOUR)
        await Blocks(db).block(
            tx, guild_id=GUILD, member=ALICE, by=MODERATOR, reason="", at=AHEAD, expires_at=AHEAD + HOUR
        )
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.REPORT, at=AHEAD, member=ALICE, member_name="alice"
        )
        await Cases(db).claim(tx, case.id, MODERATOR, "mo", AHEAD)
        done = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.REPORT, at=AHEAD, member=ALICE, member_name="alice"
        )
        await Cases(db).close(
            tx,
            done.id,
            outcome=Outcome.TIMEOUT,
            by=MODERATOR,
            name="mo",
            at=AHEAD,
            reason="",
            is_told=True,
            expires_at=AHEAD + HOUR,
        )
        await Strikes(db).add(
            tx,
            guild_id=GUILD,
            member=ALICE,
            case_id=done.id,
            by=MODERATOR,
            at=AHEAD,
            expires_at=AHEAD + 90 * DAY,
        )
    assert await clock.check(NOW, is_right=False) == 0, "perhaps it is this clock that is wrong"
    assert await clock.check(NOW, is_right=True) > 0
    assert [spent.at for spent in await Spending(db).since(ALICE, 0)] == [NOW]
    found = await Jobs(db).get(job.id)
    assert found is not None and found.created_at == NOW
    assert await db.reader.value("SELECT created_at FROM images") == NOW
    assert sorted(record.at for record in await Verdicts(db).page(GUILD)) == [NOW - HOUR, NOW]
    block = await Blocks(db).live(GUILD, ALICE, NOW)
    assert block is not None and (block.at, block.expires_at) == (NOW, NOW + HOUR)
    claimed = await Cases(db).get(case.id)
    assert claimed is not None and claimed.claimed_at == NOW
    closed = await Cases(db).get(done.id)
    assert closed is not None and (closed.acted_at, closed.expires_at) == (NOW, NOW + HOUR)
    (strike,) = await Strikes(db).of_member(GUILD, ALICE)
    assert (strike.at, strike.expires_at) == (NOW, NOW + 90 * DAY)
    assert await clock.check(NOW + 60, is_right=True) == 0


async def test_more_rows_than_a_batch_are_corrected_and_none_twice(db: Database) -> None:
    async with db.transaction() as tx:
        for _ in range(2 * BATCH + 5):
            await note(db, tx, at=AHEAD)
    assert await WrittenAhead(db).check(NOW, is_right=True) == 2 * BATCH + 5


async def test_a_clock_that_goes_on_looks_at_no_table(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WrittenAhead(db)
    await clock.check(NOW, is_right=True)
    monkeypatch.setattr("db.clock.TIMES", None)
    assert await clock.check(NOW + 60, is_right=True) == 0
    assert await clock.check(AHEAD, is_right=False) == 0
    assert await KeyValues(db).get("clock") == repr(AHEAD)


async def test_every_time_in_the_database_is_corrected(db: Database) -> None:
    columns = await db.reader.all(
        """
        SELECT tables.name AS "table", columns.name AS "column"
        FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND columns.type = 'REAL'
        """
    )
    there = {(row["table"], row["column"]) for row in columns}
    known = {(each.table, column) for each in TIMES for column in each.past}
    known |= {(each.table, column) for each in TIMES for column, _ in each.ends}
    others = {each for each in there - known if each[1].endswith(("_at", "_age")) or each[1] == "at"}
    assert known <= there
    assert others == NO_TIME_OF_AN_EVENT
