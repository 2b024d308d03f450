"""A member's defaults: written, read, replaced, forgotten, and the values that the table refuses."""

import sqlite3
from dataclasses import replace

import pytest

from db.database import Database
from db.member_settings import NO_DEFAULTS, Distance, MemberDefaults, MemberSettings
from tests.db.rows import ALICE, BOB, NOW

ALL = MemberDefaults(
    aspect="3:2",
    images=2,
    model="small",
    scheduler="UniPC",
    suffix="film grain --no text",
    style="ink",
    pings=False,
    vary=Distance.FAR,
    remix=Distance.NEAR,
)


async def test_defaults_are_their_members_alone_and_the_newest_count(db: Database) -> None:
    settings = MemberSettings(db)
    assert await settings.of(ALICE) == NO_DEFAULTS
    async with db.transaction() as tx:
        await settings.save(tx, ALICE, replace(ALL, pings=True), NOW)
        await settings.save(tx, ALICE, ALL, NOW + 1)
    assert (await settings.of(ALICE), await settings.of(BOB)) == (ALL, NO_DEFAULTS)


async def test_without_any_default_no_row_is_kept(db: Database) -> None:
    settings = MemberSettings(db)
    async with db.transaction() as tx:
        await settings.save(tx, ALICE, ALL, NOW)
        await settings.save(tx, ALICE, NO_DEFAULTS, NOW)
    assert await db.reader.all("SELECT * FROM member_settings") == []


@pytest.mark.parametrize(
    "wrong",
    [{"images": 5}, {"images": 0}, {"suffix": ""}, {"suffix": "x" * 501}, {"vary": "further"}, {"remix": ""}],
)
async def test_the_table_refuses_other_values(db: Database, wrong: dict[str, object]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await MemberSettings(db).save(tx, ALICE, replace(ALL, **wrong), NOW)  # pyright: ignore[reportArgumentType]
