"""What members spent, and what they got back. Rows without rules: what is too much is decided elsewhere."""

from dataclasses import dataclass

from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    at: float  # unix seconds
    images: int


SPEND = """
INSERT INTO spending (job, member, guild_id, images, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (job) DO NOTHING RETURNING job
"""
REFUND = """
UPDATE spending SET refunded = min(images, coalesce(:images, images))
WHERE job = :job AND refunded IS NULL AND coalesce(:images, 1) > 0 RETURNING refunded
"""
SINCE = """
SELECT at, images - coalesce(refunded, 0) AS images FROM spending
WHERE member = :member AND at >= :since AND images > coalesce(refunded, 0)
ORDER BY at, job
"""


class Spending(Repository):
    async def spend(
        self, tx: Transaction, *, member: MemberId, guild_id: int | None, job: JobId, images: int, at: float
    ) -> bool:
        """Once for each job; False when that job has spent already. The job is recorded in the same
        transaction, before or after: otherwise the commit fails with sqlite3.IntegrityError."""
        return await tx.one(SPEND, (job, member, guild_id, images, at)) is not None

    async def refund(self, tx: Transaction, job: JobId, images: int | None = None) -> int:
        """Gives back that many pictures, all of them by default, and returns how many it gave. A job is
        refunded once: 0 when it was before, or never spent."""
        row = await tx.one(REFUND, {"job": job, "images": images})
        return row["refunded"] if row else 0

    async def since(self, member: MemberId, since: float) -> list[Spent]:
        """What the member spent at or after `since` and did not get back, oldest first."""
        rows = await self._db.reader.all(SINCE, {"member": member, "since": since})
        return [value_of(Spent, row) for row in rows]
