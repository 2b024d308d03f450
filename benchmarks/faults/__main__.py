"""Orders by twenty members while everything around the bot fails: nothing may be lost, twice or paid wrongly.

    python -m benchmarks.faults [--orders 500] [--faults 300] [--seeds 1 2 3] [--keep]

The shipped bot runs as a process, connected to a Discord on localhost through a proxy that breaks answers before and after the
deed. A tiny random model draws. The seed chooses the faults, the orders and their times. A run is not repeated exactly, because
the processes run side by side.
"""

import argparse
import asyncio
import logging
import os
import tempfile
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.faults.happenings import Happenings
from benchmarks.faults.judge import UNSETTLED, Judged, judge, orphans
from benchmarks.faults.members import Members
from benchmarks.faults.scene import Notes, Scene, on_scene
from benchmarks.shared.report import machine, show, table
from benchmarks.soak.studio import build_model

AHEAD = 15  # orders
SETTLED_WITHIN = 300.0  # seconds after the last fault


async def walk(scene: Scene, *, orders: int, faults: int) -> float:
    """Lets members order and faults happen, until there were enough of both; then waits until everything has settled, and stops
    the bot. Returns the longest silence."""
    members = Members(scene, orders)
    happenings = Happenings(scene, faults)
    # Each keeps pace with the other, so that orders are under way when faults happen.
    members.may_order = lambda: members.accepted < AHEAD + orders * happenings.share
    happenings.may_happen = lambda: happenings.share * orders < AHEAD + members.accepted
    supervision = asyncio.create_task(scene.supervise())
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(happenings.run())
            tasks.create_task(members.run())
        silence = await settle(scene)
        # Files that a kill left without a row are put aside by the next start.
        await scene.stage.stop()
        await scene.stage.until(lambda: scene.stage.bot.is_running)
        await scene.recovered()
        await settle(scene)
        await _wait_for_files(scene)
    finally:
        supervision.cancel()
        await asyncio.wait({supervision})
    await scene.stage.stop()
    return silence


async def settle(scene: Scene) -> float:
    """Waits until every job is delivered or given up. Returns the longest time since the last fault in which a member saw nothing
    of an open job."""
    loop, notes = asyncio.get_running_loop(), scene.notes
    began = max(notes.last_fault_at, loop.time())
    signs = {row["id"]: [notes.last_fault_at or began] for row in _open(scene)}
    longest = 0.0
    while (still := _open(scene)) and loop.time() - began < SETTLED_WITHIN:
        await asyncio.sleep(0.2)
        for row in still:
            seen = [at for at in notes.signs.get(row["message_id"] or 0, ()) if at > notes.last_fault_at]
            times = sorted([*signs.setdefault(row["id"], [began]), *seen, loop.time()])
            longest = max(longest, *(after - before for before, after in pairwise(times)))
    return longest


def _open(scene: Scene) -> list[Any]:
    return scene.stage.rows(UNSETTLED.replace("count(*) AS count", "id, message_id"))


async def _wait_for_files(scene: Scene) -> None:
    for _ in range(100):
        if not orphans(scene.stage.data):
            return
        await asyncio.sleep(0.1)


async def run(folder: Path, model: Path, orders: int, faults: int, seed: int) -> dict[str, Any]:
    async with on_scene(folder, model, seed) as scene:
        judged = judge(scene, await walk(scene, orders=orders, faults=faults))
    return result_of(seed, scene.notes, judged)


def result_of(seed: int, notes: Notes, judged: Judged) -> dict[str, Any]:
    found = {each.name: getattr(judged, each.name) for each in fields(judged)}
    return {
        "seed": seed,
        "orders": len(notes.attempts),
        "accepted": notes.accepted,
        "presses": notes.presses,
        "unanswered": notes.unanswered,
        "private answers": notes.refused,
        "faults": sum(notes.faults.values()),
        "faults by kind": dict(notes.faults.most_common()),
        "broken answers": sum(notes.spoilt.values()),
        "broken answers by kind": dict(notes.spoilt.most_common()),
        "stops of the bot": dict(notes.stops),
        "second bots let in": notes.intruders,
        "seconds to an answer after a kill": [round(each, 1) for each in notes.recoveries],
        **found,
    }


def row_of(result: dict[str, Any]) -> list[object]:
    return [
        result["seed"],
        sum(result["outcomes"].values()),
        result["faults"],
        result["broken answers"],
        *(len(result[name]) for name in ("lost", "twice", "wrongly_paid", "files", "rows", "cards", "bugs")),
        round(result["silence"], 1),
        max(result["seconds to an answer after a kill"], default=0.0),
    ]


HEAD = [
    "seed",
    "orders",
    "faults",
    "broken answers",
    "lost",
    "twice",
    "wrongly paid",
    "files",
    "rows",
    "cards",
    "bugs",
    "longest silence, s",
    "answer after a kill, s",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--folder", type=Path, help="keeps the bot's data and log here")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        model = build_model(Path(name) / "tiny")
        for seed in options.seeds:
            folder = (options.folder or Path(name)) / f"seed-{seed}"
            folder.mkdir(parents=True)
            handler = logging.FileHandler(folder / "walk.log")
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logging.basicConfig(level="INFO", handlers=[handler], force=True)
            results.append(asyncio.run(run(folder, model, options.orders, options.faults, seed)))
    about = {"benchmark": "faults", "machine": machine(), "load": os.getloadavg()}
    show(
        {**about, "runs": results},
        [table(HEAD, [row_of(each) for each in results])],
        "faults",
        keep=options.keep,
    )


if __name__ == "__main__":
    main()
