"""Refusals and flags reach the moderators' channel in order, and no error on one stops the next."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from discord.http import Route

from bot.cases.mod_channel import ModChannel
from bot.client import Atelier
from bot.studio.errors import PromptRefused
from db.guilds import GuildSettings
from generation.queue.ticket import GenerationFailed
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import ADA, Shop, an_order, ended, until

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
async def review(shop: Shop, atelier: Atelier) -> AsyncGenerator[ModChannel]:
    work = asyncio.create_task(atelier.mod_channel.run())
    yield atelier.mod_channel
    assert not work.done(), "the review stopped"
    await ended(work)


def guild_of(atelier: Atelier) -> int:
    [guild] = atelier.guilds
    return guild.id


async def refused(shop: Shop, guild_id: int | None, words: str) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order(f"a naked {words}", replace(ADA, guild_id=guild_id)))


def says(message: Message, words: str) -> bool:
    return any(words in str(each.get("content")) for each in message.components)


async def test_a_refusal_is_shown_to_moderators_alone(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    await refused(shop, guild_of(atelier), "woodcutter")
    await play.wait_for_message(lambda each: says(each, "woodcutter"), "mod-log")
    assert len(await play.person("mia").sees("mod-log")) == 1
    assert await play.person("ada").sees("mod-log") == []


async def test_cards_come_in_the_order_of_the_refusals(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    for number in range(4):
        await refused(shop, guild_of(atelier), f"woodcutter number {number}.")
    await play.wait_for_message(lambda each: says(each, "number 3."), "mod-log")
    posted = await play.person("mia").sees("mod-log")
    assert [says(message, f"number {number}.") for number, message in enumerate(posted)] == [True] * 4


async def test_the_channel_that_moderators_chose_comes_first(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    chosen = GuildSettings(guild_id=guild_of(atelier), log_channel_id=play.channel("after-dark").id)
    async with shop.records.database.transaction() as tx:
        await shop.records.guilds.set(tx, chosen)
    await refused(shop, guild_of(atelier), "woodcutter")
    await play.wait_for_message(lambda each: says(each, "woodcutter"), "after-dark")
    assert await play.person("mia").sees("mod-log") == []


async def test_a_refused_picture_is_a_case_with_the_picture_blurred(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    drawing = asyncio.create_task(shop.dispatch.run())
    actor = replace(ADA, guild_id=guild_of(atelier))
    with pytest.raises(GenerationFailed):
        await shop.draw("show refused", actor, images=1)
    card = await play.wait_for_message(lambda each: says(each, "show refused"), "mod-log")
    assert says(card, "a picture was refused")
    assert says(card, "sexual: rule `opennsfw` found `picture 1` · score 0.9")
    [attachment] = card.held
    assert attachment["filename"] == "case-1.jpg"
    await ended(drawing)


async def test_a_direct_message_is_told_to_nobody(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    await refused(shop, None, "woodcutter")
    await refused(shop, guild_of(atelier), "carpenter")
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")
    assert len(await play.person("mia").sees("mod-log")) == 1


async def test_where_the_chosen_channel_is_gone_nobody_else_is_told(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    async def choose(channel: int) -> None:
        async with shop.records.database.transaction() as tx:
            settings = GuildSettings(guild_id=guild_of(atelier), log_channel_id=channel)
            await shop.records.guilds.set(tx, settings)

    await choose(1)
    await refused(shop, guild_of(atelier), "woodcutter")
    await until(shop.review_queue.empty)
    await shop.records.guilds.get(
        guild_of(atelier)
    )  # there is one reader connection, so the review's query ran before this one
    await choose(play.channel("mod-log").id)
    await refused(shop, guild_of(atelier), "carpenter")
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")
    assert len(await play.person("mia").sees("mod-log")) == 1


async def test_a_card_that_discord_refuses_does_not_keep_the_next_back(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    play.fail_next("POST", "/channels/…", status=403, code=50013)
    await refused(shop, guild_of(atelier), "woodcutter")
    await refused(shop, guild_of(atelier), "carpenter")
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")
    assert len(await play.person("mia").sees("mod-log")) == 1


async def test_a_network_that_is_down_for_a_while_does_not_end_the_review(
    shop: Shop,
    play: Playground,
    atelier: Atelier,
    review: ModChannel,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Route, "BASE", "http://127.0.0.1:1/api/v10")
        await refused(shop, guild_of(atelier), "woodcutter")
        await until(lambda: "could not be posted" in caplog.text)
    await refused(shop, guild_of(atelier), "carpenter")
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")


async def test_a_raid_of_refusals_fills_no_memory(
    shop: Shop, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    await refused(shop, guild_of(atelier), "woodcutter")
    [record] = shop.reviewed()
    for _ in range(300):
        shop.review_queue.note(record)
    assert "is in the log only" in caplog.text
