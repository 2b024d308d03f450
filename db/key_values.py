"""Small values by key, such as the hash of the commands last sent to Discord."""

from db.database import Repository

GET = "SELECT value FROM notes WHERE key = ?"
SET = "INSERT INTO notes (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


class KeyValues(Repository):
    async def get(self, key: str) -> str | None:
        row = await self._db.reader.one(GET, (key,))
        return row["value"] if row else None

    async def set(self, key: str, value: str) -> None:
        async with self._db.transaction() as tx:
            await tx.all(SET, (key, value))
