"""Rules about sanctions: whose decision is only a proposal, and how long one moderator's sanction may last."""

from math import inf

from bot.studio import AsLongAsABan, Moderator, SecondNeeded, SeniorNeeded
from db import Case, Outcome, Repositories
from moderation import DAY

LONGEST_TIMEOUT = 28 * DAY
"""Seconds; Discord's limit. A longer sanction is as long as a ban."""


class SanctionRules:
    def __init__(self, records: Repositories) -> None:
        self._records = records

    async def is_proposal(self, case: Case, by: Moderator, outcome: Outcome, seconds: float | None) -> bool:
        """Returns whether the decision waits for a second moderator. Raises SecondNeeded, AsLongAsABan.

        `seconds`: of a sanction; None: until lifted.
        """
        if outcome is Outcome.BAN and await self._needs_second(by):
            if case.proposed_by == by.member:
                raise SecondNeeded(case.number)
            # A ban longer than the proposed one is a proposal too.
            return case.proposed_by is None or _length(seconds) > _length(case.proposed_seconds)
        if outcome in (Outcome.TIMEOUT, Outcome.BLOCK):
            await self.demand_shorter_than_a_ban(by, seconds)
        return False

    async def demand_shorter_than_a_ban(self, by: Moderator, seconds: float | None) -> None:
        """Raises AsLongAsABan for what one moderator alone may not do where a ban takes two."""
        if _length(seconds) > LONGEST_TIMEOUT and await self._needs_second(by):
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
