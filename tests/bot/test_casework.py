"""Cases: numbered, claimed by one, decided once, amended; strikes that decay, and the ladder; a ban that takes two."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.amendments import Amendments
from bot.appeals import AppealDesk
from bot.case_errors import (
    AppealAnswered,
    AppealedAlready,
    CaseClosed,
    CaseTaken,
    NoSuchCase,
    NothingToAmend,
    NothingToPardon,
    NotYourCase,
    OwnCase,
    OwnDecision,
    SecondNeeded,
    SeniorNeeded,
)
from bot.casework import DAY, Decision
from bot.orders import Asker, MemberBlocked, PromptRefused
from db.appeals import Decision as Answer
from db.case_entries import EntryKind
from db.cases import Case, Origin, Outcome
from db.jobs import JobState
from generation.request import MemberId
from moderation.ladder import Rung, Sanction
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order

pytestmark = pytest.mark.timeout(60)

FLAGGED = "a bloody sword"
MAX = replace(MIA, member=MemberId(80351110224678915), name="max")
OLA = replace(MIA, member=MemberId(80351110224678916), name="ola", is_senior=True)
REMOVE, APPROVE = Decision(outcome=Outcome.REMOVE), Decision(outcome=Outcome.APPROVE)
WARN = Decision(outcome=Outcome.WARN, reason="not here")


async def flagged(shop: Shop, asker: Asker = ADA) -> Case:
    job = await shop.admit(an_order(FLAGGED, asker, images=1))
    case = await shop.records.cases.of_job(job.id)
    assert case is not None
    return case


async def actions(shop: Shop) -> list[str]:
    """Oldest first."""
    return [each.act for each in reversed(await shop.records.audit.page(GUILD, limit=100))]


async def warned(shop: Shop, times: int = 1) -> None:
    for _ in range(times):
        await shop.casework.sanction(MIA, ADA.member, "ada", WARN)


# ---- opened


async def test_a_flagged_order_has_a_case_with_its_evidence_before_anybody_is_told(shop: Shop) -> None:
    case = await flagged(shop)
    assert (case.number, case.origin, case.member, case.prompt) == (1, Origin.FLAG, ADA.member, FLAGGED)
    assert (case.verdict.rule, case.verdict.words) != ("", ())
    assert await shop.records.cases.without_card() == [case]
    assert (await flagged(shop, BEN)).number == 2


async def test_cases_are_counted_in_each_server(shop: Shop) -> None:
    await flagged(shop)
    elsewhere = replace(BEN, guild_id=GUILD + 1)
    assert (await flagged(shop, elsewhere)).number == 1


async def test_a_first_hit_of_the_filter_is_an_explanation_and_no_strike(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    assert await shop.records.cases.page(GUILD) == []
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.refusals, standing.strikes, rung.sanction) == (1, 0, Sanction.WARN)


async def test_a_refusal_becomes_a_case_once_when_a_moderator_wants_it(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    [record] = await shop.log()
    first = await shop.casework.open_refusal(record.id, MIA)
    again = await shop.casework.open_refusal(record.id, MAX)
    assert first is not None and again is not None
    assert (first.id, first.origin, first.prompt) == (again.id, Origin.REFUSAL, "a nude woman")
    assert await shop.casework.open_refusal(record.id, replace(MIA, guild_id=GUILD + 1)) is None


async def refused(shop: Shop, asker: Asker = ADA) -> PromptRefused:
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(an_order("a nude woman", asker))
    return refusal.value


async def case_of_refusal(shop: Shop) -> Case:
    """Of the newest."""
    case = await shop.casework.open_refusal((await shop.log())[0].id, MIA)
    assert case is not None
    return case


@pytest.mark.parametrize("outcome", [Outcome.WARN, Outcome.TIMEOUT, Outcome.BAN])
async def test_no_decision_makes_a_strike_of_a_members_first_refusal(shop: Shop, outcome: Outcome) -> None:
    await refused(shop)
    case = await case_of_refusal(shop)
    done = await shop.casework.decide(case.id, MIA, Decision(outcome=outcome, seconds=60.0))
    assert (done.is_first_hit, done.strikes, done.strike_until) == (True, 0, None)
    assert await shop.records.strikes.of_case(case.id) is None
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.strikes_ever, rung.sanction) == (0, Sanction.WARN)


async def test_the_second_refusal_and_a_moderators_own_case_do_count(shop: Shop) -> None:
    await refused(shop)
    await refused(shop)
    second = await shop.casework.decide((await case_of_refusal(shop)).id, MIA, WARN)
    assert (second.is_first_hit, second.strikes) == (False, 1)
    own = await shop.casework.sanction(MIA, BEN.member, "ben", WARN)
    assert (own.is_first_hit, own.strikes) == (False, 1)


async def test_the_first_refusal_is_the_first_in_that_server_of_that_member(shop: Shop) -> None:
    elsewhere = replace(ADA, guild_id=GUILD + 1)
    firsts = [(await refused(shop, asker)).is_first for asker in (ADA, ADA, BEN, elsewhere, BEN, elsewhere)]
    assert firsts == [True, False, True, True, False, False]
    await shop.admit(an_order("a bloody sword", replace(BEN, guild_id=GUILD + 2)))
    assert (await refused(shop, replace(BEN, guild_id=GUILD + 2))).is_first, "a flag is no refusal"


async def test_a_flagged_orders_case_counts_although_nothing_was_refused_yet(shop: Shop) -> None:
    done = await shop.casework.decide((await flagged(shop)).id, MIA, WARN)
    assert (done.is_first_hit, done.strikes) == (False, 1)


async def test_of_two_first_refusals_at_once_one_is_the_first(shop: Shop) -> None:
    found = await asyncio.gather(
        *(shop.admit(an_order("a nude woman")) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, PromptRefused) and each.is_first for each in found) == 1


# ---- claimed and decided


@pytest.mark.parametrize("first", [REMOVE, APPROVE, WARN])
async def test_of_two_moderators_at_once_exactly_one_acts_and_the_other_is_told_who(
    shop: Shop, first: Decision
) -> None:
    case = await flagged(shop)
    results = await asyncio.gather(
        shop.casework.decide(case.id, MIA, first),
        shop.casework.decide(case.id, MAX, REMOVE),
        return_exceptions=True,
    )
    [refusal] = [each for each in results if isinstance(each, CaseClosed)]
    known = await shop.records.cases.get(case.id)
    assert known is not None and known.outcome is not None
    assert (refusal.by, refusal.outcome) == (known.acted_name, known.outcome)
    assert len([each for each in await actions(shop) if each in tuple(Outcome)]) == 1


async def test_who_fills_in_a_form_has_the_case_for_themselves_for_a_while(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.claim(case.id, MIA)
    shop.clock.now += 60
    with pytest.raises(CaseTaken) as taken:
        await shop.casework.decide(case.id, MAX, REMOVE)
    assert (taken.value.by, taken.value.free_in) == ("mia", 120.0)
    with pytest.raises(CaseTaken):
        await shop.casework.claim(case.id, MAX)
    shop.clock.now += 120
    await shop.casework.claim(case.id, MAX)
    with pytest.raises(CaseTaken):
        await shop.casework.decide(case.id, MIA, REMOVE)
    done = await shop.casework.decide(case.id, MAX, WARN)
    assert done.case.acted_by == MAX.member


async def test_removing_takes_the_pictures_down_and_gives_no_strike(busy: Shop) -> None:
    job = (await busy.draw(FLAGGED)).job
    case = await busy.records.cases.of_job(job.id)
    assert case is not None
    done = await busy.casework.decide(case.id, MIA, REMOVE)
    assert (done.case.outcome, done.strikes, done.strike_until) == (Outcome.REMOVE, 0, None)
    assert all(image.is_removed for image in await busy.records.pictures.of_job(job.id))
    assert done.case.told_at is None


async def test_what_is_still_in_line_is_cancelled_and_refunded(shop: Shop) -> None:
    case = await flagged(shop)
    assert case.job is not None
    await shop.casework.decide(case.id, MIA, WARN)
    job = await shop.records.jobs.get(case.job)
    assert job is not None and job.state is JobState.CANCELLED
    assert await shop.spent() == 0


async def test_an_approved_order_goes_on(shop: Shop) -> None:
    case = await flagged(shop)
    assert case.job is not None
    done = await shop.casework.decide(case.id, MIA, APPROVE)
    assert done.case.told_at is not None  # there is nothing to tell
    assert await shop.records.jobs.in_line(ADA.member) == 1


async def test_nobody_decides_on_themselves(shop: Shop) -> None:
    case = await flagged(shop, replace(MIA, is_moderator=False))
    for act in (
        shop.casework.decide(case.id, MIA, APPROVE),
        shop.casework.claim(case.id, MIA),
        shop.casework.sanction(MIA, MIA.member, "mia", WARN),
    ):
        with pytest.raises(OwnCase):
            await act


async def test_a_case_of_another_server_is_none(shop: Shop) -> None:
    case = await flagged(shop)
    with pytest.raises(NoSuchCase):
        await shop.casework.decide(case.id, replace(MIA, guild_id=GUILD + 1), REMOVE)
    with pytest.raises(NoSuchCase):
        await shop.casework.decide(999, MIA, REMOVE)


async def test_an_escalated_case_waits_for_somebody_who_manages_the_server(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.escalate(case.id, MIA)
    for by in (MIA, MAX):
        with pytest.raises(SeniorNeeded):
            await shop.casework.decide(case.id, by, APPROVE)
    assert (await shop.casework.decide(case.id, OLA, APPROVE)).case.acted_by == OLA.member
    assert await actions(shop) == ["escalate", "approve"]


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


async def test_a_timeout_holds_until_its_end_and_is_told_with_its_reason(shop: Shop) -> None:
    await shop.casework.sanction(
        MIA, ADA.member, "ada", Decision(outcome=Outcome.TIMEOUT, reason="calm down", seconds=3600)
    )
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order())
    assert (blocked.value.reason, blocked.value.until) == ("calm down", shop.clock.now + 3600)
    shop.clock.now += 3600
    await shop.admit(an_order())


# ---- a ban that takes two


@pytest.fixture
async def strict(shop: Shop) -> Shop:
    await shop.casework.set_second_for_bans(OLA, True)
    return shop


async def test_a_ban_waits_for_a_second_moderator_where_the_server_says_so(strict: Shop) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    case = await flagged(strict)
    proposed = await strict.casework.decide(case.id, MIA, ban)
    assert proposed.is_proposal and proposed.case.is_open
    with pytest.raises(SecondNeeded):
        await strict.casework.decide(case.id, MIA, ban)
    await strict.admit(an_order(asker=ADA))  # nothing happened yet
    done = await strict.casework.decide(case.id, MAX, ban)
    assert (done.case.outcome, done.case.acted_by, done.case.proposed_by) == (
        Outcome.BAN,
        MAX.member,
        MIA.member,
    )
    with pytest.raises(MemberBlocked):
        await strict.admit(an_order())
    assert await actions(strict) == ["second-for-bans", "propose-ban", "ban"]


async def test_the_second_may_decide_otherwise(strict: Shop) -> None:
    case = await flagged(strict)
    await strict.casework.decide(case.id, MIA, Decision(outcome=Outcome.BAN, reason="raids"))
    assert (await strict.casework.decide(case.id, MAX, APPROVE)).case.outcome is Outcome.APPROVE
    await strict.admit(an_order())


async def test_the_same_command_by_another_moderator_confirms_the_ban(strict: Shop) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    first = await strict.casework.sanction(MIA, ADA.member, "ada", ban)
    with pytest.raises(SecondNeeded):
        await strict.casework.sanction(MIA, ADA.member, "ada", ban)
    second = await strict.casework.sanction(MAX, ADA.member, "ada", ban)
    assert (first.is_proposal, second.is_proposal, second.case.id) == (True, False, first.case.id)


async def test_elsewhere_one_moderator_bans(shop: Shop) -> None:
    done = await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.BAN, reason="raids"))
    assert not done.is_proposal and done.case.outcome is Outcome.BAN


# ---- amended and pardoned


@pytest.fixture
def amendments(shop: Shop) -> Amendments:
    return Amendments(shop.casework)


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


# ---- appeals


@pytest.fixture
def appeals(shop: Shop, amendments: Amendments) -> AppealDesk:
    return AppealDesk(shop.casework, amendments)


async def timed_out(shop: Shop) -> Case:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=DAY)
    return (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case


async def test_an_appeal_is_answered_by_another_moderator_and_undoes_the_case(
    shop: Shop, appeals: AppealDesk
) -> None:
    case = await timed_out(shop)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "it was my brother")
    with pytest.raises(OwnDecision):
        await appeals.answer(appeal.id, MIA, Answer.OVERTURNED, "")
    answered = await appeals.answer(appeal.id, MAX, Answer.OVERTURNED, "fair enough")
    assert answered.is_undone
    await shop.admit(an_order())
    assert (await shop.casework.standing(GUILD, ADA.member))[0].strikes == 0
    kinds = [each.kind for each in await shop.records.entries.of_case(case.id)]
    assert kinds == [EntryKind.DECIDED, EntryKind.APPEALED, EntryKind.ANSWERED]
    assert await actions(shop) == ["timeout", "appeal-overturned"]


async def test_an_appeal_that_is_upheld_changes_nothing_else(shop: Shop, appeals: AppealDesk) -> None:
    case = await timed_out(shop)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    await appeals.answer(appeal.id, MAX, Answer.UPHELD, "no")
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())


async def test_an_appeal_is_asked_for_once_by_the_member_alone(shop: Shop, appeals: AppealDesk) -> None:
    case = await timed_out(shop)
    with pytest.raises(NotYourCase):
        await appeals.ask(case.id, BEN.member, "ben", "for a friend")
    await appeals.ask(case.id, ADA.member, "ada", "please")
    with pytest.raises(AppealedAlready):
        await appeals.ask(case.id, ADA.member, "ada", "please, please")
    with pytest.raises(NoSuchCase):
        await appeals.ask((await flagged(shop, BEN)).id, BEN.member, "ben", "before anybody decided")


async def test_of_two_answers_at_once_one_counts(shop: Shop, appeals: AppealDesk) -> None:
    case = await timed_out(shop)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    results = await asyncio.gather(
        appeals.answer(appeal.id, MAX, Answer.UPHELD, ""),
        appeals.answer(appeal.id, OLA, Answer.OVERTURNED, ""),
        return_exceptions=True,
    )
    [refusal] = [each for each in results if isinstance(each, AppealAnswered)]
    known = await shop.records.appeals.get(appeal.id)
    assert known is not None and known.decision is not None
    assert (refusal.by, refusal.decision) == (known.decided_name, known.decision)


async def test_who_proposed_a_ban_does_not_answer_its_appeal(strict: Shop, appeals: AppealDesk) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    await strict.casework.sanction(MIA, ADA.member, "ada", ban)
    case = (await strict.casework.sanction(MAX, ADA.member, "ada", ban)).case
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    for by in (MIA, MAX):
        with pytest.raises(OwnDecision):
            await appeals.answer(appeal.id, by, Answer.OVERTURNED, "")
    await appeals.answer(appeal.id, OLA, Answer.OVERTURNED, "")


# ---- the rest


async def test_a_purge_takes_down_what_was_made_and_what_waits(busy: Shop) -> None:
    before = (await busy.draw(images=1)).job
    busy.clock.now += 3600
    made = (await busy.draw(images=1)).job
    bens = (await busy.draw(asker=BEN, images=1)).job
    purged = await busy.casework.purge(MIA, busy.clock.now - 60, "raid", member=ADA.member, most=10)
    assert [job.id for job in purged.jobs] == [made.id]
    removed = [(await busy.records.pictures.of_job(job.id))[0].is_removed for job in (before, made, bens)]
    assert removed == [False, True, False]
    everybodys = await busy.casework.purge(OLA, 0, "raid", member=None, most=10)
    assert {job.id for job in everybodys.jobs} == {before.id, bens.id}


async def test_the_figures_count_what_happened(shop: Shop, appeals: AppealDesk) -> None:
    case = await flagged(shop)
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    shop.clock.now += 90
    await shop.casework.decide(case.id, MIA, WARN)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    await appeals.answer(appeal.id, MAX, Answer.OVERTURNED, "")
    await flagged(shop, BEN)
    figures = await shop.records.standings.figures(GUILD, 0)
    assert (figures.asked, figures.flagged, figures.refused) == (3, 2, 1)
    assert (figures.opened, figures.open_now, figures.outcomes) == (2, 1, {"warn": 1})
    assert (figures.waited, figures.appeals, figures.overturned) == (90.0, 1, 1)
    assert figures.by_moderator == {MIA.member: 1}
