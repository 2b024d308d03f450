"""Reasons that a server keeps for its decisions: texts by name and language."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.database import Repository, Transaction

SERVERS = ""
"""The language of a text that is written in the server's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReason:
    name: str
    texts: Mapping[str, str]  # by locale; SERVERS for the server's language

    def text_in(self, locale: str) -> str:
        """Returns the text in the nearest language: for "pt-BR" that, then "pt", then the server's."""
        for each in (locale, locale.partition("-")[0], SERVERS):
            if each in self.texts:
                return self.texts[each]
        return next(iter(self.texts.values()))


OF_GUILD = "SELECT name, locale, text FROM kept_reasons WHERE guild_id = ? ORDER BY name, locale"
SAVE = """
INSERT INTO kept_reasons (guild_id, name, locale, text) VALUES (?, ?, ?, ?)
ON CONFLICT (guild_id, name, locale) DO UPDATE SET text = excluded.text
"""
DELETE = "DELETE FROM kept_reasons WHERE guild_id = ? AND name = ? RETURNING name"


class KeptReasons(Repository):
    async def of_guild(self, guild_id: int) -> list[KeptReason]:
        """Returns the server's reasons by name."""
        texts: dict[str, dict[str, str]] = {}
        for row in await self._db.reader.all(OF_GUILD, (guild_id,)):
            texts.setdefault(row["name"], {})[row["locale"]] = row["text"]
        return [KeptReason(name=name, texts=each) for name, each in texts.items()]

    async def save(self, tx: Transaction, guild_id: int, name: str, locale: str, text: str) -> None:
        """Saves one text of a reason; it replaces the earlier one in that language."""
        await tx.all(SAVE, (guild_id, name, locale, text))

    async def delete(self, tx: Transaction, guild_id: int, name: str) -> bool:
        """Deletes the reason with all of its texts. Returns False when there is none."""
        return bool(await tx.all(DELETE, (guild_id, name)))
