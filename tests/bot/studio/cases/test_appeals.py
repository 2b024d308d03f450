"""Appeals: a member may ask once. Only a moderator who did not act in the case may answer, once."""

import asyncio

import pytest

from bot.studio.cases.appeals import CaseAppeals
from bot.studio.cases.cases import DAY, Decision
from bot.studio.errors import (
    AppealAnswered,
    AppealedAlready,
    MemberBlocked,
    NoSuchCase,
    NotYourCase,
    OwnDecision,
)
from db.appeals import Decision as Answer
from db.case_entries import EntryKind
from db.cases import Case, Outcome
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import MAX, OLA, actions, flagged

pytestmark = pytest.mark.timeout(60)


async def timed_out(shop: Shop) -> Case:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=DAY)
    return (await shop.casework.sanction(MIA, ADA.member, "ada", timeout)).case


async def test_an_appeal_is_answered_by_another_moderator_and_undoes_the_case(
    shop: Shop, appeals: CaseAppeals
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


async def test_an_appeal_that_is_upheld_changes_nothing_else(shop: Shop, appeals: CaseAppeals) -> None:
    case = await timed_out(shop)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    await appeals.answer(appeal.id, MAX, Answer.UPHELD, "no")
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())


async def test_an_appeal_is_asked_for_once_by_the_member_alone(shop: Shop, appeals: CaseAppeals) -> None:
    case = await timed_out(shop)
    with pytest.raises(NotYourCase):
        await appeals.ask(case.id, BEN.member, "ben", "for a friend")
    await appeals.ask(case.id, ADA.member, "ada", "please")
    with pytest.raises(AppealedAlready):
        await appeals.ask(case.id, ADA.member, "ada", "please, please")
    with pytest.raises(NoSuchCase):
        await appeals.ask((await flagged(shop, BEN)).id, BEN.member, "ben", "before anybody decided")


async def test_of_two_answers_at_once_one_counts(shop: Shop, appeals: CaseAppeals) -> None:
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


async def test_who_proposed_a_ban_does_not_answer_its_appeal(strict: Shop, appeals: CaseAppeals) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    await strict.casework.sanction(MIA, ADA.member, "ada", ban)
    case = (await strict.casework.sanction(MAX, ADA.member, "ada", ban)).case
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    for by in (MIA, MAX):
        with pytest.raises(OwnDecision):
            await appeals.answer(appeal.id, by, Answer.OVERTURNED, "")
    await appeals.answer(appeal.id, OLA, Answer.OVERTURNED, "")


async def test_who_changed_the_decision_does_not_answer_the_appeal(shop: Shop, appeals: CaseAppeals) -> None:
    case = await timed_out(shop)
    _, appeal = await appeals.ask(case.id, ADA.member, "ada", "please")
    await shop.casework.amend(case.number, MAX, reason="raids", seconds=None)
    with pytest.raises(OwnDecision):
        await appeals.answer(appeal.id, MAX, Answer.UPHELD, "")
    await appeals.answer(appeal.id, OLA, Answer.UPHELD, "")
