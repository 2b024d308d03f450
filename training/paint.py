"""Paints scenes: drawings on a plain colour, each time a little differently placed. No torch, no files."""

import random

from PIL import Image

from training.colours import BACKGROUNDS, tint
from training.pictures import SIDE, Drawings
from training.scene import Scene


class Painter:
    """Pictures of scenes, RGB (SIDE × SIDE), placed by its own random stream."""

    def __init__(self, drawings: Drawings, seed: int) -> None:
        self._drawings = drawings
        self._random = random.Random(seed)

    def paint(self, scene: Scene) -> Image.Image:
        """The scene once more. KeyError names a drawing that the archive lacks."""
        canvas = Image.new("RGB", (SIDE, SIDE), BACKGROUNDS[scene.background])
        shelf = self._drawings.flat if scene.is_flat else self._drawings.solid
        found = [shelf[name] for name in scene.drawings]
        if scene.tint is not None:
            found = [tint(drawing, scene.tint) for drawing in found]
        if scene.kind == "pair":
            for drawing, x in zip(found, (0.26, 0.74), strict=True):
                self._paste(canvas, drawing, SIDE * x, self._around(0.5, 0.04), self._size(0.45, 0.52))
        elif scene.kind == "small":
            x, y = self._around(0.5, 0.15), self._around(0.5, 0.15)
            self._paste(canvas, found[0], x, y, self._size(0.4, 0.55))
        else:
            x, y = self._around(0.5, 0.02), self._around(0.5, 0.02)
            self._paste(canvas, found[0], x, y, self._size(0.8, 1.0))
        return canvas

    def _around(self, middle: float, spread: float) -> float:
        """Pixels from the edge."""
        return SIDE * self._random.uniform(middle - spread, middle + spread)

    def _size(self, low: float, high: float) -> int:
        return round(SIDE * self._random.uniform(low, high))

    def _paste(self, canvas: Image.Image, drawing: Image.Image, x: float, y: float, size: int) -> None:
        """Centre the drawing at (x, y) pixels, now and then mirrored or leaning a little."""
        if self._random.random() < 0.25:
            drawing = drawing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self._random.random() < 0.25:
            drawing = drawing.rotate(self._random.uniform(-12, 12), Image.Resampling.BICUBIC)
        scaled = drawing.resize((size, size), Image.Resampling.BICUBIC)
        canvas.paste(scaled, (round(x - size / 2), round(y - size / 2)), scaled)
