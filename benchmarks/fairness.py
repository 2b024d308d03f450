"""Measures fairness between members who share a device: one with 200 orders among ten with one each, and members who all order
more than the device can draw.

    python -m benchmarks.fairness [--quick] [--keep]

Runs the bot's dispatch and the worker's loop on a small random Stable Diffusion. Seconds are as in benchmarks/loop.py.

- Compares the wait of each of the ten with their wait without the eleventh member. The order among the ten is random, so the k-th
  finished is compared with the k-th finished. The largest ratio over all k is reported. The run is repeated, because the noise of
  one run is too large.
- Jain's index of the members' device seconds while all of them have waiting orders of different kinds: few steps or many, one
  picture or four. (1 means equal shares; 1/n means that one member has everything.)
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

import torch

from benchmarks.loop import small_model
from benchmarks.shared.inside import Clock, Played, play
from benchmarks.shared.orders import Arrival, order
from benchmarks.shared.report import machine, show, table
from generation.request import MemberId
from generation.worker.models.loading import Model

SLOTS = 16
GREEDY = 200
"""Orders of member 0; 40 with --quick."""

REPETITIONS, QUICK_REPETITIONS = 5, 2

LATER, APART = 1.0, 0.08
"""The ten arrive LATER seconds after the flood, and APART seconds later at every repetition, so that a different step is running
each time."""

PRACTICE = ((1,), (2,), (4,), (4, 4)) * 2
"""Pictures of the practice orders, which arrive one second apart before the measurement. They teach every worker the cost of its
steps. A worker that does not know the cost makes smaller steps: the first of ten would finish earlier and the last later."""

STEPS, IMAGES = 8, 2
"""Steps and pictures of every order in the first part."""

WANTS = ((4, 1), (4, 4), (8, 2), (20, 1), (20, 4), (50, 1))
"""Steps and pictures of each member's orders in the second part."""

SECONDS_EACH = 6.0
"""Estimated device seconds that each member orders in total."""


def arrival(number: int, member: int, at: float, steps: int = STEPS, images: int = IMAGES) -> Arrival:
    request = order(f"order-{number}", member=member, steps=steps, images=images, seed=number)
    return Arrival(at=at, request=request, scheduler="DDIMScheduler")


def waits(played: Played, arrivals: Sequence[Arrival]) -> list[float]:
    return [played.records[one.request.job].ended - one.at for one in arrivals]


def one_among_ten(model: Model, greedy: int, repetitions: int) -> dict[str, Any]:
    """Measures the ten together with the flood, during the flood, and without it."""
    result: dict[str, Any] = {}
    for name, at, apart in (("at the same time", 0.0, 0.0), ("later", LATER, APART)):
        alone = [wait_of_ten(model, 0, at) for _ in range(repetitions)]
        beside = [wait_of_ten(model, greedy, at + apart * number) for number in range(repetitions)]
        usual = [median(waits) for waits in zip(*alone, strict=True)]
        ratios = [max(b / a for a, b in zip(usual, each, strict=True)) for each in beside]
        result[name] = {
            "waits alone, s": alone,
            "waits beside the flood, s": beside,
            "largest ratios": ratios,
            "median": median(ratios),
            "worst": max(ratios),
        }
    return result


def wait_of_ten(model: Model, greedy: int, at: float, clock: Clock | None = None) -> list[float]:
    """Returns the waits of the ten, shortest first. `at`: seconds after the `greedy` orders of member 0. `clock`: as for
    `play`."""
    practice = [
        arrival(2000 + 10 * number + member, 20 + member, float(number), images=images)
        for number, each in enumerate(PRACTICE)
        for member, images in enumerate(each)
    ]
    begin = float(len(PRACTICE))
    flood = [arrival(number, 0, begin) for number in range(greedy)]
    ten = [arrival(1000 + member, member, begin + at) for member in range(1, 11)]
    return sorted(waits(play(model, [*practice, *flood, *ten], slots=SLOTS, until=ten, clock=clock), ten))


def all_want_more(model: Model, share: float) -> dict[str, Any]:
    """Returns Jain's index over the time until the first member has no waiting orders."""
    arrivals: list[Arrival] = []
    for member, (steps, images) in enumerate(WANTS):
        a_picture_step = 0.006  # seconds, approximately
        for _ in range(max(6, round(share * SECONDS_EACH / (steps * images * a_picture_step)))):
            arrivals.append(arrival(len(arrivals), member, 0.0, steps, images))
    random.Random(0).shuffle(arrivals)
    played = play(model, arrivals, slots=SLOTS)
    last_start: defaultdict[MemberId, float] = defaultdict(float)
    for one in arrivals:
        member, started = one.request.member, played.records[one.request.job].started
        last_start[member] = max(last_start[member], started)
    until = min(last_start.values())
    got: defaultdict[MemberId, float] = defaultdict(float)
    for one in arrivals:
        record = played.records[one.request.job]
        inside = min(1.0, max(0.0, (until - record.started) / (record.ended - record.started)))
        got[one.request.member] += inside * record.device_seconds
    shares = [got[MemberId(member)] for member in range(len(WANTS))]
    return {
        "until, s": until,
        "device seconds": {
            f"{steps} steps, {images}": got[MemberId(m)] for m, (steps, images) in enumerate(WANTS)
        },
        "Jain's index": sum(shares) ** 2 / (len(shares) * sum(s * s for s in shares)),
    }


def run(quick: bool) -> dict[str, Any]:
    torch.set_num_threads(1)
    model = small_model()
    play(model, [arrival(0, 1, 0.0)], slots=SLOTS)  # warms up the kernels
    return {
        "benchmark": "fairness",
        "machine": machine(),
        "seconds": "CPU time of one thread",
        "slots": SLOTS,
        "one among ten": one_among_ten(
            model, 40 if quick else GREEDY, QUICK_REPETITIONS if quick else REPETITIONS
        ),
        "all want more": all_want_more(model, 0.3 if quick else 1.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    result = run(options.quick)
    rows: list[list[object]] = [
        [f"largest wait / wait alone among ten, {name}", each["median"], each["worst"], "at most 1.5"]
        for name, each in result["one among ten"].items()
    ]
    index = result["all want more"]["Jain's index"]
    rows.append(["Jain's index", index, index, "at least 0.95"])
    heads = [
        result["machine"]["cpu"],
        f"median of {len(result['one among ten']['later']['largest ratios'])}",
        "worst",
        "asked",
    ]
    show(result, [table(heads, rows)], "fairness", keep=options.keep)


if __name__ == "__main__":
    main()
