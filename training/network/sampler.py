"""Draws with the packaged model, at fixed steps and guidance."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from generation.worker.output.decode import Arriving, to_bytes, to_tensor
from generation.worker.upscaling.upscale import Upscaler

ENLARGED: int = 4  # factor by which the bot enlarges the model's pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    pipeline: StableDiffusionPipeline
    steps: int
    guidance: float

    @classmethod
    def open(cls, folder: Path, steps: int, guidance: float) -> "Sampler":
        pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
        pipeline.set_progress_bar_config(disable=True)
        return cls(pipeline=pipeline, steps=steps, guidance=guidance)

    def draw(self, prompts: Sequence[str], seed: int, batch: int = 8) -> list[Image.Image]:
        """Returns one picture per prompt."""
        generator = torch.Generator().manual_seed(seed)
        drawn: list[Image.Image] = []
        for start in range(0, len(prompts), batch):
            images, _ = self.pipeline(
                list(prompts[start : start + batch]),
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                generator=generator,
                return_dict=False,
            )
            drawn += images
        return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class GridTime:
    """Seconds for four pictures of one prompt, from the text to 512 px."""

    draw_busy: float  # CPU seconds of all cores together
    draw: float
    enlarge_busy: float
    enlarge: float

    @property
    def whole(self) -> float:
        return self.draw + self.enlarge


def time_of_four(sampler: Sampler, threads: int) -> GridTime:
    """Measures with `threads` threads. Returns the second of two runs; the first is a warm-up."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    upscaler = Upscaler.load("animevideov3")
    try:
        _draw_four(sampler, upscaler)
        return _draw_four(sampler, upscaler)
    finally:
        torch.set_num_threads(before)


def _draw_four(sampler: Sampler, upscaler: Upscaler) -> GridTime:
    begun, wall = time.process_time(), time.perf_counter()
    images = sampler.draw(["a red apple"] * 4, seed=0)
    drawn, drawn_wall = time.process_time(), time.perf_counter()
    for image in images:
        Arriving(to_bytes(upscaler.enlarge(to_tensor(image), ENLARGED))).picture()
    return GridTime(
        draw_busy=drawn - begun,
        draw=drawn_wall - wall,
        enlarge_busy=time.process_time() - drawn,
        enlarge=time.perf_counter() - drawn_wall,
    )
