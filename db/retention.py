"""Deletes rows by age, a few at a time. Rows that still count (a strike, a ban, an unanswered appeal) stay."""

from dataclasses import dataclass

from db.database import Database
from db.erasure import BATCH, end_of_jobs, statement
from db.images import Pictures
from db.personal_data import LIVE_BLOCK, LIVE_STRIKE, SANCTIONED
from generation import JobId

PICTURES_AT_ONCE = 20
"""Pictures per transaction; their files are deleted before the next writer runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Retention periods in seconds; None: for ever."""

    prompts: float | None  # verdicts with their prompts, since they were recorded
    pictures: float | None  # since they were made
    jobs: float | None  # orders, since they ended; not before their pictures
    cases: float | None  # since they were decided, or opened when still undecided
    sanctions: float | None  # strikes, timeouts and bans, since they ended
    audit: float  # names and reasons in the audit log, since the act


def _paced(table: str, where: str) -> str:
    return statement(table, where, paced_by="id")


# Parameters: :before, :now, :limit
STATEMENTS: dict[str, tuple[str, ...]] = {
    "prompts": (_paced("verdicts", "at < :before"),),
    "jobs": (end_of_jobs("finished_at < :before"),),
    "cases": (
        _paced(
            "cases",
            f"""coalesce(acted_at, opened_at) < :before AND NOT {SANCTIONED} AND NOT EXISTS (
                SELECT 1 FROM appeals WHERE appeals.case_id = cases.id AND decision IS NULL)""",
        ),
    ),
    "sanctions": (
        _paced(
            "strikes",
            f"NOT ({LIVE_STRIKE}) AND min(expires_at, coalesce(pardoned_at, expires_at)) < :before",
        ),
        _paced("blocks", f"NOT ({LIVE_BLOCK}) AND coalesce(lifted_at, expires_at) < :before"),
    ),
    "audit": (
        """
        DELETE FROM audit_openings WHERE (number, field) IN (
            SELECT audit_openings.number, field FROM audit JOIN audit_openings ON audit_openings.number = audit.number
            WHERE audit.at < :before LIMIT :limit) RETURNING 1
        """,
    ),
}
OLD_PICTURES = """
SELECT job, image_index FROM images WHERE removed_at IS NULL AND created_at < ? ORDER BY created_at LIMIT ?
"""


class Retention:
    def __init__(self, db: Database, pictures: Pictures) -> None:
        self._db = db
        self._pictures = pictures

    async def step(self, periods: Periods, now: float) -> int:
        """Deletes one batch of each kind of expired row, each in its own transaction. Returns the row count; 0: none is left."""
        count = 0
        if periods.pictures is not None:
            count += await self._remove_pictures(now - periods.pictures, now)
        for name, statements in STATEMENTS.items():
            period: float | None = getattr(periods, name)
            if period is None:
                continue
            for sql in statements:
                parameters = {"before": now - period, "now": now, "limit": BATCH}
                async with self._db.transaction() as tx:
                    count += len(await tx.all(sql, parameters))
        return count

    async def _remove_pictures(self, before: float, now: float) -> int:
        old = await self._db.reader.all(OLD_PICTURES, (before, PICTURES_AT_ONCE))
        if not old:
            return 0
        async with self._db.transaction() as tx:
            for row in old:
                await self._pictures.remove(
                    tx, JobId(row["job"]), row["image_index"], by=None, reason="kept long enough", at=now
                )
        return len(old)
