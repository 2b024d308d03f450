"""The loop on a GPU against diffusers' own pipeline: Stable Diffusion 1.5 at 512 and XL at 1024 pixels, bf16, random weights.

    python -m benchmarks.gpu [--minutes 9.5] [--quick] [--compiling 25] [--keep]
    python -m benchmarks.gpu --smoke        the whole script on a CPU with tiny models, about a minute; its figures mean nothing

Wall-clock seconds of one process that has the card to itself. What there is no time left for is said to be missing, not guessed.
Exit code 2 where there is no CUDA device.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.architectures import Architecture
from benchmarks.inside import Clock, Played, play
from benchmarks.model_time import CalledAsByTheLoop, ModelTime
from benchmarks.orders import Arrival
from benchmarks.report import machine, percentile, show, table
from generation.request import GenerationRequest, ImageSize, JobId, MemberId, ModelEntry, ModelName, Prompt
from generation.worker.deck import ROW_COUNTS
from generation.worker.models import Model, compile_denoiser, device_name

MODEL = ModelName("bench")
GUIDANCE = 7.0
GREEDY = MemberId(0)
"""The member who sends 60 % of the orders."""

LOAD = 0.9
"""Of what the loop was measured to do at saturation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything is run."""

    steps: int = 20  # of every order where throughput is measured
    mix: tuple[int, ...] = (4, 8, 20, 20, 30, 30, 50)  # steps of orders that arrive over time
    batches: tuple[int, ...] = (2, 4, 8)  # pictures a call of the pipeline
    saturating: int = 64  # pictures
    orders: int = 40  # Poisson arrivals
    repeats: int = 2
    compiling: float = 60.0  # seconds that are needed for it at the least


FULL = Scale()
LARGE = Scale(batches=(4, 8), saturating=32, orders=20, compiling=120.0)
QUICK = {
    FULL: replace(FULL, batches=(4, 8), saturating=48, orders=24, repeats=1),
    LARGE: replace(LARGE, batches=(8,), saturating=24, orders=10),
}
SMOKE = Scale(steps=3, mix=(2, 4), batches=(2,), saturating=4, orders=4, repeats=1, compiling=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    throughput: float  # times the pipeline's at batch 1
    preview: float  # seconds


class Bench:
    """One architecture."""

    def __init__(
        self, architecture: Architecture, scale: Scale, device: torch.device, deadline: float
    ) -> None:
        self.architecture, self.scale, self.device, self.deadline = architecture, scale, device, deadline
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.pipe = architecture.pipeline(device, dtype)
        self.model = self.model_of(self.pipe, dtype)
        self.figures: dict[str, Any] = {"architecture": architecture.name, "side": architecture.side}

    def model_of(self, pipe: Any, dtype: torch.dtype, *, is_compiled: bool = False) -> Model:
        entry = ModelEntry(
            name=MODEL,
            source="random weights",
            licence="none",
            side=self.architecture.side,
            steps=self.scale.steps,
            guidance=GUIDANCE,
            compile=is_compiled,
        )
        return Model(entry, pipe, self.device, dtype)

    def note(self, **figures: Any) -> None:
        """Said at once, on stderr: for what comes later there may be no time."""
        for name, value in figures.items():
            self.figures[name.replace("_", " ")] = value
            print(f"{self.architecture.name}: {name.replace('_', ' ')}: {value}", file=sys.stderr, flush=True)

    def has_time(self, seconds: float) -> bool:
        return time.perf_counter() + seconds < self.deadline

    # ---- the pipeline

    def pipeline_seconds(self, pictures: int, steps: int) -> float:
        """Of one call, pictures decoded."""
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

    def best_of(self, pictures: int) -> float:
        """Pictures a second."""
        self.pipeline_seconds(pictures, 2)
        return pictures / min(
            self.pipeline_seconds(pictures, self.scale.steps) for _ in range(self.scale.repeats)
        )

    # ---- the loop

    def order(self, number: int, *, member: MemberId, steps: int, images: int) -> GenerationRequest:
        side = self.architecture.side
        return GenerationRequest(
            job=JobId(f"order-{number}"),
            member=member,
            model=MODEL,
            prompt=Prompt(text="a red fox", negative="blurry"),
            size=ImageSize(width=side, height=side),
            steps=steps,
            guidance=GUIDANCE,
            seed=1000 * number,
            images=images,
        )

    def arrivals(self, gap: float, *, greedy: float = 0.0, count: int = 0) -> list[Arrival]:
        """Poisson, `gap` seconds apart on average; `greedy` is the share of orders that one member sends."""
        chance = random.Random(1)
        at = 0.0
        found: list[Arrival] = []
        for number in range(count or self.scale.orders):
            at += chance.expovariate(1 / gap)
            member = GREEDY if chance.random() < greedy else MemberId(1 + chance.randrange(8))
            steps, images = chance.choice(self.scale.mix), chance.choice((1, 2, 4))
            request = self.order(number, member=member, steps=steps, images=images)
            found.append(Arrival(at=at, request=request, sampler=""))
        return found

    def arrival(self, number: int, *, steps: int, images: int, member: MemberId) -> Arrival:
        """There from the start."""
        request = self.order(number, member=member, steps=steps, images=images)
        return Arrival(at=0.0, request=request, sampler="")

    def played(self, model: Model, arrivals: Sequence[Arrival], pinned_rows: int = 0) -> Played:
        return play(
            model, arrivals, slots=16, clock=Clock(time.perf_counter, is_wall=True), pinned_rows=pinned_rows
        )

    def saturated(self, model: Model, *, pinned_rows: int = 0) -> tuple[float, float]:
        """Pictures a second with everything there from the start, and the share of that time inside the model."""
        count = self.scale.saturating // 4
        all_at_once = [
            self.arrival(number, steps=self.scale.steps, images=4, member=MemberId(number))
            for number in range(count)
        ]
        few = [
            self.arrival(number, steps=4, images=4, member=MemberId(number))
            for number in range(min(4, count))
        ]
        self.played(model, few, pinned_rows)
        watch = ModelTime(self.device)
        with watch.watching(model):
            done = self.played(model, all_at_once, pinned_rows)
        return 4 * count / done.busy, watch.seconds / done.busy

    def alone(self, model: Model, images: int) -> float:
        """Seconds of one order that nobody else is there with, least of a few."""
        one = [self.arrival(0, steps=self.scale.steps, images=images, member=MemberId(1))]
        return min(self.played(model, one).busy for _ in range(self.scale.repeats + 1))

    def psnr(self, model: Model) -> float:
        """dB, the least of five orders drawn in company: against the pipeline alone with the same noise, pictures decoded."""
        mix = [(4, 1.0), (7, GUIDANCE), (5, 3.0), (6, GUIDANCE), (4, 9.0)]
        requests = [
            replace(self.order(n, member=MemberId(n), steps=steps, images=1), guidance=guidance)
            for n, (steps, guidance) in enumerate(mix)
        ]
        slots = [model.seat(request, 0) for request in requests]
        sizes = ROW_COUNTS if self.device.type == "cuda" else ()
        turns = 0
        while live := [slot for slot in slots if not slot.is_finished]:
            turns += 1
            model.advance(live[: 1 + turns % 5], sizes=sizes)  # in ever other company
        return min(
            _psnr(model.develop([slot])[0], self.by_the_pipeline(request))
            for slot, request in zip(slots, requests, strict=True)
        )

    def by_the_pipeline(self, request: GenerationRequest) -> torch.Tensor:
        """(3, height, width), 0 to 1."""
        side = self.architecture.side
        noise = torch.randn(
            (1, 4, side // 8, side // 8), generator=torch.Generator().manual_seed(request.seed)
        )
        return self.pipe(
            request.prompt.text,
            negative_prompt=request.prompt.negative,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            height=side,
            width=side,
            latents=noise.to(self.device, self.model.dtype),
            output_type="pt",
        ).images[0]

    # ---- everything

    def run(self, asked: Asked) -> list[tuple[str, object, str]]:
        """Rows of a table. Figures are pictures a second and seconds."""
        single = self.best_of(1)
        self.note(pipeline_at_batch_1=single)
        eager = {batch: self.best_of(batch) for batch in self.scale.batches if self.has_time(batch / single)}
        self.note(pipeline_by_batch=eager)
        rate, inside = self.saturated(self.model)
        self.note(loop_at_saturation=rate, share_of_wall_time_inside_the_model=inside)
        alone = {images: self.alone(self.model, images) for images in (1, 4)}
        self.note(loop_for_an_order_of_1_or_4_alone=alone)
        psnr = self.psnr(self.model)
        self.note(least_PSNR_against_the_pipeline=psnr)
        rows: list[tuple[str, object, str]] = [
            (
                "pictures/s at saturation, against the pipeline at batch 1",
                rate / single,
                f"at least {asked.throughput}",
            ),
            ("share of wall time inside the model", inside, "at least 0.95"),
            ("pictures in company against the pipeline alone, least PSNR, dB", psnr, "at least 40"),
            ("seconds of one picture alone, against the pipeline", alone[1] * single, ""),
        ]
        rows += self.waits(rate, asked)
        rows.append(self.compiled(eager or {1: single}))
        return rows

    def waits(self, rate: float, asked: Asked) -> list[tuple[str, object, str]]:
        """Orders over time, at a load that the loop can bear."""
        mean_images = 7 / 3
        mean_steps = sum(self.scale.mix) / len(self.scale.mix)
        gap = mean_images * mean_steps / self.scale.steps / rate / LOAD
        preview = f"first preview, p95, at {LOAD:.0%} load, s"
        crowd = "others' p95 when one member sends 60 %, against one order at a time"
        rows: list[tuple[str, object, str]] = []
        if not self.has_time(1.3 * gap * self.scale.orders):
            return [(preview, "no time left", ""), (crowd, "no time left", "")]
        arrivals = self.arrivals(gap)
        done = self.played(self.model, arrivals)
        at = {one.request.job: one.at for one in arrivals}
        looks = [(record.preview or record.ended) - at[job] for job, record in done.records.items()]
        self.note(first_preview_p50=percentile(looks, 50), first_preview_p95=percentile(looks, 95))
        rows.append((preview, percentile(looks, 95), f"at most {asked.preview}"))
        # Twice as many: a queue that the pipeline cannot bear takes its time to grow.
        arrivals = self.arrivals(gap, greedy=0.6, count=2 * self.scale.orders)
        if not self.has_time(2.6 * gap * self.scale.orders):
            return [*rows, (crowd, "no time left", "")]
        done = self.played(self.model, arrivals)
        others = [one for one in arrivals if one.request.member != GREEDY]
        ours = percentile([done.records[one.request.job].ended - one.at for one in others], 95)
        theirs = percentile(self.one_at_a_time(arrivals), 95)
        self.note(others_p95=ours, others_p95_one_order_at_a_time=theirs)
        return [*rows, (crowd, ours / theirs, "at most 0.4")]

    def one_at_a_time(self, arrivals: Sequence[Arrival]) -> list[float]:
        """Latencies of the others, first come first served through the pipeline. Its calls are measured, a call of each number
        of pictures at two numbers of steps; the queue that they make is arithmetic."""
        few, many = 2, self.scale.steps
        lines: dict[int, tuple[float, float]] = {}
        for images in {one.request.images for one in arrivals}:
            self.pipeline_seconds(images, 2)
            short, long = self.pipeline_seconds(images, few), self.pipeline_seconds(images, many)
            a_step = max(0.0, (long - short) / (many - few))
            lines[images] = (short - few * a_step, a_step)
        free = 0.0
        found: list[float] = []
        for one in arrivals:
            fixed, a_step = lines[one.request.images]
            free = max(free, one.at) + fixed + a_step * one.request.steps
            if one.request.member != GREEDY:
                found.append(free - one.at)
        return found

    def compiled(self, eager: dict[int, float]) -> tuple[str, object, str]:
        """Both under torch.compile, the same compiled module: the pipeline at the batch that is its best eagerly, the loop with
        every step padded to as many rows, so that there is one number of rows to compile."""
        name = "pictures/s at saturation, both compiled, against the pipeline's best batch"
        batch = max(eager, key=lambda one: eager[one])
        if not self.has_time(self.scale.compiling):
            return (name, "no time left", "at least 1.0")
        began = time.perf_counter()
        backend = "inductor" if self.device.type == "cuda" else "eager"
        compile_denoiser(self.pipe, self.device, backend=backend)
        model = self.model_of(self.pipe, self.model.dtype, is_compiled=True)
        unet = self.pipe.unet
        self.pipe.unet = CalledAsByTheLoop(unet)
        with torch.inference_mode():
            theirs = self.best_of(batch)
        self.pipe.unet = unet
        self.note(compiling_took=time.perf_counter() - began, pipeline_compiled={batch: theirs})
        ours, inside = self.saturated(model, pinned_rows=2 * batch)
        self.note(loop_compiled=ours, share_of_wall_time_inside_the_compiled_model=inside)
        return (name, ours / theirs, "at least 1.0")


def _psnr(left: torch.Tensor, right: torch.Tensor) -> float:
    return -10 * math.log10(max(1e-12, float(((left.float() - right.float()) ** 2).mean())))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="tiny models, on the CPU where there is no GPU")
    parser.add_argument("--minutes", type=float, default=9.5, help="for everything")
    parser.add_argument("--quick", action="store_true", help="fewer orders: five minutes and the compiling")
    parser.add_argument(
        "--compiling",
        type=float,
        help="seconds that must be left for it: less than a minute or two each where the compiler's cache is warm",
    )
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available() and not options.smoke:
        print(
            "There is no CUDA device here, so nothing was measured. --smoke runs the script with tiny models on the CPU."
        )
        return 2
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
    is_tiny = options.smoke
    sides = (64, 64) if is_tiny else (512, 1024)
    wanted = (
        (
            Architecture(name="Stable Diffusion 1.5", side=sides[0], is_xl=False, is_tiny=is_tiny),
            FULL,
            Asked(throughput=2.0, preview=0.5),
        ),
        (
            Architecture(name="Stable Diffusion XL", side=sides[1], is_xl=True, is_tiny=is_tiny),
            LARGE,
            Asked(throughput=1.4, preview=2.5),
        ),
    )
    began = time.perf_counter()
    results: list[dict[str, Any]] = []
    tables: list[str] = []
    for share, (architecture, scale, asked) in zip((0.5, 1.0), wanted, strict=True):
        scale = SMOKE if is_tiny else QUICK[scale] if options.quick else scale
        if options.compiling is not None:
            scale = replace(scale, compiling=options.compiling)
        bench = Bench(architecture, scale, device, began + share * 60 * options.minutes)
        rows = bench.run(asked)
        results.append(bench.figures)
        head = f"{architecture.name}, {architecture.side} px" + (", tiny: a smoke test" if is_tiny else "")
        tables.append(table([head, "measured", "asked"], rows))
        del bench
        release: Callable[[], None] = torch.cuda.empty_cache if device.type == "cuda" else lambda: None
        release()
    result: dict[str, Any] = {
        "benchmark": "gpu, smoke" if is_tiny else "gpu",
        "machine": {**machine(), "device": device_name(device)},
        "seconds": "wall clock",
        "minutes": (time.perf_counter() - began) / 60,
        "results": results,
    }
    show(result, tables, "gpu", keep=options.keep and not is_tiny)
    return 0


if __name__ == "__main__":
    sys.exit(main())
