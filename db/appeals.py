"""Appeals: at most one a case, answered once."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from db.database import Repository, Transaction, value_of
from generation import MemberId


class Decision(StrEnum):
    UPHELD = "upheld"
    OVERTURNED = "overturned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """One row. Times are unix seconds."""

    id: int
    case_id: int
    member: MemberId
    text: str
    at: float
    card_channel_id: int | None
    card_message_id: int | None
    decision: Decision | None
    decided_by: MemberId | None
    decided_name: str
    decided_at: float | None
    answer: str
    told_at: float | None


ADD = """
INSERT INTO appeals (case_id, member, text, at) VALUES (?, ?, ?, ?) ON CONFLICT (case_id) DO NOTHING RETURNING *
"""
GET = "SELECT * FROM appeals WHERE id = ?"
OF_CASE = "SELECT * FROM appeals WHERE case_id = ?"
# CROSS JOIN: from the few appeals to their cases. SQLite would read all cases, because their guild_ids are sorted.
SERVERS_WITHOUT_CARD = """
SELECT DISTINCT guild_id FROM appeals CROSS JOIN cases ON cases.id = appeals.case_id
WHERE appeals.card_message_id IS NULL AND decision IS NULL
"""
WITHOUT_CARD = """
SELECT appeals.* FROM appeals JOIN cases ON cases.id = appeals.case_id
WHERE guild_id = ? AND appeals.card_message_id IS NULL AND decision IS NULL AND appeals.id > ? ORDER BY appeals.id LIMIT ?
"""
UNTOLD = """
SELECT appeals.* FROM appeals JOIN cases ON cases.id = appeals.case_id
WHERE cases.guild_id = ? AND appeals.member = ? AND decision IS NOT NULL AND appeals.told_at IS NULL ORDER BY appeals.id
"""
CARD = "UPDATE appeals SET card_channel_id = ?, card_message_id = ? WHERE id = ? RETURNING *"
ANSWER = """
UPDATE appeals SET decision = ?, decided_by = ?, decided_name = ?, decided_at = ?, answer = ?
WHERE id = ? AND decision IS NULL RETURNING *
"""
TOLD = "UPDATE appeals SET told_at = ? WHERE id = ? AND told_at IS NULL RETURNING id"


class Appeals(Repository):
    async def add(
        self, tx: Transaction, *, case_id: int, member: MemberId, text: str, at: float
    ) -> Appeal | None:
        """Returns None when the case has an appeal already."""
        return await tx.find(_appeal, ADD, (case_id, member, text, at))

    async def get(self, appeal_id: int) -> Appeal | None:
        return await self._db.reader.find(_appeal, GET, (appeal_id,))

    async def of_case(self, case_id: int) -> Appeal | None:
        return await self._db.reader.find(_appeal, OF_CASE, (case_id,))

    async def servers_without_card(self) -> set[int]:
        """Returns the servers that have an unanswered appeal without a moderators' card."""
        return {row["guild_id"] for row in await self._db.reader.all(SERVERS_WITHOUT_CARD)}

    async def without_card(self, guild_id: int, after: int = 0, limit: int = 50) -> list[Appeal]:
        """Returns the server's unanswered appeals without a moderators' card, with an id above `after`; oldest first."""
        return [_appeal(row) for row in await self._db.reader.all(WITHOUT_CARD, (guild_id, after, limit))]

    async def untold(self, guild_id: int, member: MemberId) -> list[Appeal]:
        """Returns answered appeals whose member has not been notified; oldest first."""
        return [_appeal(row) for row in await self._db.reader.all(UNTOLD, (guild_id, member))]

    async def set_card(self, tx: Transaction, appeal_id: int, channel_id: int, message_id: int) -> None:
        await tx.all(CARD, (channel_id, message_id, appeal_id))

    async def answer(
        self,
        tx: Transaction,
        appeal_id: int,
        *,
        decision: Decision,
        by: MemberId,
        name: str,
        at: float,
        answer: str,
    ) -> Appeal | None:
        """Returns None when the appeal is answered already or does not exist."""
        return await tx.find(_appeal, ANSWER, (decision, by, name, at, answer, appeal_id))

    async def told(self, appeal_id: int, at: float) -> bool:
        """Records that the member was notified. Returns True when this call recorded it."""
        async with self._db.transaction() as tx:
            return await tx.one(TOLD, (at, appeal_id)) is not None


_appeal = partial(value_of, Appeal)
