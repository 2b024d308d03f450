"""Emergency lockdown: raid mode and the panic switch. One row for each server that ever used either."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial

from db.database import Repository, Transaction, value_of
from generation import MemberId


class Mode(StrEnum):
    OPEN = "open"
    PAUSE = "pause"
    FAMILY = "family"
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockdownState:
    guild_id: int
    account_age: float | None = None  # minimum age of an account in seconds; None: any
    member_age: float | None = None  # minimum seconds since the member joined
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


class Lockdowns(Repository):
    async def get(self, guild_id: int) -> LockdownState:
        """Returns the server's state; an open one for a server without a row."""
        found = await self._db.reader.find(partial(value_of, LockdownState), GET, (guild_id,))
        return found or LockdownState(guild_id=guild_id)

    async def set(self, tx: Transaction, lockdown: LockdownState, by: MemberId) -> None:
        await tx.all(SET, asdict(lockdown) | {"by": by})

    async def is_known(self, guild_id: int, member: MemberId, before: float, pictures: int) -> bool:
        """Returns whether at least `pictures` of the member's orders in this server were finished before `before`."""
        count = await self._db.reader.value(DONE_BEFORE, (member, guild_id, before, pictures))
        return count >= pictures
