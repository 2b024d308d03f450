"""Repeated prompts: counted from the log by member and server, within a time window."""

from dataclasses import replace

import pytest

from bot.studio.errors import PromptRefused
from db.jobs import JobAction
from moderation.policy import Action, Change
from moderation.prompts.spam import WINDOW
from moderation.verdict import Category, Ruling
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.studio.screening.test_server_policies import SERVER

pytestmark = pytest.mark.timeout(60)

SPAM = "buy my coins"


async def typed(shop: Shop, times: int, text: str = SPAM) -> None:
    """Judges as many orders as a member's allowance permits within a time window."""
    for _ in range(times):
        order = an_order(text)
        verdict, hits = await shop.prompt_screening.judge(
            order, await shop.lockdown.let_in(ADA), shop.clock.now
        )
        async with shop.records.database.transaction() as tx:
            await shop.prompt_screening.note(tx, order, verdict, shop.clock.now, job=None, hits=hits)
        shop.clock.now += 1


async def ruling(shop: Shop, text: str = SPAM, **changes: object) -> Ruling:
    order = replace(an_order(text), **changes)  # type: ignore[arg-type]
    mode = await shop.lockdown.let_in(order.actor)
    verdict, _ = await shop.prompt_screening.judge(order, mode, shop.clock.now)
    return verdict.ruling


async def test_the_thirteenth_time_is_flagged_and_opens_a_case(shop: Shop) -> None:
    await typed(shop, 12)
    assert await shop.records.cases.page(GUILD) == []
    await shop.admit(an_order(SPAM, images=1))
    [case] = await shop.records.cases.page(GUILD)
    assert (case.verdict.category, case.verdict.rule) == (Category.SPAM, "spam: the same prompt again")


async def test_repeats_are_a_members_own_in_one_server_and_are_forgotten(shop: Shop) -> None:
    await typed(shop, 12)
    assert await ruling(shop) is Ruling.FLAG
    assert await ruling(shop, "buy my other coins") is Ruling.ALLOW
    assert await ruling(shop, actor=BEN) is Ruling.ALLOW
    assert await ruling(shop, actor=replace(ADA, guild_id=GUILD + 1)) is Ruling.ALLOW
    shop.clock.now += WINDOW
    assert await ruling(shop) is Ruling.ALLOW


async def test_pressing_buttons_makes_no_spam_and_gets_around_none(shop: Shop) -> None:
    for _ in range(20):
        order = an_order("a fox", source="re-roll", action=JobAction.REROLL)
        verdict, hits = await shop.prompt_screening.judge(
            order, await shop.lockdown.let_in(ADA), shop.clock.now
        )
        assert verdict.ruling is Ruling.ALLOW
        async with shop.records.database.transaction() as tx:
            await shop.prompt_screening.note(tx, order, verdict, shop.clock.now, job=None, hits=hits)
    await typed(shop, 12)
    assert await ruling(shop, source="re-roll", action=JobAction.REROLL) is await ruling(shop) is Ruling.FLAG


async def test_where_a_server_says_so_it_is_refused(shop: Shop) -> None:
    await shop.policies.amend(MIA, SERVER, Category.SPAM, Change(action=Action.REFUSE))
    await typed(shop, 12)
    with pytest.raises(PromptRefused) as refused:
        await shop.admit(an_order(SPAM))
    assert refused.value.category == Category.SPAM
