"""Both under torch.compile, the same compiled module: the pipeline at the batch that is its best eagerly, the loop with every
step padded to as many rows, so that there is one number of rows to compile. Compiling is no part of either's figure."""

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
    """Pictures a call of the pipeline; eagerly, for each would have to be compiled."""
    batches = bench.scale.batches
    if len(batches) == 1:
        return batches[0]
    eager = {batch: bench.pipeline_rate(batch) for batch in batches}
    bench.note(pipeline_eager_by_batch=eager)
    return max(eager, key=lambda one: eager[one])


def _split(bench: Bench, unet: Any, batch: int) -> dict[str, float]:
    """Of one more call of the pipeline: where its time goes."""
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
    """Compiled so far; none where nothing could be, and everything ran as it is."""
    counters: Any = importlib.import_module("torch._dynamo.utils").counters  # there is no public one
    return int(counters["stats"]["unique_graphs"])
