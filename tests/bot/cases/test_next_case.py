"""A moderator empties the queue of open cases from one private card."""

from dataclasses import replace

import pytest

from bot.client import Atelier
from bot.studio.orders.order import Actor
from generation.request import MemberId
from playground.server import Playground
from tests.bot.conftest import ADA, GUILD, MIA, Shop
from tests.bot.desk import APPROVE, MAX, OLA, flagged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def next_number(shop: Shop, after: int, by: Actor = MIA, *, is_senior: bool = False) -> int | None:
    case = await shop.records.cases.next_open(
        GUILD, after, by=by.member, is_senior=is_senior, free_since=shop.clock.now - 180
    )
    return case and case.number


async def test_the_next_open_case_is_the_next_number_and_after_the_last_one_the_oldest(shop: Shop) -> None:
    cases = [await flagged(shop) for _ in range(3)]
    await shop.casework.decide(cases[1].id, MIA, APPROVE)
    assert [await next_number(shop, after) for after in (0, 1, 2, 3, 9)] == [1, 3, 3, 1, 1]
    await shop.casework.decide(cases[2].id, MIA, APPROVE)
    assert await next_number(shop, 1) is None, "a case is not the next one of itself"
    assert await next_number(shop, 3) == 1


async def test_cases_that_this_moderator_may_not_decide_are_left_out(shop: Shop) -> None:
    await flagged(shop, replace(ADA, member=MIA.member, name="mia"))
    taken, escalated = await flagged(shop), await flagged(shop)
    await shop.casework.claim(taken.id, MAX)
    await shop.casework.escalate(escalated.id, MIA)
    assert await next_number(shop, 0) is None
    assert await next_number(shop, 0, MAX) == 1
    assert await next_number(shop, 1, MAX) == taken.number, "they claimed it themselves"
    assert await next_number(shop, 1, OLA, is_senior=True) == escalated.number
    shop.clock.now += 180
    assert await next_number(shop, 0) == taken.number


async def test_a_private_card_shows_one_case_after_the_other_until_none_is_left(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    ada, mia = play.person("ada"), play.person("mia")
    for _ in range(3):
        await flagged(shop, replace(ADA, guild_id=guild.id, member=MemberId(ada.id)))
    listed = await (await mia.slash("gallery", "mod cases")).wait_for_message()
    for number in (1, 2, 3):
        shown = await (await mia.click(listed, label="Next open case")).wait_for_message()
        assert (shown.id, shown.is_ephemeral) == (listed.id, True)
        assert f"### Case {number}" in shown.texts
        decided = await (await mia.click(shown, label="Approve")).wait_for_message()
        assert "approved it" in decided.texts
    last = await (await mia.click(listed, label="Next open case")).wait_for_message()
    assert last.id != listed.id and "No other open case waits for you" in last.texts
    assert await shop.records.cases.page(guild.id, is_open=True) == []


async def test_the_next_case_of_a_card_in_the_channel_is_private(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    ada = play.person("ada")
    for _ in range(2):
        await flagged(shop, replace(ADA, guild_id=guild.id, member=MemberId(ada.id)))
    first = await shop.records.cases.numbered(guild.id, 1)
    assert first is not None
    await atelier.mod_channel.post_case(first)
    card = await play.wait_for_message(lambda each: "### Case 1" in each.texts, "mod-log")
    use = await play.person("mia").click(card, label="Next open case")
    shown = await use.wait_for_message()
    assert shown.is_ephemeral and "### Case 2" in shown.texts
    assert "### Case 1" in card.texts, "the card in the channel stays"
