"""A member's record and a server's figures: first refusals that don't count, strikes that expire, and the ladder of sanctions."""

import asyncio
from dataclasses import replace

import pytest

from bot.studio.cases.appeals import CaseAppeals
from bot.studio.cases.cases import DAY, Decision
from bot.studio.errors import PromptRefused
from bot.studio.orders.order import Actor
from db.appeals import Decision as Answer
from db.cases import Case, Outcome
from moderation.escalation import Rung, Sanction
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import MAX, WARN, flagged, warned

pytestmark = pytest.mark.timeout(60)

# ---- first refusals


async def test_a_first_hit_of_the_filter_is_an_explanation_and_no_strike(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    assert await shop.records.cases.page(GUILD) == []
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.refusals, standing.strikes, rung.sanction) == (1, 0, Sanction.WARN)


async def refused(shop: Shop, actor: Actor = ADA) -> PromptRefused:
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(an_order("a nude woman", actor))
    return refusal.value


async def case_of_refusal(shop: Shop) -> Case:
    """Opens the case of the newest refusal."""
    case = await shop.casework.open_refusal((await shop.log())[0].id, MIA)
    assert case is not None
    return case


@pytest.mark.parametrize("outcome", [Outcome.WARN, Outcome.TIMEOUT, Outcome.BAN])
async def test_no_decision_makes_a_strike_of_a_members_first_refusal(shop: Shop, outcome: Outcome) -> None:
    await refused(shop)
    case = await case_of_refusal(shop)
    done = await shop.casework.decide(case.id, MIA, Decision(outcome=outcome, seconds=60.0))
    assert (done.case.is_first_refusal, done.strikes, done.strike_until) == (True, 0, None)
    assert await shop.records.strikes.of_case(case.id) is None
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.strikes_ever, rung.sanction) == (0, Sanction.WARN)


async def test_the_second_refusal_and_a_moderators_own_case_do_count(shop: Shop) -> None:
    await refused(shop)
    await refused(shop)
    second = await shop.casework.decide((await case_of_refusal(shop)).id, MIA, WARN)
    assert (second.case.is_first_refusal, second.strikes) == (False, 1)
    own = await shop.casework.sanction(MIA, BEN.member, "ben", WARN)
    assert (own.case.is_first_refusal, own.strikes) == (False, 1)


async def test_the_first_refusal_is_the_first_in_that_server_of_that_member(shop: Shop) -> None:
    elsewhere = replace(ADA, guild_id=GUILD + 1)
    firsts = [(await refused(shop, actor)).is_first for actor in (ADA, ADA, BEN, elsewhere, BEN, elsewhere)]
    assert firsts == [True, False, True, True, False, False]
    await shop.admit(an_order("a bloody sword", replace(BEN, guild_id=GUILD + 2)))
    assert (await refused(shop, replace(BEN, guild_id=GUILD + 2))).is_first, "a flag is no refusal"


async def test_a_flagged_orders_case_counts_although_nothing_was_refused_yet(shop: Shop) -> None:
    done = await shop.casework.decide((await flagged(shop)).id, MIA, WARN)
    assert (done.case.is_first_refusal, done.strikes) == (False, 1)


async def test_of_two_first_refusals_at_once_one_is_the_first(shop: Shop) -> None:
    found = await asyncio.gather(
        *(shop.admit(an_order("a nude woman")) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, PromptRefused) and each.is_first for each in found) == 1


# ---- strikes and the ladder


async def test_the_ladder_is_climbed_with_every_strike(shop: Shop) -> None:
    outcomes: list[tuple[Outcome | None, float | None]] = []
    for _ in range(5):
        done = await shop.casework.strike(MIA, ADA.member, "ada", "again")
        end = done.case.expires_at
        outcomes.append((done.case.outcome, None if end is None else end - shop.clock.now))
    assert outcomes == [
        (Outcome.WARN, None),
        (Outcome.TIMEOUT, 3600.0),
        (Outcome.TIMEOUT, DAY),
        (Outcome.BAN, None),
        (Outcome.BAN, None),
    ]


async def test_a_strike_decays_after_its_days(shop: Shop) -> None:
    await warned(shop)
    shop.clock.now += 45 * DAY
    await warned(shop)
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.strikes, rung) == (2, Rung(sanction=Sanction.TIMEOUT, seconds=DAY))
    shop.clock.now += 45 * DAY - 1
    assert (await shop.casework.standing(GUILD, ADA.member))[0].strikes == 2
    shop.clock.now += 1
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.strikes, standing.strikes_ever) == (1, 2)
    assert rung == Rung(sanction=Sanction.TIMEOUT, seconds=3600.0)


async def test_strikes_are_a_servers_own(shop: Shop) -> None:
    await warned(shop)
    assert (await shop.casework.standing(GUILD + 1, ADA.member))[0].strikes == 0


# ---- the server


async def test_the_figures_count_what_happened(shop: Shop, appeals: CaseAppeals) -> None:
    case = await flagged(shop)
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    shop.clock.now += 90
    await shop.casework.decide(case.id, MIA, WARN)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    await appeals.answer(appeal.id, MAX, Answer.OVERTURNED, "")
    await flagged(shop, BEN)
    figures = await shop.records.member_stats.figures(GUILD, 0)
    assert (figures.asked, figures.flagged, figures.refused) == (3, 2, 1)
    assert (figures.opened, figures.open_now, figures.outcomes) == (2, 1, {"warn": 1})
    assert (figures.waited, figures.appeals, figures.overturned) == (90.0, 1, 1)
    assert figures.by_moderator == {MIA.member: 1}


async def test_a_first_refusal_stays_the_first_when_its_row_has_gone(shop: Shop) -> None:
    await refused(shop)
    case = await case_of_refusal(shop)
    async with shop.records.database.transaction() as tx:
        await tx.all("DELETE FROM verdicts")
    done = await shop.casework.decide(case.id, MIA, WARN)
    assert done.strikes == 0
