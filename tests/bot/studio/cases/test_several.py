"""Several open cases are decided at once: each member gets one sanction, one strike and one message."""

from dataclasses import replace

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.errors import NoneOpen, PromptRefused
from db.cases import Outcome
from db.effects import EffectKind
from generation.request import MemberId
from moderation.duration import DAY
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import APPROVE, MAX, REMOVE, WARN, flagged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
BAN = Decision(outcome=Outcome.BAN, reason="spam", seconds=DAY)


async def test_a_sanction_of_several_cases_is_one_with_one_strike_and_one_message(shop: Shop) -> None:
    cases = [await flagged(shop) for _ in range(3)]
    of_ben = await flagged(shop, BEN)
    found = await shop.several.of_member(MIA, ADA.member)
    assert [each.id for each in found] == [each.id for each in cases]
    done = await shop.several.decide(MIA, found, WARN, {ADA.member})
    assert [each.case.outcome for each in done] == [Outcome.WARN, Outcome.REMOVE, Outcome.REMOVE]
    assert await shop.records.strikes.live(GUILD, ADA.member, shop.clock.now) == 1
    effects = await shop.records.effects.due(shop.clock.now + DAY)
    assert [each.case_id for each in effects if each.kind is EffectKind.NOTICE] == [cases[0].id]
    for case in cases:
        assert case.job is not None
        [picture_effect] = [each for each in effects if each.job == case.job]
        assert picture_effect.kind is EffectKind.MESSAGE, "its message goes"
    beside = (await shop.records.entries.of_case(cases[2].id))[-1].details
    assert beside["beside"] == cases[0].number
    unchanged = await shop.records.cases.get(of_ben.id)
    assert unchanged is not None and unchanged.is_open


async def test_a_first_refusal_is_not_the_case_of_the_sanction(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    refusal = await shop.casework.open_refusal((await shop.log())[0].id, MIA)
    case = await flagged(shop)
    assert refusal is not None and refusal.is_first_refusal
    done = await shop.several.decide(MIA, [refusal, case], WARN, {ADA.member})
    assert [(each.case.id, each.case.outcome) for each in done] == [
        (case.id, Outcome.WARN),
        (refusal.id, Outcome.REMOVE),
    ]
    assert done[0].strike_until is not None


async def test_cases_of_others_claimed_decided_and_own_ones_are_left_out(shop: Shop) -> None:
    first, taken, decided = [await flagged(shop) for _ in range(3)]
    own = await flagged(shop, replace(ADA, member=MIA.member, name="mia"))
    await shop.casework.claim(taken.id, MAX)
    await shop.casework.decide(decided.id, MAX, APPROVE)
    assert [each.id for each in await shop.several.of_member(MIA, ADA.member)] == [first.id]
    assert await shop.several.of_member(MIA, MIA.member) == []
    with pytest.raises(NoneOpen):
        await shop.several.decide(MIA, [taken, decided, own], APPROVE, {ADA.member, MIA.member})


async def test_where_a_ban_needs_a_second_moderator_only_the_first_case_is_proposed(strict: Shop) -> None:
    cases = [await flagged(strict) for _ in range(2)]
    [done] = await strict.several.decide(MIA, cases, BAN, {ADA.member})
    assert done.is_proposal
    assert len(await strict.records.cases.page(GUILD, is_open=True)) == 2


async def test_each_member_of_a_raid_gets_a_sanction_and_others_none(shop: Shop) -> None:
    raiders = [replace(ADA, member=MemberId(ADA.member + 100 + number)) for number in range(3)]
    cases = [await flagged(shop, each) for each in raiders for _ in range(2)]
    spared = raiders[2].member
    done = await shop.several.decide(MIA, cases, BAN, {each.member for each in raiders} - {spared})
    assert [each.case.outcome for each in done] == [Outcome.BAN, Outcome.REMOVE] * 2
    assert await shop.records.blocks.live(GUILD, raiders[0].member, shop.clock.now) is not None
    assert await shop.records.blocks.live(GUILD, spared, shop.clock.now) is None


@pytest.mark.parametrize("decision", [APPROVE, REMOVE], ids=lambda each: str(each.outcome))
async def test_a_member_is_told_of_each_order_that_the_check_had_stopped(
    shop: Shop, decision: Decision
) -> None:
    posted, *withheld = [await flagged(shop) for _ in range(3)]
    async with shop.records.database.transaction() as tx:
        for case in withheld:
            await shop.records.cases.set_withheld(tx, case.id)
    await shop.several.decide(MIA, [posted, *withheld], decision, {ADA.member})
    effects = await shop.records.effects.due(shop.clock.now + DAY)
    told = {each.case_id for each in effects if each.kind is EffectKind.NOTICE}
    assert told - {posted.id} == {each.id for each in withheld}
    assert (posted.id in told) == (decision is REMOVE)
