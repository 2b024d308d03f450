"""What a server's admins chose for its moderators: each change is a row of the audit log."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.studio import Moderator
from bot.studio.cases.takedown import Takedown
from db import Act, GuildSettings, Repositories


class DeskSettings:
    def __init__(self, records: Repositories, takedown: Takedown) -> None:
        self._records = records
        self._takedown = takedown

    async def of(self, guild_id: int) -> GuildSettings:
        return await self._records.guilds.get(guild_id)

    async def set_second_for_bans(self, by: Moderator, is_needed: bool) -> None:
        changes = {"ban_needs_second": is_needed}
        await self._change(by, Act.SECOND_FOR_BANS, {"is_needed": is_needed}, changes)

    async def set_paid(self, by: Moderator, is_paid: bool) -> None:
        await self._change(by, Act.PAID_ACCESS, {"is_paid": is_paid}, {"is_paid": is_paid})

    async def set_log_channel(self, by: Moderator, channel_id: int) -> None:
        await self._change(by, Act.LOG_CHANNEL, {"channel": str(channel_id)}, {"log_channel_id": channel_id})

    async def set_case_role(self, by: Moderator, role_id: int | None) -> None:
        """Chooses the role that a new case mentions. None: no role."""
        role = None if role_id is None else str(role_id)
        await self._change(by, Act.CASE_ROLE, {"role": role}, {"case_role_id": role_id})

    async def set_quiet_hours(self, by: Moderator, hours: tuple[int, int] | None) -> None:
        """Chooses the hours of the day, in UTC, in which cards are silent. None: no hours."""
        begin, end = hours or (None, None)
        said = None if hours is None else f"{begin}-{end}"
        await self._change(by, Act.QUIET_HOURS, {"hours": said}, {"quiet_from": begin, "quiet_to": end})

    async def set_digest(self, by: Moderator, hour: int | None) -> None:
        """Chooses the hour of the daily digest, in UTC. None: no digest."""
        await self._change(by, Act.DIGEST, {"hour": hour}, {"digest_hour": hour})

    async def _change(
        self, by: Moderator, act: Act, logged: Mapping[str, object], changes: Mapping[str, Any]
    ) -> None:
        async with self._records.database.transaction() as tx:
            settings = await self._records.guilds.get(by.guild_id)
            await self._records.guilds.set(tx, replace(settings, **changes))
            await self._takedown.note(tx, by, act, details=logged)
