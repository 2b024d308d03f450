"""What moderators did. Rows are added, never changed or deleted; the database itself refuses."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from db.database import Database, Transaction
from generation.request import JobId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeratorAction:
    id: int
    at: float  # unix seconds
    guild_id: int
    moderator: MemberId
    moderator_name: str
    action: str  # "block", "lift", "remove", ...
    member: MemberId | None  # whom it was about
    job: JobId | None  # what it was about
    reason: str


ADD = """
INSERT INTO actions (at, guild_id, moderator, moderator_name, action, member, job, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
"""
PAGE = """
SELECT * FROM actions
WHERE guild_id = :guild_id AND (:member IS NULL OR member = :member)
  AND (:before_id IS NULL OR id < :before_id)
ORDER BY id DESC LIMIT :limit
"""


class Actions:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(
        self,
        tx: Transaction,
        *,
        at: float,
        guild_id: int,
        moderator: MemberId,
        moderator_name: str,
        action: str,
        member: MemberId | None = None,
        job: JobId | None = None,
        reason: str = "",
    ) -> ModeratorAction:
        (row,) = await tx.all(ADD, (at, guild_id, moderator, moderator_name, action, member, job, reason))
        return _action(row)

    async def page(
        self, guild_id: int, *, member: MemberId | None = None, before_id: int | None = None, limit: int = 10
    ) -> list[ModeratorAction]:
        """Newest first; `member` is whom they were about."""
        parameters = {"guild_id": guild_id, "member": member, "before_id": before_id, "limit": limit}
        return [_action(row) for row in await self._db.reader.all(PAGE, parameters)]


def _action(row: sqlite3.Row) -> ModeratorAction:
    return ModeratorAction(
        id=row["id"],
        at=row["at"],
        guild_id=row["guild_id"],
        moderator=MemberId(row["moderator"]),
        moderator_name=row["moderator_name"],
        action=row["action"],
        member=None if row["member"] is None else MemberId(row["member"]),
        job=None if row["job"] is None else JobId(row["job"]),
        reason=row["reason"],
    )
