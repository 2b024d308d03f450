"""A moderator's hour on a server of 5,000 members: what spam and a raid cost the desk, and what they cost the other members.

    python -m benchmarks.desk [--against CHECKOUT] [--speed 10] [--keep]

In one hour, members order 2,000 pictures. Two spammers send 60 flagged or refused prompts each in the first half, and 60 new
accounts send 120 nearly equal flagged prompts within three minutes. The others order what real users wrote. After half an hour a
moderator comes and decides all open cases: approves those of well-behaved members, times out each other member at the first case
and removes the rest. A press takes the moderator 4 s, a form 12 s, a command 6 s.

The shipped bot runs as a process on a Discord on localhost. The clocks and timers of both run `--speed` times as fast, so all
times are simulated. A stand-in draws. The prompts are part of the data for tests (CONTRIBUTING.md).
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Before the modules that keep a clock's function are imported.
    from benchmarks.desk.bot import hurry, speed_in

    BEGIN, SPEED = time.time(), speed_in(sys.argv)
    hurry(BEGIN, SPEED)

from benchmarks.desk.crowd import Plan, users_prompts
from benchmarks.desk.hour import the_hour
from benchmarks.desk.judge import Figures, judged
from benchmarks.shared.report import machine, show, table
from tests.data_folder import DATA_FOLDER

PROJECT = Path(__file__).resolve().parents[2]
PROMPTS = DATA_FOLDER / "safety" / "dev.jsonl"


async def run(
    checkout: Path, folder: Path, plan: Plan, prompts: list[str], *, begin: float, speed: float
) -> Figures:
    async with the_hour(checkout, folder, plan, prompts, begin=begin, speed=speed) as hour:
        return judged(hour, folder / "data")


def rows_of(found: dict[str, dict[str, Any]]) -> list[list[object]]:
    """Returns a row for each figure with a column for each checkout; a list shows its length."""
    return [
        [name.replace("_", " "), *(_cell(each[name]) for each in found.values())]
        for name in next(iter(found.values()))
    ]


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    return len(value) if isinstance(value, list) else value


def main() -> None:
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--speed", type=float, default=10.0, help="simulated seconds in a second")
    parser.add_argument("--members", type=int, default=usual.members)
    parser.add_argument("--orders", type=int, default=usual.orders)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument(
        "--against", type=Path, help="the folder of another checkout, measured before this one"
    )
    parser.add_argument("--folder", type=Path, help="keeps the bot's data and log here")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    if not PROMPTS.exists():
        parser.error(f"{PROMPTS} is missing: its prompts are what members order")
    prompts = users_prompts(PROMPTS)
    plan = Plan(members=options.members, orders=options.orders, seed=options.seed)
    checkouts = {"before": options.against.resolve()} if options.against else {}
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, checkout in (checkouts | {"now": PROJECT}).items():
            folder = (options.folder or Path(temporary)) / name
            folder.mkdir(parents=True)
            found[name] = asdict(asyncio.run(run(checkout, folder, plan, prompts, begin=BEGIN, speed=SPEED)))
    about = {"speed": options.speed, "load": os.getloadavg()[0], "plan": asdict(plan)}
    result = {"benchmark": "desk", "machine": machine(), **about, "figures": found}
    show(result, [table(["", *found], rows_of(found))], "desk", keep=options.keep)


if __name__ == "__main__":
    main()
