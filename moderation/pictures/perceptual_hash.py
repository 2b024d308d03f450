"""PDQ: 256 bits that stay nearly equal when a picture is resized, re-encoded or slightly recoloured.

See https://github.com/facebook/ThreatExchange/tree/main/pdq: two pictures count as the same up to a distance of 31. A hash with a
quality below 50 has too little content to compare. Facebook's own package is published as C++ source only, and this module must
install without a compiler. Every step of PDQ is linear up to the comparison with the median, so numpy's matrices do the same.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from moderation.verdict import Fingerprint

SAME = 31
"""Bits. Unrelated pictures differ in about 128."""

_LEAST_QUALITY = 50
_SIDE = 256  # pixels: the time grows with the picture, and PDQ itself uses 64
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_GRID = 64  # cells in each direction: what the hash and the quality are computed from
_WAVES = 16  # the lowest frequencies in each direction, without the constant one
_COSINES = np.sqrt(2 / _GRID) * np.cos(
    np.pi / (2 * _GRID) * np.outer(np.arange(1, _WAVES + 1), 2 * np.arange(_GRID) + 1)
)

K = TypeVar("K")


def fingerprint(picture: Image.Image) -> Fingerprint | None:
    """Returns the hash; None if the picture is too plain to be distinguished from others."""
    picture = picture.convert("RGB")
    scale = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BILINEAR)
    luma = np.asarray(small, np.float32) @ _LUMA
    grid = _sampling(size[1]) @ luma @ _sampling(size[0]).T
    if _quality(grid) < _LEAST_QUALITY:
        return None
    waves = _COSINES @ grid @ _COSINES.T
    # PDQ writes its words, and the bits of each word, from the last to the first.
    return Fingerprint(np.packbits((waves > np.median(waves)).ravel()[::-1]).tobytes())


@lru_cache(maxsize=32)
def _sampling(side: int) -> npt.NDArray[np.float64]:
    """Returns the matrix of shape (64, side) that blurs a line of pixels twice with a box and takes 64 samples from it."""
    window = -(-side // (2 * _GRID))
    ahead = (window + 2) // 2
    box = np.zeros((side, side))
    for at in range(side):
        first, last = max(0, at + ahead - window), min(side, at + ahead)
        box[at, first:last] = 1 / (last - first)
    return (box @ box)[((np.arange(_GRID) + 0.5) * side / _GRID).astype(int)]


def _quality(grid: npt.NDArray[np.float64]) -> int:
    """Returns PDQ's measure of content, from the differences of adjacent cells: 0 for a plain picture, at most 100."""
    steps = sum(np.abs(np.trunc(np.diff(grid, axis=axis) * 100 / 255)).sum() for axis in (0, 1))
    return min(100, int(steps / 90))


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
