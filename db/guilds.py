"""What a server's admin chose: one row a guild."""

from __future__ import annotations

from dataclasses import dataclass

from db.database import Database, Reader, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    guild_id: int
    log_channel_id: int | None = None  # where moderators are told; None: nowhere
    ban_needs_second: bool = False  # another moderator must confirm a ban


GET = "SELECT * FROM guilds WHERE guild_id = ?"
SET = """
INSERT INTO guilds (guild_id, log_channel_id, ban_needs_second) VALUES (?, ?, ?)
ON CONFLICT (guild_id) DO UPDATE SET
    log_channel_id = excluded.log_channel_id, ban_needs_second = excluded.ban_needs_second
"""


class Guilds:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, guild_id: int, *, tx: Reader | None = None) -> GuildSettings:
        """The defaults for a guild that chose nothing."""
        row = await (tx or self._db.reader).one(GET, (guild_id,))
        if row is None:
            return GuildSettings(guild_id=guild_id)
        return GuildSettings(
            guild_id=guild_id,
            log_channel_id=row["log_channel_id"],
            ban_needs_second=bool(row["ban_needs_second"]),
        )

    async def set(self, tx: Transaction, settings: GuildSettings) -> None:
        """The whole row: read it in the same transaction, and replace what changes."""
        await tx.all(SET, (settings.guild_id, settings.log_channel_id, settings.ban_needs_second))
