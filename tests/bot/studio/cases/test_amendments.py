"""Later changes of a case: amending with the old value kept, pardoning, lifting its block."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bot.studio.cases.cases import DAY, Decision
from bot.studio.errors import MemberBlocked, NoSuchCase, NothingToAmend, NothingToPardon
from db.audit import Act
from db.case_entries import EntryKind
from db.cases import Outcome
from generation.request import MemberId
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import MAX, REMOVE, actions, flagged, warned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_an_amendment_keeps_what_stood_before(shop: Shop) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=3600)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    amended = await shop.casework.amend(case.number, MAX, reason="spam, twice", seconds=2 * DAY)
    assert (amended.reason, amended.expires_at) == ("spam, twice", shop.clock.now + 2 * DAY)
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order())
    assert (blocked.value.until, blocked.value.reason) == (amended.expires_at, "spam, twice")
    entries = await shop.records.entries.of_case(case.id)
    assert [each.kind for each in entries] == [EntryKind.DECIDED, EntryKind.AMENDED]
    assert entries[1].text == "spam, twice"
    now = shop.clock.now
    assert entries[1].details == {"before": "spam", "until_before": now + 3600, "until": now + 2 * DAY}
    assert (await actions(shop))[-1] == "amend"


async def test_what_is_not_there_cannot_be_amended_or_pardoned(shop: Shop) -> None:
    case = await flagged(shop)
    with pytest.raises(NothingToAmend):
        await shop.casework.amend(case.number, MIA, reason="why not", seconds=None)
    with pytest.raises(NoSuchCase):
        await shop.casework.amend(99, MIA, reason="why not", seconds=None)
    await shop.casework.decide(case.id, MIA, REMOVE)
    with pytest.raises(NothingToAmend):
        await shop.casework.amend(case.number, MIA, reason=None, seconds=60)
    with pytest.raises(NothingToPardon):
        await shop.casework.pardon(case.number, MIA, "mercy")


async def test_a_pardon_takes_back_the_cases_own_strike_and_block(shop: Shop) -> None:
    await warned(shop)
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=3600)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    await shop.casework.pardon(case.number, MAX, "mercy")
    assert (await shop.casework.standing(GUILD, ADA.member))[0].strikes == 1
    await shop.admit(an_order())
    with pytest.raises(NothingToPardon):
        await shop.casework.pardon(case.number, MAX, "mercy")


async def test_a_pardon_leaves_a_block_of_another_case(shop: Shop) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=60)
    first = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    await shop.casework.sanction(MIA, ADA.member, "ada", replace(timeout, seconds=DAY))
    await shop.casework.pardon(first.number, MAX, "mercy")
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())


async def test_an_unban_lifts_the_block_and_leaves_the_strike(shop: Shop) -> None:
    case = (
        await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.BAN, reason="raids"))
    ).case
    was_blocked, of = await shop.casework.unban(MIA, ADA.member, "they are sorry")
    assert was_blocked and [each.id for each in of] == [case.id]
    await shop.admit(an_order())
    assert (await shop.casework.standing(GUILD, ADA.member))[0].strikes == 1
    assert (await shop.casework.unban(MIA, ADA.member, "again")) == (False, [])


async def test_a_milder_sanction_of_another_case_ends_no_ban(shop: Shop) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    hour = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=3600)
    banned = await shop.casework.sanction(MIA, ADA.member, "ada", ban)
    milder = await shop.casework.decide((await flagged(shop, BEN)).id, MIA, hour)
    assert banned.earlier is None and milder.earlier is None, "of another member"
    milder = await shop.casework.sanction(MAX, ADA.member, "ada", hour)
    assert milder.earlier is not None and milder.earlier.id == banned.case.block
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order())
    assert (blocked.value.until, blocked.value.reason) == (None, "raids")
    shop.clock.now += 3601
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())
    # The decision of the ban's own case still counts.
    await shop.casework.amend(banned.case.number, MAX, reason=None, seconds=60)
    shop.clock.now += 61
    await shop.admit(an_order())


async def test_an_unban_lifts_all_and_is_noted_in_every_case(shop: Shop) -> None:
    for outcome in (Outcome.BAN, Outcome.TIMEOUT, Outcome.BLOCK):
        decision = Decision(outcome=outcome, reason="spam", seconds=None if outcome is Outcome.BAN else 60)
        await shop.casework.sanction(MIA, ADA.member, "ada", decision)
    was_blocked, cases = await shop.casework.unban(MIA, ADA.member, "mercy")
    assert was_blocked and sorted(case.number for case in cases) == [1, 2, 3]
    for case in cases:
        newest = (await shop.records.entries.of_case(case.id))[-1]
        assert (newest.kind, newest.text) == (EntryKind.LIFTED, "mercy")
    assert (await actions(shop))[-3:] == ["unban"] * 3
    await shop.admit(an_order())


# ---- laws for several sanctions


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an example. `case` is the index of an earlier case, counted from the newest and wrapping around. `seconds`:
    None means until lifted."""

    act: str
    case: int = 0
    seconds: float | None = None


_CASE = st.integers(0, 3)
_SECONDS = st.integers(1, 5).map(float)
_STEPS = st.one_of(
    st.builds(Step, st.just("timeout"), seconds=_SECONDS),
    st.builds(Step, st.sampled_from(["ban", "block"]), seconds=st.none() | _SECONDS),
    st.builds(Step, st.just("wait"), seconds=_SECONDS),
    st.builds(Step, st.just("amend"), _CASE, _SECONDS),
    st.builds(Step, st.just("undo"), _CASE),
    st.builds(Step, st.sampled_from(["unban", "unblock"])),
)
_members = itertools.count(90351110224678912)


# One server for all examples: each example has its own member.
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEPS, min_size=2, max_size=8))
async def test_a_member_is_blocked_until_the_last_sanction_in_force_ends(
    shop: Shop, steps: Sequence[Step]
) -> None:
    member = MemberId(next(_members))
    ends: dict[int, float] = {}  # the end of each case's sanction; 0 when it was withdrawn
    for step in steps:
        numbers = list(ends)[::-1]
        match step.act:
            case "timeout" | "ban" | "block":
                decision = Decision(outcome=Outcome(step.act), reason="spam", seconds=step.seconds)
                done = await shop.casework.sanction(MIA, member, "them", decision)
                ends[done.case.number] = inf if step.seconds is None else shop.clock.now + step.seconds
            case "wait":
                shop.clock.now += step.seconds or 0
            case "unban":
                await shop.casework.unban(MAX, member, "mercy")
                ends = dict.fromkeys(ends, 0.0)
            case "unblock":
                await shop.casework.unban(MAX, member, act=Act.UNBLOCK)
                ends = dict.fromkeys(ends, 0.0)
            case _ if not numbers:
                continue
            case "amend":
                number = numbers[step.case % len(numbers)]
                try:
                    await shop.casework.amend(number, MAX, reason=None, seconds=step.seconds)
                except NothingToAmend:
                    assert ends[number] <= shop.clock.now
                else:
                    assert ends[number] > shop.clock.now
                    ends[number] = shop.clock.now + (step.seconds or 0)
            case _:
                number = numbers[step.case % len(numbers)]
                case = await shop.casework.numbered(MIA, number)
                async with shop.records.database.transaction() as tx:
                    await shop.casework.undo(tx, case, MAX)
                ends[number] = 0.0
        last = max(ends.values(), default=0.0)
        expected = (last > shop.clock.now, last if shop.clock.now < last < inf else None)
        standing, _ = await shop.casework.standing(GUILD, member)
        assert (standing.is_blocked, standing.blocked_until) == expected
        live = await shop.records.blocks.live(GUILD, member, shop.clock.now)
        assert (live is not None, live and live.expires_at) == expected
