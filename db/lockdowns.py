"""Who may order in a server at the moment: raid mode and the panic switch. One row a server that ever used either."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from db.database import Database, Reader, Transaction
from generation.request import MemberId


class Mode(StrEnum):
    OPEN = "open"
    PAUSE = "pause"
    FAMILY = "family"
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockdownState:
    guild_id: int
    account_age: float | None = None  # seconds that an account must be old; None: any
    member_age: float | None = None  # seconds that a member must have been here
    mode: Mode = Mode.OPEN
    mode_at: float | None = None  # unix seconds
    reason: str = ""

    @property
    def is_raid(self) -> bool:
        return self.account_age is not None or self.member_age is not None


GET = "SELECT * FROM gates WHERE guild_id = ?"
SET = """
INSERT INTO gates (guild_id, account_age, member_age, mode, mode_at, reason, set_by)
VALUES (:guild_id, :account_age, :member_age, :mode, :mode_at, :reason, :by)
ON CONFLICT (guild_id) DO UPDATE SET account_age = excluded.account_age, member_age = excluded.member_age,
    mode = excluded.mode, mode_at = excluded.mode_at, reason = excluded.reason, set_by = excluded.set_by
"""
DONE_BEFORE = """
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE member = ? AND guild_id = ? AND state = 'done' AND finished_at < ? LIMIT ?
)
"""


class Lockdowns:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, guild_id: int, *, tx: Reader | None = None) -> LockdownState:
        """An open one for a server that never used it."""
        row = await (tx or self._db.reader).one(GET, (guild_id,))
        if row is None:
            return LockdownState(guild_id=guild_id)
        return LockdownState(
            guild_id=guild_id,
            account_age=row["account_age"],
            member_age=row["member_age"],
            mode=Mode(row["mode"]),
            mode_at=row["mode_at"],
            reason=row["reason"],
        )

    async def set(self, tx: Transaction, gate: LockdownState, by: MemberId) -> None:
        parameters = {
            "guild_id": gate.guild_id,
            "account_age": gate.account_age,
            "member_age": gate.member_age,
            "mode": gate.mode,
            "mode_at": gate.mode_at,
            "reason": gate.reason,
            "by": by,
        }
        await tx.all(SET, parameters)

    async def is_known(self, guild_id: int, member: MemberId, before: float, pictures: int) -> bool:
        """Whether so many of the member's orders in this server were finished before that time."""
        count = await self._db.reader.value(DONE_BEFORE, (member, guild_id, before, pictures))
        return count >= pictures
