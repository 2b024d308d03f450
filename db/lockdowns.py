"""Emergency lockdown: raid mode and the panic switch. One row for each server that ever used either."""

from dataclasses import asdict, dataclass, replace
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
    raid_at: float | None = None  # unix seconds
    raid_until: float | None = None  # unix seconds; None: until a moderator ends it
    mode: Mode = Mode.OPEN
    mode_at: float | None = None  # unix seconds
    mode_until: float | None = None  # as `raid_until`
    reason: str = ""

    @property
    def is_raid(self) -> bool:
        return self.account_age is not None or self.member_age is not None

    def as_of(self, now: float) -> "LockdownState":
        """Returns the state without what has ended by then."""
        state = self
        if state.raid_until is not None and state.raid_until <= now:
            state = replace(state, account_age=None, member_age=None, raid_at=None, raid_until=None)
        if state.mode_until is not None and state.mode_until <= now:
            state = replace(state, mode=Mode.OPEN, mode_at=state.mode_until, mode_until=None, reason="")
        return state


GET = "SELECT * FROM gates WHERE guild_id = ?"
SET = """
INSERT INTO gates (
    guild_id, account_age, member_age, raid_at, raid_until, mode, mode_at, mode_until, reason, set_by
) VALUES (
    :guild_id, :account_age, :member_age, :raid_at, :raid_until, :mode, :mode_at, :mode_until, :reason, :by
) ON CONFLICT (guild_id) DO UPDATE SET account_age = excluded.account_age, member_age = excluded.member_age,
    raid_at = excluded.raid_at, raid_until = excluded.raid_until, mode = excluded.mode, mode_at = excluded.mode_at,
    mode_until = excluded.mode_until, reason = excluded.reason, set_by = excluded.set_by
"""
DUE = "SELECT guild_id FROM gates WHERE raid_until <= :now OR mode_until <= :now ORDER BY guild_id"
DONE_BEFORE = """
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE member = ? AND guild_id = ? AND state = 'done' AND finished_at < ? LIMIT ?
)
"""


class Lockdowns(Repository):
    async def get(self, guild_id: int, now: float) -> LockdownState:
        """Returns the server's state; an open one for a server without a row. What has ended by `now` is left out."""
        return (await self.stored(guild_id)).as_of(now)

    async def stored(self, guild_id: int) -> LockdownState:
        """Returns the server's row, also with what has ended since it was written."""
        found = await self._db.reader.find(partial(value_of, LockdownState), GET, (guild_id,))
        return found or LockdownState(guild_id=guild_id)

    async def due(self, now: float) -> list[int]:
        """Returns the servers where something has ended, and the row does not say so yet."""
        return [row["guild_id"] for row in await self._db.reader.all(DUE, {"now": now})]

    async def set(self, tx: Transaction, lockdown: LockdownState, by: MemberId) -> None:
        await tx.all(SET, asdict(lockdown) | {"by": by})

    async def is_known(self, guild_id: int, member: MemberId, before: float, pictures: int) -> bool:
        """Returns whether at least `pictures` of the member's orders in this server were finished before `before`."""
        count = await self._db.reader.value(DONE_BEFORE, (member, guild_id, before, pictures))
        return count >= pictures
