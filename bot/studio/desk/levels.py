"""The roles of moderators' levels: what a server's managers chose, kept in memory between two changes."""

from collections import Counter
from collections.abc import Mapping

from bot.studio import Moderator
from bot.studio.cases.takedown import Takedown
from db import Act, Level, Repositories


class ModLevels:
    def __init__(self, records: Repositories, takedown: Takedown) -> None:
        self._records = records
        self._takedown = takedown
        self._known: dict[int, Mapping[int, Level]] = {}
        self._changes: Counter[int] = Counter()

    async def of_server(self, guild_id: int) -> Mapping[int, Level]:
        """Returns each chosen role's level, by the role's id. Every press and command asks, so it is read once."""
        known = self._known.get(guild_id)
        if known is None:
            changes = self._changes[guild_id]
            known = await self._records.mod_roles.of_server(guild_id)
            if self._changes[guild_id] == changes:
                self._known[guild_id] = known
        return known

    async def choose(self, by: Moderator, role_id: int, level: Level) -> Mapping[int, Level]:
        """Chooses a role for a level; NONE takes the choice back. Returns the server's choices."""
        async with self._records.database.transaction() as tx:
            await self._records.mod_roles.set(tx, by.guild_id, role_id, level)
            details = {"role": str(role_id), "level": level.word}
            await self._takedown.note(tx, by, Act.MOD_ROLE, details=details)
        self.forget(by.guild_id)
        return await self.of_server(by.guild_id)

    def forget(self, guild_id: int) -> None:
        """Reads the choices anew at the next question: they changed, or the server has removed the bot."""
        self._changes[guild_id] += 1
        self._known.pop(guild_id, None)
