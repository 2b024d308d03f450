"""Measures the time of a verdict, and how long it blocks the event loop.

    python -m benchmarks.verdicts --data DIR [--prompts 1000] [--keep]

DIR holds dev.jsonl and evasion_dev.jsonl (docs/safety.md). The shipped filter reads their prompts, including disguised ones, and
long prompts made of several. It checks one prompt after another while an event loop measures its own lag every 2 ms. "Own" is the
part of a delay that the process's own CPU time on all threads can explain: an upper bound for the filter's part.

A verdict runs on a thread. A thread releases the interpreter after main.SWITCH_SECONDS at the latest, but never inside a function
written in C. "The longest call" is the largest CPU time of one such call. It excludes ONNX Runtime, which computes without the
interpreter lock. It is a lower bound of the worst delay, independent of other work on the machine. On an otherwise idle machine
the loop's rows are the required figure.
"""

import argparse
import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.shared.report import machine, percentile, show, table
from main import SWITCH_SECONDS
from moderation.classifier.classifier import load_classifier
from moderation.prompts.filter import PromptFilter
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import load_rules

TICK = 0.002  # seconds
LONGEST = 1000  # maximum characters of a prompt in the bot


def prompts(folder: Path, count: int) -> tuple[list[str], list[str]]:
    """Returns prompts as members write them, and prompts of the maximum length."""
    rows = [
        str(json.loads(line)["prompt"])[:LONGEST]
        for name in ("dev.jsonl", "evasion_dev.jsonl")
        for line in (folder / name).read_text("utf-8").splitlines()
    ]
    chosen = random.Random(2)
    long = [" ".join(chosen.sample(rows, 12))[:LONGEST] for _ in range(count // 3)]
    return chosen.sample(rows, count), long


def cost(screen: PromptFilter, texts: Sequence[str]) -> list[float]:
    """Returns the CPU milliseconds of one thread for each text."""
    spent: list[float] = []
    for text in texts:
        before = time.thread_time()
        screen.check({"prompt": text})
        spent.append((time.thread_time() - before) * 1000)
    return spent


def longest_calls(screen: PromptFilter, texts: Sequence[str]) -> tuple[list[float], dict[str, float]]:
    """Returns the longest time in milliseconds within C functions for each verdict, and the longest of each function."""
    of_function: dict[str, float] = {}
    each: list[float] = []
    running: list[str] = []  # unfinished calls of C functions; "" marks Python functions between them
    since, longest = 0.0, 0.0

    def look(_: FrameType, event: str, argument: Any) -> None:
        nonlocal since, longest
        spent = (time.thread_time() - since) * 1000
        if running and running[-1] not in ("", "run"):
            longest = max(longest, spent)
            of_function[running[-1]] = max(of_function.get(running[-1], 0.0), spent)
        if event in ("call", "c_call"):
            running.append(argument.__name__ if event == "c_call" else "")
        elif running:
            running.pop()
        since = time.thread_time()

    for text in texts:
        running.clear()
        longest, since = 0.0, time.thread_time()
        sys.setprofile(look)
        try:
            screen.check({"prompt": text})
        finally:
            sys.setprofile(None)
        each.append(longest)
    return each, of_function


async def delays(screen: PromptFilter, texts: Sequence[str]) -> list[float]:
    """Returns the event loop's own lag samples in milliseconds while verdicts run on a thread."""
    late: list[float] = []

    async def look() -> None:
        while True:
            due, computed = time.perf_counter() + TICK, time.process_time()
            await asyncio.sleep(TICK)
            own = time.process_time() - computed - TICK
            late.append(1000 * max(0.0, min(time.perf_counter() - due, own)))

    looking = asyncio.create_task(look())
    for text in texts:
        await screen.wait_for_verdict({"prompt": text})
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    return late


def summary(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": percentile(values, 50),
        "p99": percentile(values, 99),
        "most": max(values),
        "looked at": float(len(values)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    screen = PromptFilter(load_rules(), load_classifier(), load_figures())
    ordinary, long = prompts(options.data, options.prompts)
    # As the bot does at start: loaded objects are excluded from garbage collection, and threads switch quickly.
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)
    cost(screen, ordinary[:20])
    measured = {
        "CPU of a verdict, ms": summary(cost(screen, ordinary)),
        f"CPU of a verdict on {LONGEST} characters, ms": summary(cost(screen, long)),
        "the loop late, ms": summary(asyncio.run(delays(screen, [*ordinary, *long]))),
    }
    calls, of_function = longest_calls(screen, [*ordinary[: len(long)], *long])
    measured["the longest call that keeps the interpreter, of each verdict, ms"] = summary(calls)
    result: dict[str, Any] = {
        "machine": machine(),
        **measured,
        "the longest calls, ms": dict(sorted(of_function.items(), key=lambda one: -one[1])[:5]),
    }
    head = ["", "median", "p99", "most"]
    rows = [[name, each["median"], each["p99"], each["most"]] for name, each in measured.items()]
    show(result, [table(head, rows)], "verdicts", keep=options.keep)


if __name__ == "__main__":
    main()
