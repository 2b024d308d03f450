"""Settings that a server's admin chose: one row a guild."""

from dataclasses import dataclass
from functools import partial

from db.database import Repository, Transaction, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    guild_id: int
    log_channel_id: int | None = None  # the moderators' channel; None: none chosen
    ban_needs_second: bool = False  # another moderator must confirm a ban


GET = "SELECT * FROM guilds WHERE guild_id = ?"
SET = """
INSERT INTO guilds (guild_id, log_channel_id, ban_needs_second) VALUES (?, ?, ?)
ON CONFLICT (guild_id) DO UPDATE SET
    log_channel_id = excluded.log_channel_id, ban_needs_second = excluded.ban_needs_second
"""


class Guilds(Repository):
    async def get(self, guild_id: int) -> GuildSettings:
        """Returns the guild's settings, or the defaults."""
        found = await self._db.reader.find(partial(value_of, GuildSettings), GET, (guild_id,))
        return found or GuildSettings(guild_id=guild_id)

    async def set(self, tx: Transaction, settings: GuildSettings) -> None:
        """Writes the whole row: read it in the same transaction and replace the changed fields."""
        await tx.all(SET, (settings.guild_id, settings.log_channel_id, settings.ban_needs_second))
