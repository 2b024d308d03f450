"""2,000 orders with cancels, kills of the worker and an empty memory: none lost, none twice, and no memory grows.

    python -m benchmarks.soak [--orders 2000] [--kill-every 80] [--quick] [--keep]

The bot's own parts without Discord (studio, database, line, dispatch) and the real worker process on a tiny random model. Of the
first part's orders many are cancelled at some time, and the worker is killed (SIGKILL) again and again; both parts are out of
memory by chance. The second part's worker lives from its beginning to its end, so that its memory and the bot's can be compared.

- Lost: an order whose fulfilment did not end, or that ended without its reason in the database.
- Twice: delivered more than once, or with more pictures in the database than were ordered, or paid twice.
- Memory: resident bytes, the median of the samples of the second part's second quarter (the first warms up) and of its last.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import machine, show, table
from bot.metrics import Metrics
from bot.orders import Asker, Order
from bot.provenance import Provenance
from bot.records import Records
from bot.settings import GenerationSettings, Settings
from bot.studio import Studio
from db.database import Database
from db.jobs import Job, JobAction, JobState, Place
from generation.dispatch import Dispatch
from generation.link import Link, WorkerDied, open_link
from generation.messages import Configure, Event, Strained
from generation.request import ImageSize, MemberId, ModelEntry, ModelName, Prompt
from generation.ticket import GenerationFailed, JobCancelled, Ticket
from moderation.allowance import Limits
from moderation.detectors import load_detectors
from moderation.pictures import PictureCheck
from moderation.rules import load_rules
from moderation.screen import Screen
from tests.generation.saboteur import COMMAND

TINY = ModelName("tiny")
SIDE = 64
MEMBERS = 12
AT_ONCE = 24
"""Orders that are open at any time: more than fill the slots."""

SLOTS = 8
CANCELLED = 0.2  # of the orders
KILL_EVERY = 80  # orders of the first part, about
MEMORY, ALONE = 0.05, 0.001  # chances of a batch, and of a picture alone, to be out of memory
FIRST_PART = 0.6  # of the orders


# No numbers: some of them are refused, and for good reasons.
WORDS = (
    [
        "red",
        "blue",
        "green",
        "golden",
        "silver",
        "white",
        "tiny",
        "tall",
        "round",
        "sleepy",
        "happy",
        "quiet",
    ],
    [
        "fox",
        "apple",
        "teapot",
        "lantern",
        "boat",
        "owl",
        "mushroom",
        "castle",
        "cactus",
        "robot",
        "cloud",
        "bicycle",
    ],
    ["by", "on", "under", "above", "behind", "beside"],
    [
        "hills",
        "waves",
        "trees",
        "stars",
        "bridges",
        "rivers",
        "meadows",
        "dunes",
        "clouds",
        "glaciers",
        "lakes",
        "roads",
    ],
)


@dataclass(slots=True)
class Soaked:
    """What came of the orders."""

    ordered: int = 0
    deliveries: Counter[str] = field(default_factory=Counter[str])  # by job
    failures: Counter[str] = field(default_factory=Counter[str])  # by kind
    cancelled: int = 0
    kills: int = 0
    deaths: int = 0
    memory: Counter[str] = field(default_factory=Counter[str])  # out of memory, by what was done
    samples: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # bytes: bot, worker
    seconds: float = 0.0

    def hear(self, news: Event | WorkerDied) -> None:
        match news:
            case WorkerDied():
                self.deaths += 1
            case Strained(action=action):
                self.memory[action] += 1
            case _:
                pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the database holds in the end."""

    lost: int
    twice: int
    wrongly_paid: int  # jobs that cost more or less than what was delivered
    growth_bot: float | None  # shares; None where the second part was too short to say
    growth_worker: float | None


@asynccontextmanager
async def a_studio(
    folder: Path, database: Database, model: Path, soaked: Soaked, seed: int
) -> AsyncGenerator[tuple[Studio, list[Link]]]:
    """With a worker of its own, and the links to its workers, the living one last."""
    entry = ModelEntry(
        name=TINY, source=str(model), licence="none: random weights", side=SIDE, multiple=16, steps=4
    )
    configure = Configure(models=(entry,), default=TINY, slots=SLOTS, preview_seconds=0.5, log_level="error")
    links: list[Link] = []

    @asynccontextmanager
    async def connect() -> AsyncGenerator[Link]:
        # Each worker meets other accidents than the one before.
        chances = ("--memory", str(MEMORY), "--alone", str(ALONE), "--seed", str(seed + len(links)))
        async with open_link(
            configure, command=(*COMMAND, *chances), patience=60, listen=soaked.hear
        ) as link:
            links.append(link)
            yield link

    settings = Settings(
        data=folder,
        models=(entry,),
        generation=GenerationSettings(default_model=TINY, slots=SLOTS, max_waiting=10**6),
        limits=Limits(images_a_minute=10**6, images_a_day=10**6, jobs_in_line=10**6),
    )
    dispatch = Dispatch(configure, max_waiting=10**6, connect=connect)
    studio = Studio(
        settings,
        Records.of(database, folder),
        dispatch,
        Screen(load_rules()),
        PictureCheck(load_detectors(settings.pictures.detectors)),
        Provenance.open(settings.provenance, folder),
        metrics=Metrics(),
    )
    run = asyncio.create_task(dispatch.run())
    await dispatch.wait_for_ready()
    try:
        yield studio, links
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run


def an_order(number: int, chance: random.Random) -> Order:
    member = MemberId(1000 + chance.randrange(MEMBERS))
    return Order(
        asker=Asker(member=member, name="member", guild_id=1, channel_id=2),
        source="soak",
        action=JobAction.IMAGINE,
        prompt=Prompt(text=" ".join(chance.choice(words) for words in WORDS)),
        model=TINY,
        size=ImageSize(width=chance.choice((SIDE, SIDE, SIDE + 16)), height=SIDE),
        steps=chance.choice((1, 2, 4)),
        guidance=chance.choice((1.0, 4.0)),
        seed=number,
        images=chance.choice((1, 1, 2)),
    )


async def carry(studio: Studio, job: Job, soaked: Soaked, cancel_after: float | None) -> None:
    """As the bot carries it. `cancel_after`: seconds."""
    tickets: list[Ticket] = []
    carried = asyncio.create_task(studio.fulfil(job, tickets.append))
    if cancel_after is not None:
        await asyncio.wait([carried], timeout=cancel_after)
        studio.dispatch.cancel(job.id)
    try:
        await carried
        soaked.deliveries[job.id] += 1
    except JobCancelled:
        soaked.cancelled += 1
    except GenerationFailed as failure:
        soaked.failures[failure.kind] += 1
    await studio.records.jobs.delivered(job.id, time.time())


async def part(
    studio: Studio,
    links: list[Link],
    soaked: Soaked,
    orders: int,
    chance: random.Random,
    *,
    kill_every: int | None,
) -> None:
    """So many orders, AT_ONCE of them open at a time. `kill_every`: orders, about."""
    gate = asyncio.Semaphore(AT_ONCE)
    until_kill = (kill_every or 0) // 2

    async def one(number: int) -> None:
        try:
            job = await studio.admit(an_order(number, chance), Place(guild_id=1, channel_id=2, token=""))
            after = chance.uniform(0, 1.0) if chance.random() < CANCELLED else None
            await carry(studio, job, soaked, after)
        finally:
            gate.release()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(orders):
            await gate.acquire()
            soaked.ordered += 1
            tasks.create_task(one(soaked.ordered))
            until_kill -= 1
            if kill_every and until_kill <= 0 and studio.dispatch.state.running:
                with suppress(ProcessLookupError):
                    os.kill(links[-1].pid, signal.SIGKILL)
                    soaked.kills += 1
                until_kill = round(chance.uniform(0.5, 1.5) * kill_every)
            if not kill_every and soaked.ordered % 5 == 0:
                soaked.samples.append((resident(os.getpid()), resident(links[-1].pid)))


def resident(pid: int) -> int:
    """Bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def soak(
    folder: Path, model: Path, *, orders: int, seed: int = 0, kill_every: int = KILL_EVERY
) -> tuple[Soaked, Judged]:
    soaked = Soaked()
    chance = random.Random(seed)
    began = time.monotonic()
    async with Database.open(folder / "atelier.sqlite3") as database:
        first = round(FIRST_PART * orders)
        async with a_studio(folder, database, model, soaked, seed) as (studio, links):
            await part(studio, links, soaked, first, chance, kill_every=kill_every)
        deaths = soaked.deaths
        async with a_studio(folder, database, model, soaked, seed + 1000) as (studio, links):
            await part(studio, links, soaked, orders - first, chance, kill_every=None)
        if soaked.deaths > deaths:
            raise RuntimeError("the second part's worker died, so its memory can't be compared")
        soaked.seconds = time.monotonic() - began
        return soaked, await judge(soaked, database)


LOST = "SELECT count(*) FROM jobs WHERE state NOT IN ('done', 'failed', 'cancelled') OR delivered_at IS NULL"
PICTURES = """
SELECT jobs.id, jobs.state, jobs.images,
       (SELECT count(*) FROM images WHERE images.job = jobs.id) AS stored,
       (SELECT sum(images - coalesce(refunded, 0)) FROM spending WHERE spending.job = jobs.id) AS paid
FROM jobs
"""


async def judge(soaked: Soaked, database: Database) -> Judged:
    rows = await database.reader.all(PICTURES)
    unfinished = await database.reader.value(LOST)
    ended = sum(soaked.deliveries.values()) + soaked.cancelled + sum(soaked.failures.values())
    twice = sum(count > 1 for count in soaked.deliveries.values())
    paid = 0
    for row in rows:
        is_done = row["state"] == JobState.DONE
        twice += row["stored"] != (row["images"] if is_done else 0)
        twice += soaked.deliveries[row["id"]] != is_done
        paid += row["paid"] != (row["images"] if is_done else 0)
    bot, worker = growth([b for b, _ in soaked.samples]), growth([w for _, w in soaked.samples])
    return Judged(
        lost=unfinished + abs(soaked.ordered - len(rows)) + abs(soaked.ordered - ended),
        twice=twice,
        wrongly_paid=paid,
        growth_bot=bot,
        growth_worker=worker,
    )


def growth(samples: list[int]) -> float | None:
    """From the second quarter to the last, as a share."""
    quarter = len(samples) // 4
    if quarter < 5:
        return None
    before = statistics.median(samples[quarter : 2 * quarter])
    return statistics.median(samples[-quarter:]) / before - 1


def build_model(folder: Path) -> Path:
    """In a process of its own: the bot's never loads torch, and its memory is what is measured."""
    code = "import sys; from pathlib import Path; from tests.tiny_models import tiny_sd; tiny_sd(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    return folder


def result_of(soaked: Soaked, judged: Judged) -> dict[str, Any]:
    return {
        "benchmark": "soak",
        "machine": machine(),
        "load": os.getloadavg(),
        "orders": soaked.ordered,
        "delivered": sum(soaked.deliveries.values()),
        "cancelled": soaked.cancelled,
        "failed and refunded": dict(soaked.failures),
        "kills": soaked.kills,
        "worker deaths": soaked.deaths,
        "out of memory": dict(soaked.memory),
        "seconds": round(soaked.seconds, 1),
        "resident MB, second part": {
            name: [round(sample / 2**20, 1) for sample in samples[:: max(1, len(samples) // 16)]]
            for name, samples in (
                ("bot", [bot for bot, _ in soaked.samples]),
                ("worker", [worker for _, worker in soaked.samples]),
            )
        },
        **asdict(judged),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="100 orders")
    parser.add_argument("--kill-every", type=int, default=KILL_EVERY, help="orders of the first part, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = build_model(folder / "tiny")
        orders = 100 if options.quick else options.orders
        soaked, judged = asyncio.run(
            soak(folder, model, orders=orders, seed=options.seed, kill_every=options.kill_every)
        )
    result = result_of(soaked, judged)

    def percent(share: float | None) -> str:
        return "too few samples" if share is None else f"{100 * share:+.2f} %"

    rows = [
        ["orders lost", judged.lost, "0"],
        ["orders delivered twice, or with other pictures than ordered", judged.twice, "0"],
        ["orders paid for otherwise than delivered", judged.wrongly_paid, "0"],
        ["growth of the bot's memory", percent(judged.growth_bot), "below 2 %"],
        ["growth of the worker's memory", percent(judged.growth_worker), "below 2 %"],
    ]
    head = [f"{soaked.ordered} orders, {soaked.kills} kills", "measured", "asked"]
    show(result, [table(head, rows)], "soak", keep=options.keep)


if __name__ == "__main__":
    main()
