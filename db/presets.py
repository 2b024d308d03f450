"""What members keep under names of their own, to be put behind a prompt."""

from db.database import Repository, Transaction
from generation import MemberId

LONGEST_NAME, LONGEST_TEXT = 32, 500
"""Characters; the table holds no more."""

OF_MEMBER = "SELECT name, text FROM presets WHERE member = ? ORDER BY name"
SAVE = """
INSERT INTO presets (member, name, text, saved_at) VALUES (?, ?, ?, ?)
ON CONFLICT (member, name) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at
"""
DELETE = "DELETE FROM presets WHERE member = ? AND name = ? RETURNING name"


class Presets(Repository):
    async def of(self, member: MemberId) -> dict[str, str]:
        """Name to text, by name."""
        rows = await self._db.reader.all(OF_MEMBER, (member,))
        return {row["name"]: row["text"] for row in rows}

    async def save(self, tx: Transaction, member: MemberId, name: str, text: str, at: float) -> None:
        """Over what had that name before."""
        await tx.all(SAVE, (member, name, text, at))

    async def delete(self, tx: Transaction, member: MemberId, name: str) -> bool:
        """False where there was none."""
        return await tx.one(DELETE, (member, name)) is not None
