"""Cases: numbered, claimed by one moderator, decided once. A ban can require two moderators."""

import asyncio
from dataclasses import replace

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.errors import (
    AsLongAsABan,
    CaseClosed,
    CaseTaken,
    MemberBlocked,
    NoSuchCase,
    OwnCase,
    PromptRefused,
    SecondNeeded,
    SeniorNeeded,
)
from bot.studio.styles.server_styles import StyleInput
from db.audit import Act
from db.cases import Origin, Outcome
from db.jobs import JobState
from moderation.duration import DAY, WEEK
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import APPROVE, FLAGGED, MAX, OLA, REMOVE, WARN, actions, flagged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

# ---- opened


async def test_a_flagged_order_has_a_case_with_its_evidence_before_anybody_is_told(shop: Shop) -> None:
    case = await flagged(shop)
    assert (case.number, case.origin, case.member, case.prompt) == (1, Origin.FLAG, ADA.member, FLAGGED)
    assert (case.verdict.rule, case.verdict.words) != ("", ())
    assert await shop.records.cases.without_card(GUILD) == [case]
    assert (await flagged(shop, BEN)).number == 2


async def test_cases_are_counted_in_each_server(shop: Shop) -> None:
    await flagged(shop)
    elsewhere = replace(BEN, guild_id=GUILD + 1)
    assert (await flagged(shop, elsewhere)).number == 1


async def test_a_refusal_becomes_a_case_once_when_a_moderator_wants_it(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    [record] = await shop.log()
    first = await shop.casework.open_refusal(record.id, MIA)
    again = await shop.casework.open_refusal(record.id, MAX)
    assert first is not None and again is not None
    assert (first.id, first.origin, first.prompt) == (again.id, Origin.REFUSAL, "a nude woman")
    assert await shop.casework.open_refusal(record.id, replace(MIA, guild_id=GUILD + 1)) is None


@pytest.mark.parametrize("prompt", ["a fox", FLAGGED])
async def test_no_case_is_opened_as_refused_from_an_order_that_was_not(shop: Shop, prompt: str) -> None:
    await shop.admit(an_order(prompt))
    [record] = await shop.log()
    before = await shop.records.cases.page(GUILD, limit=10)
    assert await shop.casework.open_refusal(record.id, MIA) is None
    assert await shop.records.cases.page(GUILD, limit=10) == before


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
    assert done.case.told_at is not None  # there is nothing to tell the member
    assert await shop.records.jobs.in_line(ADA.member) == 1


async def test_nobody_decides_on_themselves(shop: Shop) -> None:
    case = await flagged(shop, replace(ADA, member=MIA.member))
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


async def test_a_timeout_holds_until_its_end_and_is_told_with_its_reason(shop: Shop) -> None:
    await shop.casework.sanction(
        MIA, ADA.member, "ada", Decision(outcome=Outcome.TIMEOUT, reason="calm down", seconds=3600)
    )
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order())
    assert (blocked.value.reason, blocked.value.until) == ("calm down", shop.clock.now + 3600)
    shop.clock.now += 3600
    await shop.admit(an_order())


async def test_a_purge_takes_down_what_was_made_and_what_waits(busy: Shop) -> None:
    before = (await busy.draw(images=1)).job
    busy.clock.now += 3600
    made = (await busy.draw(images=1)).job
    bens = (await busy.draw(actor=BEN, images=1)).job
    purged = await busy.takedown.purge(MIA, busy.clock.now - 60, "raid", member=ADA.member, most=10)
    assert [job.id for job in purged.jobs] == [made.id]
    removed = [(await busy.records.pictures.of_job(job.id))[0].is_removed for job in (before, made, bens)]
    assert removed == [False, True, False]
    everybodys = await busy.takedown.purge(OLA, 0, "raid", member=None, most=10)
    assert {job.id for job in everybodys.jobs} == {before.id, bens.id}


async def test_a_purge_names_the_styles_that_were_saved_since_then(shop: Shop) -> None:
    for actor, name in ((ADA, "old"), (ADA, "ink"), (ADA, "oil"), (BEN, "bens")):
        await shop.styles.save(actor, StyleInput(name=name, words="on paper"))
        shop.clock.now += 60
    await shop.styles.save(ADA, StyleInput(name="ink", words="in ink"))
    purged = await shop.takedown.purge(MIA, shop.clock.now - 150, "raid", member=ADA.member, most=10)
    assert purged.styles == ["ink", "oil"]
    purged = await shop.takedown.purge(OLA, shop.clock.now - 150, "raid", member=None, most=2)
    assert purged.styles == ["bens"], "the others are removed already"


async def test_of_two_purges_at_once_each_order_is_taken_down_by_one(busy: Shop) -> None:
    made = {(await busy.draw(images=1)).job.id for _ in range(3)}
    purges = [busy.takedown.purge(by, 0, "raid", member=None, most=10) for by in (MIA, OLA)]
    taken = [{job.id for job in each.jobs} for each in await asyncio.gather(*purges)]
    assert taken[0] | taken[1] == made and not taken[0] & taken[1]


# ---- a ban that requires two moderators


async def test_a_ban_waits_for_a_second_moderator_where_the_server_says_so(strict: Shop) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    case = await flagged(strict)
    proposed = await strict.casework.decide(case.id, MIA, ban)
    assert proposed.is_proposal and proposed.case.is_open
    with pytest.raises(SecondNeeded):
        await strict.casework.decide(case.id, MIA, ban)
    await strict.admit(an_order(actor=ADA))  # the member is not banned yet
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


async def test_of_two_strikes_at_the_same_moment_the_second_counts_the_first(shop: Shop) -> None:
    done = await asyncio.gather(
        *(shop.casework.strike(by, ADA.member, ADA.name, "spam") for by in (MIA, MAX, OLA))
    )
    outcomes = [each.case.outcome for each in sorted(done, key=lambda each: each.case.number)]
    assert outcomes == [Outcome.WARN, Outcome.TIMEOUT, Outcome.TIMEOUT]


async def test_a_moderator_does_not_lift_what_was_set_on_them(shop: Shop) -> None:
    await shop.casework.sanction(MAX, MIA.member, MIA.name, Decision(outcome=Outcome.TIMEOUT, seconds=60))
    for act in (
        shop.casework.unban(MIA, MIA.member, "mercy"),
        shop.casework.unban(MIA, MIA.member, act=Act.UNBLOCK),
    ):
        with pytest.raises(OwnCase):
            await act
    assert await shop.records.blocks.live(GUILD, MIA.member, shop.clock.now) is not None


# ---- what is as long as a ban


WEEKS_4, YEARS = 28 * DAY, 9999 * WEEK


async def test_a_proposed_ban_keeps_its_length(strict: Shop) -> None:
    weeks = Decision(outcome=Outcome.BAN, reason="raids", seconds=2 * WEEK)
    proposed = await strict.casework.sanction(MIA, ADA.member, "ada", weeks)
    assert proposed.is_proposal and proposed.case.proposed_seconds == 2 * WEEK
    confirmed = await strict.casework.sanction(MAX, ADA.member, "ada", replace(weeks, seconds=None))
    assert confirmed.case.expires_at == strict.clock.now + 2 * WEEK


async def test_a_ban_longer_than_the_proposed_one_is_a_proposal_too(strict: Shop) -> None:
    weeks = Decision(outcome=Outcome.BAN, reason="raids", seconds=2 * WEEK)
    case = (await strict.casework.sanction(MIA, ADA.member, "ada", weeks)).case
    longer = await strict.casework.decide(case.id, MAX, replace(weeks, seconds=None))
    assert longer.is_proposal and longer.case.proposed_by == MAX.member
    shorter = await strict.casework.decide(case.id, MIA, weeks)
    assert shorter.case.expires_at == strict.clock.now + 2 * WEEK


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.BLOCK])
async def test_where_a_ban_takes_two_nothing_as_long_as_one_takes_one(strict: Shop, outcome: Outcome) -> None:
    for seconds in (YEARS, WEEKS_4 + 60, *([None] if outcome is Outcome.BLOCK else [])):
        with pytest.raises(AsLongAsABan):
            await strict.casework.sanction(
                OLA, ADA.member, "ada", Decision(outcome=outcome, reason="spam", seconds=seconds)
            )
        case = await flagged(strict)
        with pytest.raises(AsLongAsABan):
            await strict.casework.decide(case.id, MIA, Decision(outcome=outcome, seconds=seconds))
        assert case.job is not None
        await strict.takedown.cancel(case.job, MIA)
    decision = Decision(outcome=outcome, reason="spam", seconds=WEEKS_4)
    case = (await strict.casework.sanction(MIA, ADA.member, "ada", decision)).case
    with pytest.raises(AsLongAsABan):
        await strict.casework.amend(case.number, MAX, reason=None, seconds=YEARS)
    amended = await strict.casework.amend(case.number, MAX, reason=None, seconds=DAY)
    assert amended.expires_at == strict.clock.now + DAY


async def test_an_end_that_comes_earlier_takes_one(strict: Shop) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    await strict.casework.sanction(MIA, ADA.member, "ada", ban)
    case = (await strict.casework.sanction(MAX, ADA.member, "ada", ban)).case
    amended = await strict.casework.amend(case.number, MIA, reason=None, seconds=YEARS)
    assert amended.expires_at == strict.clock.now + YEARS


async def test_elsewhere_a_block_has_no_limit(shop: Shop) -> None:
    await shop.block(ADA)
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())


async def test_an_escalated_case_is_amended_and_taken_back_by_seniors_only(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.escalate(case.id, MIA)
    ban = Decision(outcome=Outcome.BAN, reason="raids", seconds=DAY)
    await shop.casework.decide(case.id, OLA, ban)
    for act in (
        shop.casework.amend(case.number, MIA, reason="less", seconds=60),
        shop.casework.pardon(case.number, MIA, "mercy"),
        shop.casework.unban(MIA, ADA.member, "mercy"),
        shop.casework.unban(MIA, ADA.member, act=Act.UNBLOCK),
    ):
        with pytest.raises(SeniorNeeded):
            await act
    await shop.casework.add_note(case.number, MIA, "seen")
    await shop.casework.amend(case.number, OLA, reason="less", seconds=60)
    await shop.casework.pardon(case.number, OLA, "mercy")


async def test_a_moderator_does_not_note_on_their_own_case(shop: Shop) -> None:
    case = (await shop.casework.sanction(MAX, MIA.member, MIA.name, WARN)).case
    with pytest.raises(OwnCase):
        await shop.casework.add_note(case.number, MIA, "it was nothing")


async def test_an_amended_reason_is_the_one_that_the_member_reads(shop: Shop) -> None:
    case = (
        await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.BAN, reason="raids"))
    ).case
    await shop.records.cases.told(case.id, shop.clock.now)
    amended = await shop.casework.amend(case.number, MAX, reason="spam", seconds=None)
    assert amended.told_at is None
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order())
    assert blocked.value.reason == "spam"
