"""Thirteen painted backdrops, from night to darkness. Every parameter is drawn from a continuous range.

No torch, no files. Lengths and heights are shares of the side, measured from the top left corner.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.scenes.pictures import SIDE

Rgb = tuple[int, int, int]
OVERSAMPLED: Final = 2  # factor of the painted size, because PIL draws without smoothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One backdrop, RGB (SIDE × SIDE), and the positions for objects in it."""

    picture: Image.Image
    front: Image.Image | None  # RGBA, painted over the objects
    floor: float | None  # height on which objects stand; None when they float
    light: tuple[float, float, float]  # factors for an object's red, green and blue


class _Canvas:
    """A canvas with random variation of colours and places."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.side = SIDE * OVERSAMPLED
        self.picture = Image.new("RGB", (self.side, self.side))
        self.front: Image.Image | None = None
        self._pen = ImageDraw.Draw(self.picture)

    def between(self, low: float, high: float) -> float:
        return self.dice.uniform(low, high)

    def near(self, colour: Rgb, spread: float = 14) -> Rgb:
        red, green, blue = (
            round(min(255, max(0, value + self.between(-spread, spread)))) for value in colour
        )
        return red, green, blue

    def in_front(self) -> None:
        """Paints everything from here on in front of the objects."""
        self.front = Image.new("RGBA", self.picture.size)
        self._pen = ImageDraw.Draw(self.front)

    def sky(self, *stops: tuple[float, Rgb]) -> None:
        """Paints a gradient from the top down. The heights of its inner colours vary too."""
        heights = [at + (self.between(-0.06, 0.06) if 0 < at < 1 else 0) for at, _ in stops]
        colours = np.array([self.near(colour) for _, colour in stops], np.float64)
        rows = np.linspace(0, 1, self.side)
        column = np.stack([np.interp(rows, heights, colours[:, channel]) for channel in range(3)], -1)
        wide = np.repeat(column.round().astype(np.uint8)[:, None], self.side, 1)
        self.picture.paste(Image.fromarray(wide))

    def disc(self, x: float, y: float, radius: float, colour: Rgb, height: float = 1.0) -> None:
        n = self.side
        box = (n * (x - radius), n * (y - radius * height), n * (x + radius), n * (y + radius * height))
        self._pen.ellipse(box, fill=colour)

    def circle(self, x: float, y: float, radius: float, colour: Rgb) -> None:
        n = self.side
        self._pen.ellipse(
            (n * (x - radius), n * (y - radius), n * (x + radius), n * (y + radius)), outline=colour
        )

    def box(self, left: float, top: float, right: float, bottom: float, colour: Rgb) -> None:
        n = self.side
        self._pen.rectangle((n * left, n * top, n * right, n * bottom), fill=colour)

    def shape(self, points: list[tuple[float, float]], colour: Rgb) -> None:
        self._pen.polygon([(self.side * x, self.side * y) for x, y in points], fill=colour)

    def glow(
        self, colour: Rgb, discs: list[tuple[float, float, float]], blur: float, strength: float
    ) -> None:
        """Adds soft light: blurred discs (x, y, radius)."""
        small = self.side // 4
        mask = Image.new("L", (small, small))
        pen = ImageDraw.Draw(mask)
        for x, y, r in discs:
            pen.ellipse(
                (small * (x - r), small * (y - r), small * (x + r), small * (y + r)),
                fill=round(255 * strength),
            )
        mask = mask.filter(ImageFilter.GaussianBlur(small * blur)).resize(
            self.picture.size, Image.Resampling.BILINEAR
        )
        self.picture.paste(colour, (0, 0), mask)

    def hills(self, top: float, swing: float, colour: Rgb) -> None:
        """Paints wavy land from `top` to the bottom."""
        waves = [(self.between(0.5, 1.6), self.between(0, math.tau), self.between(0.4, 1)) for _ in range(3)]

        def height(x: float) -> float:
            return (
                top
                + swing * sum(size * math.sin(math.tau * pace * x + turn) for pace, turn, size in waves) / 3
            )

        points = [(i / 48, height(i / 48)) for i in range(49)]
        self.shape([(0, 1), *points, (1, 1)], colour)

    def pine(self, x: float, foot: float, height: float, colour: Rgb) -> None:
        for tier in range(3):
            half, base = height * (0.34 - 0.07 * tier), foot - height * (0.12 + 0.26 * tier)
            self.shape([(x - half, base), (x + half, base), (x, base - height * 0.42)], colour)
        trunk: Rgb = (colour[0] // 2 + 30, colour[1] // 3 + 20, colour[2] // 3 + 15)
        self.box(x - height * 0.04, foot - height * 0.14, x + height * 0.04, foot, trunk)

    def trunk(self, x: float, width: float, colour: Rgb) -> None:
        """Paints a bare tree from the bottom to beyond the top, with two branches."""
        self.shape([(x - width, 1), (x - width / 2, 0), (x + width / 2, 0), (x + width, 1)], colour)
        for _ in range(2):
            y, reach = self.between(0.1, 0.5), self.between(0.08, 0.2) * self.dice.choice((-1, 1))
            self.shape([(x, y), (x + reach, y - 0.14), (x, y + 0.04)], colour)

    def stars(self, count: int, bottom: float = 1.0) -> None:
        for _ in range(count):
            self.disc(
                self.dice.random(),
                self.between(0, bottom),
                self.between(0.003, 0.009),
                self.near((250, 246, 220), 20),
            )

    def cloud(self, x: float, y: float, size: float, colour: Rgb) -> None:
        for dx, dy, radius in ((-0.9, 0.1, 0.5), (-0.3, -0.25, 0.7), (0.45, -0.1, 0.6), (1, 0.15, 0.42)):
            self.disc(x + size * dx, y + size * dy, size * radius, colour)
        self.box(x - size * 0.95, y + size * 0.1, x + size * 1.05, y + size * 0.57, colour)

    def edge(self, margin: float) -> float:
        """Returns a place near the left or right edge, so that the middle stays free."""
        return self.dice.choice((self.between(0, margin), self.between(1 - margin, 1)))

    def flames(self, height: float, colour: Rgb) -> None:
        x = self.between(-0.1, 0)
        while x < 1:
            width, tip = self.between(0.08, 0.18), height * self.between(0.5, 1)
            self.shape(
                [
                    (x, 1),
                    (x + width * 0.15, 1 - tip * 0.5),
                    (x + width * self.between(0.4, 0.7), 1 - tip),
                    (x + width * 0.95, 1 - tip * 0.45),
                    (x + width * 1.2, 1),
                ],
                colour,
            )
            x += width * 0.8


def _night(c: _Canvas) -> float:
    c.sky((0, (14, 20, 62)), (0.7, (44, 52, 120)), (1, (70, 70, 140)))
    c.stars(round(c.between(30, 80)), 0.7)
    x, y, radius = c.edge(0.3), c.between(0.1, 0.24), c.between(0.06, 0.1)
    behind = c.picture.getpixel((0 if x > 0.5 else c.side - 1, round(y * c.side)))
    assert isinstance(behind, tuple)
    c.disc(x, y, radius, c.near((250, 240, 190)))
    bite = c.between(0.4, 1.6)  # from a crescent to nearly full
    c.disc(x + radius * bite, y - radius * 0.2, radius * 0.9, (behind[0], behind[1], behind[2]))
    c.glow((200, 200, 240), [(x, y, radius * 1.6)], 0.06, 0.2)
    c.hills(c.between(0.66, 0.76), 0.07, c.near((34, 42, 90)))
    c.hills(c.between(0.8, 0.86), 0.04, c.near((24, 34, 66)))
    return c.between(0.86, 0.94)


def _snow(c: _Canvas) -> float:
    c.sky((0, (150, 196, 236)), (0.65, (216, 234, 248)), (1, (240, 246, 252)))
    c.hills(c.between(0.56, 0.66), 0.08, c.near((198, 220, 240), 8))
    for _ in range(c.dice.randint(3, 6)):
        c.pine(c.edge(0.26), c.between(0.68, 0.78), c.between(0.2, 0.4), c.near((74, 120, 116)))
    c.hills(c.between(0.72, 0.78), 0.04, c.near((244, 248, 253), 4))
    c.in_front()
    for _ in range(round(c.between(20, 50))):
        c.disc(c.dice.random(), c.dice.random(), c.between(0.004, 0.011), (255, 255, 255))
    return c.between(0.84, 0.93)


def _space(c: _Canvas) -> None:
    c.sky((0, (12, 10, 30)), (1, (40, 20, 70)))
    for colour in ((80, 30, 130), (30, 60, 150), (150, 40, 110)):
        c.glow(
            c.near(colour, 25),
            [(c.dice.random(), c.dice.random(), c.between(0.1, 0.3)) for _ in range(2)],
            0.12,
            0.5,
        )
    c.stars(round(c.between(60, 120)))
    if c.dice.random() < 0.8:
        x, y, radius = c.edge(0.22), c.between(0.1, 0.35), c.between(0.06, 0.13)
        colour = c.near(
            c.dice.choice(((230, 150, 90), (120, 180, 220), (200, 120, 170), (150, 200, 140))), 25
        )
        c.disc(x, y, radius, colour)
        c.disc(
            x - radius * 0.2,
            y - radius * 0.2,
            radius * 0.7,
            c.near((colour[0] + 22, colour[1] + 22, colour[2] + 22), 4),
        )


def _sea(c: _Canvas) -> None:
    c.sky((0, (96, 200, 232)), (0.6, (32, 120, 200)), (1, (18, 64, 140)))
    for _ in range(c.dice.randint(2, 5)):
        x, width = c.between(-0.1, 0.9), c.between(0.01, 0.04)
        light = [(x + k * 0.035, k * 0.13, width * (1 + k / 6)) for k in range(8)]
        c.glow((200, 242, 255), light, 0.03, 0.3)
    c.hills(c.between(0.85, 0.92), 0.04, c.near((222, 200, 140)))
    for _ in range(c.dice.randint(3, 6)):
        x, height, colour = (
            c.edge(0.24),
            c.between(0.1, 0.3),
            c.near(c.dice.choice(((40, 150, 110), (220, 90, 110), (60, 170, 90), (170, 90, 180)))),
        )
        for k in range(9):
            c.disc(x + math.sin(k / 1.6) * 0.018, 0.95 - height * k / 9, 0.018 - 0.001 * k, colour)
    c.in_front()
    for _ in range(c.dice.randint(6, 16)):
        c.circle(c.dice.random(), c.between(0, 0.85), c.between(0.008, 0.022), (220, 245, 255))


def _water(c: _Canvas) -> float:
    c.sky((0, (120, 190, 240)), (0.58, (222, 240, 250)), (1, (230, 244, 250)))
    for _ in range(c.dice.randint(1, 3)):
        c.cloud(c.dice.random(), c.between(0.08, 0.34), c.between(0.04, 0.09), c.near((252, 253, 255), 3))
    horizon, blue = c.between(0.54, 0.66), c.near((60, 150, 214), 18)
    c.box(0, horizon, 1, 1, blue)
    for k in range(1, 4):
        if k == 2:
            c.in_front()  # the waves in which the objects lie
        shade: Rgb = (max(0, blue[0] - 8 * k), max(0, blue[1] - 15 * k), max(0, blue[2] - 13 * k))
        c.hills(horizon + (1 - horizon) * (0.1 + 0.26 * k), 0.018, shade)
    return c.between(0.84, 0.9)


def _forest(c: _Canvas) -> float:
    c.sky((0, (166, 216, 236)), (0.7, (214, 238, 206)), (1, (200, 230, 180)))
    for depth, (foot, colour) in enumerate(((0.66, (150, 196, 160)), (0.75, (96, 160, 110)))):
        for k in range(10):
            if c.dice.random() < 0.85:
                height = c.between(0.28, 0.5) * (1 - 0.12 * depth)
                c.pine(k / 9 + c.between(-0.05, 0.05), foot + c.between(-0.02, 0.02), height, c.near(colour))
    for x in (c.between(0, 0.1), c.between(0.9, 1)):
        if c.dice.random() < 0.7:
            c.pine(x, 0.86, c.between(0.5, 0.7), c.near((50, 120, 74)))
    c.hills(c.between(0.72, 0.79), 0.03, c.near((110, 178, 84)))
    c.hills(c.between(0.86, 0.92), 0.03, c.near((88, 158, 70)))
    return c.between(0.84, 0.93)


def _sunset(c: _Canvas) -> float:
    c.sky((0, (90, 60, 140)), (0.35, (220, 90, 120)), (0.68, (252, 170, 80)), (1, (255, 214, 120)))
    x, y, radius = c.between(0.12, 0.88), c.between(0.46, 0.62), c.between(0.1, 0.16)
    c.glow((255, 226, 150), [(x, y, radius * 1.5)], 0.08, 0.6)
    c.disc(x, y, radius, c.near((255, 236, 160), 8))
    for _ in range(c.dice.randint(1, 4)):
        c.cloud(c.dice.random(), c.between(0.06, 0.38), c.between(0.03, 0.06), c.near((244, 140, 130)))
    c.hills(c.between(0.62, 0.7), 0.08, c.near((150, 70, 110)))
    c.hills(c.between(0.77, 0.83), 0.05, c.near((84, 44, 84)))
    return c.between(0.86, 0.94)


def _desert(c: _Canvas) -> float:
    c.sky((0, (110, 190, 240)), (0.6, (252, 236, 200)), (1, (250, 230, 190)))
    c.disc(c.edge(0.3), c.between(0.1, 0.22), c.between(0.05, 0.09), c.near((255, 240, 150), 8))
    c.hills(c.between(0.56, 0.66), 0.09, c.near((232, 190, 120)))
    c.hills(c.between(0.68, 0.76), 0.06, c.near((226, 178, 104)))
    c.hills(c.between(0.82, 0.9), 0.04, c.near((214, 162, 90)))
    return c.between(0.84, 0.93)


def _sky(c: _Canvas) -> None:
    c.sky((0, (84, 160, 236)), (1, (206, 234, 252)))
    for _ in range(c.dice.randint(3, 6)):
        y = c.dice.choice((c.between(0.06, 0.3), c.between(0.72, 0.95)))
        c.cloud(c.dice.random(), y, c.between(0.05, 0.11), c.near((252, 253, 255), 3))


def _room(c: _Canvas) -> float:
    wall = c.near(c.dice.choice(((244, 214, 190), (196, 220, 214), (226, 206, 232), (250, 230, 180))), 16)
    floor = c.between(0.66, 0.76)
    c.box(0, 0, 1, 1, wall)
    stripes, stripe = c.dice.randint(5, 10), c.near((wall[0] + 9, wall[1] + 9, wall[2] + 9), 2)
    for k in range(stripes):
        c.box(k / stripes, 0, (k + 0.45) / stripes, floor, stripe)
    left, top = c.dice.choice((c.between(0.02, 0.12), c.between(0.6, 0.7))), c.between(0.06, 0.14)
    c.box(left, top, left + 0.28, top + 0.34, (252, 252, 252))
    for column in (0.02, 0.15):
        for row in (0.02, 0.18):
            c.box(
                left + column, top + row, left + column + 0.11, top + row + 0.14, c.near((150, 210, 245), 10)
            )
    c.box(0, floor, 1, 1, c.near((186, 130, 88), 20))
    c.box(0, floor - 0.02, 1, floor + 0.01, c.near((250, 246, 240), 5))
    return c.between(0.86, 0.94)


def _city(c: _Canvas) -> float:
    c.sky((0, (30, 20, 70)), (0.7, (150, 50, 140)), (1, (240, 110, 140)))
    street = c.between(0.8, 0.87)
    for depth, colour in enumerate(((62, 42, 104), (34, 26, 66))):
        x = c.between(-0.1, 0)
        while x < 1:
            width, height = c.between(0.1, 0.19), c.between(0.26, 0.62) * (1 - 0.3 * depth)
            c.box(x, street - height, x + width, 1, c.near(colour, 8))
            for row in range(int(height / 0.05)):
                for column in range(int((width - 0.03) / 0.04)):
                    if c.dice.random() < 0.5:
                        left, top = x + 0.02 + 0.04 * column, street - height + 0.025 + 0.05 * row
                        lit = c.dice.choice(((255, 220, 120), (110, 230, 250), (255, 120, 210)))
                        c.box(left, top, left + 0.017, top + 0.024, lit)
            x += width + 0.01
    c.box(0, street, 1, 1, c.near((44, 36, 70), 8))
    return c.between(0.88, 0.95)


def _fire(c: _Canvas) -> float:
    c.sky((0, (40, 8, 20)), (1, (150, 30, 20)))
    c.glow((250, 110, 30), [(c.between(0.2, 0.8), 1, c.between(0.3, 0.5))], 0.12, 0.6)
    c.flames(c.between(0.4, 0.62), c.near((214, 62, 28)))
    c.flames(c.between(0.26, 0.4), c.near((240, 110, 40)))
    c.in_front()
    c.flames(c.between(0.12, 0.2), c.near((252, 190, 80)))
    return c.between(0.9, 0.96)


def _dark(c: _Canvas) -> float:
    c.sky((0, (14, 14, 22)), (1, (50, 44, 66)))
    c.glow((90, 90, 120), [(c.between(0.2, 0.8), c.between(0.2, 0.6), c.between(0.15, 0.3))], 0.14, 0.5)
    for _ in range(c.dice.randint(3, 6)):
        c.trunk(c.edge(0.34), c.between(0.02, 0.05), c.near((16, 15, 22), 5))
    c.hills(c.between(0.8, 0.86), 0.04, c.near((24, 22, 32), 5))
    return c.between(0.87, 0.94)


_DAY: Final = (1.0, 1.0, 1.0)
_PAINTERS: Final[dict[str, tuple[Callable[[_Canvas], float | None], tuple[float, float, float]]]] = {
    "night": (_night, (0.8, 0.84, 0.98)),
    "snow": (_snow, _DAY),
    "space": (_space, (0.94, 0.92, 1.0)),
    "sea": (_sea, (0.84, 0.96, 1.0)),
    "water": (_water, _DAY),
    "forest": (_forest, _DAY),
    "sunset": (_sunset, (1.0, 0.9, 0.86)),
    "desert": (_desert, _DAY),
    "sky": (_sky, _DAY),
    "room": (_room, _DAY),
    "city": (_city, (0.94, 0.88, 0.98)),
    "fire": (_fire, (1.0, 0.88, 0.8)),
    "dark": (_dark, (0.74, 0.74, 0.82)),
}
BACKDROPS: Final = tuple(_PAINTERS)


def paint(name: str, dice: random.Random) -> Ground:
    """Paints a new backdrop of this name. Raises KeyError for an unknown name."""
    painter, light = _PAINTERS[name]
    canvas = _Canvas(dice)
    floor = painter(canvas)
    return Ground(
        picture=canvas.picture.reduce(OVERSAMPLED),
        front=canvas.front and canvas.front.reduce(OVERSAMPLED),
        floor=floor,
        light=light,
    )
