"""Settings that a server's admin chose: one row a guild."""

from dataclasses import dataclass
from functools import partial

from db.database import Repository, Transaction, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    guild_id: int
    log_channel_id: int | None = None  # the moderators' channel; None: none chosen
    ban_needs_second: bool = False  # another moderator must confirm a ban
    is_paid: bool = False  # members pay for access
    told_of_channel_id: int | None = (
        None  # the lost channel that moderators were told of; 0: that there is none
    )


GET = "SELECT * FROM guilds WHERE guild_id = ?"
SET = """
INSERT INTO guilds (guild_id, log_channel_id, ban_needs_second, is_paid) VALUES (?, ?, ?, ?)
ON CONFLICT (guild_id) DO UPDATE SET
    log_channel_id = excluded.log_channel_id, ban_needs_second = excluded.ban_needs_second, is_paid = excluded.is_paid
"""
TELL = """
INSERT INTO guilds (guild_id, told_of_channel_id) VALUES (?, ?)
ON CONFLICT (guild_id) DO UPDATE SET told_of_channel_id = excluded.told_of_channel_id
WHERE told_of_channel_id IS NOT excluded.told_of_channel_id RETURNING guild_id
"""


class Guilds(Repository):
    async def get(self, guild_id: int) -> GuildSettings:
        """Returns the guild's settings, or the defaults."""
        found = await self._db.reader.find(partial(value_of, GuildSettings), GET, (guild_id,))
        return found or GuildSettings(guild_id=guild_id)

    async def set(self, tx: Transaction, settings: GuildSettings) -> None:
        """Writes what admins choose: read it in the same transaction and replace the changed fields."""
        chosen = (settings.log_channel_id, settings.ban_needs_second, settings.is_paid)
        await tx.all(SET, (settings.guild_id, *chosen))

    async def tell(self, guild_id: int, channel: int | None) -> bool:
        """Records which lost channel the moderators are told of; None: that none is lost.

        Returns False when it was recorded before.
        """
        async with self._db.transaction() as tx:
            return await tx.one(TELL, (guild_id, channel)) is not None
