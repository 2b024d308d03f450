"""What moderators note about a member of their server, without a case."""

from dataclasses import dataclass
from functools import partial

from db.database import Repository, Transaction, value_of
from generation import MemberId

LONGEST_NOTE = 500
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberNote:
    id: int
    guild_id: int
    member: MemberId
    written_by: MemberId  # 0: forgotten
    written_name: str
    at: float  # unix seconds
    text: str


ADD = """
INSERT INTO member_notes (guild_id, member, written_by, written_name, at, text) VALUES (?, ?, ?, ?, ?, ?) RETURNING *
"""
GET = "SELECT * FROM member_notes WHERE guild_id = ? AND id = ?"
OF_MEMBER = "SELECT * FROM member_notes WHERE guild_id = ? AND member = ? ORDER BY id DESC LIMIT ?"
COUNT = "SELECT count(*) FROM member_notes WHERE guild_id = ? AND member = ?"
DELETE = "DELETE FROM member_notes WHERE id = ? RETURNING id"


class MemberNotes(Repository):
    async def add(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        member: MemberId,
        by: MemberId,
        name: str,
        at: float,
        text: str,
    ) -> MemberNote:
        (row,) = await tx.all(ADD, (guild_id, member, by, name, at, text))
        return _note(row)

    async def get(self, guild_id: int, note_id: int) -> MemberNote | None:
        return await self._db.reader.find(_note, GET, (guild_id, note_id))

    async def of_member(self, guild_id: int, member: MemberId, limit: int) -> list[MemberNote]:
        """Returns notes, newest first."""
        return [_note(row) for row in await self._db.reader.all(OF_MEMBER, (guild_id, member, limit))]

    async def count(self, guild_id: int, member: MemberId) -> int:
        return await self._db.reader.value(COUNT, (guild_id, member))

    async def delete(self, tx: Transaction, note_id: int) -> None:
        await tx.all(DELETE, (note_id,))


_note = partial(value_of, MemberNote)
