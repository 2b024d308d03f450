"""Rules about sanctions: whose decision is only a proposal, and how long one moderator's sanction may last."""

from math import inf

from bot.studio import AsLongAsABan, BanNeedsHead, Moderator, ProposedAlready, SecondNeeded, SeniorNeeded
from db import Case, Outcome, Repositories
from moderation import DAY

LONGEST_TIMEOUT = 28 * DAY
"""Seconds; Discord's limit. A longer sanction is as long as a ban."""


class SanctionRules:
    def __init__(self, records: Repositories) -> None:
        self._records = records

    async def is_proposal(self, case: Case, by: Moderator, outcome: Outcome, seconds: float | None) -> bool:
        """Returns whether the decision waits for another moderator: a helper's, and a ban where it needs a head or a second.

        `seconds`: of a sanction; None: until lifted. Raises SecondNeeded, AsLongAsABan, BanNeedsHead, ProposedAlready.
        """
        is_ban_proposed = case.proposed_outcome is Outcome.BAN and not case.is_helpers_proposal
        if by.is_helper:
            if is_ban_proposed:
                raise ProposedAlready(case.number, case.proposed_name)
            return True
        if outcome is Outcome.BAN and not by.may_ban:
            return True
        if outcome is Outcome.BAN and await self._needs_second(by):
            if is_ban_proposed and case.proposed_by == by.member:
                raise SecondNeeded(case.number)
            # A ban longer than the proposed one is a proposal too. A helper is no first moderator.
            return not is_ban_proposed or _length(seconds) > _length(case.proposed_seconds)
        if outcome in (Outcome.TIMEOUT, Outcome.BLOCK):
            await self.demand_shorter_than_a_ban(by, seconds)
        return False

    async def demand_shorter_than_a_ban(self, by: Moderator, seconds: float | None) -> None:
        """Raises AsLongAsABan for what no moderator may do alone where a ban takes two; BanNeedsHead where it takes a head."""
        if _length(seconds) <= LONGEST_TIMEOUT:
            return
        if not by.may_ban:
            raise BanNeedsHead(LONGEST_TIMEOUT)
        if await self._needs_second(by):
            raise AsLongAsABan(LONGEST_TIMEOUT)

    async def _needs_second(self, by: Moderator) -> bool:
        return (await self._records.guilds.get(by.guild_id)).ban_needs_second


def demand_senior(case: Case, by: Moderator) -> None:
    """Raises SeniorNeeded for an escalated case."""
    if case.is_escalated and not by.is_senior:
        raise SeniorNeeded(case.number)


def _length(seconds: float | None) -> float:
    """Returns the length of a sanction; infinity for one until lifted."""
    return inf if seconds is None else seconds
