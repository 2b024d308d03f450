"""How cards are posted: folded, counted in a raid, silent in quiet hours, with a role; and the daily digest."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from bot.cases.mod_channel import ModChannel
from bot.cases.posting.digests import Digests
from bot.cases.posting.raid_cards import RaidCards
from bot.client import Atelier
from bot.studio.cases.folding import RAID_MEMBERS, note_raid
from bot.studio.orders.order import Actor
from db.guilds import GuildSettings
from generation.request import MemberId
from moderation.duration import DAY, HOUR
from moderation.verdict import Ruling, Verdict
from playground.server import Playground
from playground.world.messages import SUPPRESS_NOTIFICATIONS, Message
from tests.bot.cases.test_mod_channel import edit_at_once, guild_of, refused, review
from tests.bot.conftest import ADA, BEN, MIA, Shop, an_order, until
from tests.bot.desk import FLAGGED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]
__all__ = ["review"]  # a fixture
ROLE = 41771983423143937


async def flag(shop: Shop, atelier: Atelier, by: Actor = ADA, text: str = FLAGGED) -> None:
    job = await shop.admit(an_order(text, replace(by, guild_id=guild_of(atelier)), images=1))
    async with shop.records.database.transaction() as tx:
        await shop.takedown.cancel_all_in(tx, job.member)


async def choose(shop: Shop, atelier: Atelier, **settings: Any) -> None:
    async with shop.records.database.transaction() as tx:
        await shop.records.guilds.set(tx, GuildSettings(guild_id=guild_of(atelier), **settings))


def is_silent(message: Message) -> bool:
    return bool(message.flags & SUPPRESS_NOTIFICATIONS)


def raider(number: int) -> Actor:
    return replace(ADA, member=MemberId(ADA.member + 100 + number), name=f"raider {number}")


async def test_a_spammers_orders_are_one_card_that_counts_and_is_decided_at_once(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
    mia = play.person("mia")
    await flag(shop, atelier)
    await play.wait_for_message(lambda each: "### Case 1" in each.texts, "mod-log")
    for number in range(4):
        await flag(shop, atelier, text=f"{FLAGGED} number {number}")
    card = await play.wait_for_message(lambda each: "**4 more orders**" in each.texts, "mod-log")
    assert "number 3" in card.texts and "number 0" not in card.texts, "the newest three"
    await flag(shop, atelier, BEN)
    await play.wait_for_message(lambda each: "### Case 2" in each.texts, "mod-log")
    assert len(await mia.sees("mod-log")) == 2
    await (await mia.click(card, label="Approve all 5")).wait_for_answer()
    await play.wait_for_message(lambda each: "approved it" in each.texts, "mod-log")


async def test_a_press_on_a_card_that_does_not_show_all_orders_decides_nothing(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia = play.person("mia")
    for _ in range(2):
        await flag(shop, atelier)
    case = await shop.records.cases.numbered(guild_of(atelier), 1)
    assert case is not None
    await atelier.mod_channel.post_case(case)
    card = await play.wait_for_message(lambda each: "### Case 1" in each.texts, "mod-log")
    await flag(shop, atelier)
    use = await mia.click(card, label="Approve all 2")
    await use.wait_for_answer()
    await play.wait_for_message(lambda each: "**2 more orders**" in each.texts, "mod-log")
    unchanged = await shop.records.cases.numbered(guild_of(atelier), 1)
    assert unchanged is not None and unchanged.is_open


async def test_a_raid_is_one_card_that_counts_members_and_orders(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
    for number in range(RAID_MEMBERS - 1):
        await flag(shop, atelier, raider(number))
    await until(lambda: len(play.world.messages.of(play.channel("mod-log").id)) == RAID_MEMBERS - 1)
    for number in range(RAID_MEMBERS, RAID_MEMBERS + 4):
        await flag(shop, atelier, raider(number))
        await refused(shop, guild_of(atelier), "woodcutter", raider(number + 20))
    members = RAID_MEMBERS - 1 + 8
    card = await play.wait_for_message(lambda each: f"**{members}** members" in each.texts, "mod-log")
    assert "**4** refused" in card.texts and "4 cases share this card; open: 4." in card.texts
    mia = play.person("mia")
    assert len(await mia.sees("mod-log")) == RAID_MEMBERS, "no further card"
    listed = await (await mia.click(card, label="All open cases")).wait_for_message()
    assert listed.is_ephemeral and "4 open cases of 4 members" in listed.texts


@pytest.mark.parametrize(("code", "cards"), [(50001, 3), (50013, 2)])
async def test_a_raids_card_that_discord_refuses_to_edit_keeps_no_other_back(
    shop: Shop, play: Playground, atelier: Atelier, monkeypatch: pytest.MonkeyPatch, code: int, cards: int
) -> None:
    monkeypatch.setattr("bot.studio.cases.folding.RAID_MEMBERS", 1)
    raids, guild_id, channel = shop.records.raids, guild_of(atelier), play.channel("mod-log").id
    shown = RaidCards(atelier, shop.records, atelier.mod_channel.channels, lambda _: True)
    for _ in range(2):
        async with shop.records.database.transaction() as tx:
            raid = await note_raid(tx, shop.records, guild_id, ADA.member, shop.clock.now)
        assert raid is not None
        await shown.show(guild_id)
        await raids.changed(raid.id)
        shop.clock.now += DAY
    await raids.changed(1)
    old, new = (each.card_message_id for each in await raids.to_show(guild_id))
    play.fail_next("PATCH", f"/channels/{channel}/messages/{old}", status=403, code=code)
    await shown.show(guild_id)
    left = [each.card_message_id for each in await raids.to_show(guild_id)]
    assert new not in left and left == ([] if code == 50001 else [old])
    assert len(play.world.messages.of(channel)) == cards, "a card that is gone is posted anew"


async def test_a_new_case_mentions_the_role_and_what_joins_it_does_not(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_at_once(monkeypatch)
    await choose(shop, atelier, case_role_id=ROLE)
    await flag(shop, atelier)
    card = await play.wait_for_message(lambda each: f"<@&{ROLE}>" in each.texts, "mod-log")
    assert not is_silent(card)
    await flag(shop, atelier)
    folded = await play.wait_for_message(lambda each: "1 more order" in each.texts, "mod-log")
    assert f"<@&{ROLE}>" not in folded.texts
    await refused(shop, guild_of(atelier), "woodcutter", BEN)
    other = await play.wait_for_message(lambda each: "woodcutter" in each.texts, "mod-log")
    assert f"<@&{ROLE}>" not in other.texts


async def test_in_quiet_hours_cards_are_silent_and_mention_no_role(
    shop: Shop, play: Playground, atelier: Atelier, review: ModChannel
) -> None:
    hour = int(shop.clock.now // HOUR % 24)
    await choose(shop, atelier, case_role_id=ROLE, quiet_from=hour, quiet_to=(hour + 1) % 24)
    await flag(shop, atelier)
    card = await play.wait_for_message(lambda each: "### Case 1" in each.texts, "mod-log")
    assert is_silent(card) and f"<@&{ROLE}>" not in card.texts
    shop.clock.now += HOUR
    await flag(shop, atelier, BEN)
    card = await play.wait_for_message(lambda each: "### Case 2" in each.texts, "mod-log")
    assert not is_silent(card) and f"<@&{ROLE}>" in card.texts


def test_quiet_hours_may_pass_midnight() -> None:
    settings = GuildSettings(guild_id=1, quiet_from=22, quiet_to=7)
    assert [hour for hour in range(24) if settings.is_quiet(hour * HOUR + 1)] == [*range(7), 22, 23]
    assert not GuildSettings(guild_id=1).is_quiet(0)


# ---- the digest


@pytest.fixture
async def digests(atelier: Atelier) -> AsyncGenerator[Digests]:
    yield atelier.digests
    await asyncio.sleep(0)


async def test_a_digest_counts_what_was_only_noticed_and_a_quiet_day_has_none(
    shop: Shop, play: Playground, atelier: Atelier, digests: Digests
) -> None:
    guild_id, channel = guild_of(atelier), play.channel("mod-log").id
    await digests.post_due(guild_id)
    shop.clock.now += DAY
    await digests.post_due(guild_id)
    assert play.world.messages.of(channel) == [], "nothing happened"
    async with shop.records.database.transaction() as tx:
        await shop.records.verdicts.add(
            tx,
            at=shop.clock.now,
            guild_id=guild_id,
            channel_id=channel,
            member=ADA.member,
            member_name="ada",
            source="/imagine",
            prompt="a city by Zaha Hadid",
            verdict=Verdict(ruling=Ruling.ALLOW, rule="style references"),
        )
    await digests.post_due(guild_id)
    assert play.world.messages.of(channel) == [], "the next one is due in a day"
    shop.clock.now += DAY
    await digests.post_due(guild_id)
    await digests.post_due(guild_id)
    [digest] = play.world.messages.of(channel)
    assert "1 with a style reference" in digest.texts and "0 opened" in digest.texts
    nonce = str(digest.json["nonce"])
    assert f"{guild_id:x}" in nonce and len(nonce) <= 25, "the same in no other server"
    assert is_silent(digest)


async def test_a_server_without_a_digest_gets_none(
    shop: Shop, play: Playground, atelier: Atelier, digests: Digests
) -> None:
    await digests.post_due(guild_of(atelier))
    await shop.desk_settings.set_digest(replace(MIA, guild_id=guild_of(atelier)), None)
    await flag(shop, atelier)
    shop.clock.now += 2 * DAY
    await digests.post_due(guild_of(atelier))
    assert play.world.messages.of(play.channel("mod-log").id) == []
    await shop.desk_settings.set_digest(replace(MIA, guild_id=guild_of(atelier)), 5)
    await digests.post_due(guild_of(atelier))
    [digest] = play.world.messages.of(play.channel("mod-log").id)
    assert "1 opened" in digest.texts


def test_a_digest_is_due_once_a_day_at_its_hour() -> None:
    settings = GuildSettings(guild_id=1, digest_hour=8)
    assert settings.digest_due(10 * DAY + 7 * HOUR) == 9 * DAY + 8 * HOUR
    assert settings.digest_due(10 * DAY + 9 * HOUR) == 10 * DAY + 8 * HOUR
    assert GuildSettings(guild_id=1, digest_hour=None).digest_due(10 * DAY) is None
