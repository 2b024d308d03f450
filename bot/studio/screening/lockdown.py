"""Emergency lockdown: raid mode and the panic switch. Both are stored as rows, so they hold after a restart."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.studio import Actor, KnownOnly, Moderator, Paused, RaidHolds
from bot.studio.cases.takedown import Takedown
from db import Act, LockdownState, Mode, Repositories
from moderation import DAY

KNOWN_ORDERS = 3
KNOWN_FOR = DAY
"""`KNOWN_FOR` in seconds.

A known member finished `KNOWN_ORDERS` orders at least that long before the switch: raiders order too.
"""


class Lockdown:
    def __init__(self, records: Repositories, takedown: Takedown) -> None:
        self._records = records
        self._takedown = takedown

    async def let_in(self, actor: Actor) -> Mode:
        """Returns the mode in which to screen the order.

        Raises Paused (for all), KnownOnly and RaidHolds (not for moderators).
        """
        if actor.guild_id is None:
            return Mode.OPEN
        state = await self._records.lockdowns.get(actor.guild_id)
        if state.mode is Mode.PAUSE:
            raise Paused(state.reason)
        if isinstance(actor, Moderator):
            return state.mode
        now = self._takedown.now
        if state.is_raid and (
            _is_younger(actor.account_at, state.account_age, now)
            or _is_younger(actor.joined_at, state.member_age, now)
        ):
            raise RaidHolds(state.account_age, state.member_age)
        if state.mode is Mode.KNOWN and not await self._records.lockdowns.is_known(
            actor.guild_id, actor.member, (state.mode_at or now) - KNOWN_FOR, KNOWN_ORDERS
        ):
            raise KnownOnly(state.reason)
        return state.mode

    async def state(self, guild_id: int) -> LockdownState:
        return await self._records.lockdowns.get(guild_id)

    async def raid(self, by: Moderator, account_age: float | None, member_age: float | None) -> LockdownState:
        """Sets or ends raid mode. Ages in seconds; both None ends it."""
        is_on = account_age is not None or member_age is not None

        def change(state: LockdownState) -> LockdownState:
            return replace(state, account_age=account_age, member_age=member_age)

        act = Act.RAID_ON if is_on else Act.RAID_OFF
        return await self._set(
            by, change, act, details={"account_age": account_age, "member_age": member_age}
        )

    async def panic(self, by: Moderator, mode: Mode, reason: str) -> LockdownState:
        def change(state: LockdownState) -> LockdownState:
            return replace(state, mode=mode, mode_at=self._takedown.now, reason=reason)

        return await self._set(by, change, Act(f"panic-{mode}"), reason)

    async def _set(
        self,
        by: Moderator,
        change: Callable[[LockdownState], LockdownState],
        act: Act,
        reason: str = "",
        details: Mapping[str, object] | None = None,
    ) -> LockdownState:
        async with self._records.database.transaction() as tx:
            state = change(await self._records.lockdowns.get(by.guild_id))
            await self._records.lockdowns.set(tx, state, by.member)
            await self._takedown.note(tx, by, act, reason=reason, details=details)
        return state


def _is_younger(since: float | None, age: float | None, now: float) -> bool:
    """Returns whether the age is below `age`. An unknown age counts as young: in a raid, caution is worth more."""
    return age is not None and (since is None or now - since < age)
