"""Blocks: members who may not order in a server, for a time or until lifted.

A member may have several blocks at once, each from its own case. The one that ends last holds; lifting one leaves the others.
Old blocks stay as history.
"""

import sqlite3
from dataclasses import dataclass

from db.database import Repository, Transaction, value_of
from generation import MemberId


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


BLOCK = """
INSERT INTO blocks (guild_id, member, set_by, reason, at, expires_at)
VALUES (?, ?, ?, ?, ?, ?) RETURNING *
"""
_LIVE = "lifted_at IS NULL AND (expires_at IS NULL OR expires_at > :at)"
GET = "SELECT * FROM blocks WHERE id = ?"
LIVE = f"""
SELECT * FROM blocks WHERE guild_id = :guild_id AND member = :member AND {_LIVE}
ORDER BY expires_at DESC NULLS FIRST, id DESC LIMIT 1
"""
LIFT = f"UPDATE blocks SET lifted_at = :at, lifted_by = :by WHERE id = :id AND {_LIVE} RETURNING id"
LIFT_ALL = f"""
UPDATE blocks SET lifted_at = :at, lifted_by = :by WHERE guild_id = :guild_id AND member = :member AND {_LIVE} RETURNING id
"""
OF_MEMBER = "SELECT * FROM blocks WHERE guild_id = ? AND member = ? ORDER BY id DESC LIMIT ?"
REASON = "UPDATE blocks SET reason = ? WHERE id = ?"


class Blocks(Repository):
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
        """Adds a block; the member's live blocks stay."""
        (row,) = await tx.all(BLOCK, (guild_id, member, by, reason, at, expires_at))
        return _block(row)

    async def lift(self, tx: Transaction, block: int | None, *, by: MemberId, at: float) -> bool:
        """Lifts the block. Returns whether it was live; None (a case without a block) gives False."""
        return await tx.one(LIFT, {"id": block, "by": by, "at": at}) is not None

    async def lift_all(
        self, tx: Transaction, *, guild_id: int, member: MemberId, by: MemberId, at: float
    ) -> bool:
        """Lifts all live blocks. Returns False when the member was not blocked."""
        parameters = {"guild_id": guild_id, "member": member, "by": by, "at": at}
        return await tx.one(LIFT_ALL, parameters) is not None

    async def get(self, block: int | None) -> Block | None:
        return await self._db.reader.find(_block, GET, (block,))

    async def of_member(self, guild_id: int, member: MemberId, limit: int) -> list[Block]:
        """Returns the member's blocks, newest first, ended ones included."""
        return [_block(row) for row in await self._db.reader.all(OF_MEMBER, (guild_id, member, limit))]

    async def set_reason(self, tx: Transaction, block: int | None, reason: str) -> None:
        """Changes the reason, which the member is told at an order. None (a case without a block) changes nothing."""
        await tx.all(REASON, (reason, block))

    async def live(self, guild_id: int, member: MemberId, now: float) -> Block | None:
        """Returns the live block that ends last."""
        parameters = {"guild_id": guild_id, "member": member, "at": now}
        return await self._db.reader.find(_block, LIVE, parameters)


def _block(row: sqlite3.Row) -> Block:
    return value_of(Block, row, by=row["set_by"])
