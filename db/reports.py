"""Members' reports: at most one per picture and member."""

from db.database import Repository, Transaction
from generation import JobId, MemberId

ADD = """
INSERT INTO reports (guild_id, job, case_id, member, reason, at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (job, member) DO NOTHING RETURNING id
"""
HAS = "SELECT 1 FROM reports WHERE job = ? AND member = ?"
TIMES = "SELECT at FROM reports WHERE member = ? AND at > ? ORDER BY at"
COUNT = "SELECT count(*) FROM reports WHERE case_id = ?"


class Reports(Repository):
    async def add(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        job: JobId,
        case_id: int,
        member: MemberId,
        reason: str,
        at: float,
    ) -> bool:
        """Returns False when this member has reported the job before."""
        return await tx.one(ADD, (guild_id, job, case_id, member, reason, at)) is not None

    async def has(self, job: JobId, member: MemberId) -> bool:
        return await self._db.reader.one(HAS, (job, member)) is not None

    async def times(self, member: MemberId, since: float) -> list[float]:
        """Returns the times of the member's reports after `since` (unix seconds), oldest first."""
        return [row["at"] for row in await self._db.reader.all(TIMES, (member, since))]

    async def count(self, case_id: int) -> int:
        return await self._db.reader.value(COUNT, (case_id,))
