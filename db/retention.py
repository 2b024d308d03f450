"""Deletes rows by age, a few at a time. Rows that still count (a strike, a ban, an unanswered appeal) stay.

The reader looks for old rows, slice by slice along an index, so that a large table of rows that stay holds up no writer.
"""

import json
import math
import time
from dataclasses import dataclass

from db.database import Database, value_of
from db.drawn_regions import DrawnRegions
from db.erasure import BATCH, JOB_IS_OVER, PostedAs
from db.images import Pictures
from db.jobs import UploadId
from db.personal_data import LIVE_BLOCK, LIVE_STRIKE, SANCTIONED
from db.styles import Styles
from db.uploads import IS_OF_A_STYLE, UNUSED_SECONDS, Uploads
from generation import JobId

SLICE = 1000
"""Rows that one look reads."""
PICTURES_AT_ONCE = 20
"""Pictures per transaction at most; their files are deleted before the next writer runs."""
_HOLD_SECONDS = 0.02
"""Seconds after which a transaction takes no further picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Retention periods in seconds; None: for ever. And the limit on all pictures."""

    prompts: float | None  # verdicts with their prompts, since they were recorded
    pictures: float | None  # since they were made
    picture_bytes: int | None  # of all files; above it the oldest go. None: no limit
    jobs: float | None  # orders, since they ended; not before their pictures
    cases: float | None  # since they were decided, or opened when still undecided
    sanctions: float | None  # strikes, timeouts and bans, since they ended
    audit: float  # names and reasons in the audit log, since the act


@dataclass(frozen=True, slots=True)
class Expiry:
    """Rows that are deleted once `at` is older than the period. `at`: SQL, as in the index that the slices follow."""

    period: str  # the field of Periods
    table: str
    at: str
    where: str = "TRUE"  # SQL, of rows that may go; :now
    key: str = "id"
    delete_from: str = ""  # where the rows with these keys are deleted; empty: `table`

    @property
    def look(self) -> str:
        """SQL for a slice, oldest first. A row has `key`, `at` and `is_due`."""
        return f"""
        SELECT {self.key} AS key, {self.at} AS at, ({self.where}) AS is_due FROM {self.table}
        WHERE {self.at} < :before AND ({self.at}, {self.key}) > (:after, :after_key)
        ORDER BY {self.at}, {self.key} LIMIT :limit
        """

    @property
    def delete(self) -> str:
        keys = "(SELECT value FROM json_each(:keys))"
        if self.delete_from:
            return f"DELETE FROM {self.delete_from} WHERE {self.key} IN {keys} RETURNING 1"
        return f"DELETE FROM {self.table} WHERE {self.key} IN {keys} AND {self.where} RETURNING 1"


_CASE_AT = "coalesce(acted_at, opened_at)"
_CASE_IS_OVER = f"""NOT {SANCTIONED} AND NOT EXISTS (
    SELECT 1 FROM appeals WHERE appeals.case_id = cases.id AND decision IS NULL)
"""
_HAS_CARD = """(card_message_id IS NOT NULL OR EXISTS (
    SELECT 1 FROM appeals WHERE appeals.case_id = cases.id AND appeals.card_message_id IS NOT NULL))
"""
# An older card in Discord, without its row, would not be found by an erasure any more.
CARDS = f"""
WITH due AS (SELECT * FROM cases WHERE {_CASE_AT} < :before AND {_HAS_CARD} AND {_CASE_IS_OVER} LIMIT :limit)
SELECT 'cases' AS place, id AS row, guild_id, card_channel_id AS channel_id, card_message_id AS message_id
FROM due WHERE card_message_id IS NOT NULL
UNION ALL
SELECT 'appeals', appeals.id, guild_id, appeals.card_channel_id, appeals.card_message_id
FROM appeals JOIN due ON due.id = case_id WHERE appeals.card_message_id IS NOT NULL
"""
EXPIRIES = (
    Expiry("prompts", "verdicts", "at"),
    Expiry("jobs", "jobs", "finished_at", JOB_IS_OVER),
    Expiry("cases", "cases", _CASE_AT, f"{_CASE_IS_OVER} AND NOT {_HAS_CARD}"),
    Expiry(
        "sanctions",
        "strikes",
        "min(expires_at, coalesce(pardoned_at, expires_at))",
        f"NOT ({LIVE_STRIKE})",
    ),
    Expiry("sanctions", "blocks", "coalesce(lifted_at, expires_at)", f"NOT ({LIVE_BLOCK})"),
    Expiry(
        "audit",
        "audit",
        "at",
        "EXISTS (SELECT 1 FROM audit_openings WHERE audit_openings.number = audit.number)",
        key="number",
        delete_from="audit_openings",
    ),
)
# The picture of a style stays as long as the style.
OLD_PICTURES = f"""
SELECT job, image_index, NULL AS upload, bytes, created_at FROM images WHERE removed_at IS NULL AND created_at < :before
UNION ALL
SELECT NULL, NULL, id, bytes, created_at FROM uploads
WHERE removed_at IS NULL AND created_at < :before AND NOT {IS_OF_A_STYLE}
ORDER BY created_at LIMIT :limit
"""
_START = (float("-inf"), "")


class Retention:
    def __init__(self, db: Database, pictures: Pictures, uploads: Uploads | None = None) -> None:
        self._db = db
        self._pictures = pictures
        self._uploads = uploads or Uploads(db, pictures)
        self._drawn_regions = DrawnRegions(db)
        self._styles = Styles(db)
        self._after: dict[Expiry, tuple[float, int | str]] = {}  # the row behind which the next slice begins

    async def step(self, periods: Periods, now: float) -> int:
        """Deletes one batch of each kind of expired row, each in its own transaction. Returns the row count.

        0: none is left in the slices looked at. The next call looks at the next slices.
        """
        count = 0
        if periods.pictures is not None:
            count += await self._remove_pictures(now - periods.pictures, now, "kept long enough")
        if periods.picture_bytes is not None:
            excess = (await self._pictures.stored()).bytes - periods.picture_bytes
            if excess > 0:
                count += await self._remove_pictures(math.inf, now, "no room", excess)
        count += await self._remove_uploads(now)
        count += await self._drawn_regions.forget(now)
        if await self._styles.has_forgettable(now):
            async with self._db.transaction() as tx:
                count += await self._styles.forget(tx, now, BATCH)
        for expiry in EXPIRIES:
            period: float | None = getattr(periods, expiry.period)
            if period is not None:
                count += await self._delete(expiry, now - period, now)
        return count

    async def cards(self, periods: Periods, now: float, limit: int) -> list[PostedAs]:
        """Returns the cards of at most `limit` cases that are old enough to be deleted: a row stays as long as its card."""
        if periods.cases is None:
            return []
        parameters = {"before": now - periods.cases, "now": now, "limit": limit}
        return [value_of(PostedAs, row) for row in await self._db.reader.all(CARDS, parameters)]

    async def _delete(self, expiry: Expiry, before: float, now: float) -> int:
        after, after_key = self._after.get(expiry, _START)
        parameters = {"before": before, "now": now, "after": after, "after_key": after_key, "limit": SLICE}
        rows = await self._db.reader.all(expiry.look, parameters)
        due = [row["key"] for row in rows if row["is_due"]][:BATCH]
        if not due:
            is_end = len(rows) < SLICE
            self._after[expiry] = _START if is_end else (rows[-1]["at"], rows[-1]["key"])
            return 0
        async with self._db.transaction() as tx:
            return len(await tx.all(expiry.delete, {"keys": json.dumps(due), "now": now}))

    async def _remove_pictures(self, before: float, now: float, reason: str, excess: float = math.inf) -> int:
        """Removes the oldest pictures made before `before`, until at least `excess` bytes are gone."""
        old = await self._db.reader.all(OLD_PICTURES, {"before": before, "limit": PICTURES_AT_ONCE})
        if not old:
            return 0
        count = 0
        async with self._db.transaction() as tx:
            until = time.monotonic() + _HOLD_SECONDS
            for row in old:
                if row["upload"] is not None:
                    await self._uploads.remove(tx, [UploadId(row["upload"])], now)
                else:
                    await self._pictures.remove(
                        tx, JobId(row["job"]), row["image_index"], by=None, reason=reason, at=now
                    )
                count += 1
                excess -= row["bytes"]
                if excess <= 0 or time.monotonic() > until:
                    break
        return count

    async def _remove_uploads(self, now: float) -> int:
        """Removes uploads that got no order, and then the rows of removed ones that no order names any more."""
        unused = await self._uploads.unused(now - UNUSED_SECONDS, PICTURES_AT_ONCE)
        count = 0
        if unused:
            async with self._db.transaction() as tx:
                count = await self._uploads.remove(tx, unused, now)
        if await self._uploads.has_forgettable():
            async with self._db.transaction() as tx:
                count += await self._uploads.forget(tx, BATCH)
        return count
