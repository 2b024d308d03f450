"""Both under torch.compile, the same compiled module: the pipeline at the batch that is its best eagerly, the loop with every
step padded to as many rows, so that there is one number of rows to compile. Compiling is no part of either's figure."""

from __future__ import annotations

import importlib
import time
from typing import Any

import torch

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.speed import Rows
from benchmarks.model_time import CalledAsByTheLoop
from generation.worker.models import compile_denoiser


def compiled(bench: Bench) -> Rows:
    batch = _best_batch(bench)
    backend = "inductor" if bench.device.type == "cuda" else "eager"
    compile_denoiser(bench.pipe, bench.device, backend=backend)
    model = bench.model_of(bench.pipe, is_compiled=True)
    unet = bench.pipe.unet
    bench.pipe.unet = CalledAsByTheLoop(unet)
    with torch.inference_mode():
        began = bench.now()
        bench.pipeline_seconds(batch, 2)
        bench.note(compiling_took=time.perf_counter() - began)
        theirs = bench.pipeline_rate(batch)
    bench.pipe.unet = unet
    bench.note(pipeline_compiled={batch: theirs})
    before = _graphs()
    ours, inside = bench.saturated(model, bench.scale.saturating_compiled, pinned_rows=2 * batch)
    bench.note(
        loop_compiled=ours,
        share_of_wall_time_inside_the_compiled_model=inside,
        graphs_compiled_for_the_pipeline_and_more_for_the_loop=[before, _graphs() - before],
    )
    return [
        (
            f"pictures/s at saturation, both compiled, against the pipeline at its best batch, {batch}",
            ours / theirs,
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


def _graphs() -> int:
    """Compiled so far; none where nothing could be, and everything ran as it is."""
    counters: Any = importlib.import_module("torch._dynamo.utils").counters  # there is no public one
    return int(counters["stats"]["unique_graphs"])
