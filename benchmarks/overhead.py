"""Measures the loop's overhead per step of one picture: sweep, seat, stacking, guidance, scheduler, events, bookkeeping.

    python -m benchmarks.overhead [--model] [--keep]

Replaces the U-Net by one that returns at once, so that only the loop is measured. Figures are CPU seconds of one thread with
latents of a 512-pixel picture, guidance and 50 steps. `--model` compares the overhead with a step of the real Stable Diffusion
1.5 architecture with random weights, measured in the same run (3.4 GB of memory, two minutes of one core).
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from benchmarks.shared.orders import MODEL, order
from benchmarks.shared.report import machine, show, table
from generation.protocol import Configure, Generate, Order
from generation.request import ImageSize, JobId, ModelEntry
from generation.worker.loop import Loop
from generation.worker.output.image_encoder import Finishing, ImageEncoder
from generation.worker.output.preview import JobPreview
from tests.tiny_models import tiny_sd

STEPS, ORDERS = 50, 8
LATENTS = (4, 64, 64)
ASKED = 0.02
"""Maximum overhead as a share of a step."""


class NoModel:
    """A U-Net that returns its input at once."""

    def __call__(self, x: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
        return (x,)


class NoImages(ImageEncoder):
    """An encoder that encodes no pictures, and encodes previews on the measured thread."""

    def encode_preview(self, job: JobId, preview: JobPreview) -> None:
        preview.develop()

    def encode(
        self, job: JobId, pictures: Sequence[Finishing], texts: Sequence[str], device_seconds: float
    ) -> None:
        pass


def loop_alone(preview_seconds: float) -> list[float]:
    """Returns the CPU seconds of every loop turn that stepped one picture. The first order is a warm-up."""
    orders: SimpleQueue[Order] = SimpleQueue()
    turns: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        source = tiny_sd(Path(folder))
        entry = ModelEntry(name=MODEL, source=str(source), licence="none", side=512, multiple=64)
        loop = Loop(orders, lambda _: None, image_encoder=NoImages(lambda _: None))
        orders.put(Configure(models=(entry,), default=MODEL, preview_seconds=preview_seconds))
        loop.take_orders()
    model = loop.model_cache.take(MODEL)
    model.unet = _with_config_of(model.unet)
    # decoding by the tiny VAE is not part of a step
    loop.retire = lambda: None  # pyright: ignore[reportAttributeAccessIssue]
    for number in range(ORDERS):
        wanted = order(f"{number}", member=number, steps=STEPS, images=1, seed=number)
        drawing = replace(wanted.drawing, size=ImageSize(width=512, height=512))
        orders.put(Generate(request=replace(wanted, drawing=drawing)))
        while True:
            began = time.thread_time()
            loop.take_orders()
            loop.sweep()
            loop.seat()
            loop.step()
            loop.retire()
            turns.append(time.thread_time() - began)
            if all(job.is_denoised for job in loop.jobs.values()):
                break
        loop.jobs.clear()
    return turns[STEPS:]


def _with_config_of(unet: Any) -> Any:
    stand_in = NoModel()
    stand_in.config = unet.config  # pyright: ignore[reportAttributeAccessIssue]
    return stand_in


@torch.inference_mode()
def step_of_stable_diffusion() -> float:
    """Returns the CPU seconds of one guided step: two rows, fp32."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=64,
            cross_attention_dim=768,
            attention_head_dim=8,
            block_out_channels=(320, 640, 1280, 1280),
        )
    unet = unet.to_empty(device="cpu").eval()
    for weights in unet.parameters():
        weights.uniform_(-0.02, 0.02)
    x, text, timesteps = torch.randn(2, *LATENTS), torch.randn(2, 77, 768), torch.full((2,), 500.0)
    unet(
        x[:1, :, :8, :8], timesteps[:1], encoder_hidden_states=text[:1]
    )  # loads the weights' pages into memory
    began = time.thread_time()
    unet(x, timesteps, encoder_hidden_states=text)
    return time.thread_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", action="store_true", help="measure a step of Stable Diffusion 1.5 too")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    plain = loop_alone(preview_seconds=float("inf"))
    with_previews = loop_alone(preview_seconds=0.0)
    result: dict[str, Any] = {
        "benchmark": "overhead",
        "machine": machine(),
        "seconds": "CPU time of one thread",
        "steps": len(plain),
        "loop, ms a step": {
            "median": 1000 * median(plain),
            "mean": 1000 * sum(plain) / len(plain),
            "median with a preview at every step": 1000 * median(with_previews),
        },
    }
    rows: list[tuple[str, float, str]] = [("the loop, median ms", 1000 * median(plain), "")]
    if options.model:
        step = step_of_stable_diffusion()
        mean = sum(plain) / len(plain)
        result["Stable Diffusion 1.5, 512 px, one guided step, s"] = step
        result["mean share of that step"] = mean / step
        rows += [
            ("Stable Diffusion 1.5 at 512 px, a guided step, s", step, ""),
            ("the loop's mean share of it", mean / step, f"at most {ASKED}"),
        ]
    show(
        result, [table([result["machine"]["cpu"], "measured", "asked"], rows)], "overhead", keep=options.keep
    )


if __name__ == "__main__":
    main()
