"""Blocks, guilds and notes."""

from __future__ import annotations

import sqlite3

import pytest

from db.blocks import Block, Blocks
from db.database import Database
from db.guilds import Guilds, GuildSettings
from db.notes import Notes
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
        return await Blocks(db).lift(tx, guild_id=GUILD, member=ALICE, by=BOB, at=at)


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
    assert made.is_live(NOW + 59)
    assert await blocks.live(GUILD, ALICE, NOW + 60) is None
    assert not made.is_live(NOW + 60)
    assert not await lift(db, NOW + 60)


async def test_a_block_takes_the_place_of_a_live_one(db: Database) -> None:
    await block(db)
    second = await block(db, at=NOW + 10, expires_at=NOW + 20)
    assert await Blocks(db).live(GUILD, ALICE, NOW + 11) == second
    assert await history(db) == [(NOW + 10, MODERATOR), (None, None)]


async def test_a_block_that_ran_out_was_lifted_by_nobody(db: Database) -> None:
    await block(db, expires_at=NOW + 10)
    await block(db, at=NOW + 100)
    assert await history(db) == [(NOW + 10, None), (None, None)]


async def test_live_blocks_are_listed_newest_first(db: Database) -> None:
    alice = await block(db)
    bob = await block(db, BOB, at=NOW + 1)
    await block(db, MODERATOR, at=NOW + 2, expires_at=NOW + 3)
    assert await Blocks(db).list_live(GUILD, NOW + 4) == [bob, alice]


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
    notes = Notes(db)
    assert await notes.get("commands") is None
    await notes.set("commands", "1f3a")
    await notes.set("commands", "9c0b")
    assert await notes.get("commands") == "9c0b"
