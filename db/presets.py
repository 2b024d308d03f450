"""Members' presets: named text that is put behind a prompt."""

from db.database import Repository, Transaction
from generation import MemberId

LONGEST_NAME, LONGEST_TEXT = 32, 500
"""Characters; limits of the table."""

OF_MEMBER = "SELECT name, text FROM presets WHERE member = ? ORDER BY name"
SAVE = """
INSERT INTO presets (member, name, text, saved_at) VALUES (?, ?, ?, ?)
ON CONFLICT (member, name) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at
"""
DELETE = "DELETE FROM presets WHERE member = ? AND name = ? RETURNING name"


class Presets(Repository):
    async def of(self, member: MemberId) -> dict[str, str]:
        """Returns texts by name, sorted by name."""
        rows = await self._db.reader.all(OF_MEMBER, (member,))
        return {row["name"]: row["text"] for row in rows}

    async def save(self, tx: Transaction, member: MemberId, name: str, text: str, at: float) -> None:
        """Saves the preset; replaces one of the same name."""
        await tx.all(SAVE, (member, name, text, at))

    async def delete(self, tx: Transaction, member: MemberId, name: str) -> bool:
        """Returns False when there was none."""
        return await tx.one(DELETE, (member, name)) is not None
