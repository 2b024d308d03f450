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
        """Charges the job once. Returns False when it was charged already.

        Record the job in the same transaction, before or after; otherwise the commit fails with sqlite3.IntegrityError.
        """
        return await tx.one(SPEND, (job, member, guild_id, images, at)) is not None

    async def refund(self, tx: Transaction, job: JobId, images: int | None = None) -> int:
        """Refunds `images` pictures (default: all of them) and returns how many. A job is refunded once.

        Returns 0 when the job was refunded before or never charged.
        """
        row = await tx.one(REFUND, {"job": job, "images": images})
        return row["refunded"] if row else 0

    async def since(self, member: MemberId, since: float) -> list[Spent]:
        """Returns the member's charges at or after `since` without refunded pictures, oldest first."""
        rows = await self._db.reader.all(SINCE, {"member": member, "since": since})
        return [value_of(Spent, row) for row in rows]
