"""Measures one architecture with random weights on a device: pipeline calls, and orders through the loop. Wall-clock seconds."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.gpu.architectures import Architecture
from benchmarks.gpu.record import Record
from benchmarks.shared.inside import Clock, Played, play
from benchmarks.shared.model_time import ModelTime
from benchmarks.shared.orders import Arrival
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
from generation.worker.models.loading import Model

MODEL = ModelName("bench")
GUIDANCE = 7.0
SLOTS = 16
WARMINGS = 6
STEADY = 0.8
"""A call counts as warm when it took at least this share of the previous call's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The amount of work of each measurement."""

    steps: int = 20  # of every order in throughput measurements
    batches: tuple[int, ...] = (4, 8)  # pictures per pipeline call
    saturating: int = 64  # pictures
    saturating_compiled: int = 96
    orders: int = 42  # Poisson arrivals for the first previews
    crowd: int = 84  # Poisson arrivals with one member sending 60 %; benchmarks/crowd.py explains the number
    repeats: int = 2


FULL = Scale(batches=(4, 8, 16))
LARGE = Scale(saturating=32, saturating_compiled=48, orders=21)
QUICK = {
    FULL: replace(FULL, saturating=48, orders=21, repeats=1),
    LARGE: replace(LARGE, batches=(8,), saturating=24, saturating_compiled=32),
}
SMOKE = Scale(steps=3, batches=(2,), saturating=4, saturating_compiled=4, orders=4, crowd=4, repeats=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturated:
    pictures: int
    seconds: float
    denoising: float  # denoising seconds, a part of `seconds`
    decoding: float

    @property
    def rate(self) -> float:
        """Returns the pictures per second."""
        return self.pictures / self.seconds

    @property
    def inside(self) -> float:
        """Returns the share of time spent inside the model."""
        return (self.denoising + self.decoding) / self.seconds

    @property
    def split(self) -> dict[str, float]:
        """Returns the seconds per picture, split into parts."""
        return {
            "denoising": self.denoising / self.pictures,
            "decoding": self.decoding / self.pictures,
            "other": (self.seconds - self.denoising - self.decoding) / self.pictures,
        }


class Bench:
    def __init__(
        self,
        architecture: Architecture,
        scale: Scale,
        device: torch.device,
        record: Record,
    ) -> None:
        self.architecture, self.scale, self.device = architecture, scale, device
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.pipe = architecture.pipeline(device, self.dtype)
        self.model = self.model_of(self.pipe)
        self.part = ""  # the part that is being measured
        self._record = record

    def model_of(self, pipe: Any, *, is_compiled: bool = False) -> Model:
        entry = ModelEntry(
            name=MODEL,
            source="random weights",
            licence="none",
            side=self.architecture.side,
            steps=self.scale.steps,
            guidance=GUIDANCE,
            compile=is_compiled,
        )
        return Model(entry, pipe, self.device, self.dtype)

    def note(self, **figures: Any) -> None:
        """Records figures at once, because the run may end before later parts."""
        named = {name.replace("_", " "): value for name, value in figures.items()}
        for name, value in named.items():
            print(f"{self.architecture.name}: {name}: {value}", file=sys.stderr, flush=True)
        self._record.note(self.part, named)

    # ---- the pipeline

    def pipeline_seconds(self, pictures: int, steps: int) -> float:
        """Returns the seconds of one pipeline call, including decoding."""
        began = self.now()
        self.pipe(
            "a red fox",
            negative_prompt="blurry",
            num_images_per_prompt=pictures,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            height=self.architecture.side,
            width=self.architecture.side,
            output_type="pt",
        )
        return self.now() - began

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def pipeline_rate(self, pictures: int) -> float:
        """Returns pictures per second with `pictures` in each pipeline call."""
        warm(lambda: self.pipeline_seconds(pictures, 2))
        return pictures / min(
            self.pipeline_seconds(pictures, self.scale.steps) for _ in range(self.scale.repeats)
        )

    # ---- the loop

    def order(self, number: int, member: MemberId, steps: int, images: int) -> GenerationRequest:
        side = self.architecture.side
        drawing: Drawing[bytes] = Drawing(
            model=MODEL,
            prompt=Prompt(text="a red fox", negative="blurry"),
            size=ImageSize(width=side, height=side),
            steps=steps,
            guidance=GUIDANCE,
            seed=1000 * number,
            images=images,
        )
        return GenerationRequest(job=JobId(f"order-{number}"), member=member, drawing=drawing)

    def at_once(self, count: int, *, steps: int, images: int) -> list[Arrival]:
        """Returns `count` orders of different members, all present from the start."""
        return [
            Arrival(at=0.0, request=self.order(number, MemberId(number), steps, images), scheduler="")
            for number in range(count)
        ]

    def played(self, model: Model, arrivals: Sequence[Arrival], pinned_rows: int = 0) -> Played:
        clock = Clock(time.perf_counter, is_wall=True)
        return play(model, arrivals, slots=SLOTS, clock=clock, pinned_rows=pinned_rows)

    def saturated(self, model: Model, pictures: int, *, pinned_rows: int = 0) -> Saturated:
        """Measures the loop with all orders present from the start."""
        few = self.at_once(min(4, pictures // 4), steps=4, images=4)
        warm(lambda: self.played(model, few, pinned_rows).busy)
        everybody = self.at_once(pictures // 4, steps=self.scale.steps, images=4)
        watch = ModelTime(self.device)
        with watch.watching(model):
            done = self.played(model, everybody, pinned_rows)
        return Saturated(
            pictures=pictures,
            seconds=done.busy,
            denoising=watch.seconds("denoising"),
            decoding=watch.seconds("decoding"),
        )


def warm(call: Callable[[], float]) -> None:
    """Repeats a call until it no longer gets faster, so that compilation, autotuning and graph capture are not measured."""
    before = call()
    for _ in range(WARMINGS - 1):
        now = call()
        if now >= STEADY * before:
            return
        before = now
