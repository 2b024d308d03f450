"""Emergency lockdown: raid mode and the panic switch. Both are stored as rows, so they hold after a restart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.studio import Actor, KnownOnly, Moderator, Paused, RaidHolds
from bot.studio.cases.takedown import Takedown
from db import Act, LockdownState, Mode, Repositories
from moderation import DAY

KNOWN_ORDERS = 3
KNOWN_FOR = DAY
"""`KNOWN_FOR` in seconds.

A known member finished `KNOWN_ORDERS` orders at least that long before the switch: raiders order too.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What has ended by itself in a server."""

    is_raid: bool
    is_panic: bool


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
        state = await self._records.lockdowns.get(actor.guild_id, self._takedown.now)
        if state.mode is Mode.PAUSE:
            raise Paused(state.reason, state.mode_until)
        if isinstance(actor, Moderator):
            return state.mode
        now = self._takedown.now
        if state.is_raid and (
            _is_younger(actor.account_at, state.account_age, now)
            or _is_younger(actor.joined_at, state.member_age, now)
        ):
            raise RaidHolds(state.account_age, state.member_age, state.raid_until)
        if state.mode is Mode.KNOWN and not await self._records.lockdowns.is_known(
            actor.guild_id, actor.member, (state.mode_at or now) - KNOWN_FOR, KNOWN_ORDERS
        ):
            raise KnownOnly(state.reason, state.mode_until)
        return state.mode

    async def state(self, guild_id: int) -> LockdownState:
        return await self._records.lockdowns.get(guild_id, self._takedown.now)

    async def raid(
        self,
        by: Moderator,
        account_age: float | None,
        member_age: float | None,
        seconds: float | None = None,
    ) -> LockdownState:
        """Sets or ends raid mode. Ages in seconds; both None ends it. `seconds`: its length; None: until it is ended."""
        is_on = account_age is not None or member_age is not None
        until = self._end(seconds) if is_on else None
        raid_at = self._takedown.now if is_on else None

        def change(state: LockdownState) -> LockdownState:
            return replace(
                state, account_age=account_age, member_age=member_age, raid_at=raid_at, raid_until=until
            )

        act = Act.RAID_ON if is_on else Act.RAID_OFF
        details = {"account_age": account_age, "member_age": member_age, "until": until}
        return await self._set(by, change, act, details=details)

    async def panic(
        self, by: Moderator, mode: Mode, reason: str, seconds: float | None = None
    ) -> LockdownState:
        """Sets the panic switch. `seconds`: as in `raid`; OPEN has no end."""
        until = self._end(seconds) if mode is not Mode.OPEN else None

        def change(state: LockdownState) -> LockdownState:
            return replace(state, mode=mode, mode_at=self._takedown.now, mode_until=until, reason=reason)

        return await self._set(by, change, Act(f"panic-{mode}"), reason, {"until": until})

    # ---- what ends by itself

    async def servers_due(self) -> list[int]:
        """Returns the servers for which `end` has something to do."""
        return await self._records.lockdowns.due(self._takedown.now)

    async def end(self, by: Moderator) -> Ended:
        """Writes and logs what has ended by itself in a server. Orders don't wait for it. `by`: the bot."""
        now = self._takedown.now
        async with self._records.database.transaction() as tx:
            before = await self._records.lockdowns.stored(by.guild_id)
            after = before.as_of(now)
            ended = Ended(
                is_raid=before.is_raid and not after.is_raid, is_panic=before.mode is not after.mode
            )
            if after != before:
                await self._records.lockdowns.set(tx, after, by.member)
            if ended.is_raid:
                await self._takedown.note(tx, by, Act.RAID_OFF)
            if ended.is_panic:
                await self._takedown.note(tx, by, Act.PANIC_OPEN)
        return ended

    def _end(self, seconds: float | None) -> float | None:
        return None if seconds is None else self._takedown.now + seconds

    async def _set(
        self,
        by: Moderator,
        change: Callable[[LockdownState], LockdownState],
        act: Act,
        reason: str = "",
        details: Mapping[str, object] | None = None,
    ) -> LockdownState:
        async with self._records.database.transaction() as tx:
            state = change(await self._records.lockdowns.get(by.guild_id, self._takedown.now))
            await self._records.lockdowns.set(tx, state, by.member)
            await self._takedown.note(tx, by, act, reason=reason, details=details)
        return state


def _is_younger(since: float | None, age: float | None, now: float) -> bool:
    """Returns whether the age is below `age`. An unknown age counts as young: in a raid, caution is worth more."""
    return age is not None and (since is None or now - since < age)
