"""Measures the loop at saturation, the time of one order alone, and whether the loop's pictures equal the pipeline's."""

import math
from dataclasses import replace

import torch

from benchmarks.gpu.bench import GUIDANCE, Bench
from generation.request import Drawing, MemberId
from generation.worker.denoise.batch_state import ROW_COUNTS

Rows = list[tuple[str, object, str]]
"""Table rows: name, measured value, required value."""


def speed(bench: Bench, asked: float) -> Rows:
    """Measures throughput. `asked` is the required multiple of the pipeline's pictures per second at batch 1."""
    scale = bench.scale
    single = bench.pipeline_rate(1)
    bench.note(pipeline_at_batch_1=single)
    bench.note(pipeline_by_batch={batch: bench.pipeline_rate(batch) for batch in scale.batches})
    loop = bench.saturated(bench.model, scale.saturating)
    bench.note(loop_at_saturation=loop.rate, share_of_wall_time_inside_the_model=loop.inside)
    alone = {images: _alone(bench, images) for images in (1, 4)}
    bench.note(loop_for_an_order_of_1_or_4_alone=alone)
    psnr = least_psnr(bench)
    bench.note(least_PSNR_against_the_pipeline=psnr)
    return [
        (
            "pictures/s at saturation, against the pipeline at batch 1",
            loop.rate / single,
            f"at least {asked}",
        ),
        ("share of wall time inside the model", loop.inside, "at least 0.95"),
        ("pictures in company against the pipeline alone, least PSNR, dB", psnr, "at least 40"),
        ("seconds of one picture alone, against the pipeline", alone[1] * single, ""),
    ]


def _alone(bench: Bench, images: int) -> float:
    """Returns the seconds of one order without other orders: the minimum of several runs."""
    one = bench.at_once(1, steps=bench.scale.steps, images=images)
    return min(bench.played(bench.model, one).busy for _ in range(bench.scale.repeats + 1))


def least_psnr(bench: Bench) -> float:
    """Returns the lowest PSNR in dB of five decoded orders. Each is drawn in shared batches and compared with the pipeline alone
    on the same noise."""
    model = bench.model
    mix = [(4, 1.0), (7, GUIDANCE), (5, 3.0), (6, GUIDANCE), (4, 9.0)]
    drawings = [
        replace(bench.order(n, MemberId(n), steps, 1).drawing, guidance=guidance)
        for n, (steps, guidance) in enumerate(mix)
    ]
    slots = [model.seat(drawing, 0) for drawing in drawings]
    sizes = ROW_COUNTS if bench.device.type == "cuda" else ()
    turns = 0
    while live := [slot for slot in slots if not slot.is_finished]:
        turns += 1
        model.advance(live[: 1 + turns % 5], sizes=sizes)  # the batch composition changes at every step
    return min(
        _psnr(model.develop([slot])[0], _by_the_pipeline(bench, drawing))
        for slot, drawing in zip(slots, drawings, strict=True)
    )


def _by_the_pipeline(bench: Bench, drawing: Drawing[bytes]) -> torch.Tensor:
    """Draws with the pipeline. Returns (3, height, width), values 0 to 1."""
    side = bench.architecture.side
    noise = torch.randn((1, 4, side // 8, side // 8), generator=torch.Generator().manual_seed(drawing.seed))
    return bench.pipe(
        drawing.prompt.text,
        negative_prompt=drawing.prompt.negative,
        num_inference_steps=drawing.steps,
        guidance_scale=drawing.guidance,
        height=side,
        width=side,
        latents=noise.to(bench.device, bench.dtype),
        output_type="pt",
    ).images[0]


def _psnr(left: torch.Tensor, right: torch.Tensor) -> float:
    return -10 * math.log10(max(1e-12, float(((left.float() - right.float()) ** 2).mean())))
