"""The words and numbers that acts leave in a case, in the audit log and in refusals."""

from dataclasses import replace

import pytest

from bot.studio.cases.cases import DAY, Decision, Done
from bot.studio.errors import (
    CaseClosed,
    CaseTaken,
    NoSuchCase,
    NothingToAmend,
    OwnCase,
    PromptRefused,
    SeniorNeeded,
)
from db.audit import Act
from db.case_entries import EntryKind
from db.cases import Case, Outcome
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import APPROVE, MAX, OLA, REMOVE, WARN, flagged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

BAN = Decision(outcome=Outcome.BAN, reason="raids")


async def entries(shop: Shop, case: Case) -> list[tuple[EntryKind, str, dict[str, object]]]:
    """Returns kind, text and details of the case's entries, oldest first."""
    return [
        (each.kind, each.text, dict(each.details)) for each in await shop.records.entries.of_case(case.id)
    ]


async def logged(shop: Shop) -> tuple[Act, str, str, dict[str, object]]:
    """Returns the newest act in the audit log: the act, its subject, its reason and its details."""
    newest = (await shop.records.audit.page(GUILD, limit=1))[0]
    return Act(newest.act), newest.subject, newest.reason, dict(newest.details)


def test_the_result_of_a_decision_promises_nothing_by_itself() -> None:
    fields = Done.__dataclass_fields__
    defaults = {name: each.default for name, each in fields.items() if name != "case"}
    assert defaults == {
        "earlier": None,
        "is_bots_alone": False,
        "is_proposal": False,
        "strikes": 0,
        "strike_until": None,
        "plain": 0,
    }


async def test_a_warning_gives_one_strike_for_its_days_and_says_so(shop: Shop) -> None:
    case = await flagged(shop)
    done = await shop.casework.decide(case.id, MIA, WARN)
    until = shop.clock.now + shop.settings.moderation.strike_days * DAY
    assert (done.strikes, done.strike_until, done.earlier, done.plain) == (1, until, None, 0)
    assert (done.is_proposal, done.case.is_first_refusal) == (False, False)
    assert (done.case.reason, done.case.expires_at, done.case.block) == ("not here", None, None)
    assert await entries(shop, case) == [(EntryKind.DECIDED, "not here", {"outcome": "warn"})]
    subject = f"case 1, job {case.job}"
    assert await logged(shop) == (Act.WARN, subject, "not here", {"strike_until": until})
    standing, rung = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.strikes, rung.sanction) == (1, "timeout")


async def test_a_timeout_has_its_end_in_the_case_and_in_the_log(shop: Shop) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="calm down", seconds=3600)
    done = await shop.casework.sanction(MIA, ADA.member, "ada", timeout)
    end = shop.clock.now + 3600
    assert (done.case.expires_at, done.strikes) == (end, 1)
    block = await shop.records.blocks.live(GUILD, ADA.member, shop.clock.now)
    assert block is not None and (block.id, block.expires_at) == (done.case.block, end)
    assert (await logged(shop))[3] == {"until": end, "strike_until": done.strike_until}


async def test_a_decision_without_a_reason_says_its_outcome(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.decide(case.id, MIA, REMOVE)
    assert await entries(shop, case) == [(EntryKind.DECIDED, "", {"outcome": "remove"})]
    assert await logged(shop) == (Act.REMOVE, f"case 1, job {case.job}", "", {})


@pytest.mark.parametrize("reason", ["", "raids"])
async def test_pictures_that_a_decision_removes_have_its_reason(busy: Shop, reason: str) -> None:
    job = (await busy.draw("a bloody sword", images=1)).job
    case = await busy.records.cases.of_job(job.id)
    assert case is not None
    await busy.casework.decide(case.id, MIA, Decision(outcome=Outcome.REMOVE, reason=reason))
    [image] = await busy.records.pictures.of_job(job.id)
    assert (image.removed_reason, image.removed_by) == (reason, MIA.member)


@pytest.mark.parametrize(
    ("outcome", "is_strike", "is_blocked", "is_told"),
    [
        (Outcome.APPROVE, False, False, True),  # the order goes on: there is nothing to tell
        (Outcome.REMOVE, False, False, False),
        (Outcome.WARN, True, False, False),
        (Outcome.TIMEOUT, True, True, False),
        (Outcome.BAN, True, True, False),
        (Outcome.BLOCK, False, True, True),  # told at the member's next order
    ],
)
async def test_what_each_outcome_does(
    shop: Shop, outcome: Outcome, is_strike: bool, is_blocked: bool, is_told: bool
) -> None:
    case = await flagged(shop)
    done = await shop.casework.decide(case.id, MIA, Decision(outcome=outcome, reason="spam"))
    assert (done.strikes == 1, done.strike_until is not None) == (is_strike, is_strike)
    block = await shop.records.blocks.live(GUILD, ADA.member, shop.clock.now)
    assert (block is not None, done.case.block is not None) == (is_blocked, is_blocked)
    assert (done.case.told_at is not None) is is_told
    is_over = outcome is not Outcome.APPROVE
    assert (await shop.records.jobs.in_line(ADA.member) == 0) is is_over


async def test_who_was_refused_wrongly_is_told(busy: Shop) -> None:
    job, _ = await busy.refused("show refused", images=1)
    case = await busy.records.cases.of_job(job.id)
    assert case is not None and case.is_withheld
    assert (await busy.casework.decide(case.id, MIA, APPROVE)).case.told_at is None


async def test_a_closed_case_says_who_closed_it_and_how(shop: Shop) -> None:
    case = await flagged(shop)
    await shop.casework.decide(case.id, MIA, WARN)
    with pytest.raises(CaseClosed) as closed:
        await shop.casework.claim(case.id, MAX)
    error = closed.value
    assert (error.number, error.by, error.outcome, error.at) == (1, "mia", Outcome.WARN, shop.clock.now)
    assert not error.is_refused


async def test_a_case_that_is_not_there_is_named_by_its_number_but_not_in_another_server(shop: Shop) -> None:
    case = await flagged(shop)
    for case_id, by in ((case.id, replace(MIA, guild_id=GUILD + 1)), (999, MIA)):
        with pytest.raises(NoSuchCase) as missing:
            await shop.casework.decide(case_id, by, REMOVE)
        assert missing.value.number == 0
    with pytest.raises(NoSuchCase) as missing:
        await shop.casework.numbered(MIA, 7)
    assert missing.value.number == 7
    assert (await shop.casework.numbered(MIA, 1)).id == case.id


async def test_a_claim_holds_against_others_until_its_end(shop: Shop) -> None:
    case = await flagged(shop)
    seconds = shop.settings.moderation.claim_seconds
    claimed = await shop.casework.claim(case.id, MIA)
    assert (claimed.claimed_by, claimed.claimed_name) == (MIA.member, "mia")
    assert await logged(shop) == (Act.CLAIM, f"case 1, job {case.job}", "", {})
    assert (await shop.casework.claim(case.id, MIA)).claimed_at == shop.clock.now
    shop.clock.now += seconds - 0.5
    with pytest.raises(CaseTaken) as taken:
        await shop.casework.claim(case.id, MAX)
    assert (taken.value.number, taken.value.free_in) == (1, 0.5)
    shop.clock.now += 0.5
    assert (await shop.casework.claim(case.id, MAX)).claimed_by == MAX.member


async def test_an_escalated_case_is_escalated_again_by_anybody_and_decided_by_few(shop: Shop) -> None:
    case = await flagged(shop)
    assert (await shop.casework.escalate(case.id, MIA)).is_escalated
    assert (await shop.casework.escalate(case.id, MAX)).is_escalated
    with pytest.raises(SeniorNeeded) as senior:
        await shop.casework.claim(case.id, MAX)
    assert senior.value.number == 1
    assert (await shop.casework.claim(case.id, OLA)).claimed_by == OLA.member


async def test_a_proposed_ban_changes_nothing_else(strict: Shop) -> None:
    case = await flagged(strict)
    done = await strict.casework.decide(case.id, MIA, BAN)
    assert (done.is_proposal, done.strikes, done.strike_until) == (True, 0, None)
    assert done.case.proposed_by == MIA.member
    assert await entries(strict, case) == [(EntryKind.PROPOSED, "raids", {})]
    assert (await logged(strict))[:3] == (Act.PROPOSE_BAN, f"case 1, job {case.job}", "raids")
    assert await strict.records.jobs.in_line(ADA.member) == 1
    # Two are needed for a ban alone.
    assert not (await strict.casework.decide(case.id, MIA, WARN)).is_proposal


async def test_a_purge_takes_the_newest_first_and_counts(shop: Shop) -> None:
    jobs = [(await shop.admit(an_order(actor=who, images=1))).id for who in (ADA, BEN, ADA)]
    case = await flagged(shop, BEN)
    purged = await shop.takedown.purge(MIA, shop.clock.now, "raid", member=None, most=2)
    assert [job.id for job in purged.jobs] == [case.job, jobs[2]]
    assert (purged.cases, purged.plain) == ([case.id], 0)
    assert await entries(shop, case) == [(EntryKind.PURGED, "raid", {})]
    act, _, reason, details = await logged(shop)
    assert (act, reason, details) == (Act.PURGE, "raid", {"orders": 2, "since": shop.clock.now})


async def test_an_amendment_of_the_reason_leaves_the_end(shop: Shop) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, seconds=3600)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    amended = await shop.casework.amend(case.number, MAX, reason="spam", seconds=None)
    assert (amended.reason, amended.expires_at, amended.block) == ("spam", case.expires_at, case.block)
    assert (await entries(shop, case))[1:] == [(EntryKind.AMENDED, "spam", {"before": ""})]
    assert await logged(shop) == (Act.AMEND, "case 1", "spam", {})


async def test_an_amendment_of_the_end_leaves_the_reason(shop: Shop) -> None:
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", BAN)).case
    amended = await shop.casework.amend(case.number, MAX, reason=None, seconds=60)
    end = shop.clock.now + 60
    assert (amended.reason, amended.expires_at) == ("raids", end)
    assert amended.block != case.block
    assert (await entries(shop, case))[1:] == [(EntryKind.AMENDED, "", {"until_before": None, "until": end})]
    assert await logged(shop) == (Act.AMEND, "case 1", "", {"until": end})
    block = await shop.records.blocks.live(GUILD, ADA.member, shop.clock.now)
    assert block is not None and (block.id, block.reason) == (amended.block, "raids")


async def test_an_amendment_of_both_says_both(shop: Shop) -> None:
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", BAN)).case
    await shop.casework.amend(case.number, MAX, reason="spam", seconds=60)
    changed = {"before": "raids", "until_before": None, "until": shop.clock.now + 60}
    assert (await entries(shop, case))[1:] == [(EntryKind.AMENDED, "spam", changed)]
    assert (await logged(shop))[2:] == ("spam", {"until": shop.clock.now + 60})


async def test_what_can_not_be_amended_says_whether_it_is_still_open(shop: Shop) -> None:
    case = await flagged(shop)
    with pytest.raises(NothingToAmend) as nothing:
        await shop.casework.amend(case.number, MIA, reason="spam", seconds=None)
    assert (nothing.value.number, nothing.value.is_open) == (1, True)
    await shop.casework.decide(case.id, MIA, WARN)
    with pytest.raises(NothingToAmend) as nothing:
        await shop.casework.amend(case.number, MIA, reason=None, seconds=60)
    assert (nothing.value.number, nothing.value.is_open) == (1, False)


async def test_a_moderator_does_not_change_a_case_about_themselves(shop: Shop) -> None:
    case = (await shop.casework.sanction(MAX, MIA.member, "mia", WARN)).case
    for act in (
        shop.casework.amend(case.number, MIA, reason="nothing", seconds=None),
        shop.casework.pardon(case.number, MIA, "mercy"),
        shop.casework.strike(MIA, MIA.member, "mia", "spam"),
        shop.casework.add_note(case.number, MIA, "I did not"),
    ):
        with pytest.raises(OwnCase):
            await act
    noted = await shop.casework.add_note(case.number, MAX, "she did")
    assert (noted.id, (await entries(shop, case))[-1]) == (case.id, (EntryKind.NOTE, "she did", {}))
    assert await logged(shop) == (Act.NOTE, "case 1", "she did", {})


@pytest.mark.parametrize("outcome", [Outcome.WARN, Outcome.BLOCK, Outcome.TIMEOUT])
async def test_a_strike_or_a_block_alone_is_pardoned(shop: Shop, outcome: Outcome) -> None:
    decision = Decision(outcome=outcome, reason="spam")
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", decision)).case
    assert (await shop.casework.pardon(case.number, MAX, "mercy")).id == case.id
    assert (await entries(shop, case))[-1] == (EntryKind.PARDONED, "mercy", {})
    assert (await logged(shop))[:3] == (Act.PARDON, "case 1", "mercy")
    standing, _ = await shop.casework.standing(GUILD, ADA.member)
    assert (standing.strikes, standing.is_blocked) == (0, False)


async def test_removed_pictures_alone_are_pardoned(busy: Shop) -> None:
    job = (await busy.draw("show flagged waves1", images=2)).job
    case = await busy.records.cases.of_job(job.id)
    assert case is not None
    await busy.casework.decide(case.id, MIA, REMOVE)
    assert (await busy.casework.pardon(case.number, MAX, "mercy")).id == case.id


async def test_an_unban_of_who_is_not_banned_is_logged_once_without_a_case(shop: Shop) -> None:
    assert await shop.casework.unban(MIA, ADA.member, "mercy") == (False, [])
    assert await logged(shop) == (Act.UNBAN, "", "mercy", {"was_blocked": False})
    assert len(await shop.records.audit.page(GUILD)) == 1


async def test_a_refusal_in_a_direct_message_is_no_servers_case(shop: Shop) -> None:
    alone = replace(ADA, guild_id=None)
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman", alone))
    [record] = await shop.log(None)
    assert await shop.casework.open_refusal(record.id, MIA) is None
    assert await shop.casework.open_refusal(record.id + 1, MIA) is None


async def test_a_strike_is_what_the_ladder_says_for_one_more_offence(shop: Shop) -> None:
    first = await shop.casework.strike(MIA, ADA.member, "ada", "spam")
    second = await shop.casework.strike(MIA, ADA.member, "ada", "more spam")
    assert [each.case.outcome for each in (first, second)] == [Outcome.WARN, Outcome.TIMEOUT]
    assert [each.case.reason for each in (first, second)] == ["spam", "more spam"]
    assert [each.strikes for each in (first, second)] == [1, 2]
    assert second.case.expires_at is not None


async def test_the_log_channel_and_the_second_for_bans_are_kept_apart(shop: Shop) -> None:
    await shop.desk_settings.set_log_channel(OLA, 42)
    assert await logged(shop) == (Act.LOG_CHANNEL, "", "", {"channel": "42"})
    await shop.desk_settings.set_second_for_bans(OLA, True)
    assert await logged(shop) == (Act.SECOND_FOR_BANS, "", "", {"is_needed": True})
    settings = await shop.records.guilds.get(GUILD)
    assert (settings.log_channel_id, settings.ban_needs_second) == (42, True)
    await shop.desk_settings.set_second_for_bans(OLA, False)
    settings = await shop.records.guilds.get(GUILD)
    assert (settings.log_channel_id, settings.ban_needs_second) == (42, False)
