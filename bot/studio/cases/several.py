"""Decides several open cases at once: all of one member, or those of a raid. Each member gets one sanction and one strike."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from bot.studio import CaseRefusal, Moderator, NoneOpen
from bot.studio.cases.cases import BLOCKING, STRIKING, Casework, Decision, Done
from db import Case, Outcome
from generation import JobId, MemberId

MOST = 100
"""Cases that one press decides: their pictures are removed in one transaction."""


class SeveralCases:
    def __init__(self, casework: Casework) -> None:
        self._casework = casework
        self._cases = casework.records.cases

    async def of_member(self, by: Moderator, member: MemberId) -> list[Case]:
        """Returns the member's open cases that this moderator may decide now, oldest first."""
        found = await self._cases.page(by.guild_id, member=member, is_open=True, limit=MOST)
        return await self._free(by, reversed(found))

    async def of_raid(self, by: Moderator, raid_id: int) -> list[Case]:
        """Returns the raid's open cases that this moderator may decide now, oldest first."""
        return await self._free(by, await self._cases.of_raid(by.guild_id, raid_id, MOST))

    async def decide(
        self, by: Moderator, cases: Sequence[Case], decision: Decision, members: Collection[MemberId]
    ) -> list[Done]:
        """Decides the cases that are still free, of these members.

        A sanction is that of each member's first case; the pictures of their others are removed, without a notice of their own.
        Of other decisions, members are told case by case.
        Where it is only a proposal, the others stay open. Raises NoneOpen, and the refusals of `SanctionRules.is_proposal`.
        """
        done, cancelled = list[Done](), list[JobId]()
        async with self._casework.records.database.transaction() as tx:
            by_member: dict[MemberId, list[Case]] = {}
            for case in await self._free(by, cases):
                if case.member in members:
                    by_member.setdefault(case.member, []).append(case)
            for own in by_member.values():
                # A first refusal gives no strike, so another case comes first.
                own.sort(key=lambda each: each.is_first_refusal)
                first, jobs = await self._casework.decide_in(tx, own[0], by, decision)
                done.append(first)
                cancelled += jobs
                if first.is_proposal:
                    continue
                for case in own[1:]:
                    other, jobs = await self._casework.decide_in(tx, case, by, _beside(decision, first.case))
                    done.append(other)
                    cancelled += jobs
        if not done:
            raise NoneOpen
        self._casework.takedown.leave_line(cancelled)
        return done

    async def _free(self, by: Moderator, cases: Iterable[Case]) -> list[Case]:
        free = list[Case]()
        for case in cases:
            try:
                free.append(await self._casework.free(case.id, by))
            except CaseRefusal:
                continue
        return free


def _beside(decision: Decision, first: Case) -> Decision:
    """Returns the decision about a member's other case."""
    if decision.outcome not in (*STRIKING, *BLOCKING):
        return decision
    return replace(decision, outcome=Outcome.REMOVE, seconds=None, is_bot_ban=None, beside=first.number)
