"""Compares the loop and the pipeline under torch.compile, with the same compiled module. The pipeline uses its best eager batch
size. The loop pads every step to the same number of rows, so that only one size is compiled. Compilation time is not measured."""

import importlib
import time
from typing import Any

import torch

from benchmarks.gpu.bench import Bench, Saturated
from benchmarks.gpu.speed import Rows
from benchmarks.shared.model_time import CalledAsByTheLoop, ModelTime
from generation.worker.models.loading import compile_denoiser


def compiled(bench: Bench) -> Rows:
    batch = _best_batch(bench)
    backend = "inductor" if bench.device.type == "cuda" else "eager"
    compile_denoiser(bench.pipe, bench.device, backend=backend)
    model = bench.model_of(bench.pipe, is_compiled=True)
    unet = bench.pipe.unet
    with torch.inference_mode():
        bench.pipe.unet = CalledAsByTheLoop(unet, ModelTime(bench.device))
        began = bench.now()
        bench.pipeline_seconds(batch, 2)
        bench.note(compiling_took=time.perf_counter() - began)
        theirs = bench.pipeline_rate(batch)
        bench.note(pipeline_compiled={batch: theirs}, pipeline_seconds_a_picture=_split(bench, unet, batch))
    bench.pipe.unet = unet
    before = _graphs()
    ours = bench.saturated(model, bench.scale.saturating_compiled, pinned_rows=2 * batch)
    bench.note(
        loop_compiled=ours.rate,
        share_of_wall_time_inside_the_compiled_model=ours.inside,
        loop_seconds_a_picture=ours.split,
        graphs_compiled_for_the_pipeline_and_more_for_the_loop=[before, _graphs() - before],
    )
    return [
        (
            f"pictures/s at saturation, both compiled, against the pipeline at its best batch, {batch}",
            ours.rate / theirs,
            "at least 1.0",
        )
    ]


def _best_batch(bench: Bench) -> int:
    """Returns the number of pictures per pipeline call with the highest throughput. Measured eagerly, because every size would
    need its own compilation."""
    batches = bench.scale.batches
    if len(batches) == 1:
        return batches[0]
    eager = {batch: bench.pipeline_rate(batch) for batch in batches}
    bench.note(pipeline_eager_by_batch=eager)
    return max(eager, key=lambda one: eager[one])


def _split(bench: Bench, unet: Any, batch: int) -> dict[str, float]:
    """Measures how one more pipeline call divides its time."""
    watch = ModelTime(bench.device)
    bench.pipe.unet = CalledAsByTheLoop(unet, watch)
    with watch.decoding_of(bench.pipe):
        seconds = bench.pipeline_seconds(batch, bench.scale.steps)
    call = Saturated(
        pictures=batch,
        seconds=seconds,
        denoising=watch.seconds("denoising"),
        decoding=watch.seconds("decoding"),
    )
    return call.split


def _graphs() -> int:
    """Returns the number of compiled graphs; 0 when compilation was impossible and everything ran eagerly."""
    counters: Any = importlib.import_module("torch._dynamo.utils").counters  # torch has no public counter
    return int(counters["stats"]["unique_graphs"])
