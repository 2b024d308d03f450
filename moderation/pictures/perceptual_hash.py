"""PDQ: 256 bits that stay nearly the same when a picture is resized, re-encoded or slightly recoloured.

https://github.com/facebook/ThreatExchange/tree/main/pdq: two pictures are taken for the same up to a distance of 31, and a hash
of quality below 50 stands for too little to compare.
"""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import pdqhash
from PIL import Image

from moderation.verdict import Fingerprint

SAME = 31
"""Bits. Unrelated pictures are about 128 apart."""

_LEAST_QUALITY = 50
_SIDE = 256  # pixels: the algorithm itself goes on with 64, and its time, with the interpreter held, grows with the picture

K = TypeVar("K")


def fingerprint(picture: Image.Image) -> Fingerprint | None:
    """None where the picture is too plain to be told from others."""
    picture = picture.convert("RGB")
    scale = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BILINEAR)
    bits, quality = pdqhash.compute(np.asarray(small))
    return Fingerprint(np.packbits(bits).tobytes()) if quality >= _LEAST_QUALITY else None


def distance(first: Fingerprint, second: Fingerprint) -> int:
    """Bits that differ, 0 to 256."""
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def nearest(seen: Fingerprint | None, known: Iterable[tuple[K, Fingerprint]]) -> tuple[K, int] | None:
    """The key of the nearest that counts as the same picture, and its distance; the first of equals."""
    if seen is None:
        return None
    near = [(key, apart) for key, print in known if (apart := distance(seen, print)) <= SAME]
    return min(near, key=lambda each: each[1]) if near else None
