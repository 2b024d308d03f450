"""Transactions that wait at the same time share one commit, and each of them still stands or falls alone."""

import asyncio
import sqlite3

import aiosqlite
import pytest

from db.database import Database
from db.errors import DiskFull
from db.key_values import KeyValues
from tests.db.test_database import INSERT, keys, limit_pages

pytestmark = pytest.mark.slow


def commits(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Returns a list that grows with each commit."""
    made = list[None]()
    commit = aiosqlite.Connection.commit

    async def counted(connection: aiosqlite.Connection) -> None:
        made.append(None)
        await commit(connection)

    monkeypatch.setattr(aiosqlite.Connection, "commit", counted)
    return made


async def test_transactions_that_wait_at_the_same_time_share_a_commit(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = commits(db, monkeypatch)

    async def write(number: int) -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, (f"{number:02}", ""))
        assert f"{number:02}" in await keys(db), "it is committed when its block ends"

    await asyncio.gather(*(write(number) for number in range(20)))
    assert len(await keys(db)) == 20
    assert len(made) <= 2
    await write(20)
    assert len(made) <= 3


async def test_a_transaction_that_fails_leaves_those_that_share_its_commit(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = commits(db, monkeypatch)
    order = list[int]()

    async def write(number: int) -> None:
        async with db.transaction() as tx:
            assert await tx.value("SELECT count(*) FROM notes") == len(order), (
                "what failed is not seen by the next"
            )
            await tx.all(INSERT, (f"{number}", ""))

            async def after() -> None:
                order.append(-number)

            tx.after_commit(after)
            if number % 3 == 1:
                raise ZeroDivisionError
            order.append(number)

    found = await asyncio.gather(*(write(number) for number in range(1, 9)), return_exceptions=True)
    assert [type(each) for each in found] == [
        ZeroDivisionError if number % 3 == 1 else type(None) for number in range(1, 9)
    ]
    assert await keys(db) == ["2", "3", "5", "6", "8"]
    assert order == [2, 3, 5, 6, 8, -2, -3, -5, -6, -8]
    assert len(made) == 1


async def test_a_cancelled_transaction_leaves_those_that_share_its_commit(db: Database) -> None:
    is_written = asyncio.Event()

    async def wait() -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, ("cancelled", ""))
            is_written.set()
            await asyncio.Event().wait()

    async def write(key: str) -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, (key, ""))

    tasks = [asyncio.create_task(each) for each in (write("first"), wait(), write("last"))]
    await is_written.wait()
    assert await keys(db) == [], "it waits for the one that is in its turn"
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert await keys(db) == ["first", "last"]


async def test_a_full_disk_is_told_to_all_whose_rows_it_took(db: Database) -> None:
    async with db.transaction() as tx:
        await limit_pages(tx)

    async def write(key: str, value: str) -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, (key, value))

    found = await asyncio.gather(
        write("small", "1"), write("large", "x" * 100_000), write("later", "1"), return_exceptions=True
    )
    there = await keys(db)
    assert isinstance(found[1], DiskFull)
    for key, result in (("small", found[0]), ("later", found[2])):
        assert (key in there) == (result is None), result
        assert result is None or isinstance(result, DiskFull)


async def test_a_transaction_alone_begins_after_the_commit_of_the_earlier_ones(db: Database) -> None:
    async def write(key: str) -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, (key, ""))

    async def look() -> list[str]:
        async with db.transaction(is_alone=True):
            return await asyncio.create_task(keys(db))

    _, _, seen = await asyncio.gather(write("a"), write("b"), look())
    assert seen == ["a", "b"]


async def test_a_reference_to_nothing_fails_at_the_commit_and_the_next_one_works(db: Database) -> None:
    async def spend() -> None:
        async with db.transaction() as tx:
            await tx.all("INSERT INTO spending (job, member, images, at) VALUES ('nothing', 1, 1, 0)")

    found = await asyncio.gather(spend(), spend(), return_exceptions=True)
    assert all(isinstance(each, sqlite3.IntegrityError) for each in found)
    await KeyValues(db).set("a", "1")
    assert await keys(db) == ["a"]
