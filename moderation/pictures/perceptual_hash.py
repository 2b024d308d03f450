"""PDQ: 256 bits that stay nearly equal when a picture is resized, re-encoded or slightly recoloured.

See https://github.com/facebook/ThreatExchange/tree/main/pdq: two pictures count as the same up to a distance of 31. A hash with a
quality below 50 has too little content to compare.
"""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import pdqhash
from PIL import Image

from moderation.verdict import Fingerprint

SAME = 31
"""Bits. Unrelated pictures differ in about 128."""

_LEAST_QUALITY = 50
_SIDE = 256  # pixels: PDQ itself uses 64; its time, with the interpreter locked, grows with the picture

K = TypeVar("K")


def fingerprint(picture: Image.Image) -> Fingerprint | None:
    """Returns the hash; None if the picture is too plain to be distinguished from others."""
    picture = picture.convert("RGB")
    scale = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BILINEAR)
    bits, quality = pdqhash.compute(np.asarray(small))
    return Fingerprint(np.packbits(bits).tobytes()) if quality >= _LEAST_QUALITY else None


def distance(first: Fingerprint, second: Fingerprint) -> int:
    """Returns the number of different bits, 0 to 256."""
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def nearest(seen: Fingerprint | None, known: Iterable[tuple[K, Fingerprint]]) -> tuple[K, int] | None:
    """Returns the key and the distance of the nearest hash that counts as the same picture; the first
    one if several are equal.
    """
    if seen is None:
        return None
    near = [(key, apart) for key, print in known if (apart := distance(seen, print)) <= SAME]
    return min(near, key=lambda each: each[1]) if near else None
