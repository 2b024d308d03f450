"""Where the walk takes place: a Discord on localhost, the proxy before it, the bot behind it, and what was noted of them."""

import asyncio
import logging
import random
import re
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.bot import BotClock
from benchmarks.faults.proxy import Proxy
from playground.demo import BotProcess
from playground.people.person import Use
from playground.server import Playground
from playground.world.guild import Channel
from playground.world.messages import Message
from playground.world.world import Event
from tests.e2e.stage import Options, Stage, config
from tests.openapi import Judge

log = logging.getLogger(__name__)

SHARE = 0.04  # of the answers that are broken in calm weather
ACCIDENTS = ("--memory", "0.03", "--alone", "0.002", "--nan", "0.01")
THREADS = 4
CANCEL = re.compile(r"atelier:1:cancel:([a-z2-7]{10}):")
VARY = re.compile(r"atelier:1:vary:([a-z2-7]{10}):")
ROOMY = Options(
    slots=8,
    patience=10.0,
    images_a_minute=10_000,
    jobs_in_line=1000,
    free_cancels_a_day=1000,
    refusals_an_hour=1000,
)
"""No limit is reached, so that every difference in what members pay is a fault."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An order by a member, with a prompt that no other order has."""

    prompt: str
    use: Use

    @property
    def is_accepted(self) -> bool:
        """Whether the member sees a card, and not a refusal. False after the card was deleted."""
        message = self.use.message
        return message is not None and not message.is_ephemeral


@dataclass(slots=True)
class Notes:
    """What was seen during the walk. Times are the event loop's."""

    faults: Counter[str] = field(default_factory=Counter[str])
    spoilt: Counter[str] = field(default_factory=Counter[str])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    accepted: int = 0  # attempts whose first answer was a card, also if that was deleted later
    presses: int = 0
    unanswered: int = 0  # the member saw that the bot did not respond
    refused: int = 0  # with a sentence
    gone: set[int] = field(
        default_factory=set[int]
    )  # messages and channels that the walk or a member deleted
    signs: dict[int, list[float]] = field(
        default_factory=dict[int, list[float]]
    )  # by message: posts and edits
    recoveries: list[float] = field(default_factory=list[float])  # seconds from a kill to the next answer
    stops: Counter[str] = field(default_factory=Counter[str])  # how the bot ended, besides kills and stops
    intruders: int = 0  # second bots that were let in
    last_fault_at: float = 0.0


@dataclass(slots=True, eq=False)
class Scene:
    stage: Stage
    proxy: Proxy
    clock: BotClock
    chance: random.Random
    notes: Notes
    threads: list[Channel] = field(default_factory=list[Channel])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while the bot is started or ended

    @property
    def play(self) -> Playground:
        return self.stage.play

    @property
    def places(self) -> list[Channel]:
        return [self.play.channel("gallery"), *self.threads]

    def posted(self) -> Iterator[Message]:
        """Yields the bot's messages that everybody sees, the moderators' cards excluded."""
        for place in self.places:
            for message in self.play.world.messages.of(place.id):
                if message.author_id == self.play.world.bot.id and not message.is_ephemeral:
                    yield message

    def open_thread(self) -> None:
        gallery = self.play.channel("gallery")
        self.threads.append(
            self.play.world.open_thread(gallery, f"thread {len(self.notes.gone)}", self.stage.ada.id)
        )

    @property
    def open_jobs(self) -> int:
        return self.stage.row(
            "SELECT count(*) AS count FROM jobs WHERE delivered_at IS NULL AND given_up_at IS NULL"
        )["count"]

    @contextmanager
    def fault(self, name: str) -> Generator[None]:
        """Counts a fault that lasts as long as the block."""
        self.notes.faults[name] += 1
        log.info("fault: %s", name)
        try:
            yield
        finally:
            log.info("over: %s", name)
            self.notes.last_fault_at = asyncio.get_running_loop().time()

    def hear(self, event: Event) -> None:
        if event.message is None:
            return
        if event.name != "MESSAGE_DELETE":
            self.notes.signs.setdefault(event.message.id, []).append(asyncio.get_running_loop().time())

    # ---- the bot

    async def supervise(self) -> None:
        """Starts the bot again whenever it has ended, as a service manager does."""
        while True:
            if not self.stage.bot.is_running:
                async with self.turn:
                    code = self.stage.bot.exit_code
                    # 15: stopped before it listens for signals.
                    if code not in (0, -9, -15, None):
                        last = (self.stage.said().strip().splitlines() or [""])[-1]
                        self.notes.stops[
                            last if last.startswith("atelier: ") else f"exit code {code}: {last}"
                        ] += 1
                    log.info("the bot ended with exit code %s and is started", code)
                    await self.stage.bot.start()
            await asyncio.sleep(0.05)

    async def recovered(self) -> None:
        """Waits until a member is answered."""
        probe = self.play.person("probe")
        while True:
            try:
                use = await probe.slash("gallery", "queue")
                async with asyncio.timeout(1.0):
                    await use.wait_for_answer()
                if not use.failed:
                    return
            except TimeoutError:
                continue
            except Exception:  # the bot is offline
                await asyncio.sleep(0.05)


@asynccontextmanager
async def on_scene(folder: Path, model: Path, seed: int) -> AsyncGenerator[Scene]:
    """Opens a scene with a running bot. Leaving it always ends the bot and its worker."""
    (folder / "config.toml").write_text(config(model, ROOMY), "utf-8")
    log = folder / "bot.log"
    log.touch()
    clock = BotClock(folder / "clock")
    command = (
        sys.executable,
        "-m",
        "benchmarks.faults.bot",
        str(clock.path),
        *ACCIDENTS,
        "--seed",
        str(seed),
        "--",
    )
    bot = BotProcess(folder / "data", folder / "config.toml", log, command)
    async with Playground.open() as play, Proxy.open(play.world.address, random.Random(seed)) as proxy:
        bot.point_at(proxy.api_url, play.token)
        scene = Scene(
            Stage(play, bot, Judge(), folder / "data", log), proxy, clock, random.Random(seed + 1), Notes()
        )
        play.world.messages.most = 100_000
        play.world.listeners.append(scene.hear)
        for _ in range(THREADS):
            scene.open_thread()
        play.add_member("probe")
        try:
            await scene.stage.start()
            yield scene
        finally:
            scene.notes.spoilt = proxy.spoilt
            await bot.stop()
