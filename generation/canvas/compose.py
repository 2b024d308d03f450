"""Composes the start picture and the mask of a request from what its order says: where the picture lies, and what is redrawn."""

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from generation.canvas.fill import filled
from generation.files.images import fitted, open_picture, to_png
from generation.request import Drawing, ImageSize, InputPicture, Placement, Region, Role

_FEATHER = 1 / 32
"""The soft edge inside a region, as a share of the longer side; at most a cell, so that a thin stroke is not all edge."""


def composed(drawing: Drawing[bytes], enlarge: int = 1) -> Drawing[bytes]:
    """Returns the drawing with contents in place of a start picture's placement and region; other drawings as they are.

    `enlarge`: of the model's finished pictures; the contents have their size, so that the old pixels stay.
    Raises generation.files.images.PictureError.
    """
    start = drawing.picture(Role.START)
    if start is None or (start.placement is None and start.region is None):
        return drawing
    size = ImageSize(width=drawing.size.width * enlarge, height=drawing.size.height * enlarge)
    picture = open_picture(start.source)
    if start.placement is not None:
        picture, mask = _laid(picture, start.placement, size, drawing.seed)
    else:
        picture, mask = fitted(picture, size), Image.new("L", (size.width, size.height))
    if start.region is not None:
        mask = _lighter(mask, region_mask(start.region, size))
    pictures = [replace(start, source=to_png(picture), placement=None, region=None)]
    pictures += [InputPicture(source=_png(mask), role=Role.MASK)]
    return replace(drawing, pictures=(*pictures, *(each for each in drawing.pictures if each is not start)))


def _laid(
    picture: Image.Image, place: Placement, size: ImageSize, seed: int
) -> tuple[Image.Image, Image.Image]:
    """Returns the canvas, and its mask: 255 for what is new."""
    left, right = (round(size.width * share) for share in (place.left, place.left + place.width))
    top, bottom = (round(size.height * share) for share in (place.top, place.top + place.height))
    laid = fitted(picture, ImageSize(width=right - left, height=bottom - top))
    canvas, mask = (Image.new(mode, (size.width, size.height), 255) for mode in ("RGB", "L"))
    canvas.paste(laid, (left, top))
    box = (max(0, left), max(0, top), min(size.width, right), min(size.height, bottom))
    mask.paste(0, box)
    return filled(canvas, box, seed), mask


def region_mask(region: Region, size: ImageSize) -> Image.Image:
    """Returns the mask of a region: 255 where it is redrawn, a soft edge inside, 0 outside."""
    cells = np.zeros(region.rows * region.columns, np.uint8)
    cells[list(region.cells)] = 255
    small = Image.fromarray(cells.reshape(region.rows, region.columns))
    hard = small.resize((size.width, size.height), Image.Resampling.NEAREST)
    cell = min(size.width / region.columns, size.height / region.rows)
    feather = max(1, round(min(max(size.width, size.height) * _FEATHER, cell)))
    # Shrunk by the feather and blurred: so nothing outside the region changes. The canvas' own edge needs none.
    wide = np.pad(np.asarray(hard), 3 * feather, mode="edge")
    soft = Image.fromarray(_shrunk(wide > 0, feather)).filter(ImageFilter.BoxBlur(feather))
    cut = soft.crop((2 * feather, 2 * feather, 2 * feather + size.width, 2 * feather + size.height))
    return Image.fromarray(np.minimum(np.asarray(cut), np.asarray(hard)))


def _shrunk(mask: npt.NDArray[np.bool_], radius: int) -> npt.NDArray[np.uint8]:
    """Returns 255 where a square of this radius around the pixel is inside the mask, without the outer `radius` pixels.

    From sums over rectangles, so its time does not grow with the radius: a filter of minima takes half a minute for 1024
    by 1024 pixels.
    """
    side = 2 * radius + 1
    sums = np.pad((~mask).cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32), ((1, 0), (1, 0)))
    holes = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.where(holes == 0, 255, 0).astype(np.uint8)


def _lighter(one: Image.Image, other: Image.Image) -> Image.Image:
    return Image.fromarray(np.maximum(np.asarray(one), np.asarray(other)))


def _png(mask: Image.Image) -> bytes:
    out = io.BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()
