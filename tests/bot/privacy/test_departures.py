"""Servers that remove the bot, on the local Discord: orders end at once, data later; an outage is no removal."""

import asyncio
from dataclasses import replace
from typing import cast

import discord
import pytest

from bot.client import Atelier
from bot.privacy.departures import ServerDepartures
from bot.studio.settings import RetentionSettings
from db.jobs import JobState
from moderation.duration import DAY
from playground.server import Playground
from tests.bot.conftest import GUILD, Shop, an_order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def departures_of(shop: Shop, atelier: Atelier, days: int = 30) -> ServerDepartures:
    settings = replace(shop.settings, retention=RetentionSettings(left_servers_days=days))
    return ServerDepartures(atelier, replace(shop, settings=settings), pause=0.0)


async def test_orders_are_refunded_at_once_and_rows_forgotten_later(shop: Shop, atelier: Atelier) -> None:
    departures, job = departures_of(shop, atelier), await shop.admit(an_order())
    await departures.left(GUILD)
    ended = await shop.records.jobs.get(job.id)
    assert ended is not None and ended.state is JobState.CANCELLED
    assert await shop.records.database.reader.value("SELECT images - refunded FROM spending") == 0
    await departures.sweep()
    assert await shop.records.jobs.get(job.id) is not None
    shop.clock.now += 30 * DAY + 1
    await departures.sweep()
    assert await shop.records.jobs.get(job.id) is None


async def test_pictures_go_with_their_server(busy: Shop, atelier: Atelier) -> None:
    drawn = await busy.draw("a fox")
    departures = departures_of(busy, atelier)
    await departures.left(GUILD)
    busy.clock.now += 30 * DAY + 1
    await departures.sweep()
    assert list(busy.records.pictures.folder.glob("??/*.png")) == []
    assert await busy.records.jobs.get(drawn.job.id) is None


async def test_servers_that_left_while_the_bot_was_away_are_found(
    shop: Shop, atelier: Atelier, play: Playground
) -> None:
    """GUILD is in the database, and the local Discord does not know it."""
    departures, job = departures_of(shop, atelier), await shop.admit(an_order())
    here = await shop.admit(
        replace(an_order(), actor=replace(an_order().actor, guild_id=play.world.guild.id))
    )
    await departures.compare()
    assert await shop.records.departures.noted() == {GUILD}
    states = [
        cast("object", found and found.state)
        for found in [await shop.records.jobs.get(each.id) for each in (job, here)]
    ]
    assert states == [JobState.CANCELLED, JobState.QUEUED]


async def test_a_server_that_discord_only_fails_to_list_has_not_left(
    shop: Shop, atelier: Atelier, play: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await shop.admit(replace(an_order(), actor=replace(an_order().actor, guild_id=play.world.guild.id)))
    monkeypatch.setattr(type(atelier), "guilds", [])
    await departures_of(shop, atelier).compare()
    assert await shop.records.departures.noted() == set()
    found = await shop.records.jobs.get(job.id)
    assert found is not None and found.state is JobState.QUEUED


async def test_an_invitation_in_time_keeps_the_data(shop: Shop, atelier: Atelier) -> None:
    departures, job = departures_of(shop, atelier), await shop.admit(an_order())
    await departures.left(GUILD)
    await departures.returned(GUILD)
    shop.clock.now += 31 * DAY
    await departures.sweep()
    assert await shop.records.jobs.get(job.id) is not None


async def test_with_zero_days_the_data_stays_for_ever(shop: Shop, atelier: Atelier) -> None:
    departures, job = departures_of(shop, atelier, 0), await shop.admit(an_order())
    await departures.left(GUILD)
    shop.clock.now += 10_000 * DAY
    await departures.sweep()
    assert await shop.records.jobs.get(job.id) is not None


async def test_a_removal_is_heard(shop: Shop, atelier: Atelier, play: Playground) -> None:
    state = atelier._connection  # pyright: ignore[reportPrivateUsage]  # Discord's events arrive here
    state.parse_guild_delete({"id": str(play.world.guild.id)})
    async with asyncio.timeout(10):
        while await shop.records.departures.noted() != {play.world.guild.id}:  # noqa: ASYNC110  # a task of the client writes it
            await asyncio.sleep(0.01)


async def test_an_outage_is_no_removal(shop: Shop, atelier: Atelier, play: Playground) -> None:
    job = await shop.admit(replace(an_order(), actor=replace(an_order().actor, guild_id=play.world.guild.id)))
    state = atelier._connection  # pyright: ignore[reportPrivateUsage]  # Discord's events arrive here
    state.parse_guild_delete({"id": str(play.world.guild.id), "unavailable": True})
    # Discord's events are handled by tasks.
    for _ in range(20):
        assert await shop.records.departures.noted() == set()
    found = await shop.records.jobs.get(job.id)
    assert found is not None and found.state is JobState.QUEUED
    assert isinstance(atelier.get_guild(play.world.guild.id), discord.Guild)
