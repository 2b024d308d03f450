"""Runs 2,000 orders with cancellations, worker kills and out-of-memory errors: no order may be lost or delivered twice, and
memory may not grow.

    python -m benchmarks.soak [--orders 2000] [--kill-every 80] [--quick] [--keep]

Uses the bot's own parts without Discord (studio, database, queue, dispatch) and the real worker process with a tiny random model.
In the first part many orders are cancelled at random times, and the worker is killed (SIGKILL) repeatedly. Both parts have random
out-of-memory errors. In the second part one worker lives from beginning to end, so that its memory and the bot's can be compared.

- Lost: an order whose fulfilment did not end, or that ended without a reason in the database.
- Twice: an order delivered more than once, charged twice, or with more pictures in the database than ordered.
- Memory: resident bytes. Compares the median of the second part's second quarter with that of its last quarter; the first quarter
  is a warm-up.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.shared.report import machine, show, table
from benchmarks.soak.outcome import Judged, Soaked, judge, resident
from benchmarks.soak.studio import a_studio, an_order, build_model
from bot.studio.studio import Studio
from db.database import Database
from db.jobs import Job, ReplyTarget
from generation.queue.connection import WorkerConnection
from generation.queue.ticket import GenerationFailed, JobCancelled, Ticket

AT_ONCE = 24
"""Open orders at any time; more than the slots hold."""

CANCELLED = 0.2  # share of the orders
KILL_EVERY = 80  # approximate number of orders between kills in the first part
FIRST_PART = 0.6  # share of the orders


async def carry(studio: Studio, job: Job, soaked: Soaked, cancel_after: float | None) -> None:
    """Fulfils a job as the bot does. `cancel_after` is in seconds."""
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
    links: list[WorkerConnection],
    soaked: Soaked,
    orders: int,
    chance: random.Random,
    *,
    kill_every: int | None,
) -> None:
    """Runs `orders` orders with AT_ONCE of them open at a time. `kill_every` is an approximate number of orders."""
    gate = asyncio.Semaphore(AT_ONCE)
    until_kill = (kill_every or 0) // 2

    async def one(number: int) -> None:
        try:
            job = await studio.admit(
                an_order(number, chance), ReplyTarget(guild_id=1, channel_id=2, token="")
            )
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
