"""Settings that a server's admin chose: one row a guild."""

from dataclasses import asdict, dataclass
from functools import partial

from db.database import Repository, Transaction, value_of
from moderation import DAY, HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    guild_id: int
    log_channel_id: int | None = None  # the moderators' channel; None: none chosen
    ban_needs_second: bool = False  # another moderator must confirm a ban
    is_paid: bool = False  # members pay for access
    case_role_id: int | None = None  # the role that a new case mentions
    quiet_from: int | None = (
        None  # hours of the day, in UTC: cards are then posted silently, and mention no role
    )
    quiet_to: int | None = None
    digest_hour: int | None = 8  # of the day, in UTC; None: no digest
    digested_at: float | None = None  # unix seconds
    told_of_channel_id: int | None = (
        None  # the lost channel that moderators were told of; 0: that there is none
    )

    def is_quiet(self, now: float) -> bool:
        """Returns whether `now` (unix seconds) is in the quiet hours."""
        if self.quiet_from is None or self.quiet_to is None:
            return False
        return (now // HOUR - self.quiet_from) % 24 < (self.quiet_to - self.quiet_from) % 24

    def digest_due(self, now: float) -> float | None:
        """Returns the time of the newest digest that is due at `now` (unix seconds); None: there is to be none."""
        if self.digest_hour is None:
            return None
        return now - (now - self.digest_hour * HOUR) % DAY


GET = "SELECT * FROM guilds WHERE guild_id = ?"
SET = """
INSERT INTO guilds (
    guild_id, log_channel_id, ban_needs_second, is_paid, case_role_id, quiet_from, quiet_to, digest_hour
) VALUES (:guild_id, :log_channel_id, :ban_needs_second, :is_paid, :case_role_id, :quiet_from, :quiet_to, :digest_hour)
ON CONFLICT (guild_id) DO UPDATE SET
    log_channel_id = excluded.log_channel_id, ban_needs_second = excluded.ban_needs_second, is_paid = excluded.is_paid,
    case_role_id = excluded.case_role_id, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
    digest_hour = excluded.digest_hour
"""
DIGESTED = """
INSERT INTO guilds (guild_id, digested_at) VALUES (?, ?)
ON CONFLICT (guild_id) DO UPDATE SET digested_at = excluded.digested_at
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
        await tx.all(SET, asdict(settings))

    async def digested(self, guild_id: int, at: float) -> None:
        """Records that the digest of everything before `at` (unix seconds) is posted, or that there was nothing to say."""
        async with self._db.transaction() as tx:
            await tx.all(DIGESTED, (guild_id, at))

    async def tell(self, guild_id: int, channel: int | None) -> bool:
        """Records which lost channel the moderators are told of; None: that none is lost.

        Returns False when it was recorded before.
        """
        async with self._db.transaction() as tx:
            return await tx.one(TELL, (guild_id, channel)) is not None
