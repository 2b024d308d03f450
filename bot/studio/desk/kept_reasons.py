"""Reasons that a server keeps for its decisions, in one language or more."""

from bot.studio import Moderator, NoSuchReason, ReasonUnusable, TooManyReasons
from bot.studio.cases.takedown import Takedown
from db import SERVERS, Act, KeptReason, Repositories

MOST_REASONS = 12
"""Reasons of a server: with the built-in ones, they fit into one menu."""
LONGEST_NAME, LONGEST_REASON = 30, 300  # characters


class ReasonBook:
    def __init__(self, records: Repositories, takedown: Takedown) -> None:
        self._records = records
        self._takedown = takedown

    async def of(self, guild_id: int) -> list[KeptReason]:
        return await self._records.kept_reasons.of_guild(guild_id)

    async def named(self, guild_id: int, name: str) -> KeptReason | None:
        return next((each for each in await self.of(guild_id) if each.name == name), None)

    async def save(self, by: Moderator, name: str, text: str, locale: str = SERVERS) -> str:
        """Saves a reason's text in one language, by default the server's. Returns the reason's name.

        Raises ReasonUnusable, TooManyReasons.
        """
        name, text = _name(name), text.strip()
        if not name or len(name) > LONGEST_NAME or not text or len(text) > LONGEST_REASON:
            raise ReasonUnusable(LONGEST_NAME, LONGEST_REASON)
        async with self._records.database.transaction() as tx:
            known = {each.name for each in await self.of(by.guild_id)}
            if name not in known and len(known) >= MOST_REASONS:
                raise TooManyReasons(MOST_REASONS)
            await self._records.kept_reasons.save(tx, by.guild_id, name, locale, text)
            await self._takedown.note(tx, by, Act.KEPT_REASON, reason=f"{name}: {text}")
        return name

    async def delete(self, by: Moderator, name: str) -> str:
        """Deletes a reason and returns its name. Raises NoSuchReason."""
        name = _name(name)
        async with self._records.database.transaction() as tx:
            if not await self._records.kept_reasons.delete(tx, by.guild_id, name):
                raise NoSuchReason(name)
            await self._takedown.note(tx, by, Act.KEPT_REASON, reason=name)
        return name


def _name(typed: str) -> str:
    return " ".join(typed.split()).casefold()
