"""What is done to a case afterwards: amended with the old value kept, pardoned, its block lifted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.amendments import Amendments
from bot.case_errors import (
    NoSuchCase,
    NothingToAmend,
    NothingToPardon,
)
from bot.casework import DAY, Decision
from bot.orders import MemberBlocked
from db.case_entries import EntryKind
from db.cases import Outcome
from tests.bot.conftest import ADA, GUILD, MIA, Shop, an_order
from tests.bot.desk import MAX, REMOVE, actions, flagged, warned

pytestmark = pytest.mark.timeout(60)


async def test_an_amendment_keeps_what_stood_before(shop: Shop, amendments: Amendments) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=3600)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    amended = await amendments.amend(GUILD, case.number, MAX, reason="spam, twice", seconds=2 * DAY)
    assert (amended.reason, amended.expires_at) == ("spam, twice", shop.clock.now + 2 * DAY)
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order())
    assert (blocked.value.until, blocked.value.reason) == (amended.expires_at, "spam, twice")
    entries = await shop.records.entries.of_case(case.id)
    assert [each.kind for each in entries] == [EntryKind.DECIDED, EntryKind.AMENDED]
    assert "spam → spam, twice" in entries[1].text
    assert f"<t:{int(shop.clock.now + 3600)}:f>" in entries[1].text
    assert (await actions(shop))[-1] == "amend"


async def test_what_is_not_there_cannot_be_amended_or_pardoned(shop: Shop, amendments: Amendments) -> None:
    case = await flagged(shop)
    with pytest.raises(NothingToAmend):
        await amendments.amend(GUILD, case.number, MIA, reason="why not", seconds=None)
    with pytest.raises(NoSuchCase):
        await amendments.amend(GUILD, 99, MIA, reason="why not", seconds=None)
    await shop.casework.decide(case.id, MIA, REMOVE)
    with pytest.raises(NothingToAmend):
        await amendments.amend(GUILD, case.number, MIA, reason=None, seconds=60)
    with pytest.raises(NothingToPardon):
        await amendments.pardon(GUILD, case.number, MIA, "mercy")


async def test_a_pardon_takes_back_the_cases_own_strike_and_block(shop: Shop, amendments: Amendments) -> None:
    await warned(shop)
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=3600)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    await amendments.pardon(GUILD, case.number, MAX, "mercy")
    assert (await shop.casework.standing(GUILD, ADA.member))[0].strikes == 1
    await shop.admit(an_order())
    with pytest.raises(NothingToPardon):
        await amendments.pardon(GUILD, case.number, MAX, "mercy")


async def test_a_pardon_leaves_a_block_of_another_case(shop: Shop, amendments: Amendments) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=60)
    first = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    await shop.casework.sanction(MIA, ADA.member, "ada", replace(timeout, seconds=DAY))
    await amendments.pardon(GUILD, first.number, MAX, "mercy")
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())


async def test_an_unban_lifts_the_block_and_leaves_the_strike(shop: Shop, amendments: Amendments) -> None:
    case = (
        await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.BAN, reason="raids"))
    ).case
    was_blocked, of = await amendments.unban(MIA, ADA.member, "they are sorry")
    assert was_blocked and of is not None and of.id == case.id
    await shop.admit(an_order())
    assert (await shop.casework.standing(GUILD, ADA.member))[0].strikes == 1
    assert (await amendments.unban(MIA, ADA.member, "again")) == (False, None)
