import sqlite3

import pytest

from db.database import Database
from db.jobs import Jobs
from db.spending import Spending, Spent
from generation.request import MemberId
from tests.db.rows import ALICE, BOB, GUILD, NOW, a_job


@pytest.fixture
def spending(db: Database) -> Spending:
    return Spending(db)


async def spend(db: Database, images: int = 4, at: float = NOW, member: MemberId = ALICE):
    job = a_job(member=member)
    async with db.transaction() as tx:
        assert await Spending(db).spend(tx, member=member, guild_id=GUILD, job=job.id, images=images, at=at)
        await Jobs(db).record(tx, job)
    return job.id


async def test_what_was_spent_since_a_time_is_listed_oldest_first(db: Database, spending: Spending) -> None:
    await spend(db, 4, NOW + 20)
    await spend(db, 1, NOW + 10)
    await spend(db, 2, NOW - 1)
    await spend(db, 3, NOW + 15, BOB)
    assert await spending.since(ALICE, NOW) == [Spent(at=NOW + 10, images=1), Spent(at=NOW + 20, images=4)]
    assert await spending.since(ALICE, NOW + 20) == [Spent(at=NOW + 20, images=4)]


async def test_a_job_spends_once(db: Database, spending: Spending) -> None:
    job = await spend(db)
    async with db.transaction() as tx:
        assert not await spending.spend(tx, member=ALICE, guild_id=GUILD, job=job, images=4, at=NOW + 1)
    assert await spending.since(ALICE, 0) == [Spent(at=NOW, images=4)]


async def test_spending_without_its_job_is_not_committed(db: Database, spending: Spending) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await spending.spend(tx, member=ALICE, guild_id=None, job=a_job().id, images=4, at=NOW)
    assert await spending.since(ALICE, 0) == []


async def test_a_refund_gives_everything_back_once(db: Database, spending: Spending) -> None:
    job = await spend(db)
    async with db.transaction() as tx:
        assert await spending.refund(tx, job) == 4
        assert await spending.since(ALICE, 0) == []
        assert await spending.refund(tx, job) == 0
    assert await spending.since(ALICE, 0) == []


async def test_refunds_add_up_until_nothing_is_left(db: Database, spending: Spending) -> None:
    job = await spend(db)
    async with db.transaction() as tx:
        assert await spending.refund(tx, job, 0) == 0
        assert await spending.refund(tx, job, 1) == 1
        assert await spending.refund(tx, job, 2) == 2
    assert await spending.since(ALICE, 0) == [Spent(at=NOW, images=1)]
    assert await spending.charged(job) == 1
    async with db.transaction() as tx:
        assert await spending.refund(tx, job) == 1, "a full refund gives back what a part refund left"
        assert await spending.refund(tx, job) == 0
        assert await spending.refund(tx, job, 1) == 0
    assert await spending.charged(job) == 0
    assert await spending.since(ALICE, 0) == []


async def test_a_refund_never_exceeds_what_was_spent(db: Database, spending: Spending) -> None:
    job = await spend(db, 2)
    async with db.transaction() as tx:
        assert await spending.refund(tx, job, 9) == 2
        assert await spending.refund(tx, a_job().id) == 0
