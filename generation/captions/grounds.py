"""The plain grounds of the bundled model: their names, and the one behind a finished picture."""

import statistics
from typing import Final

from generation.files.images import open_picture

GROUNDS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (214, 48, 49),
    "orange": (245, 140, 40),
    "yellow": (250, 214, 70),
    "green": (70, 170, 80),
    "blue": (60, 120, 220),
    "purple": (140, 80, 200),
    "pink": (248, 150, 190),
    "brown": (140, 95, 60),
    "gray": (150, 150, 155),
    "black": (25, 25, 30),
    "white": (255, 255, 255),
    "light blue": (170, 215, 248),
    "dark blue": (25, 45, 105),
}
"""Red, green and blue of 255. The training paints with them, too."""
_SIDE: Final = 32  # pixels of the copy that is looked at
_NEAR: Final = 45.0  # of 255: the largest distance of a channel


def ground_of(content: bytes) -> str:
    """Returns the ground behind a picture (PNG, JPEG or WebP), by its border; empty if no ground is near. Raises PictureError."""
    picture = open_picture(content).convert("RGB").resize((_SIDE, _SIDE))
    edge = [
        picture.getpixel((x, y))
        for x in range(_SIDE)
        for y in range(_SIDE)
        if x in (0, _SIDE - 1) or y in (0, _SIDE - 1)
    ]
    middle = [statistics.median(channel) for channel in zip(*edge, strict=True)]  # pyright: ignore[reportArgumentType]

    def distance(colour: tuple[int, int, int]) -> float:
        return max(abs(a - b) for a, b in zip(middle, colour, strict=True))

    name = min(GROUNDS, key=lambda each: distance(GROUNDS[each]))
    return name if distance(GROUNDS[name]) <= _NEAR else ""
