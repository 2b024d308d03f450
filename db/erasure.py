"""Erasure of a member's data. Data behind a live sanction, and charges of the last day, stay until they end.

A member's request is a row of `erasures`. `Erasures.advance` is repeated until none of the data from before the request is left.
This module changes rows only: the code that knows Discord takes down pictures and messages first.
"""

import asyncio
import time
from dataclasses import dataclass

from db import forgotten
from db.database import Repository, Transaction, value_of
from db.pace import Pace
from db.personal_data import OVER, PERSONAL_DATA
from generation import JobId, MemberId
from moderation import DAY

BATCH = 100
"""Rows per transaction at most; it limits how long other writers wait."""


def statement(table: str, where: str, sets: str = "", *, paced_by: str = "") -> str:
    """Returns SQL that deletes the rows or, with `sets`, overwrites them.

    With `paced_by` (the table's key) the statement changes at most :limit rows and returns a row for each.
    """
    if paced_by:
        where = f"({paced_by}) IN (SELECT {paced_by} FROM {table} WHERE {where} LIMIT :limit) RETURNING 1"
    return (f"UPDATE {table} SET {sets}" if sets else f"DELETE FROM {table}") + f" WHERE {where}"


JOB_IS_OVER = """
    jobs.state NOT IN ('queued', 'running')
    AND NOT EXISTS (SELECT 1 FROM job_parents JOIN jobs AS children ON children.id = job_parents.job
        WHERE job_parents.parent = jobs.id AND children.state IN ('queued', 'running'))
    AND NOT EXISTS (SELECT 1 FROM images WHERE images.job = jobs.id AND images.removed_at IS NULL)
"""
"""An ended job without pictures. A job stays while a job made from it waits or runs. Finished jobs made from it are kept."""


_TREATED = [
    (rows.table, f"({rows.meant} AND {each.where})", each)
    for rows in PERSONAL_DATA
    for each in rows.treatments
]
PACED = (
    # Charges of the last day still count: an erasure must not give a fresh allowance.
    statement(
        "jobs",
        f"""member = :member AND created_at <= :asked AND created_at <= :now - {DAY} AND message_id IS NULL
            AND {JOB_IS_OVER}""",
        paced_by="id",
    ),
    *(
        statement(table, where, each.sets, paced_by=each.paced_by)
        for table, where, each in _TREATED
        if each.paced_by
    ),
)
AT_ONCE = [statement(table, where, each.sets) for table, where, each in _TREATED if not each.paced_by]
# Runs before `AT_ONCE`: marks cases whose card shows the data to be changed.
MARK_CARDS = f"""
UPDATE cases SET is_card_stale = 1
WHERE card_message_id IS NOT NULL AND (
    {" OR ".join(where for table, where, _ in _TREATED if table == "cases")}
    OR id IN (SELECT case_id FROM case_entries WHERE
        {" OR ".join(where for table, where, _ in _TREATED if table == "case_entries")}))
"""
LEFT = (
    " UNION ALL ".join(f"SELECT 1 FROM {rows.table} WHERE {rows.meant}" for rows in PERSONAL_DATA if rows.at)
    + " LIMIT 1"
)
MEMBERS = " UNION ".join(
    f"SELECT {rows.column} AS member FROM {rows.table} WHERE {rows.column} IS NOT NULL"
    for rows in PERSONAL_DATA
    if rows.at and not rows.through
)
TOTAL = "SELECT total_changes()"
ASK = """
INSERT INTO erasures (member, asked_at) VALUES (?, ?)
ON CONFLICT (member) DO UPDATE SET asked_at = max(asked_at, excluded.asked_at)
"""
PENDING = "SELECT member, asked_at FROM erasures ORDER BY asked_at"
DONE = "DELETE FROM erasures WHERE member = ? AND asked_at = ? RETURNING member"
PICTURES = """
SELECT job, image_index FROM images JOIN jobs ON jobs.id = images.job
WHERE jobs.member = :member AND jobs.created_at <= :asked AND images.removed_at IS NULL LIMIT :limit
"""
# Messages of orders; cards of cases to be deleted; cards of appeals that are answered or whose case is to be deleted.
POSTED = f"""
SELECT 'jobs' AS place, id AS row, guild_id, channel_id, message_id FROM jobs
WHERE member = :member AND created_at <= :asked AND message_id IS NOT NULL AND state NOT IN ('queued', 'running')
UNION ALL
SELECT 'cases', id, guild_id, card_channel_id, card_message_id FROM cases
WHERE member = :member AND opened_at <= :asked AND card_message_id IS NOT NULL AND {OVER}
UNION ALL
SELECT 'appeals', appeals.id, cases.guild_id, appeals.card_channel_id, appeals.card_message_id
FROM appeals JOIN cases ON cases.id = appeals.case_id
WHERE appeals.member = :member AND cases.opened_at <= :asked AND appeals.card_message_id IS NOT NULL
  AND (decision IS NOT NULL OR {OVER})
LIMIT :limit
"""
IS_GONE = {
    "jobs": "UPDATE jobs SET message_id = NULL WHERE id = ? AND message_id = ?",
    "cases": "UPDATE cases SET card_channel_id = NULL, card_message_id = NULL WHERE id = ? AND card_message_id = ?",
    "appeals": "UPDATE appeals SET card_channel_id = NULL, card_message_id = NULL WHERE id = ? AND card_message_id = ?",
}
TO_REDRAW = "SELECT id FROM cases WHERE is_card_stale = 1 ORDER BY id LIMIT ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    member: MemberId
    asked_at: float  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedAs:
    """A message to delete, and the row that names it."""

    place: str  # the table
    row: JobId | int
    guild_id: int | None
    channel_id: int
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    rows: int  # deleted or emptied
    is_done: bool  # whether no data is left


class Erasures(Repository):
    async def ask(self, tx: Transaction, member: MemberId, at: float) -> None:
        """Records the request, also in the list beside the database."""
        await tx.all(ASK, (member, at))

        async def keep() -> None:
            await asyncio.to_thread(forgotten.note, forgotten.list_path(self._db.path), member, at)

        tx.after_commit(keep)

    async def recall(self) -> int:
        """Asks again for members whose data came back with a backup. Returns their number. For the program's start."""
        entries = await asyncio.to_thread(forgotten.read, forgotten.list_path(self._db.path))
        if not entries:
            return 0
        members = [MemberId(row["member"]) for row in await self._db.reader.all(MEMBERS)]
        found = await asyncio.to_thread(forgotten.recognised, entries, members)
        pending = {each.member for each in await self.pending()}
        again = [
            ErasureRequest(member=each, asked_at=at) for each, at in found.items() if each not in pending
        ]
        left = [each for each in again if await self.has_left(each)]
        async with self._db.transaction() as tx:
            for each in left:
                await tx.all(ASK, (each.member, each.asked_at))
        return len(left)

    async def pending(self) -> list[ErasureRequest]:
        """Returns the requests, oldest first."""
        return [value_of(ErasureRequest, row) for row in await self._db.reader.all(PENDING)]

    async def has_left(self, erasure: ErasureRequest) -> bool:
        """Returns whether data that the request covers is left."""
        return await self._db.reader.one(LEFT, _parameters(erasure)) is not None

    async def posted(self, erasure: ErasureRequest, now: float, limit: int) -> list[PostedAs]:
        """Returns the Discord messages to delete first: a row stays as long as its message exists."""
        return [
            value_of(PostedAs, row)
            for row in await self._db.reader.all(POSTED, _parameters(erasure, now=now, limit=limit))
        ]

    async def is_gone(self, posted: PostedAs) -> None:
        async with self._db.transaction() as tx:
            await tx.all(IS_GONE[posted.place], (posted.row, posted.message_id))

    async def pictures(self, erasure: ErasureRequest, limit: int) -> list[tuple[JobId, int]]:
        """Returns the pictures that are left: job and index."""
        rows = await self._db.reader.all(PICTURES, _parameters(erasure, limit=limit))
        return [(JobId(row["job"]), row["image_index"]) for row in rows]

    async def to_redraw(self, limit: int) -> list[int]:
        """Returns ids of cases whose card shows forgotten data."""
        return [row["id"] for row in await self._db.reader.all(TO_REDRAW, (limit,))]

    async def advance(self, erasure: ErasureRequest, *, now: float, acts_before: float) -> Advance:
        """Deletes all data that may be deleted by now, in small transactions. Deletes the request with the last of it."""
        rows = 0
        parameters = _parameters(erasure, now=now, acts_before=acts_before)
        for sql in PACED:
            pace, is_more = Pace(BATCH), True
            while is_more:
                limit = pace.rows
                async with self._db.transaction() as tx:
                    began = time.monotonic()
                    changed = len(await tx.all(sql, parameters | {"limit": limit}))
                    pace.took(time.monotonic() - began)
                rows += changed
                is_more = changed == limit
        async with self._db.transaction() as tx:
            before = await tx.value(TOTAL)
            for sql in (MARK_CARDS, *AT_ONCE):
                await tx.all(sql, parameters)
            rows += await tx.value(TOTAL) - before
            if await tx.one(LEFT, parameters):
                return Advance(rows=rows, is_done=False)
            is_done = await tx.one(DONE, (erasure.member, erasure.asked_at)) is not None
            return Advance(rows=rows, is_done=is_done)


def _parameters(erasure: ErasureRequest, **others: float) -> dict[str, object]:
    return {"member": erasure.member, "asked": erasure.asked_at, **others}
