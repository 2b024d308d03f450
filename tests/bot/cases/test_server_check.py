"""`python main.py doctor` says what is missing in the bot's servers. A Discord on localhost answers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

import main
from bot.cases.server_check import examine_servers
from bot.connection import WrongToken
from db.database import Database
from db.guilds import GuildSettings
from db.migrate import FILE_NAME
from db.repositories import Repositories
from generation import diagnostics
from playground.server import Playground
from playground.world.guild import EMBED_LINKS, SEND_MESSAGES, USE_APPLICATION_COMMANDS, Overwrite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def bots_role(play: Playground) -> int:
    return next(id for id, role in play.world.guild.roles.items() if role.bot_id)


async def found(play: Playground, chosen: int | None = None, token: str = "") -> list[str]:
    log_channels = {play.world.guild.id: chosen} if chosen else {}
    return await examine_servers(play.api_url, token or play.token, "mod-log", log_channels, print)


async def test_where_nothing_is_missing_it_counts_the_servers(
    play: Playground, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await found(play) == []
    assert capsys.readouterr().out.split() == ["servers", "1"]


async def test_what_the_bot_and_members_may_not_do_is_said(play: Playground) -> None:
    roles = play.world.guild.roles
    for id, role in roles.items():
        lost = USE_APPLICATION_COMMANDS if id == play.world.guild.id else 0
        roles[id] = replace(role, permissions=role.permissions & ~(EMBED_LINKS | lost))
    said = "\n".join(await found(play))
    for words in ("the bot lacks Embed Links.", "members lack Use Application Commands."):
        assert f"The server {play.world.guild.name!r}: {words}" in said
    assert "#mod-log" not in said, "what it lacks everywhere is said once"


async def test_what_is_wrong_with_the_log_channel_is_said(play: Playground) -> None:
    log, gallery = play.channel("mod-log"), play.channel("gallery")
    assert await found(play, gallery.id) == [
        f"The server {play.world.guild.name!r}: everyone can read the log channel #gallery."
    ]
    log.overwrites = (*log.overwrites, Overwrite(role_id=bots_role(play), deny=SEND_MESSAGES))
    (said,) = await found(play)
    assert "in the log channel #mod-log the bot lacks Send Messages" in said
    del play.world.channels[log.id]
    assert any("no log channel" in each for each in await found(play))
    (said,) = await found(play, log.id)
    assert "the chosen log channel is deleted" in said


async def test_a_wrong_token_is_its_sentence_and_an_outage_another(play: Playground) -> None:
    with pytest.raises(WrongToken):
        await found(play, token="MTU3NDIzMTA4NTYyODI2MDM1Nw.secret.secret")
    play.fail_next("GET", "/users/@me/guilds", status=403)
    assert "can't be asked about the bot's servers: Forbidden" in (await found(play))[0]


async def test_a_server_that_cannot_be_asked_about_does_not_end_the_check_of_the_others(
    play: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = play.world.guild
    known: list[Any] = [SimpleNamespace(id=own.id, name=own.name)]
    for number in (1, 2):  # Discord answers that it does not know them
        known.insert(0, SimpleNamespace(id=number, name=f"gone {number}"))

    async def servers(*_: object, **__: object) -> AsyncIterator[Any]:
        for each in known:
            yield each

    monkeypatch.setattr(discord.Client, "fetch_guilds", servers)
    chosen = play.channel("gallery").id
    lacking, unasked = await found(play, chosen)
    assert lacking == f"The server {own.name!r}: everyone can read the log channel #gallery."
    assert "can't be asked about 2 servers, such as 'gone 1': NotFound" in unasked
    del known[0]
    play.fail_next("GET", "/guilds/*/channels", status=403)
    said = await found(play, chosen)
    assert f"can't be asked about the server {own.name!r}: Forbidden" in said[1]
    assert "can't be asked about the server 'gone 1': NotFound" in said[0]


async def test_the_doctor_asks_with_the_settings_and_the_chosen_channels(
    play: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    async with Database.open(data / FILE_NAME) as database:
        chosen = GuildSettings(guild_id=play.world.guild.id, log_channel_id=play.channel("gallery").id)
        async with database.transaction() as tx:
            await Repositories.of(database, data).guilds.set(tx, chosen)
    monkeypatch.setenv("DISCORD_TOKEN", play.token)
    monkeypatch.setenv("ATELIER_DISCORD_API", play.api_url)
    monkeypatch.setenv("ATELIER_DATA", str(data))
    monkeypatch.setattr(main, "PROJECT", tmp_path)
    monkeypatch.setattr(diagnostics, "examine", lambda entries: [])  # pyright: ignore[reportUnknownLambdaType]
    assert await asyncio.to_thread(main.main, ["doctor"]) == 1
    assert "everyone can read the log channel #gallery" in capsys.readouterr().err
