"""What a server's admin chose: one row a guild."""

from __future__ import annotations

from dataclasses import dataclass

from db.database import Database, Reader, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    guild_id: int
    log_channel_id: int | None = None  # where moderators are told; None: nowhere


GET = "SELECT * FROM guilds WHERE guild_id = ?"
SET = """
INSERT INTO guilds (guild_id, log_channel_id) VALUES (?, ?)
ON CONFLICT (guild_id) DO UPDATE SET log_channel_id = excluded.log_channel_id
"""


class Guilds:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, guild_id: int, *, tx: Reader | None = None) -> GuildSettings:
        """The defaults for a guild that chose nothing."""
        row = await (tx or self._db.reader).one(GET, (guild_id,))
        return GuildSettings(guild_id=guild_id, log_channel_id=row["log_channel_id"] if row else None)

    async def set(self, tx: Transaction, settings: GuildSettings) -> None:
        await tx.all(SET, (settings.guild_id, settings.log_channel_id))
