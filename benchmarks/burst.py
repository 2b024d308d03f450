"""Measures answers and waits when fifty members type /imagine within one second, after one member has queued twenty jobs.

The shipped bot runs as a process that is connected to a Discord on localhost, and draws with a tiny random model. The figures
therefore describe the bot, its database and its queue, not a model.

    python benchmarks/burst.py [--members 50] [--jobs 20] [--steps 20] [--json]
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if __name__ == "__main__":  # When run as a file, Python puts this folder on the path, but not the project.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from playground.people.person import Person, Use
from playground.server import Playground
from tests.e2e.stage import Options, is_gallery, on_stage
from tests.tiny_models import tiny_sd

ROOMY = Options(slots=8, images_a_minute=1000, jobs_in_line=100)
"""No limit is reached, so that only the queue is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Results in seconds. An answer is the time from the use to the bot's first answer; a wait is the time from the use to the
    finished picture."""

    answers: list[float]  # of the members with one job each
    waits: list[float]
    busy_answers: list[float]  # of the member with many jobs
    busy_waits: list[float]
    failed: int  # interactions without an answer after three seconds
    shed: int  # orders that were refused because the bot had too many; the member ordered again
    seconds: float  # from the first use to the last picture


async def burst(
    play: Playground, *, members: int, jobs: int, steps: int, timeout: float, busy_steps: int | None = None
) -> Measured:
    """Orders `jobs` pictures as one member. Then `members` other members order one each, spread over one second.

    `busy_steps`: steps of the first member's pictures; by default `steps`.
    """
    loop = asyncio.get_running_loop()
    busy = play.add_member("busy")
    others = [play.add_member(f"one{i}") for i in range(members)]
    shed = 0

    async def order(person: Person, number: int) -> Use:
        nonlocal shed
        of_order = (busy_steps or steps) if person is busy else steps
        prompt = f"burst {number} of {person.name} --steps {of_order}"
        async with asyncio.timeout(timeout):
            while True:
                use = await person.slash("gallery", "imagine", prompt=prompt, images=1)
                await use.wait_for_answer(timeout)
                if use.failed or use.message is None or not use.message.is_ephemeral:
                    return use
                shed += 1
                await asyncio.sleep(0.5)

    async def wait_of(use: Use) -> float:
        def look() -> bool | None:
            return (use.failed or (use.message is not None and is_gallery(use.message))) or None

        await play.world.changed.wait_until(look, timeout)
        return loop.time() - use.interaction.opened_at

    async def one(number: int) -> tuple[Use, float]:
        await asyncio.sleep(number / members)  # one member after another, the last one within the second
        use = await order(others[number], number)
        return use, await wait_of(use)

    await wait_of(await order(play.person("ada"), 0))  # the worker is ready from here on
    began = loop.time()
    many = await asyncio.gather(*(order(busy, number) for number in range(jobs)))
    async with asyncio.TaskGroup() as tasks:
        singles = [tasks.create_task(one(number)) for number in range(members)]
        waits = [tasks.create_task(wait_of(use)) for use in many]
    ones = [task.result() for task in singles]
    uses = [use for use, _ in ones]
    return Measured(
        answers=[use.answer_seconds for use in uses if not use.failed],
        waits=[wait for use, wait in ones if not use.failed],
        busy_answers=[use.answer_seconds for use in many if not use.failed],
        busy_waits=[task.result() for task in waits],
        failed=sum(use.failed for use in [*uses, *many]),
        shed=shed,
        seconds=loop.time() - began,
    )


def spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))], 3),
        "max": round(ordered[-1], 3),
    }


def table(measured: Measured) -> str:
    rows = {
        "answer, one job": measured.answers,
        "answer, many jobs": measured.busy_answers,
        "wait, one job": measured.waits,
        "wait, many jobs": measured.busy_waits,
    }
    lines = [f"{'seconds':<20}{'count':>7}{'p50':>9}{'p95':>9}{'max':>9}"]
    for name, values in rows.items():
        figures = spread(values)
        lines.append(f"{name:<20}{len(values):>7}" + "".join(f"{each:>9.3f}" for each in figures.values()))
    lines.append(f"{'all delivered after':<20}{measured.seconds:>34.3f}")
    lines.append(f"{'shed orders':<20}{measured.shed:>7}")
    return "\n".join(lines)


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=50, help="with one job each")
    parser.add_argument("--jobs", type=int, default=20, help="of the member who was there first")
    parser.add_argument("--steps", type=int, default=20, help="of every picture")
    parser.add_argument("--json", action="store_true", help="JSON alone, without the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with on_stage(folder, tiny_sd(folder / "tiny"), ROOMY) as stage:
            measured = await burst(
                stage.play, members=options.members, jobs=options.jobs, steps=options.steps, timeout=300
            )
    figures = {name: spread(values) for name, values in asdict(measured).items() if isinstance(values, list)}
    about = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "machine": platform.machine()}
    result = {
        "settings": vars(options) | {"slots": ROOMY.slots},
        "machine": about,
        "seconds": figures | {"all": round(measured.seconds, 3)},
        "failed": measured.failed,
        "shed": measured.shed,
    }
    if not options.json:
        print(table(measured), end="\n\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
