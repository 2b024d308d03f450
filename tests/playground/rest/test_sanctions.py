"""Timeouts, bans and closed direct messages as on Discord: permissions, effects, and persistence across a restart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from playground.people.person import Person
from playground.server import Playground
from playground.world import guild as rights
from playground.world.errors import Refused
from tests.openapi import DESCRIPTION, Judge

DAY = 86_400.0


async def ask(
    play: Playground, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, int]:
    """Returns the status and Discord's error code (0 for none)."""
    headers = {"Authorization": f"Bot {play.token}", "X-Audit-Log-Reason": "too%20loud"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, play.api_url + path, json=body) as answer,
    ):
        text = await answer.text()
        return answer.status, (await answer.json()).get("code", 0) if text else 0


def member_path(play: Playground, person: Person, part: str = "members") -> str:
    return f"/guilds/{play.world.guild.id}/{part}/{person.id}"


async def test_a_change_that_names_no_timeout_leaves_it() -> None:
    async with Playground.open() as play:
        ada = play.person("ada")
        play.world.time_out(play.world.guild.members[ada.id], play.world.clock() + 60)
        assert (await ask(play, "PATCH", member_path(play, ada), {"nick": "Countess"}))[0] == 200
        assert play.world.guild.members[ada.id].timed_out_until is not None


async def test_bans_and_timeouts_are_as_discord_describes_them(tmp_path: Path) -> None:
    judge = Judge()
    async with Playground.open(observer=judge.observer) as play:
        ada = play.person("ada")
        until = {"communication_disabled_until": "2999-01-01T00:00:00+00:00"}
        assert await ask(play, "PATCH", member_path(play, ada), until) == (400, 50035)
        until = {"communication_disabled_until": "2020-01-01T00:00:00+00:00"}
        assert await ask(play, "PATCH", member_path(play, ada), until) == (200, 0)
        bans = member_path(play, ada, "bans")
        assert await ask(play, "GET", bans) == (404, 10026)
        assert await ask(play, "PUT", bans, {}) == (204, 0)
        assert play.world.guild.bans[ada.id] == "too loud"
        assert await ask(play, "GET", bans) == (200, 0)
        assert await ask(play, "PATCH", member_path(play, ada), until) == (404, 10007)
        assert await ask(play, "DELETE", bans) == (204, 0)
        assert await ask(play, "DELETE", bans) == (404, 10026)
    if DESCRIPTION.is_file():
        judge.verify()


async def test_nobody_acts_on_who_stands_as_high_or_without_the_permission() -> None:
    async with Playground.open() as play:
        until = {"communication_disabled_until": None}
        assert await ask(play, "PATCH", member_path(play, play.person("mia")), until) == (403, 50013)
        assert await ask(play, "PUT", member_path(play, play.person("mia"), "bans"), {}) == (403, 50013)
        roles = play.world.guild.roles
        [bots] = [role for role in roles.values() if role.bot_id]
        roles[bots.id] = replace(bots, permissions=bots.permissions & ~rights.BAN_MEMBERS)
        assert await ask(play, "PUT", member_path(play, play.person("ada"), "bans"), {}) == (403, 50013)


async def test_who_is_timed_out_or_banned_can_do_as_much_as_on_discord() -> None:
    async with Playground.open() as play:
        ada, ben = play.person("ada"), play.person("ben")
        play.world.time_out(play.world.guild.members[ada.id], play.world.clock() + 60)
        with pytest.raises(Refused):
            await ada.say("gallery", "hello")
        assert play.world.can_see(ada.id, play.channel("gallery"))
        play.world.time_out(play.world.guild.members[ada.id], play.world.clock() - 1)
        await ada.say("gallery", "hello")
        play.world.ban(play.world.guild.members[ben.id], None)
        assert not play.world.can_see(ben.id, play.channel("gallery"))
        assert await ask(play, "GET", member_path(play, ben)) == (404, 10007)


async def test_closed_messages_take_nothing_from_the_bot() -> None:
    async with Playground.open() as play:
        ada = play.person("ada")
        path = f"/channels/{ada.dm().id}/messages"
        assert await ask(play, "POST", path, {"content": "hello"}) == (200, 0)
        ada.close_dm()
        assert await ask(play, "POST", path, {"content": "hello"}) == (403, 50007)
        ada.close_dm(is_closed=False)
        play.world.ban(play.world.guild.members[ada.id], None)
        assert await ask(play, "POST", path, {"content": "hello"}) == (403, 50007)


async def test_sanctions_and_ages_outlive_a_restart(tmp_path: Path) -> None:
    async with Playground.open(folder=tmp_path) as play:
        old = play.add_member("old", age=30 * DAY)
        second = play.add_member("second", is_moderator=True)
        play.world.ban(play.world.guild.members[old.id], "raid")
        play.world.time_out(play.world.guild.members[second.id], 4e9)
        joined = play.world.guild.members[old.id].joined_at
    async with Playground.open(folder=tmp_path) as play:
        again = play.world.guild.members[old.id]
        assert (again.joined_at, play.world.guild.bans) == (joined, {old.id: "raid"})
        assert play.world.guild.members[second.id].timed_out_until == 4e9
        assert play.world.guild.members[second.id].roles == [play.world.moderators]
        age = play.world.clock() - ((old.id >> 22) / 1000 + 1_420_070_400)
        assert age == pytest.approx(30 * DAY, abs=60)
