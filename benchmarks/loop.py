"""Serves the same orders in three ways: through diffusers one at a time, as batched whole orders, and through the loop.

    python -m benchmarks.loop [--family sd | z-image] [--quick] [--seeds 11 12 13 14 15] [--keep]

Seconds are CPU seconds of one thread, so that other work on the machine does not distort the figures. The clock of the arrivals
uses the same seconds and skips idle time. The model is a small Stable Diffusion with random weights. Its size makes the fixed
cost of a call about four times the cost of a row, as on a GPU with one 512-pixel picture. `--family z-image` takes a small
Z-Image instead: a transformer, flow matching with one scheduler, and texts of different lengths. All three ways decode pictures;
none encodes them. The loop's figures include the bot's dispatch.

The estimate is the ETA given at submission to orders that found other orders waiting. Its error is relative to the real time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from benchmarks.shared.inside import Clock, Played, play
from benchmarks.shared.orders import GUIDANCE, MODEL, SCHEDULERS, SIDE, Arrival, paced, poisson
from benchmarks.shared.report import machine, percentile, show, table
from generation.request import Drawing, JobId, ModelEntry
from generation.worker.denoise.step_table import StepTables
from generation.worker.models.loading import Model, load
from tests.tiny_models import tiny_sd, tiny_z_image

LOAD = 0.9
"""Load as a share of the pipeline's throughput with one order at a time."""

ORDERS, QUICK_ORDERS = 120, 12
UNET: dict[str, Any] = {"block_out_channels": (64, 128)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A family to serve."""

    build: Callable[[Path], Path]
    schedulers: tuple[str, ...]

    def scheduled(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Returns the arrivals with schedulers of this family."""
        places = [SCHEDULERS.index(one.scheduler) % len(self.schedulers) for one in arrivals]
        return [
            replace(one, scheduler=self.schedulers[place])
            for one, place in zip(arrivals, places, strict=True)
        ]


KINDS = {
    "sd": Kind(build=partial(tiny_sd, **UNET), schedulers=SCHEDULERS),
    "z-image": Kind(build=tiny_z_image, schedulers=("FlowMatchEulerDiscreteScheduler",)),
}
AT_ONCE = 16
"""Pictures: the maximum in one call of request-level batching, and the loop's number of slots."""

ASKED = {
    "pictures per CPU s": ("at least", 1.0, 1.0),
    "light orders p95": ("at most", 0.15, 0.25),
    "first preview p95": ("at most", 0.3, 0.3),
}
"""Required ratios: the loop's figure divided by the figure of the pipeline, and of batched whole orders."""

ASKED_ERROR = {"estimate's error p50": 0.2, "estimate's error p90": 0.5}

SEEDS = (11, 12, 13, 14, 15)
"""No setting was tuned on these seeds."""


WAYS = ("diffusers, one order at a time", "whole orders batched", "steps batched (Atelier)")


@dataclass(slots=True, kw_only=True)
class Course:
    """The result of one way of serving."""

    busy: float = 0.0  # CPU seconds
    previews: dict[JobId, float] = field(default_factory=dict[JobId, float])  # seconds after the arrival
    ends: dict[JobId, float] = field(default_factory=dict[JobId, float])  # seconds after the arrival
    pictures: dict[JobId, list[Image.Image]] = field(default_factory=dict[JobId, list[Image.Image]])

    def figures(self, arrivals: Sequence[Arrival]) -> dict[str, float]:
        every = list(self.ends.values())
        light = [self.ends[one.request.job] for one in arrivals if one.is_light]
        heavy = [self.ends[one.request.job] for one in arrivals if not one.is_light]
        return {
            "pictures per CPU s": sum(one.request.drawing.images for one in arrivals) / self.busy,
            "latency p50": percentile(every, 50),
            "latency p95": percentile(every, 95),
            "light orders p95": percentile(light, 95),
            "heavy orders p95": percentile(heavy, 95),
            "first preview p95": percentile(list(self.previews.values()), 95),
        }


class Pipeline:
    """diffusers' own pipeline, with one scheduler object per class."""

    def __init__(self, model: Model, schedulers: Sequence[str]) -> None:
        self._pipe = model.pipe
        self._pipe.set_progress_bar_config(disable=True)
        self._schedulers = {name: scheduler(name, model) for name in schedulers}

    def draw(self, orders: Sequence[Arrival], on_step: Callable[[int], None]) -> list[Image.Image]:
        """Draws orders with the same scheduler and step count in one call. Calls `on_step` after every step."""
        self._pipe.scheduler = self._schedulers[orders[0].scheduler]
        pictures = [
            (one.request.drawing, index) for one in orders for index in range(one.request.drawing.images)
        ]

        def after(_: Any, step: int, __: Any, kept: dict[str, Any]) -> dict[str, Any]:
            on_step(step)
            return kept

        return self._pipe(
            prompt=[drawing.prompt.text for drawing, _ in pictures],
            negative_prompt=[drawing.prompt.negative for drawing, _ in pictures],
            height=SIDE,
            width=SIDE,
            num_inference_steps=orders[0].request.drawing.steps,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator().manual_seed(drawing.seed + i) for drawing, i in pictures],
            callback_on_step_end=after,
        ).images


def scheduler(name: str, model: Model) -> Any:
    return getattr(diffusers, name).from_config(model.pipe.scheduler.config)


def one_at_a_time(pipeline: Pipeline, arrivals: Sequence[Arrival]) -> tuple[Course, list[Arrival]]:
    """Serves one order at a time. Also sets the arrival times, because the pipeline's durations do not depend on them."""
    course = Course()
    looks: list[float] = []
    takes: list[float] = []
    for one in arrivals:
        began = time.thread_time()

        def on_step(step: int, began: float = began) -> None:
            if step == 0:
                looks.append(time.thread_time() - began)

        course.pictures[one.request.job] = pipeline.draw([one], on_step)
        takes.append(time.thread_time() - began)
    course.busy = sum(takes)
    coming = paced(arrivals, course.busy / len(takes) / LOAD)
    free = 0.0
    for one, look, seconds in zip(coming, looks, takes, strict=True):
        begin = max(free, one.at)
        free = begin + seconds
        course.previews[one.request.job] = begin + look - one.at
        course.ends[one.request.job] = free - one.at
    return course, coming


def whole_orders(pipeline: Pipeline, arrivals: Sequence[Arrival]) -> Course:
    """Serves the oldest order together with waiting orders of the same scheduler and step count."""
    course, clock = Course(), Clock()
    coming, waiting = deque(arrivals), list[Arrival]()
    while coming or waiting:
        if not waiting:
            clock.skip_to(coming[0].at)
        while coming and coming[0].at <= clock():
            waiting.append(coming.popleft())
        batch = alike(waiting)
        waiting = [one for one in waiting if one not in batch]
        began = clock()

        def on_step(step: int, batch: Iterable[Arrival] = batch) -> None:
            if step == 0:
                course.previews.update({each.request.job: clock() - each.at for each in batch})

        drawn = iter(pipeline.draw(batch, on_step))
        course.busy += clock() - began
        for one in batch:
            course.ends[one.request.job] = clock() - one.at
            course.pictures[one.request.job] = [next(drawn) for _ in range(one.request.drawing.images)]
    return course


def alike(waiting: Sequence[Arrival]) -> list[Arrival]:
    """Returns the first order and the orders that can share its pipeline call."""
    batch: list[Arrival] = []
    for one in waiting:
        kinds = {(each.scheduler, each.request.drawing.steps) for each in (one, waiting[0])}
        if len(kinds) == 1 and sum(each.request.drawing.images for each in [*batch, one]) <= AT_ONCE:
            batch.append(one)
    return batch


class Catalogue(Model):
    """A model in which every order has its own scheduler. (The bot's settings have one scheduler per model.)"""

    tables_of: dict[Drawing[bytes], StepTables]

    @classmethod
    def of(cls, model: Model, arrivals: Sequence[Arrival]) -> Catalogue:
        own = cls(model.entry, model.pipe, model.device, model.dtype)
        names = {one.scheduler for one in arrivals}
        step_tables = {name: StepTables(scheduler(name, model)) for name in names}
        own.tables_of = {one.request.drawing: step_tables[one.scheduler] for one in arrivals}
        return own

    def seat(self, drawing: Drawing[bytes], index: int) -> Any:
        self.step_tables = self.tables_of[drawing]
        return super().seat(drawing, index)


def steps_batched(model: Model, arrivals: Sequence[Arrival]) -> tuple[Course, dict[str, float]]:
    """Serves the orders with the loop. Also returns the quality of the estimates."""
    played = play(Catalogue.of(model, arrivals), arrivals, slots=AT_ONCE)
    return course_of(played, arrivals), errors(played, arrivals)


def course_of(played: Played, arrivals: Sequence[Arrival]) -> Course:
    at = {one.request.job: one.at for one in arrivals}
    return Course(
        busy=played.busy,
        previews={job: record.preview - at[job] for job, record in played.records.items()},
        ends={job: record.ended - at[job] for job, record in played.records.items()},
        pictures=played.pictures,
    )


def errors(played: Played, arrivals: Sequence[Arrival]) -> dict[str, float]:
    """Returns the estimate errors of the orders that found other orders waiting."""
    shares: list[float] = []
    for one in arrivals:
        record = played.records[one.request.job]
        if record.told is not None and record.company:
            real = record.ended - one.at
            shares.append(abs(record.told - real) / real)
    return {
        "told": len(shares),
        "estimate's error p50": percentile(shares, 50),
        "estimate's error p90": percentile(shares, 90),
        "within 20 %": sum(share <= 0.2 for share in shares) / len(shares),
        "within 50 %": sum(share <= 0.5 for share in shares) / len(shares),
    }


def difference(one: Course, other: Course) -> int:
    """Returns the largest difference between two pictures of the same order, out of 255."""
    return max(
        int(np.abs(np.asarray(a, dtype=np.int16) - np.asarray(b, dtype=np.int16)).max())
        for job in one.pictures
        for a, b in zip(one.pictures[job], other.pictures[job], strict=True)
    )


def small_model(kind: Kind = KINDS["sd"]) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        source = kind.build(Path(folder))
        entry = ModelEntry(name=MODEL, source=str(source), licence="none", side=SIDE, multiple=16)
        return load(entry, torch.device("cpu"), torch.float32)


def run(model: Model, kind: Kind, count: int, seed: int) -> dict[str, Any]:
    """Serves one seed's orders in three ways."""
    pipeline = Pipeline(model, kind.schedulers)
    wanted = kind.scheduled(poisson(count, seed))
    for name in kind.schedulers:  # warms up the kernels
        pipeline.draw([one for one in wanted if one.scheduler == name][:1], lambda _: None)
    sequential, arrivals = one_at_a_time(pipeline, wanted)
    whole = whole_orders(pipeline, arrivals)
    ours, estimate = steps_batched(model, arrivals)
    figures = dict(zip(WAYS, (course.figures(arrivals) for course in (sequential, whole, ours)), strict=True))
    first, second, third = figures.values()
    return {
        "seed": seed,
        "figures": figures,
        "ratios": {name: (third[name] / first[name], third[name] / second[name]) for name in third},
        "estimate": estimate,
        "largest difference of a picture": difference(sequential, ours),
    }


def every_seed(runs: Sequence[dict[str, Any]]) -> str:
    """Returns a table of the required ratios for every seed."""
    rows: list[list[object]] = []
    for run in runs:
        ratios, estimate = run["ratios"], run["estimate"]
        rows.append(
            [
                run["seed"],
                *(f"{ratios[name][0]:.3f} / {ratios[name][1]:.3f}" for name in ASKED),
                *(f"{estimate[name]:.2f}" for name in ASKED_ERROR),
            ]
        )
    worst: list[object] = ["worst"]
    middle: list[object] = ["median"]
    for name, (bound, *_) in ASKED.items():
        columns = [sorted(run["ratios"][name][i] for run in runs) for i in (0, 1)]
        last = 0 if bound == "at least" else -1
        worst.append(" / ".join(f"{column[last]:.3f}" for column in columns))
        middle.append(" / ".join(f"{median(column):.3f}" for column in columns))
    for name in ASKED_ERROR:
        column = sorted(run["estimate"][name] for run in runs)
        worst.append(f"{column[-1]:.2f}")
        middle.append(f"{median(column):.2f}")
    asked = ["asked", *(f"{bound} {first} / {second}" for bound, first, second in ASKED.values())]
    asked += [f"at most {most}" for most in ASKED_ERROR.values()]
    return table(["seed", *ASKED, *ASKED_ERROR], [*rows, middle, worst, asked])


def tables(result: dict[str, Any]) -> list[str]:
    """Returns the first seed's figures in full, then the table of all seeds."""
    first = result["runs"][0]
    names = list(next(iter(first["figures"].values())))
    rows = [[name, *(values[one] for one in names)] for name, values in first["figures"].items()]
    return [table([result["machine"]["cpu"], *names], rows), every_seed(result["runs"])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--family", choices=KINDS, default="sd")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ORDERS} orders instead of {ORDERS}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kind, count = KINDS[options.family], QUICK_ORDERS if options.quick else ORDERS
    model = small_model(kind)
    name = "loop" if options.family == "sd" else f"loop_{options.family.replace('-', '_')}"
    result: dict[str, Any] = {
        "benchmark": name,
        "machine": machine(),
        "seconds": "CPU time of one thread",
        "orders": count,
        "load": LOAD,
        "runs": [],
    }
    for seed in options.seeds:
        result["runs"].append(run(model, kind, count, seed))
        print(every_seed(result["runs"]), end="\n\n", flush=True)
    show(result, tables(result), name, keep=options.keep)


if __name__ == "__main__":
    main()
