"""Members who may not order in a guild, for a while or until lifted. Old blocks stay as history."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from db.database import Database, Reader, Transaction
from generation.request import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One row. Times are unix seconds."""

    id: int
    guild_id: int
    member: MemberId
    by: MemberId
    reason: str
    at: float
    expires_at: float | None = None  # None: until lifted
    lifted_at: float | None = None
    lifted_by: MemberId | None = None

    def is_live(self, now: float) -> bool:
        return self.lifted_at is None and (self.expires_at is None or self.expires_at > now)


# One that has run out ended then, and nobody lifted it.
RETIRE = """
UPDATE blocks SET
    lifted_at = min(:at, coalesce(expires_at, :at)),
    lifted_by = CASE WHEN expires_at <= :at THEN NULL ELSE :by END
WHERE guild_id = :guild_id AND member = :member AND lifted_at IS NULL
"""
BLOCK = """
INSERT INTO blocks (guild_id, member, set_by, reason, at, expires_at)
VALUES (:guild_id, :member, :by, :reason, :at, :expires_at) RETURNING *
"""
LIFT = """
UPDATE blocks SET lifted_at = :at, lifted_by = :by
WHERE guild_id = :guild_id AND member = :member AND lifted_at IS NULL
  AND (expires_at IS NULL OR expires_at > :at)
RETURNING id
"""
LIVE = """
SELECT * FROM blocks
WHERE guild_id = ? AND member = ? AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
"""
LIST_LIVE = """
SELECT * FROM blocks
WHERE guild_id = ? AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > ?) ORDER BY at DESC, id DESC
"""


class Blocks:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def block(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        member: MemberId,
        by: MemberId,
        reason: str,
        at: float,
        expires_at: float | None = None,
    ) -> Block:
        """Takes the place of a live block, which `by` thereby lifts."""
        parameters = {
            "guild_id": guild_id,
            "member": member,
            "by": by,
            "reason": reason,
            "at": at,
            "expires_at": expires_at,
        }
        await tx.all(RETIRE, parameters)
        (row,) = await tx.all(BLOCK, parameters)
        return _block(row)

    async def lift(
        self, tx: Transaction, *, guild_id: int, member: MemberId, by: MemberId, at: float
    ) -> bool:
        """False when the member was not blocked."""
        row = await tx.one(LIFT, {"guild_id": guild_id, "member": member, "by": by, "at": at})
        return row is not None

    async def live(
        self, guild_id: int, member: MemberId, now: float, *, tx: Reader | None = None
    ) -> Block | None:
        row = await (tx or self._db.reader).one(LIVE, (guild_id, member, now))
        return _block(row) if row else None

    async def list_live(self, guild_id: int, now: float) -> list[Block]:
        """Newest first."""
        return [_block(row) for row in await self._db.reader.all(LIST_LIVE, (guild_id, now))]


def _block(row: sqlite3.Row) -> Block:
    return Block(
        id=row["id"],
        guild_id=row["guild_id"],
        member=MemberId(row["member"]),
        by=MemberId(row["set_by"]),
        reason=row["reason"],
        at=row["at"],
        expires_at=row["expires_at"],
        lifted_at=row["lifted_at"],
        lifted_by=None if row["lifted_by"] is None else MemberId(row["lifted_by"]),
    )
