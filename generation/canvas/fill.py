"""Fills the new part of a canvas with a guess: the old part's border, continued, with noise like the border's.

The model draws over the guess. Its colours keep the new part near to the old one.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Pixels = npt.NDArray[np.float32]
"""(height, width, 3), 0 to 255."""

_BLURS = (0.01, 0.04, 0.12)
"""Of the continued border, in shares of the longer side: at the border, further away, and far away."""
_STRIP = 1 / 12
"""The part of the shorter side at a border whose noise is measured."""


def filled(canvas: Image.Image, box: tuple[int, int, int, int], seed: int) -> Image.Image:
    """Returns the canvas with everything outside of `box` filled. `box`: left, top, right, bottom of the old part, in pixels."""
    pixels: Pixels = np.asarray(canvas.convert("RGB"), dtype=np.float32)
    height, width = pixels.shape[:2]
    border, distance = _nearest_border(height, width, box)
    continued = pixels[border]
    side = max(width, height)
    levels = [_blurred(continued, share * side) for share in _BLURS]
    guess = _mixed(levels, distance / side / np.array(_BLURS[-1], np.float32))
    noise = np.random.default_rng(seed).normal(size=pixels.shape).astype(np.float32)
    guess = guess + noise * _roughness(pixels, box)
    left, top, right, bottom = box
    guess[top:bottom, left:right] = pixels[top:bottom, left:right]
    return Image.fromarray(guess.round().clip(0, 255).astype(np.uint8))


def _nearest_border(
    height: int, width: int, box: tuple[int, int, int, int]
) -> tuple[tuple[npt.NDArray[Any], npt.NDArray[Any]], Pixels]:
    """Returns for each pixel the row and the column of the nearest pixel of the old part's border, and its distance.

    Borders on the edge of the canvas don't count: nothing continues there. Inside the old part the distance is 0.
    """
    left, top, right, bottom = box
    rows, columns = np.mgrid[:height, :width]
    near_rows, near_columns = rows.clip(top, bottom - 1), columns.clip(left, right - 1)
    # Inside, the nearest open border; so that a blur mixes no colours of the middle into the guess.
    gaps = np.stack(
        [
            columns - left if left > 0 else np.full_like(columns, width),
            right - 1 - columns if right < width else np.full_like(columns, width),
            rows - top if top > 0 else np.full_like(rows, height),
            bottom - 1 - rows if bottom < height else np.full_like(rows, height),
        ]
    )
    nearest = gaps.argmin(0)
    is_inside = (near_rows == rows) & (near_columns == columns)
    near_columns = np.where(is_inside & (nearest == 0), left, near_columns)
    near_columns = np.where(is_inside & (nearest == 1), right - 1, near_columns)
    near_rows = np.where(is_inside & (nearest == 2), top, near_rows)
    near_rows = np.where(is_inside & (nearest == 3), bottom - 1, near_rows)
    distance = np.hypot(rows - near_rows, columns - near_columns) * ~is_inside
    return (near_rows, near_columns), distance.astype(np.float32)


def _blurred(pixels: Pixels, sigma: float) -> Pixels:
    picture = Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(sigma)), dtype=np.float32)


def _mixed(levels: list[Pixels], depth: Pixels) -> Pixels:
    """Returns a mixture of the levels. `depth`: (height, width), 0 for the first level, 1 and more for the last."""
    at = (depth * (len(levels) - 1)).clip(0, len(levels) - 1)[..., None]
    mixed: Pixels = np.zeros_like(levels[0])
    for index, level in enumerate(levels):
        mixed += np.clip(1 - abs(at - index), 0, 1) * level
    return mixed


def _roughness(pixels: Pixels, box: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
    """Returns the deviation of the old part's fine detail along its open borders, for each channel. Shape: (3,)."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    old = pixels[top:bottom, left:right]
    strip = max(2, round(min(old.shape[:2]) * _STRIP))
    fine = old - _blurred(old, 1.5)
    strips = [
        part.reshape(-1, 3)
        for part, is_open in (
            (fine[:, :strip], left > 0),
            (fine[:, -strip:], right < width),
            (fine[:strip], top > 0),
            (fine[-strip:], bottom < height),
        )
        if is_open
    ]
    # The median is that of the ground, also where an object's outline crosses the border.
    found = np.concatenate(strips) if strips else np.zeros((1, 3), np.float32)
    return (1.4826 * np.median(np.abs(found), axis=0)).astype(np.float32)
