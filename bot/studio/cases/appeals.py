"""Appeals: made once by the member of a case, answered by a moderator who did not act in it."""

from dataclasses import dataclass

from bot.studio import (
    AppealAnswered,
    AppealedAlready,
    Moderator,
    NoSuchAppeal,
    NoSuchCase,
    NotYourCase,
    OwnCase,
    OwnDecision,
    SeniorNeeded,
)
from bot.studio.cases.cases import Casework
from db import Act, Appeal, Case, Decision, EffectKind, EntryKind
from generation import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    appeal: Appeal
    case: Case
    is_undone: bool  # whether a live strike or block was taken back


class CaseAppeals:
    def __init__(self, casework: Casework) -> None:
        self._casework = casework
        self.takedown = casework.takedown
        self._records = casework.records

    async def may_ask(self, case_id: int, member: MemberId) -> Case:
        """Returns the case if this member may appeal in it now. Raises NoSuchCase, NotYourCase, AppealedAlready."""
        case = await self._records.cases.get(case_id)
        if case is None or case.is_open:
            raise NoSuchCase(case.number if case else 0)
        if case.member != member:
            raise NotYourCase
        if await self._records.appeals.of_case(case_id) is not None:
            raise AppealedAlready(case.number)
        return case

    async def ask(self, case_id: int, member: MemberId, name: str, text: str) -> tuple[Case, Appeal]:
        """Records the appeal. Raises as `may_ask`."""
        now = self._casework.clock()
        async with self._records.database.transaction() as tx:
            case = await self.may_ask(case_id, member)
            appeal = await self._records.appeals.add(tx, case_id=case_id, member=member, text=text, at=now)
            if appeal is None:
                raise AppealedAlready(case.number)
            await self._records.entries.add(
                tx, case_id, at=now, by=member, name=name, kind=EntryKind.APPEALED, text=text
            )
        return case, appeal

    async def may_answer(self, appeal_id: int, by: Moderator) -> tuple[Appeal, Case]:
        """Returns the appeal and its case if this moderator may answer.

        Raises NoSuchAppeal, AppealAnswered, OwnDecision, OwnCase, SeniorNeeded.
        """
        appeal = await self._records.appeals.get(appeal_id)
        case = await self._records.cases.get(appeal.case_id) if appeal else None
        if appeal is None or case is None or case.guild_id != by.guild_id:
            raise NoSuchAppeal
        if appeal.decision is not None:
            raise AppealAnswered(case.number, appeal.decided_name, appeal.decision)
        # Who proposed a ban, or changed the decision, has acted as much as who made it.
        is_amender = await self._records.entries.has(case.id, EntryKind.AMENDED, by.member)
        if is_amender or by.member in (case.acted_by, case.proposed_by):
            raise OwnDecision(case.number)
        if by.member == case.member:
            raise OwnCase
        if case.is_escalated and not by.is_senior:
            raise SeniorNeeded(case.number)
        return appeal, case

    async def answer(self, appeal_id: int, by: Moderator, decision: Decision, answer: str) -> Answered:
        """Answers the appeal. OVERTURNED takes back the case's strike and block. Only the first answer counts.

        Raises as `may_answer`.
        """
        async with self._records.database.transaction() as tx:
            _, case = await self.may_answer(appeal_id, by)
            appeal = await self._records.appeals.answer(
                tx,
                appeal_id,
                decision=decision,
                by=by.member,
                name=by.name,
                at=self._casework.clock(),
                answer=answer,
            )
            assert appeal is not None, "it was unanswered in this transaction"
            is_undone = decision is Decision.OVERTURNED and await self._casework.undo(tx, case, by)
            act = Act.APPEAL_UPHELD if decision is Decision.UPHELD else Act.APPEAL_OVERTURNED
            details = {"decision": decision}
            await self._casework.record(tx, case, by, EntryKind.ANSWERED, act, answer, details=details)
            await self._casework.want(tx, EffectKind.ANSWER, case)
        return Answered(appeal=appeal, case=case, is_undone=is_undone)
