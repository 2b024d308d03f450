"""Erasure in the background: members who asked for it, in the database and in Discord, servers that left, and expired rows.

Watches the clock: while it is wrong, nothing is deleted by its age.

Runs in small transactions with pauses, so that orders go on. The database says which rows are left, so a stop in between loses
nothing.
"""

import asyncio
import logging
import math
from collections.abc import Callable

import discord

from bot.cases.mod_channel import ModChannel
from bot.posted_message import UNREACHABLE, is_final
from bot.privacy.departures import ServerDepartures
from bot.studio import RetentionSettings
from bot.studio.cases.takedown import Takedown
from db import ErasureRequest, Periods, PostedAs, Repositories, StorageError, drop_copies
from moderation import DAY

log = logging.getLogger(__name__)

_SECONDS = 60.0
"""Seconds between two regular sweeps."""
_PAUSE = 0.05
"""Seconds between two steps, so that other tasks get the database first."""
_AT_ONCE = 20  # rows per lookup for Discord
_LOOKED_AT = 2_000  # pictures per lookup
_PICTURES_AT_ONCE = 50  # per transaction
_ERASURES_AT_ONCE = 4
_IDLE_SECONDS = 3600.0
"""Seconds until a request is looked at again of which the rest may not go yet: it scans several tables."""
_WRONG_SECONDS = 300.0
"""Seconds that this machine's clock may differ from Discord's. A clock that is wrong must not delete data by its age."""


class ErasureSweep:
    def __init__(
        self,
        client: discord.Client,
        records: Repositories,
        mod_channel: ModChannel,
        departures: ServerDepartures,
        takedown: Takedown,
        settings: RetentionSettings,
        clock: Callable[[], float],
        discord_clock: Callable[[], float | None] | None = None,
        *,
        pause: float = _PAUSE,
    ) -> None:
        """`discord_clock`: another clock, by which `clock` is checked; None while its time is not known. Without it, `clock` is
        trusted.
        """
        self._client = client
        self._records = records
        self._mod_channel = mod_channel
        self._departures = departures
        self._takedown = takedown
        self._clock = clock
        self._discord_clock = discord_clock or clock
        self._pause = pause
        self._settings = settings
        self.periods = periods_of(settings)
        self._wanted = asyncio.Event()
        self._warned_at = -math.inf
        # Requests of which nothing could go, and when they are due again.
        self._idle: dict[ErasureRequest, float] = {}

    def want(self) -> None:
        """Starts a sweep now: a member asked for erasure."""
        self._wanted.set()

    async def run(self) -> None:
        await self._client.wait_until_ready()
        is_recalled = False
        while True:
            self._wanted.clear()
            is_recalled = is_recalled or await self._recall()
            try:
                await self.sweep()
            except StorageError as error:
                log.warning("the sweep goes on later: %s", error)
            except Exception:
                # A bug here must not stop the bot.
                log.exception("the sweep failed; it is tried again later")
            try:
                await asyncio.wait_for(self._wanted.wait(), _SECONDS)
            except TimeoutError:
                continue

    async def _recall(self) -> bool:
        """Asks again for members that came back with a backup. Returns False when that failed."""
        try:
            again = await self._records.erasure.recall()
        except Exception:
            # A bug here must stop neither the sweep nor the bot.
            log.exception(
                "members of a restored backup were not looked for; it is tried again with the next sweep"
            )
            return False
        if again:
            log.info("%d forgotten members came back with a backup and are forgotten again", again)
        return True

    async def sweep(self) -> None:
        """Sweeps once. Raises StorageError."""
        now, turns = self._clock(), asyncio.Semaphore(_ERASURES_AT_ONCE)
        pending = await self._records.erasure.pending()
        self._idle = {each: at for each, at in self._idle.items() if each in pending and at > now}
        async with asyncio.TaskGroup() as tasks:
            for erasure in pending:
                if erasure not in self._idle:
                    tasks.create_task(self._forget_in_turn(erasure, turns))
        await self._redraw()
        if await self._is_clock_right():
            await self._departures.sweep()
            await self._retain()

    async def _is_clock_right(self) -> bool:
        """Compares the clock with Discord's. Corrects rows that were written while it was ahead."""
        now, theirs = self._clock(), self._discord_clock()
        is_right = theirs is not None and abs(now - theirs) < _WRONG_SECONDS
        if theirs is not None and not is_right:
            minutes = (now - theirs) / 60
            log.warning("the clock is %+.0f minutes from Discord's: nothing is deleted by its age", minutes)
        if count := await self._records.written_ahead.check(now, is_right=is_right):
            log.warning("%d rows were written while the clock was ahead; they count as written now", count)
        return is_right

    async def _retain(self) -> None:
        """Deletes rows and pictures that are older than the settings keep them, or for which there is no room.

        Cards go before their cases.
        """
        await self._warn_of_little_room()
        while posted := await self._records.retention.cards(self.periods, self._clock(), _AT_ONCE):
            if not await self._delete(posted):
                break
        count = 0
        while changed := await self._records.retention.step(self.periods, self._clock()):
            count += changed
            await asyncio.sleep(self._pause)
        if count:
            log.info("%d rows and pictures were older or took more room than the settings allow", count)
            await self._records.database.tidy()
        await self._records.pictures.empty_trash(self._clock())
        await asyncio.to_thread(drop_copies, self._records.database.path, self._clock())

    async def _forget_in_turn(self, erasure: ErasureRequest, turns: asyncio.Semaphore) -> None:
        """Forgets as much as may go now. A large erasure holds up no other, and an error stops neither the others nor the bot."""
        async with turns:
            try:
                await self._forget(erasure)
            except StorageError as error:
                log.warning("a member is forgotten later: %s", error)
            except Exception:
                log.exception("a member could not be forgotten yet; it is tried again")

    async def _warn_of_little_room(self) -> None:
        """Warns once a day, before the oldest pictures are deleted."""
        stored, now = await self._records.pictures.stored(), self._clock()
        if self._settings.is_nearly_full(stored.bytes) and now - self._warned_at >= DAY:
            self._warned_at = now
            log.warning(
                "the pictures take %.1f of %g GiB (pictures_gib): above that the oldest are deleted",
                stored.bytes / 2**30,
                self._settings.pictures_gib,
            )

    async def _forget(self, erasure: ErasureRequest) -> None:
        erasures, now = self._records.erasure, self._clock()
        # Asked for on the command line, beside the bot.
        async with self._records.database.transaction() as tx:
            cancelled = await self._takedown.cancel_all_in(tx, erasure.member, before=erasure.asked_at)
        self._takedown.leave_line(cancelled)
        await self.remove_pictures(erasure, self._pause)
        is_reachable = True
        while is_reachable and (posted := await erasures.posted(erasure, now, _AT_ONCE)):
            is_reachable = await self._delete(posted)
        advance = await erasures.advance(erasure, now=now, acts_before=now - self.periods.audit)
        if advance.rows:
            await self._records.database.tidy()
        elif not advance.is_done and is_reachable:
            self._idle[erasure] = now + _IDLE_SECONDS
        if advance.is_done:
            log.info("a member who asked for it is forgotten")

    async def _redraw(self) -> None:
        """Updates cards that show erased data. Stops when Discord can't be reached; the next sweep goes on."""
        cases = self._records.cases
        while stale := await self._records.erasure.to_redraw(_AT_ONCE):
            for case_id in stale:
                # Cleared before: what changes while the card is edited marks it anew.
                await cases.set_stale(case_id, False)
                is_shown = False
                try:
                    is_shown = await self._mod_channel.refresh_case(case_id)
                finally:
                    if not is_shown:
                        await cases.set_stale(case_id, True)
                if not is_shown:
                    return

    async def remove_pictures(self, erasure: ErasureRequest, pause: float) -> None:
        """Removes the pictures and uploads that the request covers, with `pause` seconds after each transaction."""
        # Each lookup reads the member's orders from their beginning, so it takes many pictures.
        while found := await self._records.erasure.pictures(erasure, _LOOKED_AT):
            for first in range(0, len(found), _PICTURES_AT_ONCE):
                some = found[first : first + _PICTURES_AT_ONCE]
                async with self._records.database.transaction() as tx:
                    await self._records.pictures.remove_each(tx, some, by=None, reason="", at=self._clock())
                await asyncio.sleep(pause)
        whose, uploads = (erasure.member, erasure.asked_at), self._records.uploads
        while left := await uploads.of_member(*whose, _AT_ONCE):
            async with self._records.database.transaction() as tx:
                await uploads.remove(tx, left, self._clock())
            await asyncio.sleep(pause)

    async def _delete(self, posted: list[PostedAs]) -> bool:
        """Deletes the messages. Returns False when Discord can't be reached; the next sweep deletes the rest."""
        for each in posted:
            channel = self._client.get_partial_messageable(each.channel_id, guild_id=each.guild_id)
            try:
                await channel.get_partial_message(each.message_id).delete()
            except UNREACHABLE as error:
                if not is_final(error):
                    log.warning("messages that are to go with their rows are left: %s", error)
                    return False
                if not isinstance(error, discord.NotFound):
                    log.warning("message %s can't be deleted: %s", each.message_id, error)
            await self._records.erasure.is_gone(each)
        return True


def periods_of(settings: RetentionSettings) -> Periods:
    def seconds(days: int) -> float | None:
        return days * DAY or None

    return Periods(
        prompts=seconds(settings.prompts_days),
        pictures=seconds(settings.pictures_days),
        picture_bytes=settings.picture_bytes,
        jobs=seconds(settings.jobs_days),
        cases=seconds(settings.cases_days),
        sanctions=seconds(settings.sanctions_days),
        audit=settings.audit_days * DAY,
    )
