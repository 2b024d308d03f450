"""The loop on a GPU against diffusers' own pipeline: Stable Diffusion 1.5 at 512 and XL at 1024 pixels, bf16, random weights.

    python -m benchmarks.gpu [--minutes 9.5] [--keep]
    python -m benchmarks.gpu --smoke        the whole script on a CPU with tiny models, about a minute; its figures mean nothing

Wall-clock seconds of one process that has the card to itself. What there is no time left for is said to be missing, not guessed.
Exit code 2 where there is no CUDA device.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from benchmarks.architectures import Architecture
from benchmarks.inside import Clock, Played, play
from benchmarks.orders import Arrival
from benchmarks.report import machine, percentile, show, table
from generation.request import GenerationRequest, ImageSize, JobId, MemberId, ModelEntry, ModelName, Prompt
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
    saturating: int = 48  # pictures
    orders: int = 60  # Poisson arrivals
    repeats: int = 3


FULL = Scale()
SMOKE = Scale(steps=3, mix=(2, 4), batches=(2,), saturating=4, orders=4, repeats=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    throughput: float  # times the pipeline's at batch 1
    preview: float  # seconds


@dataclass(slots=True)
class ModelTime:
    """Seconds inside the U-Net and the VAE, by events on the device's own stream: nothing waits because it is measured."""

    device: torch.device
    _pairs: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])
    _open: list[Any] = field(default_factory=list[Any])

    @contextmanager
    def watching(self, *modules: torch.nn.Module) -> Generator[None]:
        hooks: list[Any] = []
        for module in modules:
            hooks.append(module.register_forward_pre_hook(self._enter))
            hooks.append(module.register_forward_hook(self._leave))
        yield
        for hook in hooks:
            hook.remove()

    def _enter(self, *_: Any) -> None:
        self._open.append(self._mark())

    def _leave(self, *_: Any) -> None:
        self._pairs.append((self._open.pop(), self._mark()))

    def _mark(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    @property
    def seconds(self) -> float:
        if self.device.type != "cuda":
            return sum(end - begin for begin, end in self._pairs)
        torch.cuda.synchronize()
        return sum(begin.elapsed_time(end) for begin, end in self._pairs) / 1000


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

    def arrivals(self, gap: float, *, greedy: float = 0.0) -> list[Arrival]:
        """Poisson, `gap` seconds apart on average; `greedy` is the share of orders that one member sends."""
        chance = random.Random(1)
        at = 0.0
        found: list[Arrival] = []
        for number in range(self.scale.orders):
            at += chance.expovariate(1 / gap)
            member = GREEDY if chance.random() < greedy else MemberId(1 + chance.randrange(8))
            steps, images = chance.choice(self.scale.mix), chance.choice((1, 2, 4))
            request = self.order(number, member=member, steps=steps, images=images)
            found.append(Arrival(at=at, request=request, sampler=""))
        return found

    def played(self, model: Model, arrivals: Sequence[Arrival]) -> Played:
        return play(model, arrivals, slots=16, clock=Clock(self.now))

    def saturated(self, model: Model, *, is_watched: bool = True) -> tuple[float, float | None]:
        """Pictures a second with everything there from the start; and, if watched, the share of that time inside the model (a
        compiled one has no hooks: they would break its graph)."""
        count = self.scale.saturating // 4
        all_at_once = [
            Arrival(
                at=0.0,
                sampler="",
                request=self.order(n, member=MemberId(n), steps=self.scale.steps, images=4),
            )
            for n in range(count)
        ]
        self.played(
            model,
            [
                replace(all_at_once[n], request=self.order(n, member=MemberId(n), steps=4, images=4))
                for n in range(min(4, count))
            ],
        )
        if not is_watched:
            return 4 * count / self.played(model, all_at_once).busy, None
        watch = ModelTime(self.device)
        # The decoder and not the VAE, whose `decode` is no forward call.
        with watch.watching(self.pipe.unet, self.pipe.vae.decoder):
            done = self.played(model, all_at_once)
        return 4 * count / done.busy, watch.seconds / done.busy

    # ---- everything

    def run(self, asked: Asked) -> list[tuple[str, object, str]]:
        single = self.best_of(1)
        eager = {batch: self.best_of(batch) for batch in self.scale.batches if self.has_time(batch / single)}
        rate, inside = self.saturated(self.model)
        self.figures |= {
            "pipeline, batch 1, pictures/s": single,
            "pipeline, by batch, pictures/s": eager,
            "loop, pictures/s at saturation": rate,
            "loop, share of wall time inside the model": inside,
        }
        rows: list[tuple[str, object, str]] = [
            (
                "pictures/s at saturation, against the pipeline at batch 1",
                rate / single,
                f"at least {asked.throughput}",
            ),
            ("share of wall time inside the model", inside, "at least 0.95"),
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
        self.figures["first preview, p95, s"] = percentile(looks, 95)
        rows.append((preview, percentile(looks, 95), f"at most {asked.preview}"))
        arrivals = self.arrivals(gap, greedy=0.6)
        if not self.has_time(1.3 * gap * self.scale.orders):
            return [*rows, (crowd, "no time left", "")]
        done = self.played(self.model, arrivals)
        others = [one for one in arrivals if one.request.member != GREEDY]
        ours = percentile([done.records[one.request.job].ended - one.at for one in others], 95)
        theirs = percentile(self.one_at_a_time(arrivals), 95)
        self.figures |= {"others' p95, s": ours, "others' p95, one order at a time, s": theirs}
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
        """Both under torch.compile, the same module: the pipeline at the batch that is its best eagerly."""
        name = "pictures/s at saturation, both compiled, against the pipeline's best batch"
        batch = max(eager, key=lambda one: eager[one])
        if not self.has_time(90):
            return (name, "no time left", "at least 1.0")
        backend = "inductor" if self.device.type == "cuda" else "eager"
        compile_denoiser(self.pipe, self.device, backend=backend)
        theirs = self.best_of(batch)
        if not self.has_time(60):
            return (name, "no time left", "at least 1.0")
        ours, _ = self.saturated(
            self.model_of(self.pipe, self.model.dtype, is_compiled=True), is_watched=False
        )
        self.figures |= {
            "pipeline compiled, best batch": batch,
            "pipeline compiled, pictures/s": theirs,
            "loop compiled, pictures/s": ours,
        }
        return (name, ours / theirs, "at least 1.0")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="tiny models, on the CPU where there is no GPU")
    parser.add_argument("--minutes", type=float, default=9.5, help="for everything")
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
            Asked(throughput=2.0, preview=0.5),
        ),
        (
            Architecture(name="Stable Diffusion XL", side=sides[1], is_xl=True, is_tiny=is_tiny),
            Asked(throughput=1.4, preview=2.5),
        ),
    )
    began = time.perf_counter()
    results: list[dict[str, Any]] = []
    tables: list[str] = []
    for share, (architecture, asked) in zip((0.4, 1.0), wanted, strict=True):
        bench = Bench(architecture, SMOKE if is_tiny else FULL, device, began + share * 60 * options.minutes)
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
