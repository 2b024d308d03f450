"""Refusals and flags reach the moderators' channel in order, and no error on one stops the next."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from discord.http import Route

from bot.cases.mod_channel import ModChannel
from bot.client import Atelier
from bot.studio.cases.cases import Decision
from bot.studio.errors import PromptRefused
from bot.studio.orders.order import Actor
from bot.studio.settings import Settings
from db.cases import Outcome
from db.guilds import GuildSettings
from generation.queue.ticket import GenerationFailed
from generation.request import MemberId
from playground.server import Playground
from playground.world.guild import VIEW_CHANNEL, Channel, Overwrite
from playground.world.messages import Message
from tests.bot.conftest import ADA, BEN, MIA, Shop, an_order, client_of, ended, until
from tests.bot.desk import FLAGGED
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]

CAL = replace(ADA, member=MemberId(80351110224678920), name="cal")


@pytest.fixture
async def review(shop: Shop, atelier: Atelier) -> AsyncGenerator[ModChannel]:
    work = asyncio.create_task(atelier.mod_channel.run())
    yield atelier.mod_channel
    assert not work.done(), "the review stopped"
    await ended(work)


@asynccontextmanager
async def running(shop: Shop, play: Playground) -> AsyncGenerator[Atelier]:
    """Yields a client of this shop whose review runs."""
    async with client_of(shop, play) as client:
        await client.login(play.token)
        connection = asyncio.create_task(client.connect())
        work = asyncio.create_task(client.mod_channel.run())
        await client.wait_until_ready()
        yield client
        await ended(work)
        await client.close()
        await ended(connection)


def guild_of(atelier: Atelier) -> int:
    [guild] = atelier.guilds
    return guild.id


async def refused(shop: Shop, guild_id: int | None, words: str, by: Actor = ADA) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order(f"a naked {words}", replace(by, guild_id=guild_id)))


async def choose(shop: Shop, atelier: Atelier, channel: int) -> None:
    async with shop.records.database.transaction() as tx:
        settings = GuildSettings(guild_id=guild_of(atelier), log_channel_id=channel)
        await shop.records.guilds.set(tx, settings)


async def other_server(play: Playground, atelier: Atelier) -> int:
    """Adds the bot to a second server, whose channels answer 404 unless a fault says otherwise. Returns its id; its log channel
    has the next one."""
    guild, bot = play.world.guild, play.world.bot
    id = guild.id + (1 << 22)
    channel = play.channel("mod-log").json(id) | {"id": str(id + 1), "permission_overwrites": []}
    body = guild.json | {
        "id": str(id),
        "name": "Elsewhere",
        "roles": [guild.roles[guild.id].json | {"id": str(id)}],
        "joined_at": guild.members[bot.id].joined_at,
        "large": False,
        "member_count": 2,
        "members": [guild.members[bot.id].json | {"roles": []}],
        "channels": [channel],
        "threads": [],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }
    play.gateway.dispatch("GUILD_CREATE", body, None)
    await until(lambda: atelier.get_guild(id) is not None)
    return id


def edit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cases.posting.refusal_cards.EDIT_SECONDS", 0.05)


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
        by = replace(ADA, member=MemberId(ADA.member + 10 + number))
        await refused(shop, guild_of(atelier), f"woodcutter number {number}.", by)
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


async def test_where_the_chosen_channel_is_deleted_the_default_one_takes_its_place_and_says_so_once(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    await choose(shop, atelier, 1)
    await refused(shop, guild_of(atelier), "woodcutter")
    await refused(shop, guild_of(atelier), "carpenter", BEN)
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")
    first, *others = await play.person("mia").sees("mod-log")
    assert says(first, "is deleted") and says(first, "/mod log-channel")
    assert len(others) == 2 and not any(says(each, "is deleted") for each in others)


async def test_what_everybody_reads_takes_no_deleted_channels_place_and_the_owner_is_told_once(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    everybody_reads(play, atelier, "mod-log")
    await choose(shop, atelier, 1)
    await refused(shop, guild_of(atelier), "woodcutter")
    owner = play.world.open_dm(play.world.guild.members[play.world.guild.owner_id].user)
    told = await play.wait_for_message(lambda each: says(each, "deleted"), owner)
    await refused(shop, guild_of(atelier), "carpenter", BEN)
    await choose(shop, atelier, play.channel("after-dark").id)
    await refused(shop, guild_of(atelier), "joiner", CAL)
    await play.wait_for_message(lambda each: says(each, "joiner"), "after-dark")
    assert await play.person("mia").sees("mod-log") == []
    assert play.world.messages.of(owner.id) == [told]


async def test_a_chosen_channel_that_the_bot_can_not_see_keeps_its_secrets(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    hidden = Channel(id=play.world.snowflakes.next(), name="hidden")
    hidden.overwrites = (Overwrite(role_id=play.world.guild.id, deny=VIEW_CHANNEL),)
    play.world.channels[hidden.id] = hidden
    await choose(shop, atelier, hidden.id)
    await refused(shop, guild_of(atelier), "woodcutter")
    owner = play.world.open_dm(play.world.guild.members[play.world.guild.owner_id].user)
    await play.wait_for_message(lambda each: says(each, "I can't see their channel"), owner)
    assert await play.person("mia").sees("mod-log") == []


async def test_where_there_is_no_log_channel_the_owner_is_told_at_the_first_case(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    [guild] = atelier.guilds
    play.gateway.dispatch("CHANNEL_DELETE", play.channel("mod-log").json(guild.id), guild.id)
    await until(lambda: guild.get_channel(play.channel("mod-log").id) is None)
    for actor in (ADA, BEN):
        await shop.admit(an_order(FLAGGED, replace(actor, guild_id=guild.id), images=1))
    owner = play.world.open_dm(play.world.guild.members[play.world.guild.owner_id].user)
    told = await play.wait_for_message(lambda each: says(each, "there is no channel for them"), owner)
    await choose(shop, atelier, play.channel("after-dark").id)
    await shop.admit(an_order(FLAGGED, replace(CAL, guild_id=guild.id), images=1))
    await play.wait_for_message(lambda each: says(each, f"<@{CAL.member}>"), "after-dark")
    assert play.world.messages.of(owner.id) == [told]


def everybody_reads(play: Playground, atelier: Atelier, name: str) -> None:
    """Takes the channel's overwrites away, for Discord and for the bot."""
    channel, guild_id = play.channel(name), guild_of(atelier)
    channel.overwrites = ()
    play.gateway.dispatch("CHANNEL_UPDATE", channel.json(guild_id), guild_id)


# ---- one server, others


@pytest.mark.parametrize(
    "fault", [{"status": 403, "code": 50013}, {"status": 429, "retry_after": 5.0}], ids=str
)
async def test_a_servers_closed_or_slow_channel_holds_up_no_other_server(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, fault: dict[str, Any]
) -> None:
    other = await other_server(play, atelier)
    play.fail_next("POST", f"/channels/{other + 1}/messages", times=10**6, **fault)
    home = replace(ADA, guild_id=play.world.guild.id)
    for number in range(3):
        await shop.admit(
            an_order(FLAGGED, replace(CAL, guild_id=other, member=MemberId(number + 1)), images=1)
        )
        await refused(shop, other, "joiner", replace(CAL, member=MemberId(number + 1)))
    await refused(shop, home.guild_id, "woodcutter")
    await shop.admit(an_order(FLAGGED, home, images=1))
    started = asyncio.get_running_loop().time()
    await play.wait_for_message(lambda each: says(each, "woodcutter"), "mod-log")
    await play.wait_for_message(lambda each: says(each, FLAGGED), "mod-log")
    assert asyncio.get_running_loop().time() - started < 4


async def test_cards_that_wait_at_a_start_are_posted_where_another_servers_channel_is_closed(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    other, home = await other_server(play, atelier), play.world.guild.id
    play.fail_next("POST", f"/channels/{other + 1}/messages", times=10**6, status=403, code=50013)
    appealed = await shop.casework.sanction(
        replace(MIA, guild_id=home), BEN.member, "ben", Decision(outcome=Outcome.WARN, reason="spam")
    )
    for guild_id in (other, home):
        await shop.admit(an_order(FLAGGED, replace(ADA, guild_id=guild_id), images=1))
    await shop.appeals.ask(appealed.case.id, BEN.member, "ben", "why?")
    shop.reviewed()
    work = asyncio.create_task(atelier.mod_channel.run())
    await play.wait_for_message(lambda each: says(each, FLAGGED), "mod-log", timeout=4)
    await play.wait_for_message(lambda each: says(each, "### Appeal"), "mod-log", timeout=4)
    await ended(work)


async def test_of_a_servers_cards_one_that_discord_refuses_keeps_no_other_back(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    for actor in (ADA, BEN):
        await shop.admit(an_order(FLAGGED, replace(actor, guild_id=guild_of(atelier)), images=1))
    shop.reviewed()  # as after a restart: only the rows say that cards are missing
    play.fail_next("POST", "/channels/…", status=400, code=50035)
    work = asyncio.create_task(atelier.mod_channel.run())
    await play.wait_for_message(lambda each: says(each, f"<@{BEN.member}>"), "mod-log")
    await ended(work)


# ---- refusals of one member


async def test_many_refusals_of_a_member_are_one_card_that_counts(
    open_shop: Callable[[Settings], Shop],
    settings: Settings,
    play: Playground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edit_at_once(monkeypatch)
    shop = open_shop(replace(settings, limits=replace(settings.limits, refusals_an_hour=1000)))
    async with running(shop, play) as atelier:
        guild_id = guild_of(atelier)
        await asyncio.gather(*(refused(shop, guild_id, f"woodcutter {number}") for number in range(320)))
        await refused(shop, guild_id, "carpenter", BEN)
        await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log", timeout=2)
        await play.wait_for_message(lambda each: says(each, "320 refused prompts"), "mod-log")
        assert len(await play.person("mia").sees("mod-log")) == 2


async def test_a_refusals_card_that_could_not_be_posted_is_tried_again(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
    play.fail_next("POST", "/channels/…", status=403, code=50013, times=2)
    await refused(shop, guild_of(atelier), "woodcutter")
    await play.wait_for_message(lambda each: says(each, "woodcutter"), "mod-log")


@pytest.mark.parametrize("is_case", [True, False])
async def test_a_card_whose_answer_is_lost_is_posted_once(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, judge: Judge, is_case: bool
) -> None:
    play.fail_next("POST", "/channels/…", status=502, is_after=True)
    if is_case:
        await shop.admit(an_order(FLAGGED, replace(ADA, guild_id=guild_of(atelier))))
    else:
        await refused(shop, guild_of(atelier), "woodcutter")

    def posts() -> int:
        return sum(each.method == "POST" and each.path.endswith("/messages") for each in judge.exchanges)

    await until(lambda: posts() == 2)
    assert len(await play.person("mia").sees("mod-log")) == 1


async def test_refusals_after_a_case_was_opened_get_another_card(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
    mia = play.person("mia")
    await refused(shop, guild_of(atelier), "woodcutter")
    card = await play.wait_for_message(lambda each: says(each, "woodcutter"), "mod-log")
    await (await mia.click(card, label="Open a case")).wait_for_answer()
    await play.wait_for_message(lambda each: says(each, "### Case 1"), "mod-log")
    await refused(shop, guild_of(atelier), "carpenter")
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")
    case, other = await mia.sees("mod-log")
    assert says(case, "### Case 1") and not says(other, "refused prompts")


async def test_a_card_that_discord_refuses_does_not_keep_the_next_back(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
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
    edit_at_once(monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr(Route, "BASE", "http://127.0.0.1:1/api/v10")
        await refused(shop, guild_of(atelier), "woodcutter")
        await until(lambda: "could not be posted" in caplog.text)
    await refused(shop, guild_of(atelier), "carpenter")
    await play.wait_for_message(lambda each: says(each, "carpenter"), "mod-log")


async def test_more_members_than_are_counted_at_once_push_out_no_refusal(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
    monkeypatch.setattr("bot.cases.posting.refusal_cards._MOST_MEMBERS", 2)
    members = [replace(ADA, member=MemberId(ADA.member + 10 + number)) for number in range(5)]
    for member in members:
        await refused(shop, guild_of(atelier), f"woodcutter of {member.member}.", member)
    await play.wait_for_message(lambda each: says(each, f"woodcutter of {members[-1].member}."), "mod-log")
    cards = await play.person("mia").sees("mod-log")
    assert [says(card, f"woodcutter of {by.member}.") for card, by in zip(cards, members, strict=True)] == [
        True
    ] * 5
