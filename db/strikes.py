"""Strikes: offences that count for a time, each with the case that gave it.

Rows only: `bot.studio.cases` gives and counts them.
"""

from dataclasses import dataclass
from functools import partial

from db.database import Repository, Transaction, value_of
from generation import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One row. Times are unix seconds."""

    id: int
    guild_id: int
    member: MemberId
    case_id: int
    given_by: MemberId
    at: float
    expires_at: float
    pardoned_at: float | None
    pardoned_by: MemberId | None

    def is_live(self, now: float) -> bool:
        return self.pardoned_at is None and self.expires_at > now


ADD = """
INSERT INTO strikes (guild_id, member, case_id, given_by, at, expires_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING *
"""
LIVE = """
SELECT count(*) FROM strikes WHERE guild_id = ? AND member = ? AND pardoned_at IS NULL AND expires_at > ?
"""
OF_MEMBER = "SELECT * FROM strikes WHERE guild_id = ? AND member = ? ORDER BY id DESC"
OF_CASE = "SELECT * FROM strikes WHERE case_id = ?"
PARDON = """
UPDATE strikes SET pardoned_at = :at, pardoned_by = :by
WHERE case_id = :case_id AND pardoned_at IS NULL AND expires_at > :at RETURNING id
"""


class Strikes(Repository):
    async def add(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        member: MemberId,
        case_id: int,
        by: MemberId,
        at: float,
        expires_at: float,
    ) -> Strike:
        """Adds a strike, at most one a case. Raises sqlite3.IntegrityError for a second one."""
        (row,) = await tx.all(ADD, (guild_id, member, case_id, by, at, expires_at))
        return _strike(row)

    async def live(self, guild_id: int, member: MemberId, now: float) -> int:
        """Returns the number of strikes that are live at `now`."""
        return await self._db.reader.value(LIVE, (guild_id, member, now))

    async def of_member(self, guild_id: int, member: MemberId) -> list[Strike]:
        """Returns the member's strikes, newest first, expired ones included."""
        return [_strike(row) for row in await self._db.reader.all(OF_MEMBER, (guild_id, member))]

    async def of_case(self, case_id: int) -> Strike | None:
        return await self._db.reader.find(_strike, OF_CASE, (case_id,))

    async def pardon(self, tx: Transaction, case_id: int, *, by: MemberId, at: float) -> bool:
        """Pardons the case's strike. Returns False when there is none, or it is no longer live."""
        return await tx.one(PARDON, {"case_id": case_id, "by": by, "at": at}) is not None


_strike = partial(value_of, Strike)
