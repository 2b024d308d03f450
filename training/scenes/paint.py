"""Paints scenes: drawings on a plain colour or in front of a backdrop, in a new position each time. No torch, no files."""

import random
from typing import Final

from PIL import Image, ImageChops, ImageFilter

from training.scenes import backdrops
from training.scenes.colours import BACKGROUNDS, tint
from training.scenes.pictures import SIDE, Drawings
from training.scenes.scene import Scene

SOLID: Final = 40  # minimum alpha (of 255) of a drawing's solid part, which stands on the floor
SHADOW: Final = (20, 20, 40)


class Painter:
    """A painter of scenes as RGB pictures (SIDE × SIDE), with positions from its own random stream."""

    def __init__(self, drawings: Drawings, seed: int) -> None:
        self._drawings = drawings
        self._random = random.Random(seed)

    def paint(self, scene: Scene) -> Image.Image:
        """Paints the scene in a new position. KeyError names a drawing that the archive does not have."""
        shelf = self._drawings.flat if scene.is_flat else self._drawings.solid
        found = [shelf[name] for name in scene.drawings]
        if scene.tint is not None:
            found = [tint(drawing, scene.tint) for drawing in found]
        if scene.background in backdrops.BACKDROPS:
            return self._before(backdrops.paint(scene.background, self._random), scene, found)
        canvas = Image.new("RGB", (SIDE, SIDE), BACKGROUNDS[scene.background])
        if scene.kind == "pair":
            for drawing, x in zip(found, (0.26, 0.74), strict=True):
                self._paste(canvas, drawing, SIDE * x, self._around(0.5, 0.04), self._size(0.45, 0.52))
        elif scene.kind == "small":
            x, y = self._around(0.5, 0.15), self._around(0.5, 0.15)
            self._paste(canvas, found[0], x, y, self._size(0.4, 0.55))
        else:
            size = self._size(0.74, 1.0)
            spread = 0.02 + (1 - size / SIDE) / 3  # a larger drawing is nearer the middle
            self._paste(canvas, found[0], self._around(0.5, spread), self._around(0.5, spread), size)
        return canvas

    def _before(self, ground: backdrops.Ground, scene: Scene, found: list[Image.Image]) -> Image.Image:
        """Paints the drawings in the backdrop's light, standing on its floor or floating."""
        canvas = ground.picture
        places = (0.26, 0.74) if scene.kind == "pair" else (0.5,)
        spread, low, high = {"pair": (0.02, 0.36, 0.45), "small": (0.2, 0.28, 0.4)}.get(
            scene.kind, (0.14, 0.5, 0.78)
        )
        for drawing, middle in zip(found, places[: len(found)], strict=True):
            size, x = self._size(low, high), self._around(middle, spread)
            posed = self._posed(drawing, 4 if ground.floor else 15).resize(
                (size, size), Image.Resampling.BICUBIC
            )
            posed = posed.crop(posed.getchannel("A").point(_WEIGHT).getbbox())
            left = round(x - posed.width / 2)
            if ground.floor is None:
                top = round(self._around(0.5, 0.1) - posed.height / 2)
            else:
                foot = SIDE * ground.floor
                top = round(foot - posed.height)
                shadow = _SHADOW.resize((posed.width, SIDE // 12))
                canvas.paste(SHADOW, (left, round(foot - shadow.height / 2)), shadow)
            canvas.paste(_lit(posed, ground.light), (left, top), posed)
        if ground.front is not None:
            canvas.paste(ground.front, (0, 0), ground.front)
        return canvas

    def _around(self, middle: float, spread: float) -> float:
        """Returns a random position in pixels from the edge."""
        return SIDE * self._random.uniform(middle - spread, middle + spread)

    def _size(self, low: float, high: float) -> int:
        return round(SIDE * self._random.uniform(low, high))

    def _paste(self, canvas: Image.Image, drawing: Image.Image, x: float, y: float, size: int) -> None:
        """Centres the drawing at (x, y) pixels."""
        scaled = self._posed(drawing, 15).resize((size, size), Image.Resampling.BICUBIC)
        canvas.paste(scaled, (round(x - size / 2), round(y - size / 2)), scaled)

    def _posed(self, drawing: Image.Image, lean: float) -> Image.Image:
        """Mirrors the drawing often, and sometimes rotates it by up to `lean` degrees."""
        if self._random.random() < 0.4:
            drawing = drawing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self._random.random() < 0.3:
            drawing = drawing.rotate(self._random.uniform(-lean, lean), Image.Resampling.BICUBIC)
        return drawing


def _lit(drawing: Image.Image, light: tuple[float, float, float]) -> Image.Image:
    colour = tuple(round(255 * share) for share in light)
    return ImageChops.multiply(drawing.convert("RGB"), Image.new("RGB", drawing.size, colour))


def _soft_ellipse() -> Image.Image:
    """Returns a shadow for a floor, mode L, to be stretched."""
    small = Image.new("L", (64, 64))
    small.paste(110, (14, 14, 50, 50))
    return small.filter(ImageFilter.GaussianBlur(9))


_SHADOW: Final = _soft_ellipse()
_WEIGHT: Final = [0] * SOLID + [255] * (256 - SOLID)
