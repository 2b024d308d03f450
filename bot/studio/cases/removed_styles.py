"""Removes styles for moderators, and brings them back. Parts of larger acts: the caller logs the act.

A style's picture is deleted at once, as every picture that a moderator removes. Words and LoRAs can come back.
"""

from collections.abc import Callable, Sequence

from bot.studio import NoRemovedStyle, OwnCase, StyleIsThere
from db import REMOVED_STYLES_STAY, Case, Repositories, Style, Transaction
from generation import JobId, MemberId


class RemovedStyles:
    def __init__(self, records: Repositories, clock: Callable[[], float]) -> None:
        self._styles = records.styles
        self._uploads = records.uploads
        self._clock = clock

    async def remove(self, tx: Transaction, styles: Sequence[Style], *, case_id: int | None = None) -> None:
        """Removes styles of one server. `case_id`: the case whose decision this is."""
        now = self._clock()
        pictures = await self._styles.remove(tx, styles, now, case_id=case_id)
        await self._uploads.remove(tx, pictures, now)

    async def remove_all(self, tx: Transaction, guild_id: int, member: MemberId, case_id: int) -> None:
        """Removes all styles of a member who is banned."""
        await self.remove(tx, await self._styles.of_member(guild_id, member), case_id=case_id)

    async def remove_pictures_of(self, tx: Transaction, job: JobId) -> None:
        """Removes the styles that are nothing but a picture of the job, and the picture from others."""
        await self.remove(tx, await self._styles.showing(job))
        await self._uploads.remove(tx, await self._uploads.made_of(job), self._clock())

    async def restore(self, tx: Transaction, guild_id: int, name: str, by: MemberId) -> Style:
        """Brings a removed style back. `name`: folded. Raises NoRemovedStyle, OwnCase, StyleIsThere."""
        found = await self.removed(guild_id, name=name)
        if not found:
            raise NoRemovedStyle(name, REMOVED_STYLES_STAY)
        if found[0].member == by:
            raise OwnCase
        if not await self._styles.restore(tx, found[0]):
            raise StyleIsThere(name)
        return found[0]

    async def restore_since(
        self, tx: Transaction, guild_id: int, since: float, *, member: MemberId | None, but_not: MemberId
    ) -> list[Style]:
        """Brings styles back that were removed since then (unix seconds), except those whose name another one has now.

        `member`: only that member's; None: every member's. `but_not`: not that member's.
        """
        found = await self._styles.removed(guild_id, max(since, self._oldest), member=member)
        return [each for each in found if each.member != but_not and await self._styles.restore(tx, each)]

    async def restore_of_case(self, tx: Transaction, case: Case) -> list[Style]:
        """Brings the styles back that the case's ban removed, as `restore_since`."""
        found = await self._styles.removed(case.guild_id, self._oldest, case_id=case.id)
        return [each for each in found if await self._styles.restore(tx, each)]

    async def removed(self, guild_id: int, name: str | None = None) -> list[Style]:
        """Returns the styles that can come back, the one removed last first."""
        return await self._styles.removed(guild_id, self._oldest, name=name)

    @property
    def _oldest(self) -> float:
        return self._clock() - REMOVED_STYLES_STAY
