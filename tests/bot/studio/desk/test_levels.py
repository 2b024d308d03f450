"""A helper proposes, a moderator decides, a head bans."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.studio import Moderator
from bot.studio.cases.cases import Decision, Done
from bot.studio.errors import (
    BanNeedsHead,
    NothingProposed,
    ProposalChanged,
    ProposedAlready,
    SecondNeeded,
)
from db.audit_check import check_audit
from db.cases import Outcome
from db.mod_roles import Level
from generation.request import MemberId
from moderation.duration import DAY
from tests.bot.conftest import ADA, GUILD, MIA, Shop, an_order
from tests.bot.desk import APPROVE, MAX, OLA, REMOVE, WARN, actions, flagged

HELPER = replace(MIA, member=MemberId(80351110224678917), name="hal", is_helper=True)
LOWER = replace(MIA, may_ban=False)
"""A moderator of a server that has chosen roles for heads."""
BAN = Decision(outcome=Outcome.BAN, reason="raids")


async def confirmed_by(shop: Shop, case_id: int, by: Moderator) -> Done:
    """Confirms what is proposed now."""
    return await shop.casework.confirm(case_id, by, await shop.records.entries.proposal(case_id))


@pytest.mark.parametrize("decision", [APPROVE, REMOVE, WARN, BAN], ids=lambda each: str(each.outcome))
async def test_a_helpers_decision_waits_for_a_moderator(shop: Shop, decision: Decision) -> None:
    case = await flagged(shop)
    done = await shop.casework.decide(case.id, HELPER, decision)
    assert done.is_proposal and done.case.is_open and done.case.is_helpers_proposal
    assert (done.case.proposed_by, done.case.proposed_outcome) == (HELPER.member, decision.outcome)
    await shop.admit(an_order(actor=ADA))  # nothing has happened to the member
    assert (await shop.records.member_stats.of(GUILD, ADA.member, shop.clock())).strikes == 0
    confirmed = await confirmed_by(shop, case.id, MIA)
    assert (confirmed.case.outcome, confirmed.case.acted_by) == (decision.outcome, MIA.member)
    assert confirmed.case.reason == decision.reason
    kinds = [(each.kind, each.written_name) for each in await shop.records.entries.of_case(case.id)]
    assert kinds == [("proposed", "hal"), ("decided", "mia")]
    assert await actions(shop) == ["propose", str(decision.outcome)]
    assert check_audit(shop.records.database.path).fault is None


async def test_a_moderator_decides_otherwise_than_a_helper_proposed(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.decide(case.id, HELPER, BAN)
    assert (await shop.casework.decide(case.id, MIA, APPROVE)).case.outcome is Outcome.APPROVE


async def test_a_helper_who_fills_in_a_form_keeps_no_moderator_waiting(shop: Shop) -> None:
    case = await flagged(shop)
    assert (await shop.casework.claim(case.id, HELPER)).claimed_by is None
    assert (await shop.casework.claim(case.id, MIA)).claimed_by == MIA.member


async def test_a_helper_is_no_first_moderator_of_a_ban(strict: Shop) -> None:
    case = await flagged(strict)
    await strict.casework.decide(case.id, HELPER, BAN)
    first = await confirmed_by(strict, case.id, MIA)
    assert first.is_proposal and not first.case.is_helpers_proposal
    with pytest.raises(SecondNeeded):
        await confirmed_by(strict, case.id, MIA)
    with pytest.raises(ProposedAlready):
        await strict.casework.decide(case.id, HELPER, WARN)
    assert (await confirmed_by(strict, case.id, MAX)).case.outcome is Outcome.BAN


async def test_a_moderators_ban_has_nothing_of_a_helpers_proposal(shop: Shop) -> None:
    short = replace(BAN, seconds=60, is_bot_ban=True)
    proposed = await shop.casework.sanction(HELPER, ADA.member, "ada", short)
    done = await shop.casework.sanction(MIA, ADA.member, "ada", BAN)
    assert (done.case.id, done.case.outcome) == (proposed.case.id, Outcome.BAN)
    assert (done.case.expires_at, done.is_bots_alone) == (None, False)


async def test_a_moderators_ban_waits_for_a_head_where_there_are_heads(shop: Shop) -> None:
    proposed = await shop.casework.sanction(LOWER, ADA.member, "ada", BAN)
    assert proposed.is_proposal and not proposed.case.is_helpers_proposal
    again = await shop.casework.decide(proposed.case.id, replace(MAX, may_ban=False), BAN)
    assert again.is_proposal, "two moderators are no head"
    for outcome in (Outcome.TIMEOUT, Outcome.BLOCK):
        with pytest.raises(BanNeedsHead):
            await shop.casework.sanction(
                LOWER, ADA.member, "ada", Decision(outcome=outcome, seconds=29 * DAY)
            )
    await shop.casework.sanction(LOWER, ADA.member, "ada", Decision(outcome=Outcome.TIMEOUT, seconds=DAY))
    head = await shop.casework.sanction(OLA, ADA.member, "ada", BAN)
    assert (head.is_proposal, head.case.id, head.case.outcome) == (False, proposed.case.id, Outcome.BAN)


async def test_a_proposal_that_a_moderator_has_not_seen_is_not_confirmed(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.decide(case.id, HELPER, APPROVE)
    seen = await shop.records.entries.proposal(case.id)
    await shop.casework.decide(case.id, HELPER, BAN)
    for shown in (seen, 0):
        with pytest.raises(ProposalChanged):
            await shop.casework.confirm(case.id, MIA, shown)
    unchanged = await shop.records.cases.get(case.id)
    assert unchanged is not None and unchanged.is_open
    assert (await confirmed_by(shop, case.id, MIA)).case.outcome is Outcome.BAN


async def test_what_was_not_proposed_is_not_confirmed(shop: Shop) -> None:
    case = await flagged(shop)
    with pytest.raises(NothingProposed):
        await confirmed_by(shop, case.id, MIA)


async def test_roles_of_levels_are_rows_of_one_server(shop: Shop) -> None:
    elsewhere = replace(OLA, guild_id=1)
    await shop.levels.choose(OLA, 5, Level.HELPER)
    await shop.levels.choose(OLA, 6, Level.HEAD)
    assert await shop.levels.choose(OLA, 5, Level.MODERATOR) == {5: Level.MODERATOR, 6: Level.HEAD}
    assert await shop.levels.of_server(elsewhere.guild_id) == {}
    assert await shop.records.mod_roles.of_server(GUILD) == {5: Level.MODERATOR, 6: Level.HEAD}
    assert await shop.levels.choose(OLA, 6, Level.NONE) == {5: Level.MODERATOR}
    assert await actions(shop) == ["mod-role"] * 4
    await shop.records.departures.forget(GUILD)
    shop.levels.forget(GUILD)
    assert await shop.levels.of_server(GUILD) == {}


async def test_a_choice_made_while_the_roles_are_read_counts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, is_read, goes_on = shop.records.mod_roles.of_server, asyncio.Event(), asyncio.Event()

    async def of_server(guild_id: int) -> Mapping[int, Level]:
        """The first reader gets its rows late."""
        rows = await read(guild_id)
        if not is_read.is_set():
            is_read.set()
            await goes_on.wait()
        return rows

    monkeypatch.setattr(type(shop.records.mod_roles), "of_server", staticmethod(of_server))
    first = asyncio.create_task(shop.levels.of_server(GUILD))
    await is_read.wait()
    await shop.levels.choose(OLA, 5, Level.HELPER)
    goes_on.set()
    await first
    assert await shop.levels.of_server(GUILD) == {5: Level.HELPER}
