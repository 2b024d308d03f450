"""One member sends 60 % of the orders: compares the other members' waits with a pipeline that draws one order at a time.

    python -m benchmarks.crowd [--seeds 1 2 3] [--keep]

Runs the real dispatch and loop in simulated time. The simulated device has the costs of Stable Diffusion XL that a GPU run
measured. `benchmarks.gpu` plays the same orders on a real device; this benchmark shows how many orders it needs.
"""

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.shared.inside import play
from benchmarks.shared.orders import Arrival
from benchmarks.shared.report import percentile, show, table
from benchmarks.simulated import SimulatedClock, SimulatedModel
from generation.request import (
    Drawing,
    GenerationRequest,
    ImageSize,
    JobId,
    MemberId,
    ModelEntry,
    ModelName,
    Prompt,
)
from generation.worker.denoise.batch_state import ROW_COUNTS

GREEDY = MemberId(0)
SHARE = 0.6  # share of the orders that the greedy member sends
MEMBERS = 8  # number of other members
LOAD = 0.9
SLOTS = 16

STEPS = (4, 8, 20, 20, 30, 30, 50)
SHORT_STEPS = (2, 4, 10, 10, 15, 15, 25)
"""Half as many steps: a GPU plays twice as many orders in the same time."""

IMAGES = (1, 2, 4)
SEEDS = tuple(range(1, 13))
COUNTS = (10, 21, 42, 84)
TYPICAL = 7
"""The seed in SEEDS whose ratio with 84 short orders is the next above the median. The GPU benchmark uses this seed."""

Ask = Callable[[int, MemberId, int, int], GenerationRequest]
"""Builds a request from number, member, steps and images."""


def dealt(
    ask: Ask, gap: float, count: int, steps: Sequence[int], *, share: float, seed: int = TYPICAL
) -> list[Arrival]:
    """Returns Poisson arrivals, on average `gap` seconds apart. The greedy member's turns and the kinds of order are dealt from
    shuffled decks, not drawn at random. The greedy member's share is therefore exact, and every kind of order is equally
    frequent. A small number of orders is then more conclusive."""
    chance = random.Random(seed)
    at, times = 0.0, list[float]()
    for _ in range(count):
        at += chance.expovariate(1.0)
        times.append(at)
    scale = gap * count / at
    hers = round(share * count)
    is_hers = [True] * hers + [False] * (count - hers)
    chance.shuffle(is_hers)
    kinds = {True: _deck(chance, steps, hers), False: _deck(chance, steps, count - hers)}
    found: list[Arrival] = []
    for number, (at, greedy) in enumerate(zip(times, is_hers, strict=True)):
        member = GREEDY if greedy else MemberId(1 + chance.randrange(MEMBERS))
        wanted, images = kinds[greedy].pop()
        found.append(Arrival(at=scale * at, request=ask(number, member, wanted, images), scheduler=""))
    return found


def _deck(chance: random.Random, steps: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Returns (steps, images) for `count` orders."""
    kinds = [(each, images) for each in steps for images in IMAGES]
    found: list[tuple[int, int]] = []
    while len(found) < count:
        chance.shuffle(kinds)
        found += kinds
    return found[:count]


def mean_work(steps: Sequence[int]) -> float:
    """Returns the mean picture-steps of an order."""
    return statistics.mean(steps) * statistics.mean(IMAGES)


def others(arrivals: Sequence[Arrival]) -> list[Arrival]:
    return [one for one in arrivals if one.request.member != GREEDY]


def one_at_a_time(arrivals: Sequence[Arrival], seconds_for: Callable[[GenerationRequest], float]) -> float:
    """Returns the p95 wait of the other members, in seconds, for a pipeline that serves orders first come, first served."""
    free = 0.0
    waits: list[float] = []
    for one in arrivals:
        free = max(free, one.at) + seconds_for(one.request)
        if one.request.member != GREEDY:
            waits.append(free - one.at)
    return percentile(waits, 95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The costs of a model on a device, in seconds. A pipeline launches every kernel; the loop replays a captured step."""

    step: float
    row: float
    decode: float
    picture: float
    launch: float  # minimum duration of a pipeline's step
    call: float  # fixed cost of a pipeline call: prompts, schedule

    def steps(self, rows: int) -> float:
        return self.step + self.row * rows

    def decoding(self, pictures: int) -> float:
        return self.decode + self.picture * pictures

    def pipeline(self, steps: int, images: int) -> float:
        return self.call + steps * max(self.launch, self.steps(2 * images)) + self.decoding(images)


XL_ON_H200 = Card(step=0.0055, row=0.0165, decode=0.04, picture=0.05, launch=0.095, call=0.02)
"""From results/gpu.json: the loop with one and with four pictures, the pipeline with one and with eight. Decoding is from an
H100: 91 ms for one picture and 242 ms for four."""

MEASURED = {
    "loop, 1 picture of 20 steps": 0.84,
    "loop, 4 pictures": 2.83,
    "pipeline, 1 picture": 1.99,
    "pipeline, 8 pictures": 5.88,
}
"""Seconds, on the H200."""


def by_cost_line(card: Card) -> dict[str, float]:
    return {
        "loop, 1 picture of 20 steps": 20 * card.steps(2) + card.decoding(1),
        "loop, 4 pictures": 20 * card.steps(8) + card.decoding(4),
        "pipeline, 1 picture": card.pipeline(20, 1),
        "pipeline, 8 pictures": card.pipeline(20, 8),
    }


def played(card: Card, arrivals: Sequence[Arrival]) -> float:
    """Returns the p95 wait of the other members, in seconds, through the bot's dispatch and the worker's loop."""
    clock = SimulatedClock()
    entry = ModelEntry(name=ModelName("bench"), source="", licence="none", side=1024, multiple=16)
    done = play(SimulatedModel(entry, clock, card), arrivals, slots=SLOTS, clock=clock, sizes=ROW_COUNTS)
    return percentile([done.records[one.request.job].ended - one.at for one in others(arrivals)], 95)


def _ask(number: int, member: MemberId, steps: int, images: int) -> GenerationRequest:
    drawing: Drawing[bytes] = Drawing(
        model=ModelName("bench"),
        prompt=Prompt(text="a red fox", negative="blurry"),
        size=ImageSize(width=1024, height=1024),
        steps=steps,
        guidance=7.0,
        seed=number,
        images=images,
    )
    return GenerationRequest(job=JobId(f"order-{number}"), member=member, drawing=drawing)


def run(card: Card, gap: float, count: int, steps: Sequence[int], seed: int) -> tuple[float, float]:
    """Returns the p95 waits of the other members, in seconds: of the loop, and of one order at a time."""
    arrivals = dealt(_ask, gap, count, steps, share=SHARE, seed=seed)
    theirs = one_at_a_time(
        arrivals, lambda request: card.pipeline(request.drawing.steps, request.drawing.images)
    )
    return played(card, arrivals), theirs


def loop_gap(card: Card, steps: Sequence[int]) -> float:
    """Returns the seconds between orders that load the loop to LOAD of its saturated throughput: four pictures of 20 steps at a
    time."""
    a_picture_step = card.steps(8) / 4 + card.decoding(4) / 4 / 20
    return mean_work(steps) * a_picture_step / LOAD


def pipeline_gap(card: Card, steps: Sequence[int]) -> float:
    """Returns the seconds between orders that load the pipeline to LOAD, one order at a time."""
    return statistics.mean(card.pipeline(each, images) for each in steps for images in IMAGES) / LOAD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    card = XL_ON_H200
    loads = {
        "0.9 of the loop, steps halved": (loop_gap(card, SHORT_STEPS), SHORT_STEPS, COUNTS),
        "0.9 of the loop": (loop_gap(card, STEPS), STEPS, COUNTS),
        "0.9 of the pipeline": (pipeline_gap(card, STEPS), STEPS, (84, 336)),
    }
    rows: list[list[object]] = []
    runs: list[dict[str, Any]] = []
    for name, (gap, steps, counts) in loads.items():
        for count in counts:
            pairs = [run(card, gap, count, steps, seed) for seed in options.seeds]
            ratios = sorted(ours / theirs for ours, theirs in pairs)
            ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
            rows.append([name, count, gap * count, ours, theirs, statistics.median(ratios), ratios[-1]])
            runs.append({"load": name, "orders": count, "pairs": pairs})
    head = ["load", "orders", "seconds", "ours", "one at a time", "ratio, median", "ratio, worst"]
    line = by_cost_line(card)
    fit = table(
        ["seconds", "measured", "by the cost line"], [[name, MEASURED[name], line[name]] for name in line]
    )
    result = {"benchmark": "crowd", "seconds": "simulated", "seeds": list(options.seeds), "runs": runs}
    show(result, [fit, table(head, rows)], "crowd", keep=options.keep)


if __name__ == "__main__":
    main()
