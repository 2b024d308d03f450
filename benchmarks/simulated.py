"""Simulates the three ways of serving with a model that draws nothing, on a device with a linear cost.

    python -m benchmarks.simulated [--seeds 1 2 3]

The dispatch and the loop use it like any other model: `benchmarks.shared.inside.play` with it shows the effect of a policy on a
hundred orders in one second. The costs were measured on the small model of `benchmarks/loop.py`.
"""

import argparse
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from benchmarks.loop import AT_ONCE, LOAD, ORDERS, SEEDS, Course, alike, course_of, errors, every_seed
from benchmarks.shared.inside import Clock, play
from benchmarks.shared.orders import MODEL, SIDE, Arrival, paced, poisson
from benchmarks.shared.report import show
from generation.abilities import Abilities
from generation.prompt import Reading
from generation.request import BatchKey, Drawing, ModelEntry
from generation.worker.denoise.slots import Row, Slot
from generation.worker.denoise.step_table import StepTable
from generation.worker.models.loading import Model


class Cost(Protocol):
    """Costs in seconds."""

    def steps(self, rows: int) -> float: ...

    def decoding(self, pictures: int) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Linear costs in seconds."""

    step: float = 0.0095
    row: float = 0.0017
    decode: float = 0.0035
    picture: float = 0.002
    order: float = 0.008  # fixed cost of a pipeline call: prompts, schedule

    def steps(self, rows: int) -> float:
        return self.step + self.row * rows

    def decoding(self, pictures: int) -> float:
        return self.decode + self.picture * pictures

    def whole(self, steps: int, pictures: int) -> float:
        """Returns the cost of orders with one step count in one pipeline call."""
        return self.order + steps * self.steps(2 * pictures) + self.decoding(pictures)


class SimulatedClock(Clock):
    """A clock of the seconds spent by `work`, plus the skipped idle time."""

    __slots__ = ("spent",)

    def __init__(self) -> None:
        super().__init__()
        self.spent = 0.0

    @property
    def busy(self) -> float:
        return self.spent

    def work(self, seconds: float) -> None:
        self.spent += seconds


class SimulatedModel(Model):
    """A model whose slots hold no pictures. Its work takes only simulated time."""

    def __init__(self, entry: ModelEntry, clock: SimulatedClock, costs: Cost) -> None:
        self.entry = entry
        self.abilities = Abilities(pipeline="none")
        self.clock = clock
        self.costs = costs

    def scheduler_name(self, name: str = "") -> str:
        return name or "none"

    def seat(self, drawing: Drawing[bytes], index: int) -> Slot:
        key = BatchKey(
            model=self.entry.name,
            latent_shape=(4, drawing.size.height // 8, drawing.size.width // 8),
            text_shape=(77, 32),
            dtype="float32",
        )
        table = StepTable(
            told=torch.zeros(drawing.steps, 4),
            weights=torch.zeros(drawing.steps, 3),
            draws=(False,) * drawing.steps,
            start_noise=1.0,
            start_init=0.0,
        )
        row = Row(weight=0.5, text=torch.zeros(1))
        rows = (row, row) if drawing.guidance != 1.0 else (row,)
        return Slot(key=key, table=table, rows=rows, generator=torch.Generator(), sample=torch.zeros(1))

    def reading(self, drawing: Drawing[bytes]) -> Reading:
        return Reading(tokens=0, read=0)

    def advance(self, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        rows = sum(len(slot.rows) for slot in slots)
        self.clock.work(self.costs.steps(next((size for size in sizes if size >= rows), rows)))
        for slot in slots:
            slot.step += 1

    def develop(self, slots: Sequence[Slot]) -> list[torch.Tensor]:
        self.clock.work(self.costs.decoding(len(slots)))
        return [torch.zeros(3, 1, 1) for _ in slots]


def one_at_a_time(costs: Costs, wanted: Sequence[Arrival]) -> tuple[Course, list[Arrival]]:
    takes = [costs.whole(one.request.drawing.steps, one.request.drawing.images) for one in wanted]
    course = Course(busy=sum(takes))
    arrivals = paced(wanted, course.busy / len(takes) / LOAD)
    free = 0.0
    for one, seconds in zip(arrivals, takes, strict=True):
        begin = max(free, one.at)
        free = begin + seconds
        course.previews[one.request.job] = (
            begin + costs.order + costs.steps(2 * one.request.drawing.images) - one.at
        )
        course.ends[one.request.job] = free - one.at
    return course, arrivals


def whole_orders(costs: Costs, arrivals: Sequence[Arrival]) -> Course:
    course, now = Course(), 0.0
    coming, waiting = deque(arrivals), list[Arrival]()
    while coming or waiting:
        now = now if waiting else max(now, coming[0].at)
        while coming and coming[0].at <= now:
            waiting.append(coming.popleft())
        batch = alike(waiting)
        waiting = [one for one in waiting if one not in batch]
        pictures = sum(one.request.drawing.images for one in batch)
        seconds = costs.whole(batch[0].request.drawing.steps, pictures)
        for one in batch:
            course.previews[one.request.job] = now + costs.order + costs.steps(2 * pictures) - one.at
            course.ends[one.request.job] = now + seconds - one.at
        now += seconds
        course.busy += seconds
    return course


def run(seed: int) -> dict[str, Any]:
    costs, clock = Costs(), SimulatedClock()
    entry = ModelEntry(name=MODEL, source="", licence="none", side=SIDE, multiple=16)
    sequential, arrivals = one_at_a_time(costs, poisson(ORDERS, seed))
    whole = whole_orders(costs, arrivals)
    played = play(SimulatedModel(entry, clock, costs), arrivals, slots=AT_ONCE, clock=clock)
    first, second, third = (
        course.figures(arrivals) for course in (sequential, whole, course_of(played, arrivals))
    )
    ratios = {name: (third[name] / first[name], third[name] / second[name]) for name in third}
    return {"seed": seed, "ratios": ratios, "estimate": errors(played, arrivals)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    runs = [run(seed) for seed in parser.parse_args().seeds]
    result = {"benchmark": "simulated", "seconds": "simulated", "orders": ORDERS, "load": LOAD, "runs": runs}
    show(result, [every_seed(runs)], "simulated", keep=False)


if __name__ == "__main__":
    main()
