"""Measure the packaged model: `python -m training.evaluate --archive drawings.zip`.

Top-1 and top-5: draw "a <concept>" for every concept and ask which concept's drawing the picture is
nearest to. Then the seconds for a grid of four, and a sheet of 64 prompts composed at random.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw
from torch import Tensor

from training import concepts, config, pictures
from training.build import as_float, composer
from training.compose import article
from training.concepts import Concept
from training.package import TARGET
from training.pictures import SIDE

SHEET_SEED = 64
PROMPTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """The packaged pipeline with fixed steps and guidance."""

    pipeline: StableDiffusionPipeline
    steps: int
    guidance: float

    @classmethod
    def open(cls, folder: Path, steps: int, guidance: float) -> "Sampler":
        pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
        pipeline.set_progress_bar_config(disable=True)
        return cls(pipeline=pipeline, steps=steps, guidance=guidance)

    def draw(self, prompts: Sequence[str], seed: int, batch: int = 8) -> list[Image.Image]:
        """One picture a prompt."""
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


def thumbnails(images: Sequence[Image.Image]) -> Tensor:
    """Pictures as points: 32 × 32 × 3 numbers each, (n, 3072)."""
    stacked = np.stack([np.asarray(image.convert("RGB")) for image in images])
    pixels = as_float(torch.from_numpy(stacked).permute(0, 3, 1, 2))
    return F.avg_pool2d(pixels, SIDE // 32).flatten(1)


def references(taught: Concept, drawings: dict[str, Image.Image]) -> list[Image.Image]:
    """The concept as it was taught: on white, at three sizes, each way round."""
    made: list[Image.Image] = []
    for name in taught.pictures:
        for share in (0.82, 0.9, 0.98):
            size = round(SIDE * share)
            scaled = drawings[name].resize((size, size), Image.Resampling.BICUBIC)
            canvas = Image.new("RGB", (SIDE, SIDE), "white")
            canvas.paste(scaled, ((SIDE - size) // 2, (SIDE - size) // 2), scaled)
            made += [canvas, canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    return made


def ranks(drawn: Tensor, known: Sequence[Tensor]) -> Tensor:
    """For each picture i, how many concepts are nearer to it than concept i. (n,)"""
    distances = torch.stack([torch.cdist(drawn, points).amin(1) for points in known], 1)
    own = distances.diagonal().unsqueeze(1)
    return (distances < own).sum(1)


def recognise(sampler: Sampler, archive: Path, seed: int) -> dict[str, int]:
    """The rank of every concept's picture; 0 is recognised."""
    taught = concepts.load()
    names = sorted({name for concept in taught for name in concept.pictures})
    drawings = pictures.load(archive, names)
    known = [thumbnails(references(concept, drawings)) for concept in taught]
    drawn = sampler.draw([article(concept.words[0]) for concept in taught], seed)
    ranked = ranks(thumbnails(drawn), known).tolist()
    return dict(zip((concept.name for concept in taught), ranked, strict=True))


def contact_sheet(images: Sequence[Image.Image], captions: Sequence[str]) -> Image.Image:
    """Eight pictures a row, each with its caption under it."""
    line, columns = 24, 8
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * SIDE, rows * (SIDE + line)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = index % columns * SIDE, index // columns * (SIDE + line)
        sheet.paste(image, (x, y))
        pen.text((x + 2, y + SIDE), f"{caption[:21]}\n{caption[21:42]}", fill="black")
    return sheet


def seconds_of_four(sampler: Sampler) -> tuple[float, float]:
    """Processor and wall seconds for one prompt drawn four times."""
    wall, busy = time.perf_counter(), time.process_time()
    sampler.draw(["a red apple"] * 4, seed=0)
    return time.process_time() - busy, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--model", type=Path, default=TARGET)
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prompt", action="append", help="draw these instead, on a sheet")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sampler = Sampler.open(arguments.model, arguments.steps, arguments.guidance)
    sheet: Path = arguments.work / "sheet.png"

    if arguments.prompt:
        drawn = sampler.draw(arguments.prompt, arguments.seed)
        contact_sheet(drawn, arguments.prompt).save(sheet)
        print(sheet)
        return

    ranked = recognise(sampler, arguments.archive, arguments.seed)
    count, common = len(ranked), [c.name for c in concepts.load() if c.is_common]
    for title, names in (("all", list(ranked)), ("common", common)):
        first = sum(ranked[name] == 0 for name in names) / len(names)
        fifth = sum(ranked[name] < 5 for name in names) / len(names)
        print(f"{title} {len(names)}: top-1 {first:.1%}, top-5 {fifth:.1%}")
    print(f"chance: top-1 {1 / count:.1%}, top-5 {5 / count:.1%}")
    print("missed:", ", ".join(name for name, rank in ranked.items() if rank >= 5))
    busy, wall = seconds_of_four(sampler)
    print(f"four pictures, {arguments.steps} steps: {busy:.1f} s of one core, {wall:.1f} s in all")

    source = composer(arguments.archive, config.load().mix, SHEET_SEED)
    captions = [source.compose().caption for _ in range(PROMPTS)]
    contact_sheet(sampler.draw(captions, arguments.seed), captions).save(sheet)
    print(sheet)


if __name__ == "__main__":
    main()
