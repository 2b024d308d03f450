"""A server's policy: separate scopes, changes on presets, and values that the tables refuse."""

import sqlite3

import pytest

from db.database import Database
from db.policies import Choice, Policies, Scope, ScopeKind
from moderation.policy import Action, Change
from moderation.verdict import Category
from tests.db.rows import CHANNEL, GUILD, MODERATOR, NOW

SERVER = Scope(guild_id=GUILD)
ADULTS = Scope(guild_id=GUILD, kind=ScopeKind.AGE_RESTRICTED)
ONE = Scope(guild_id=GUILD, kind=ScopeKind.CHANNEL, channel_id=CHANNEL)
LESS_GORE = Change(action=Action.REFUSE, flag=0.3)


async def test_every_scope_of_every_server_has_a_choice_of_its_own(db: Database) -> None:
    policies = Policies(db)
    assert await policies.of_guild(GUILD) == {}
    async with db.transaction() as tx:
        await policies.choose(tx, SERVER, "family", MODERATOR, NOW)
        await policies.choose(tx, ADULTS, "mature", MODERATOR, NOW)
        await policies.amend(tx, ONE, Category.GORE, LESS_GORE, MODERATOR, NOW)
    assert await policies.of_guild(GUILD) == {
        SERVER: Choice(preset="family"),
        ADULTS: Choice(preset="mature"),
        ONE: Choice(changes={Category.GORE: LESS_GORE}),
    }
    assert await policies.of_guild(GUILD + 1) == {}


async def test_a_change_leaves_what_it_does_not_name(db: Database) -> None:
    policies = Policies(db)
    async with db.transaction() as tx:
        await policies.amend(tx, SERVER, Category.GORE, LESS_GORE, MODERATOR, NOW)
        await policies.amend(tx, SERVER, Category.GORE, Change(refuse=0.7), MODERATOR, NOW)
    changed = Change(action=Action.REFUSE, flag=0.3, refuse=0.7)
    assert await policies.of_guild(GUILD) == {SERVER: Choice(changes={Category.GORE: changed})}


async def test_a_preset_takes_the_place_of_the_changes_before_it(db: Database) -> None:
    policies = Policies(db)
    async with db.transaction() as tx:
        await policies.amend(tx, SERVER, Category.GORE, LESS_GORE, MODERATOR, NOW)
        await policies.choose(tx, SERVER, "standard", MODERATOR, NOW)
    assert await policies.of_guild(GUILD) == {SERVER: Choice(preset="standard")}


async def test_a_category_or_a_whole_scope_is_forgotten(db: Database) -> None:
    policies = Policies(db)
    async with db.transaction() as tx:
        await policies.choose(tx, ONE, "family", MODERATOR, NOW)
        for category in (Category.GORE, Category.HATE):
            await policies.amend(tx, ONE, category, LESS_GORE, MODERATOR, NOW)
        assert await policies.forget(tx, ONE, Category.GORE)
        assert not await policies.forget(tx, ONE, Category.GORE)
    assert await policies.of_guild(GUILD) == {
        ONE: Choice(preset="family", changes={Category.HATE: LESS_GORE})
    }
    async with db.transaction() as tx:
        assert await policies.forget(tx, ONE)
        assert not await policies.forget(tx, ONE)
    assert await policies.of_guild(GUILD) == {}


@pytest.mark.parametrize(
    ("scope", "category", "change"),
    [
        (SERVER, Category.MINORS, LESS_GORE),
        (SERVER, Category.NONE, LESS_GORE),
        (SERVER, Category.GORE, Change()),
        (SERVER, Category.GORE, Change(flag=0.0)),
        (SERVER, Category.GORE, Change(refuse=2.1)),
        (Scope(guild_id=GUILD, channel_id=CHANNEL), Category.GORE, LESS_GORE),
        (Scope(guild_id=GUILD, kind=ScopeKind.CHANNEL), Category.GORE, LESS_GORE),
    ],
)
async def test_the_table_holds_nothing_about_minors_and_nothing_without_sense(
    db: Database, scope: Scope, category: Category, change: Change
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await Policies(db).amend(tx, scope, category, change, MODERATOR, NOW)
    assert await Policies(db).of_guild(GUILD) == {}


@pytest.mark.parametrize("preset", ["lenient", ""])
async def test_the_table_knows_three_presets(db: Database, preset: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await Policies(db).choose(tx, SERVER, preset, MODERATOR, NOW)
