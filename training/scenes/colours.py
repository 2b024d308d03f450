"""Colour words: the colours of plain backgrounds, and the repainting of a drawing in a colour."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generation.captions.grounds import GROUNDS

Rgb = tuple[int, int, int]

BACKGROUNDS: Final = GROUNDS

# hue in turns, minimum saturation, gain of the value (brightness)
TINTS: Final[dict[str, tuple[float, float, float]]] = {
    "red": (0.0, 0.45, 1.0),
    "orange": (0.08, 0.45, 1.0),
    "yellow": (0.15, 0.45, 1.0),
    "green": (0.36, 0.45, 1.0),
    "blue": (0.6, 0.45, 1.0),
    "purple": (0.77, 0.45, 1.0),
    "pink": (0.92, 0.45, 1.0),
    "black": (0.6, 0.0, 0.35),
    "white": (0.6, 0.0, 1.25),
}


def tint(picture: Image.Image, colour: str) -> Image.Image:
    """Returns the RGBA drawing in one hue with its light and shade kept (HSV with the hue replaced)."""
    hue, floor, gain = TINTS[colour]
    pixels = np.asarray(picture)
    rgb: NDArray[np.floating] = pixels[..., :3].astype(np.float32) / 255
    value: NDArray[np.floating] = rgb.max(-1)
    saturation: NDArray[np.floating] = (value - rgb.min(-1)) / (value + 1e-5)
    saturation = np.clip(saturation * 0.5 + floor, 0, 1) if floor else saturation * 0.1
    value = np.clip(value * gain, 0, 1)
    # https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative
    k = (np.array([5, 3, 1], np.float32) + hue * 6) % 6
    wheel = np.clip(np.minimum(k, 4 - k), 0, 1)
    painted = value[..., None] * (1 - saturation[..., None] * wheel)
    rgba = np.concatenate([(painted * 255).astype(np.uint8), pixels[..., 3:]], -1)
    return Image.fromarray(rgba, "RGBA")
