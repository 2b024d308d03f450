"""An enlarged picture while it is redrawn tile by tile. Each tile is drawn like a picture of which a part is kept."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from generation.canvas.tiles import tile_mask
from generation.files.images import to_png
from generation.request import Drawing, ImageSize, InputPicture, Role, Tile
from generation.worker.output.decode import Arriving


class TiledPicture:
    def __init__(
        self,
        pixels: npt.NDArray[np.uint8],
        tiles: Sequence[Tile],
        drawn: Mapping[int, Arriving],
        enlarge: int = 1,
    ) -> None:
        """`pixels`: of the enlarged picture, (height, width, 3). `drawn`: the finished tiles by index, which the owner adds.
        `enlarge`: of the model's finished pictures.
        """
        self._pixels = pixels.copy()
        self._tiles = tiles
        self._drawn = drawn
        self._enlarge = enlarge
        self._pasted = set[int]()

    def drawing_of(self, drawing: Drawing[bytes], index: int) -> Drawing[bytes]:
        """Returns the drawing of a tile: it starts from the picture as it is by now. Raises NotFinite."""
        self._paste()
        tile = self._tiles[index]
        # The size of a finished tile: so what is kept stays to the pixel.
        size = ImageSize(width=drawing.size.width * self._enlarge, height=drawing.size.height * self._enlarge)
        start = _fitted(Image.fromarray(self._part(tile)), size)
        mask = _fitted(Image.fromarray(tile_mask(tile)), size)
        asked = drawing.picture(Role.CREATIVE)
        assert asked is not None
        begun = InputPicture(source=to_png(start), role=Role.START, strength=asked.strength)
        others = (each for each in drawing.pictures if each is not asked)
        return replace(drawing, pictures=(begun, InputPicture(source=_png(mask), role=Role.MASK), *others))

    def picture(self) -> Image.Image:
        """Returns the picture with all tiles that are drawn by now. Raises NotFinite."""
        self._paste()
        return Image.fromarray(self._pixels)

    def look(self, side: int) -> npt.NDArray[np.uint8]:
        """Returns the picture, at least `side` pixels wide or high, without the newest tiles. Waits for nothing."""
        step = max(1, max(self._pixels.shape) // side)
        return self._pixels[::step, ::step].copy()

    def _part(self, tile: Tile) -> npt.NDArray[Any]:
        left, top, right, bottom = tile.box
        return self._pixels[top:bottom, left:right]

    def _paste(self) -> None:
        for index in sorted(self._drawn.keys() - self._pasted):
            tile = self._tiles[index]
            part, is_new = self._part(tile), tile_mask(tile) > 0
            size = ImageSize(width=part.shape[1], height=part.shape[0])
            # Outside its mask a tile shows its neighbours of the same turn as they were before.
            part[is_new] = np.asarray(_fitted(self._drawn[index].picture(), size))[is_new]
            self._pasted.add(index)


def _fitted(picture: Image.Image, size: ImageSize) -> Image.Image:
    """Returns the whole picture in that size, which nearly always is its own."""
    wanted = (size.width, size.height)
    return picture if picture.size == wanted else picture.resize(wanted, Image.Resampling.LANCZOS)


def _png(mask: Image.Image) -> bytes:
    out = io.BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()
