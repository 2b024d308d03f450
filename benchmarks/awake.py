"""Measures whether the bot's event loop stays responsive while the worker is saturated: its lag, and the time to answer members.

    python -m benchmarks.awake [--interactions 400] [--model tiny|emoji] [--quick] [--keep]

The shipped bot runs as a process that is connected to a Discord on localhost. Its real worker always has more pictures than
slots. Members type /imagine, /queue and /history and press buttons, a few interactions a second.

- Lag: the delay of a timer that runs every 20 ms in the bot's process, read from its /metrics. "Own" is the part of the delay
  that the process's own CPU time can explain. Other work on the machine causes the rest.
- Answer: the time from the interaction to its callback, measured by the playground.
"""

import argparse
import asyncio
import os
import random
import re
import socket
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.shared.report import machine, percentile, show, table
from playground.people.person import Person, Use
from playground.world.messages import Message
from tests.e2e.stage import Options, Stage, is_gallery, on_stage
from tests.tiny_models import tiny_sd

SLOTS = 8
LONG = 16  # open jobs at any time; they fill the slots twice
STEPS = {"tiny": 400, "emoji": 50}  # steps of each job: one second to one minute
RATE = 5.0
"""Interactions per second, on average."""

FAMILIES = ("imagine", "queue", "history", "reroll", "vary", "upscale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Lag samples of the event loop, in seconds."""

    looks: int
    p50: float
    p99: float
    within_20_ms: float  # share


@dataclass(frozen=True, slots=True, kw_only=True)
class Awake:
    answers: Mapping[str, list[float]]  # seconds, by kind of interaction
    failed: int  # interactions without an answer
    lag: Lag
    own: Lag
    rows_a_second: float  # rows per second of the worker; shows that the worker was busy
    slots: float  # slots in use, mean of all scrapes
    bot_cpu: float  # CPU seconds per second of the bot's process
    loads: tuple[float, float]  # the machine's load average before and after


async def awake(stage: Stage, port: int, *, interactions: int, model: str, seed: int = 0) -> Awake:
    """Runs the benchmark. The bot's worker must be ready."""
    chance = random.Random(seed)
    people = [stage.guest() for _ in range(8)]
    await stage.draw(people[0], "the first --steps 2", images=2, model="tiny")
    crowd = [asyncio.create_task(_keep_busy(stage, model, number)) for number in range(LONG)]
    try:
        await _wait_for_full_slots(port)
        before, cpu, load = await scrape(port), _cpu_seconds(stage.bot.pid), os.getloadavg()[0]
        began = asyncio.get_running_loop().time()
        answers: defaultdict[str, list[float]] = defaultdict(list)
        failed, slots = 0, list[float]()

        async def one(kind: str, person: Person) -> None:
            nonlocal failed
            use = await _use(stage, kind, person)
            with suppress(TimeoutError):
                await use.wait_for_answer(10)
            if use.failed or use.interaction.answered_at == 0.0:
                failed += 1
            else:
                answers[kind].append(use.answer_seconds)

        async with asyncio.TaskGroup() as tasks:
            for number in range(interactions):
                tasks.create_task(one(FAMILIES[number % len(FAMILIES)], chance.choice(people)))
                await asyncio.sleep(chance.expovariate(RATE))
                if number % 10 == 0:
                    slots.append((await scrape(port))["slots_in_use"])
        after = await scrape(port)
        seconds = asyncio.get_running_loop().time() - began
        return Awake(
            answers=dict(answers),
            failed=failed,
            lag=lag_of(before, after, "loop_lag_seconds"),
            own=lag_of(before, after, "loop_lag_own_seconds"),
            rows_a_second=(after["rows_total"] - before["rows_total"]) / seconds,
            slots=statistics.mean(slots),
            bot_cpu=(_cpu_seconds(stage.bot.pid) - cpu) / seconds,
            loads=(round(load, 1), round(os.getloadavg()[0], 1)),
        )
    finally:
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


async def _keep_busy(stage: Stage, model: str, number: int) -> None:
    """Orders one long job after another until cancelled."""
    person = stage.guest()
    while True:
        use = await person.slash(
            "gallery", "imagine", prompt=f"long {number} --steps {STEPS[model]}", images=1, model=model
        )
        # Waits for the end in short steps: an order that the bot answered too late has no end.
        with suppress(TimeoutError):
            await stage.play.world.changed.wait_until(lambda use=use: _is_over(use) or None, 600)


def _is_over(use: Use) -> bool:
    return use.failed or (use.message is not None and is_gallery(use.message))


async def _use(stage: Stage, kind: str, person: Person) -> Use:
    """Makes one interaction. Presses buttons on the newest gallery, because the playground keeps only the last few hundred
    messages of a channel."""
    gallery = _newest_gallery(stage)
    match kind:
        case "imagine":
            return await person.slash("gallery", "imagine", prompt="a quick one --steps 2", images=1)
        case "queue" | "history":
            return await person.slash("gallery", kind)
        case "reroll":
            return await person.click(gallery, custom_id=stage.custom_id(gallery, "reroll"))
        case "vary":
            return await person.click(gallery, label="V1")
        case _:
            return await person.click(gallery, label="U1")


def _newest_gallery(stage: Stage) -> Message:
    world = stage.play.world
    messages = world.messages.of(world.channel_named("gallery").id)
    # an enlarged picture has no U1 button
    return next(message for message in reversed(messages) if message.component(label="U1"))


# ---- the bot's metrics


Figures = dict[str, Any]


async def scrape(port: int) -> Figures:
    """Returns the metrics by name without the prefix. A histogram becomes its buckets: {upper bound: count}."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix("atelier_")
            if name.endswith("_bucket"):
                found.setdefault(name, {})[float(sample.labels["le"])] = sample.value
            else:
                found[name] = found.get(name, 0.0) + sample.value
    return found


async def _wait_for_full_slots(port: int) -> None:
    async with asyncio.timeout(120):
        while (await scrape(port))["slots_in_use"] < SLOTS:  # noqa: ASYNC110  # another process changes the condition
            await asyncio.sleep(0.25)


def lag_of(before: Figures, after: Figures, name: str) -> Lag:
    counts = {
        le: after[f"{name}_bucket"][le] - before[f"{name}_bucket"][le] for le in after[f"{name}_bucket"]
    }
    looks = counts[float("inf")]
    return Lag(
        looks=int(looks),
        p50=quantile(counts, 0.5),
        p99=quantile(counts, 0.99),
        within_20_ms=counts[0.02] / looks,
    )


def quantile(counts: Mapping[float, float], share: float) -> float:
    """Returns a quantile of a histogram with cumulative counts. Assumes evenly spread values inside a bucket, as Prometheus
    does."""
    wanted = share * counts[float("inf")]
    low, below = 0.0, 0.0
    for high in sorted(counts):
        if counts[high] >= wanted:
            return (
                low
                if high == float("inf")
                else low + (high - low) * (wanted - below) / (counts[high] - below)
            )
        low, below = high, counts[high]
    return low


def _cpu_seconds(pid: int) -> float:
    fields = re.sub(r".*\)", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- output


def result_of(measured: Awake, model: str) -> dict[str, Any]:
    def spread(values: list[float]) -> dict[str, float]:
        return {
            "count": len(values),
            **{f"p{percent}": round(percentile(values, percent), 4) for percent in (50, 95, 99)},
        }

    every = [each for values in measured.answers.values() for each in values]
    return {
        "benchmark": "awake",
        "machine": machine(),
        "load": measured.loads,
        "model": model,
        "worker": {
            "rows a second": round(measured.rows_a_second, 1),
            "slots in use": round(measured.slots, 1),
            "of": SLOTS,
        },
        "bot's CPU seconds a second": round(measured.bot_cpu, 3),
        "lag, s": {
            name: {"looks": lag.looks, "p50": lag.p50, "p99": lag.p99, "within 20 ms": lag.within_20_ms}
            for name, lag in (("all", measured.lag), ("own", measured.own))
        },
        "answers, s": {
            "all": spread(every),
            **{kind: spread(each) for kind, each in measured.answers.items()},
        },
        "failed": measured.failed,
    }


def rows_of(result: dict[str, Any]) -> list[list[object]]:
    lag, answers = result["lag, s"], result["answers, s"]["all"]
    return [
        ["loop lag p99, ms", 1000 * lag["all"]["p99"], "at most 20"],
        ["the same, as far as the bot's own computing explains it", 1000 * lag["own"]["p99"], "at most 20"],
        ["answer p99, ms", 1000 * answers["p99"], "at most 300"],
        ["answer p50, ms", 1000 * answers["p50"], ""],
        ["interactions without an answer", result["failed"], "0"],
    ]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


async def run(interactions: int, model: str) -> dict[str, Any]:
    port = free_port()
    options = Options(
        slots=SLOTS, images_a_minute=100_000, jobs_in_line=1000, max_waiting=5000, listen=f"127.0.0.1:{port}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with on_stage(folder, tiny_sd(folder / "tiny"), options) as stage:
            return result_of(await awake(stage, port, interactions=interactions, model=model), model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--interactions", type=int, default=400)
    parser.add_argument("--model", choices=sorted(STEPS), default="tiny")
    parser.add_argument("--quick", action="store_true", help="70 interactions")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    result = asyncio.run(run(70 if options.quick else options.interactions, options.model))
    head = [f"worker saturated; machine's load {result['load']}", "measured", "asked"]
    show(result, [table(head, rows_of(result))], "awake", keep=options.keep)


if __name__ == "__main__":
    main()
