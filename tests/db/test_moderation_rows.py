"""Blocks, guilds and notes."""

import sqlite3

import pytest

from db.blocks import Block, Blocks
from db.database import Database
from db.guilds import Guilds, GuildSettings
from db.key_values import KeyValues
from generation.request import MemberId
from tests.db.rows import ALICE, BOB, GUILD, MODERATOR, NOW


async def block(
    db: Database, member: MemberId = ALICE, at: float = NOW, expires_at: float | None = None
) -> Block:
    async with db.transaction() as tx:
        return await Blocks(db).block(
            tx, guild_id=GUILD, member=member, by=MODERATOR, reason="spam", at=at, expires_at=expires_at
        )


async def lift(db: Database, at: float) -> bool:
    async with db.transaction() as tx:
        return await Blocks(db).lift_all(tx, guild_id=GUILD, member=ALICE, by=BOB, at=at)


async def history(db: Database) -> list[tuple[float | None, int | None]]:
    rows = await db.reader.all("SELECT lifted_at, lifted_by FROM blocks ORDER BY id")
    return [(row["lifted_at"], row["lifted_by"]) for row in rows]


async def test_a_block_lives_in_its_guild_until_it_is_lifted(db: Database) -> None:
    blocks = Blocks(db)
    made = await block(db)
    assert await blocks.live(GUILD, ALICE, NOW + 1e9) == made
    assert await blocks.live(GUILD + 1, ALICE, NOW) is None
    assert await blocks.live(GUILD, BOB, NOW) is None
    assert await lift(db, NOW + 5)
    assert not await lift(db, NOW + 6)
    assert await blocks.live(GUILD, ALICE, NOW + 5) is None
    assert await history(db) == [(NOW + 5, BOB)]


async def test_a_block_runs_out_by_itself(db: Database) -> None:
    blocks = Blocks(db)
    made = await block(db, expires_at=NOW + 60)
    assert await blocks.live(GUILD, ALICE, NOW + 59) == made
    assert await blocks.live(GUILD, ALICE, NOW + 60) is None
    assert not await lift(db, NOW + 60)


async def test_of_several_blocks_the_one_that_ends_last_holds(db: Database) -> None:
    blocks = Blocks(db)
    hour = await block(db, expires_at=NOW + 3600)
    for_good = await block(db, at=NOW + 1)
    day = await block(db, at=NOW + 2, expires_at=NOW + 86_400)
    assert await blocks.live(GUILD, ALICE, NOW + 3) == for_good
    async with db.transaction() as tx:
        assert await blocks.lift(tx, for_good.id, by=BOB, at=NOW + 4)
        assert not await blocks.lift(tx, for_good.id, by=BOB, at=NOW + 5)
        assert not await blocks.lift(tx, None, by=BOB, at=NOW + 5)
    assert await blocks.live(GUILD, ALICE, NOW + 5) == day
    async with db.transaction() as tx:
        assert await blocks.lift(tx, day.id, by=BOB, at=NOW + 6)
    assert await blocks.live(GUILD, ALICE, NOW + 7) == hour


async def test_a_block_that_ran_out_was_lifted_by_nobody(db: Database) -> None:
    made = await block(db, expires_at=NOW + 10)
    await block(db, at=NOW + 100)
    async with db.transaction() as tx:
        assert not await Blocks(db).lift(tx, made.id, by=BOB, at=NOW + 101)
    assert await lift(db, NOW + 102)
    assert await history(db) == [(None, None), (NOW + 102, BOB)]


async def test_a_block_that_ends_before_it_begins_is_refused(db: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await block(db, expires_at=NOW)


async def test_a_guild_has_defaults_until_its_admin_chooses(db: Database) -> None:
    guilds = Guilds(db)
    assert await guilds.get(GUILD) == GuildSettings(guild_id=GUILD, log_channel_id=None)
    for channel in (42, 43, None):
        async with db.transaction() as tx:
            await guilds.set(tx, GuildSettings(guild_id=GUILD, log_channel_id=channel))
        assert await guilds.get(GUILD) == GuildSettings(guild_id=GUILD, log_channel_id=channel)


async def test_a_note_is_kept_until_it_is_written_anew(db: Database) -> None:
    notes = KeyValues(db)
    assert await notes.get("commands") is None
    await notes.set("commands", "1f3a")
    await notes.set("commands", "9c0b")
    assert await notes.get("commands") == "9c0b"
