"""The faults that happen during the walk, dealt from a shuffled deck, so that each kind happens as often as it says."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress

from benchmarks.faults.scene import SHARE, Scene
from playground.demo import ROOT
from playground.world.guild import ATTACH_FILES, SEND_MESSAGES, VIEW_CHANNEL, Overwrite
from tests.e2e.stage import children, full_disk

PASSING = (4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009, 1000, 1001, 1006)
"""Close codes after which a client connects again; 1006 is a lost connection."""
FINAL = (4004, 4010, 4011, 4012, 4013, 4014)
"""Close codes after which it must not: the bot ends with a sentence, and its owner starts it again."""
HOUR = 3600.0

Happening = Callable[[], Awaitable[None]]


class Happenings:
    """Deals faults. Those that last run beside the others. `may_happen` says whether the next one may happen now."""

    def __init__(self, scene: Scene, faults: int) -> None:
        self._scene = scene
        self._faults = faults
        self.may_happen: Callable[[], bool] = lambda: True
        self._stage = scene.stage
        self._chance = scene.chance
        self._passing = [*PASSING]
        self._final = [*FINAL]
        self._count = 0
        # Per hundred faults.
        self._kinds: dict[Happening, int] = {
            self._kill_bot: 2,
            self._kill_bot_and_measure: 1,
            self._stop_bot: 2,
            self._close_for_good: 2,
            self._second_bot: 1,
            self._kill_worker: 5,
            self._hang_worker: 1,
            self._close_gateway: 14,
            self._refuse_resume: 6,
            self._outage: 4,
            self._storm: 16,
            self._delete_message: 12,
            self._delete_thread: 3,
            self._archive_thread: 8,
            self._take_permission: 7,
            self._expire_tokens: 5,
            self._lock_database: 5,
            self._fill_disk: 3,
            self._set_clock: 4,
        }

    @property
    def share(self) -> float:
        """Returns the share of the faults that have happened."""
        return self._count / self._faults

    async def run(self) -> None:
        self._scene.proxy.share = SHARE
        try:
            async with asyncio.TaskGroup() as lasting:
                for happening in self._dealt():
                    while not self.may_happen():  # noqa: ASYNC110 - orders are no event
                        await asyncio.sleep(0.1)
                    self._count += 1
                    work = lasting.create_task(self._happen(happening))
                    await asyncio.wait({work}, timeout=self._chance.uniform(0.3, 2.7))
        finally:
            self._scene.proxy.share = 0.0
            self._scene.notes.last_fault_at = asyncio.get_running_loop().time()

    def _dealt(self) -> list[Happening]:
        deck = [happening for happening, count in self._kinds.items() for _ in range(count)]
        dealt: list[Happening] = []
        while len(dealt) < self._faults:
            dealt += self._chance.sample(deck, len(deck))
        return dealt[: self._faults]

    async def _happen(self, happening: Happening) -> None:
        with self._scene.fault(happening.__name__.strip("_").replace("_", " ")):  # type: ignore[attr-defined]
            await happening()

    def _dealt_code(self, codes: list[int], again: tuple[int, ...]) -> int:
        if not codes:
            codes += again
        return codes.pop(self._chance.randrange(len(codes)))

    # ---- processes

    async def _kill_bot(self) -> None:
        async with self._scene.turn:
            await self._stage.bot.kill()

    async def _kill_bot_and_measure(self) -> None:
        """Kills the bot amid orders. Until it answers again, nothing else is broken."""
        proxy, loop = self._scene.proxy, asyncio.get_running_loop()
        await self._kill_bot()
        share, proxy.share, began = proxy.share, 0.0, loop.time()
        try:
            await self._scene.recovered()
            self._scene.notes.recoveries.append(loop.time() - began)
        finally:
            proxy.share = share

    async def _stop_bot(self) -> None:
        async with self._scene.turn:
            await self._stage.bot.stop()

    async def _close_for_good(self) -> None:
        await self._scene.proxy.close_gateway(self._dealt_code(self._final, FINAL))

    async def _second_bot(self) -> None:
        async with self._scene.turn:
            if not self._stage.bot.is_running:
                return
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    str(ROOT / "main.py"),
                    "--config",
                    str(self._stage.data.parent / "config.toml"),
                    "run",
                ),
                env={
                    **os.environ,
                    "ATELIER_DATA": str(self._stage.data),
                    "ATELIER_DISCORD_API": self._scene.proxy.api_url,
                    "DISCORD_TOKEN": self._scene.play.token,
                },
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                _, said = await asyncio.wait_for(process.communicate(), 40)
                if process.returncode != 2 or b"Is the bot running already?" not in said:
                    self._scene.notes.intruders += 1
            except TimeoutError:
                self._scene.notes.intruders += 1
                process.kill()
                await process.wait()

    async def _kill_worker(self) -> None:
        self._signal_worker(signal.SIGKILL)

    async def _hang_worker(self) -> None:
        self._signal_worker(signal.SIGSTOP)

    def _signal_worker(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            for worker in children(self._stage.bot.pid):
                os.kill(worker, number)

    # ---- Discord

    async def _close_gateway(self) -> None:
        await self._scene.proxy.close_gateway(self._dealt_code(self._passing, PASSING))

    async def _refuse_resume(self) -> None:
        self._scene.proxy.refuse_resume(may_retry=self._chance.random() < 0.3)
        await self._scene.proxy.close_gateway(4000)

    async def _outage(self) -> None:
        proxy = self._scene.proxy
        proxy.is_down = True
        try:
            await proxy.close_gateway(1006)
            await self._wait(1, 6)
        finally:
            proxy.is_down = False

    async def _storm(self) -> None:
        proxy = self._scene.proxy
        proxy.share = self._chance.uniform(0.3, 0.9)
        await self._wait(0.5, 4)
        proxy.share = SHARE

    async def _delete_message(self) -> None:
        if posted := list(self._scene.posted()):
            # Mostly one of the newest, which may be a running job's card.
            message = self._chance.choice(posted[-10:])
            self._scene.notes.gone.add(message.id)
            self._scene.play.world.delete(message)

    async def _delete_thread(self) -> None:
        thread = self._chance.choice(self._scene.threads)
        self._scene.threads.remove(thread)
        self._scene.notes.gone.add(thread.id)
        self._scene.play.world.delete_thread(thread)
        self._scene.open_thread()

    async def _archive_thread(self) -> None:
        self._scene.play.world.archive(self._chance.choice(self._scene.threads))

    async def _take_permission(self) -> None:
        world, gallery = self._scene.play.world, self._scene.play.channel("gallery")
        role = next(role for role in world.guild.roles.values() if role.bot_id is not None)
        right = self._chance.choice((SEND_MESSAGES, VIEW_CHANNEL, ATTACH_FILES))
        world.set_overwrites(gallery, (Overwrite(role_id=role.id, deny=right),))
        await self._wait(1, 8)
        world.set_overwrites(gallery, ())

    async def _expire_tokens(self) -> None:
        for attempt in self._scene.notes.attempts[-10:]:
            self._scene.play.expire_token(attempt.use)

    # ---- the machine

    async def _lock_database(self) -> None:
        path = self._stage.data / "atelier.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)) as db:
            with suppress(sqlite3.OperationalError):
                await asyncio.to_thread(db.execute, "BEGIN IMMEDIATE")
            await self._wait(0.5, 7)

    async def _fill_disk(self) -> None:
        with suppress(ProcessLookupError), full_disk(self._stage.bot.pid):
            await self._wait(1, 4)

    async def _set_clock(self) -> None:
        sign = self._chance.choice((1, -1))
        self._scene.clock.set(sign * self._chance.choice((2, 30, 24 * 40)) * HOUR)
        await self._wait(1, 6)
        self._scene.clock.set(0.0)

    async def _wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most))
