"""Members' charges and refunds. Rows only: `moderation.rate_limits` decides the limits."""

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
CHARGED = "SELECT images - coalesce(refunded, 0) FROM spending WHERE job = ?"
REFUND = "UPDATE spending SET refunded = coalesce(refunded, 0) + :images WHERE job = :job RETURNING job"
SINCE = """
SELECT at, images - coalesce(refunded, 0) AS images FROM spending
WHERE member = :member AND at >= :since AND images > coalesce(refunded, 0)
ORDER BY at, job
"""


class Spending(Repository):
    async def spend(
        self, tx: Transaction, *, member: MemberId, guild_id: int | None, job: JobId, images: int, at: float
    ) -> bool:
        """Charges the job once. Returns False when it was charged already.

        Record the job in the same transaction, before or after; otherwise the commit fails with sqlite3.IntegrityError.
        """
        return await tx.one(SPEND, (job, member, guild_id, images, at)) is not None

    async def refund(self, tx: Transaction, job: JobId, images: int | None = None) -> int:
        """Refunds `images` pictures more (default: all that are left) and returns how many. Never more than were charged.

        Returns 0 when nothing is left to refund or the job was never charged.
        """
        charged = await self.charged(job)
        refunded = charged if images is None else min(images, charged)
        if refunded > 0:
            await tx.all(REFUND, {"job": job, "images": refunded})
        return max(refunded, 0)

    async def charged(self, job: JobId) -> int:
        """Returns the number of pictures that the job still costs."""
        row = await self._db.reader.one(CHARGED, (job,))
        return row[0] if row else 0

    async def since(self, member: MemberId, since: float) -> list[Spent]:
        """Returns the member's charges at or after `since` without refunded pictures, oldest first."""
        rows = await self._db.reader.all(SINCE, {"member": member, "since": since})
        return [value_of(Spent, row) for row in rows]
