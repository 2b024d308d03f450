"""Measures how far the bundled model goes from a supplied picture, by strength and with or without a prompt.

    python -m benchmarks.supplied [--sheet FILE] [--keep]

The strengths are those of /vary. The pictures are six of the model's own, as JPEG at 300 pixels. Distances are mean absolute
differences of two pictures of 128 px, over all channels, of 255: from the supplied picture, and between the four pictures of an
order. Seeds are fixed.
"""

import argparse
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PIL import Image

from benchmarks.first_prompts.__main__ import ENTRY, GRIDS, SEED, apart, drawn, request, within
from benchmarks.shared.report import show
from bot.studio.orders.captions import Captions
from bot.studio.orders.supplied import Level, level_strength
from db import JobAction
from generation import InputPicture, JobId, Role

PROMPTS: Final = GRIDS[:6]
SIDE: Final = 128


def supplied() -> dict[str, Image.Image]:
    """Returns a picture for each prompt, as a member may have saved it."""
    made = drawn([request(text, text, is_adapted=True, images=1) for text in PROMPTS])
    found: dict[str, Image.Image] = {}
    for text in PROMPTS:
        out = io.BytesIO()
        made[JobId(text)][0].resize((300, 300), Image.Resampling.LANCZOS).save(out, "JPEG", quality=85)
        found[text] = Image.open(out).convert("RGB")
    return found


def varied(
    pictures: Mapping[str, Image.Image], strength: float, *, has_prompt: bool
) -> dict[str, list[Image.Image]]:
    orders: list[Any] = []
    for text, picture in pictures.items():
        content = io.BytesIO()
        picture.save(content, "PNG")
        start = InputPicture(source=content.getvalue(), role=Role.START, strength=strength)
        words = text if has_prompt else ""
        order = request(text, words, is_adapted=False, seed=2 * SEED, pictures=(start,))
        plan = Captions([ENTRY]).drawn(order.drawing, JobAction.IMAGINE, is_supplied=True)
        orders.append(replace(order, plan=plan))
    made = drawn(orders)
    return {text: made[JobId(text)] for text in pictures}


def distances(pictures: Mapping[str, Image.Image], made: Mapping[str, Sequence[Image.Image]]) -> str:
    small = {text: each.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for text, each in pictures.items()}
    away = statistics.fmean(apart(small[text], each) for text in made for each in made[text])
    among = statistics.fmean(within(each) for each in made.values())
    return f"{away:.1f} away, {among:.1f} among the four"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sheet", type=Path, help="writes a sheet of the first two of each order's pictures")
    parser.add_argument("--keep", action="store_true", help="writes the figures into benchmarks/results/")
    arguments = parser.parse_args()
    pictures, figures = supplied(), dict[str, Any]()
    columns: list[list[Image.Image]] = [[each.resize((SIDE, SIDE)) for each in pictures.values()]]
    for has_prompt in (True, False):
        for level in Level:
            strength = level_strength(level, ENTRY, has_prompt=has_prompt)
            made = varied(pictures, strength, has_prompt=has_prompt)
            name = f"{level}, {'with' if has_prompt else 'without'} a prompt (strength {strength:g})"
            figures[name] = distances(pictures, made)
            columns += [[made[text][index] for text in PROMPTS] for index in (0, 1)]
    if arguments.sheet:
        sheet = Image.new("RGB", (len(columns) * SIDE, len(PROMPTS) * SIDE))
        for x, column in enumerate(columns):
            for y, picture in enumerate(column):
                sheet.paste(picture, (x * SIDE, y * SIDE))
        sheet.save(arguments.sheet)
    show(figures, [], "supplied", keep=arguments.keep)


if __name__ == "__main__":
    main()
