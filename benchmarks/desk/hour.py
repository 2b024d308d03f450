"""One hour: the members' orders, the moderator's round, and the moderators' channel as it was told."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.desk.crowd import DAY, MONTH, Kind, Order, Plan, planned
from benchmarks.desk.moderator import DeskModerator, Round
from playground.people.person import Person, Use
from playground.server import Playground
from playground.world.interactions import ANSWER_WITHIN
from playground.world.world import Event

CONFIG = """
[discord]
ready_timeout = 0.0
[generation]
default_model = "drawn"
[logging]
level = "warning"
[pictures]
read_text = "off"
[[models]]
name = "drawn"
source = "nobody/drawn-at-once"
licence = "none"
side = 64
multiple = 8
steps = 2
"""
"""The defaults, and a model that takes any prompt: the bundled one asks back about words that it does not know."""
ARRIVES = 0.5
"""Share of the hour after which the moderator comes to the desk."""
_READY = 60.0  # seconds of the machine
_LAST = 30.0  # simulated seconds after the last order, in which results are posted


@dataclass(slots=True)
class Channel:
    """What the bot did in the moderators' channel."""

    posted: int = 0
    edited: int = 0
    mentions: int = 0  # messages that notify a person or a role
    about: set[int] = field(default_factory=set[int])  # members whom a message there has named


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    order: Order
    member: int  # id
    use: Use


@dataclass(slots=True, kw_only=True)
class Hour:
    plan: Plan
    ordered: list[Ordered]
    kinds: dict[int, Kind]
    round: Round
    channel: Channel
    notices: int  # direct messages to members
    emptied: float  # simulated seconds from the moderator's arrival until the queue was empty
    log: str
    play: Playground


@asynccontextmanager
async def the_hour(
    checkout: Path, folder: Path, plan: Plan, prompts: Sequence[str], *, begin: float, speed: float
) -> AsyncGenerator[Hour]:
    """Lets the hour pass with the checkout's bot, and yields it while the playground is open and the bot has stopped.

    `begin` and `speed`: of this process's clock, which `benchmarks.desk.bot.hurry` has made so.
    """
    (folder / "config.toml").write_text(CONFIG, "utf-8")
    log = folder / "bot.log"
    async with Playground.open(clock=time.time, answer_within=ANSWER_WITHIN * speed) as play:
        play.world.messages.most = 1_000_000
        channel = _watched(play)
        people = _people(play, plan)
        mia = play.person("mia")
        bot = await _started(checkout, folder, log, play, begin, speed)
        try:
            await _ready(play, bot, log, _READY * speed)
            is_over = asyncio.Event()
            kinds = {each.id: kind for kind, members in people.items() for each in members}
            moderator = DeskModerator(mia, kinds, patience=_READY * speed)
            async with asyncio.TaskGroup() as tasks:
                ordering = tasks.create_task(_order(people, planned(plan, prompts), is_over))
                round_ = tasks.create_task(_moderate(moderator, plan.seconds * ARRIVES, is_over))
        finally:
            await _stopped(bot)
        dms = [each.id for each in play.world.channels.values() if each.recipient is not None]
        yield Hour(
            plan=plan,
            ordered=ordering.result(),
            kinds=kinds,
            round=moderator.round,
            channel=channel,
            notices=sum(len(play.world.messages.of(each)) for each in dms),
            emptied=round_.result(),
            log=log.read_text("utf-8"),
            play=play,
        )


def _people(play: Playground, plan: Plan) -> dict[Kind, list[Person]]:
    """Adds the members. Raiders have new accounts."""
    counts = {Kind.SPAMMER: plan.spammers, Kind.RAIDER: plan.raiders}
    counts[Kind.GOOD] = plan.members - sum(counts.values())
    ages = {Kind.GOOD: MONTH, Kind.SPAMMER: MONTH, Kind.RAIDER: DAY / 4}
    return {
        kind: [play.add_member(f"{kind[:4]}{number}", age=ages[kind]) for number in range(count)]
        for kind, count in counts.items()
    }


def _watched(play: Playground) -> Channel:
    """Returns counts of the moderators' channel that follow what happens there."""
    found, place = Channel(), play.channel("mod-log").id

    def hear(event: Event) -> None:
        message = event.message
        if event.channel_id != place or message is None or message.is_ephemeral:
            return
        if event.name == "MESSAGE_CREATE":
            found.posted += 1
            found.mentions += any(message.json.get(key) for key in ("mentions", "mention_roles"))
        elif event.name == "MESSAGE_UPDATE":
            found.edited += 1
        for component in message.components:
            for part in str(component.get("content", "")).split("<@")[1:]:
                digits = part.lstrip("!").partition(">")[0]
                found.about.update({int(digits)} if digits.isdecimal() else ())

    play.world.listeners.append(hear)
    return found


async def _order(
    people: dict[Kind, list[Person]], orders: Sequence[Order], is_over: asyncio.Event
) -> list[Ordered]:
    """Sends each order at its time. Never waits for an answer."""
    loop = asyncio.get_running_loop()
    began, found = loop.time(), list[Ordered]()
    for order in orders:
        await asyncio.sleep(max(0.0, began + order.at - loop.time()))
        person = people[order.kind][order.member]
        use = await person.slash("gallery", "imagine", prompt=order.prompt, images=1)
        found.append(Ordered(order=order, member=person.id, use=use))
    await asyncio.sleep(_LAST)
    is_over.set()
    return found


async def _moderate(moderator: DeskModerator, after: float, is_over: asyncio.Event) -> float:
    """Returns the seconds from the arrival until the queue was empty for good."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(after)
    began = loop.time()
    await moderator.work(is_over)
    return loop.time() - began


async def _started(
    checkout: Path, folder: Path, log: Path, play: Playground, begin: float, speed: float
) -> asyncio.subprocess.Process:
    environment = {
        "ATELIER_DISCORD_API": play.api_url,
        "DISCORD_TOKEN": play.token,
        "ATELIER_DATA": str(folder / "data"),
        "PYTHONPATH": str(checkout),
    }
    with log.open("ab") as written:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(Path(__file__).with_name("bot.py")),
            repr(begin),
            repr(speed),
            str(folder / "config.toml"),
            env=os.environ | environment,
            cwd=checkout,
            stdin=asyncio.subprocess.PIPE,
            stderr=written,
        )


async def _ready(play: Playground, bot: asyncio.subprocess.Process, log: Path, timeout: float) -> None:
    """Waits until the bot takes commands. Raises RuntimeError when it ends."""
    ready, ended = (asyncio.create_task(each) for each in (play.wait_for_bot(timeout), bot.wait()))
    try:
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise RuntimeError(f"the bot ended at its start: {log} says why")
        await ready
    finally:
        ready.cancel()
        ended.cancel()


async def _stopped(bot: asyncio.subprocess.Process) -> None:
    if bot.returncode is None:
        bot.terminate()
    try:
        # In real time: an executor's thread waits.
        await asyncio.wait_for(bot.wait(), 1000)
    except TimeoutError:
        bot.kill()
        await bot.wait()
