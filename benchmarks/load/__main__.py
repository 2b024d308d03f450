"""Measures the bot's answers under a steady load: 200 orders a second from 2,000 members, with a worker that answers at once.

    python -m benchmarks.load [--rate 200] [--seconds 60] [--members 2000] [--against CHECKOUT] [--keep]

The shipped bot runs in a process of its own, on a Discord on localhost that takes a part of the same cores. The bot's own CPU
time is therefore stated beside the waits. An order is answered when it is taken or shed with a sentence; an interaction without
an answer for three seconds has failed. Afterwards, the database is compared with what the members were told.
"""

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.shared.report import machine, percentile, show, table
from playground.people.person import Person, Use
from playground.server import Playground

PROJECT = Path(__file__).resolve().parents[2]
CONFIG = """
[discord]
ready_timeout = 0.0
[generation]
max_waiting = 100000
[limits]
images_a_minute = 1000
images_a_day = 100000
jobs_in_line = 1000
[logging]
level = "warning"
"""
"""No limit of the server or of a member is reached."""
_SUBJECTS = ("fox", "owl", "castle", "panda", "teapot", "robot", "boat", "cake", "mushroom", "bicycle")
"""The bundled model knows all of them: an order of a word that it does not know is answered with a question."""
_PLACES = ("in the snow", "on a hill", "under the stars", "by the sea", "in a forest", "at dawn")
_SETTLE = 5.0  # seconds after the last order: answers come within three


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    orders: int
    taken: int
    shed: int
    unanswered: int
    answers_p50: float  # seconds, of taken and shed ones
    answers_p99: float
    longest_answer: float
    taken_a_second: float
    cpu_ms_an_order: float  # of the bot's process, until the last answer
    memory_mib: float  # the bot's highest
    lost: int  # orders that a member was told are taken, and that have no row
    charged_untold: int  # charged orders that no member was told of
    delivered_a_second: float  # while the orders came


async def load(checkout: Path, folder: Path, *, rate: float, seconds: float, members: int) -> Loaded:
    config, data = folder / "config.toml", folder / "data"
    config.write_text(CONFIG, "utf-8")
    async with Playground.open() as play:
        environment = {
            "ATELIER_DISCORD_API": play.api_url,
            "DISCORD_TOKEN": play.token,
            "ATELIER_DATA": str(data),
        }
        with (folder / "bot.log").open("ab") as log:
            bot = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(Path(__file__).with_name("bot.py")),
                str(config),
                env=os.environ | environment | {"PYTHONPATH": str(checkout)},
                stdin=asyncio.subprocess.PIPE,
                stderr=log,
            )
        try:
            await play.wait_for_bot(60)
            people = [play.add_member(f"m{number}") for number in range(members)]
            await asyncio.sleep(3)  # the worker is ready
            process = psutil.Process(bot.pid)
            before, began = _cpu(process), time.monotonic()
            uses = await _order(people, rate, seconds)
            await asyncio.sleep(_SETTLE)
            cpu, took = _cpu(process) - before, time.monotonic() - began
            memory = process.memory_info().rss
            kept, charged, delivered = _stored(data)
        finally:
            bot.terminate()
            try:
                await asyncio.wait_for(bot.wait(), 20)
            except TimeoutError:
                bot.kill()
                await bot.wait()
        answers = [use.answer_seconds for use in uses if not use.failed and not use.interaction.is_open]
        shed = sum(use.interaction.is_ephemeral for use in uses if use.interaction.answered_at is not None)
        taken = len(answers) - shed
        return Loaded(
            orders=len(uses),
            taken=taken,
            shed=shed,
            unanswered=len(uses) - len(answers),
            answers_p50=percentile(answers, 50),
            answers_p99=percentile(answers, 99),
            longest_answer=max(answers),
            taken_a_second=taken / seconds,
            cpu_ms_an_order=1000 * cpu / len(uses),
            memory_mib=memory / 2**20,
            lost=max(0, taken - kept),
            charged_untold=charged + max(0, kept - taken),
            delivered_a_second=delivered / took,
        )


async def _order(people: list[Person], rate: float, seconds: float) -> list[Use]:
    """Orders at a steady rate, each time as the next member. Never waits for an answer."""
    loop = asyncio.get_running_loop()
    began, uses = loop.time(), list[Use]()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        prompt = f"a {_SUBJECTS[number % 10]} {_PLACES[number % 6]}, number {number}"
        uses.append(await people[number % len(people)].slash("gallery", "imagine", prompt=prompt, images=1))
    return uses


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _stored(data: Path) -> tuple[int, int, int]:
    """Returns the orders that were not taken back, the charged ones of the others, and those with a delivered result."""
    with closing(sqlite3.connect(data / "atelier.sqlite3")) as connection:
        return connection.execute(
            """
            SELECT count(*) FILTER (WHERE NOT is_taken_back),
                count(*) FILTER (WHERE is_taken_back AND charged > 0), count(delivered_at)
            FROM (
                SELECT delivered_at, state = 'cancelled' AND given_up_at IS NOT NULL AS is_taken_back,
                    spending.images - coalesce(refunded, 0) AS charged
                FROM jobs JOIN spending ON spending.job = jobs.id)
            """
        ).fetchone()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rate", type=float, default=200, help="orders a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--members", type=int, default=2000)
    parser.add_argument(
        "--against", type=Path, help="the folder of another checkout, measured before this one"
    )
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    checkouts = {"before": options.against.resolve()} if options.against else {}
    found: dict[str, dict[str, Any]] = {}
    for name, checkout in (checkouts | {"now": PROJECT}).items():
        with tempfile.TemporaryDirectory() as folder:
            loaded = asyncio.run(
                load(
                    checkout,
                    Path(folder),
                    rate=options.rate,
                    seconds=options.seconds,
                    members=options.members,
                )
            )
        found[name] = asdict(loaded) | {"load": os.getloadavg()[0]}
    head = ["", *found]
    rows = [[figure, *(each[figure] for each in found.values())] for figure in found["now"]]
    about = {"rate": options.rate, "seconds": options.seconds, "members": options.members}
    result = {"benchmark": "load", "machine": machine(), **about, "figures": found}
    show(result, [table(head, rows)], "load", keep=options.keep)


if __name__ == "__main__":
    main()
