"""Commands are sent to Discord when they changed, and they are within Discord's limits."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import discord
import pytest
from discord import app_commands

from bot.app import add_commands
from bot.client import Atelier
from bot.permissions import ManagersGroup, ModeratorsGroup
from playground.server import Playground
from playground.world.values import as_dicts
from tests.bot.conftest import Shop, client_of
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]

COMMANDS = "/applications/{application_id}/commands"


@asynccontextmanager
async def logged_in(shop: Shop, play: Playground) -> AsyncGenerator[Atelier]:
    async with client_of(shop, play) as client:
        await client.login(play.token)
        yield client


def told(judge: Judge) -> list[list[dict[str, Any]]]:
    """Returns the command lists that were sent to Discord."""
    return [as_dicts(each.body) for each in judge.exchanges if (each.method, each.route) == ("PUT", COMMANDS)]


async def test_commands_are_told_once(shop: Shop, play: Playground, judge: Judge) -> None:
    async with logged_in(shop, play):
        pass
    async with logged_in(shop, play) as client:
        there = {command.name for command in await client.tree.fetch_commands()}
    assert len(told(judge)) == 1
    assert (
        there
        == {
            "imagine",
            "vary",
            "blend",
            "edit",
            "sketch",
            "ideas",
            "preset",
            "settings",
            "history",
            "show",
            "queue",
            "help",
            "privacy",
            "mod",
            "server",
            "verify",
            "Picture…",
        }
        == {c["name"] for c in told(judge)[0]}
    )


async def test_changed_commands_are_told_again(shop: Shop, play: Playground, judge: Judge) -> None:
    async with logged_in(shop, play):
        pass
    changed = client_of(shop, play)
    command = changed.tree.get_command("imagine")
    before, command.description = command.description, "Something else"  # type: ignore[union-attr]
    try:
        async with changed:
            await changed.login(play.token)
    finally:
        command.description = before  # type: ignore[union-attr]
    assert len(told(judge)) == 2
    assert "Something else" in {command.get("description") for command in told(judge)[1]}


async def test_a_command_that_is_left_out_goes_away(shop: Shop, play: Playground, judge: Judge) -> None:
    async with logged_in(shop, play):
        pass
    fewer = client_of(shop, play)
    fewer.tree.remove_command("queue")
    async with fewer:
        await fewer.login(play.token)
        assert "queue" not in {command.name for command in await fewer.tree.fetch_commands()}
    assert len(told(judge)) == 2


async def test_commands_that_somebody_else_took_away_come_back(
    shop: Shop, play: Playground, judge: Judge
) -> None:
    async with logged_in(shop, play) as client:
        assert client.application_id is not None
        await client.http.bulk_upsert_global_commands(client.application_id, [])
    async with logged_in(shop, play) as client:
        assert len(await client.tree.fetch_commands()) == 17
        assert not await client.sync_commands(), "and are not told a third time"
    assert [len(commands) for commands in told(judge)] == [17, 0, 17]


def texts_in(commands: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in commands:
        yield each
        yield from texts_in(as_dicts(each.get("options")))


async def test_names_and_descriptions_are_within_discords_limits(
    shop: Shop, play: Playground, judge: Judge
) -> None:
    async with logged_in(shop, play):
        pass
    [commands] = told(judge)
    for command in commands:
        slash = command["type"] == 1
        characters = 0
        for each in texts_in([command]):
            options = as_dicts(each.get("options"))
            choices = as_dicts(each.get("choices"))
            required = [option.get("required", False) for option in options]
            assert len(options) <= 25 and len(choices) <= 25
            assert required == sorted(required, reverse=True), "what is required comes first"
            if slash:
                assert re.fullmatch(r"[-_'\w]{1,32}", each["name"]) and each["name"].islower()
                assert 1 <= len(each["description"]) <= 100 and each["description"] != "…", each["name"]
            characters += len(each["name"]) + len(each.get("description", ""))
            characters += sum(len(choice["name"]) + len(str(choice["value"])) for choice in choices)
        assert characters <= 8000


async def test_moderators_commands_are_hidden_from_others_and_from_direct_messages(
    shop: Shop, play: Playground, judge: Judge
) -> None:
    async with logged_in(shop, play):
        pass
    manage_messages = str(1 << 13)
    for command in told(judge)[0]:
        is_theirs = command["name"] in ("mod", "Remove picture")
        assert (str(command.get("default_member_permissions")) == manage_messages) == is_theirs
        if is_theirs:
            assert command.get("contexts") == [0] or command.get("dm_permission") is False


def test_every_command_of_the_moderators_asks_who_uses_it() -> None:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    add_commands(cast("app_commands.CommandTree[Atelier]", tree))
    mod = tree.get_command("mod")
    assert isinstance(mod, app_commands.Group)
    commands = [each for each in mod.walk_commands() if isinstance(each, app_commands.Command)]
    assert len(commands) > 20
    # discord.py checks only a command's direct group.
    assert [each.qualified_name for each in commands if not isinstance(each.parent, ModeratorsGroup)] == []
    server = tree.get_command("server")
    assert isinstance(server, app_commands.Group)
    commands = [each for each in server.walk_commands() if isinstance(each, app_commands.Command)]
    assert len(commands) >= 4
    assert [each.qualified_name for each in commands if not isinstance(each.parent, ManagersGroup)] == []
