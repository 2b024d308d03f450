"""Notes about a member without a case: written by moderators, and deleted by their authors or by managers of the server."""

from bot.studio import Moderator, NoSuchNote, NotYourNote, OwnCase, TooManyNotes
from bot.studio.cases.takedown import Takedown
from db import Act, MemberNote, Repositories
from generation import MemberId

MOST_NOTES = 25
"""Notes about one member."""


class MemberNotebook:
    def __init__(self, records: Repositories, takedown: Takedown) -> None:
        self._records = records
        self._takedown = takedown

    async def of(self, guild_id: int, member: MemberId, limit: int = MOST_NOTES) -> list[MemberNote]:
        """Returns the notes, newest first."""
        return await self._records.member_notes.of_member(guild_id, member, limit)

    async def add(self, by: Moderator, member: MemberId, text: str) -> MemberNote:
        """Raises OwnCase, TooManyNotes."""
        if member == by.member:
            raise OwnCase
        async with self._records.database.transaction() as tx:
            if await self._records.member_notes.count(by.guild_id, member) >= MOST_NOTES:
                raise TooManyNotes(MOST_NOTES)
            note = await self._records.member_notes.add(
                tx,
                guild_id=by.guild_id,
                member=member,
                by=by.member,
                name=by.name,
                at=self._takedown.now,
                text=text,
            )
            # Without the text: the log would keep it after the note is removed.
            await self._takedown.note(tx, by, Act.MEMBER_NOTE, member, details={"note": note.id})
        return note

    async def remove(self, by: Moderator, member: MemberId, note_id: int) -> None:
        """Raises NoSuchNote, NotYourNote."""
        async with self._records.database.transaction() as tx:
            note = await self._records.member_notes.get(by.guild_id, note_id)
            if note is None or note.member != member or member == by.member:
                raise NoSuchNote(note_id)
            if note.written_by != by.member and not by.is_senior:
                raise NotYourNote(note.written_name)
            await self._records.member_notes.delete(tx, note_id)
            await self._takedown.note(tx, by, Act.NOTE_REMOVE, member, details={"note": note_id})
