"""Writes and reads an invisible number in a picture. It is spread over middle frequencies of the brightness, so it survives
compression and resizing. Uses numpy and Pillow only.

The number has 32 bits, plus 16 check bits. They become four words of the extended Golay code (24, 12), 96 bits. Each bit is the
sign of a projection of the picture (its brightness at 128 × 128, as a DCT) onto one direction. The key determines the directions.
Marking changes the picture along those directions only as far as each sign needs, and takes the picture's own projection into
account ("informed embedding": Cox, Miller, Bloom, Digital Watermarking, ch. 5). So marking a marked picture again replaces its
mark. Reading decodes each word to the nearest of the code's 4096 words, by correlation. Neither needs the original, and both need
the key.

The frequencies are relative to the picture's frame: cropping or rotating the picture destroys the mark.
"""

from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_NUMBER = 2**32 - 1

_SIDE = 128  # side of the square that every picture is resized to
_BAND = (40.0, 63.0)  # radii of frequencies: lower ones are visible; smaller pictures lack higher ones
_STRENGTH = 8.0  # distance of each projection from zero; rounding and JPEG 80 change it by one or two
_ROUNDS = 12  # cheap at 128 × 128
_BUSY, _LEAST_ROOM = 6.0, 0.3  # brightness variation around a place; share of change in smooth places
_BITS = 96
_WORDS, _WORD, _GOLAY = 4, 12, 24
_GENERATOR = 0xC75  # x^11 + x^10 + x^6 + x^5 + x^4 + x^2 + 1


class Watermark:
    def __init__(self, key: bytes) -> None:
        self.key = key
        self._where, self._weight = _directions(key)
        _golay()  # takes 50 ms: done at start, not at the first picture

    def marked(self, picture: Image.Image, number: int) -> Image.Image:
        """Returns the marked picture in RGB, of the same size. `number`: 0 to MAX_NUMBER. Deterministic: the same input gives the
        same bits.
        """
        if not 0 <= number <= MAX_NUMBER:
            raise ValueError(f"{number} does not fit into 32 bits")
        wanted = _code(number, self.key)
        original = picture.convert("RGB")
        small = _small(original)
        basis, room = _basis(), _room(small)
        change = np.zeros_like(small)
        for _ in range(_ROUNDS):
            # Cuts off values below black and above white. The next round makes up for the loss elsewhere.
            change = np.clip(small + change, 0, 255) - small
            lacking = np.maximum(0.0, _STRENGTH - self._projections(small + change) * wanted)
            if lacking.max() < _STRENGTH / 8:
                break
            spectrum = np.zeros(_SIDE * _SIDE, np.float32)
            spectrum[self._where] = (lacking * wanted)[:, None] * self._weight
            change += room * (basis.T @ spectrum.reshape(_SIDE, _SIDE) @ basis)
        large = np.asarray(Image.fromarray(change).resize(original.size, Image.Resampling.BICUBIC))
        moved = np.asarray(original, np.int16) + np.rint(large).astype(np.int16)[:, :, None]
        return Image.fromarray(np.clip(moved, 0, 255).astype(np.uint8))

    def read(self, picture: Image.Image) -> int | None:
        """Returns the number; None if there is none or the check bits do not match."""
        projections = self._projections(_small(picture))
        words = (projections.reshape(_WORDS, _GOLAY) @ _golay().T).argmax(axis=1)
        bits = 0
        for word in words:
            bits = (bits << _WORD) | int(word)
        number, check = bits >> 16, bits & 0xFFFF
        return number if check == _check(number, self.key) else None

    def agreement(self, picture: Image.Image, number: int) -> float:
        """Returns the share of the number's 96 bits that the picture shows, before error correction. An unmarked picture gives
        about 0.5.
        """
        shows = self._projections(_small(picture)) * _code(number, self.key) > 0
        return float(shows.mean())

    def _projections(self, small: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns (96,): the projection onto each direction."""
        basis = _basis()
        spectrum = (basis @ small @ basis.T).ravel()
        return (spectrum[self._where] * self._weight).sum(axis=1)


def _small(picture: Image.Image) -> NDArray[np.float32]:
    """Returns (128, 128): the brightness, 0 to 255."""
    # For larger pictures, averages over each cell: this is fast and removes frequencies above the band.
    filter = Image.Resampling.BOX if min(picture.size) >= 2 * _SIDE else Image.Resampling.BICUBIC
    return np.asarray(picture.convert("L").convert("F").resize((_SIDE, _SIDE), filter), np.float32)


def _room(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns (128, 128), with a mean square of 1: how much each place may change. The eye sees changes in smooth areas, so they
    get less.
    """
    rough = np.abs(small - _blurred(small))
    room = np.clip(_blurred(rough) / _BUSY, _LEAST_ROOM, 1.0)
    return room / np.sqrt(np.mean(room**2))


def _blurred(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blurs over about eight cells in each direction."""
    coarse = Image.fromarray(values).resize((_SIDE // 8, _SIDE // 8), Image.Resampling.BOX)
    return np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))


def _code(number: int, key: bytes) -> NDArray[np.float32]:
    """Returns (96,) of 1 and -1: the code bits of the number."""
    bits = (number << 16) | _check(number, key)
    shifts = range(_WORD * (_WORDS - 1), -1, -_WORD)
    return np.concatenate([_golay()[(bits >> shift) & 0xFFF] for shift in shifts])


def _check(number: int, key: bytes) -> int:
    return int.from_bytes(sha256(key + b"check" + number.to_bytes(4, "big")).digest()[:2], "big")


def _directions(key: bytes) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Returns (96, n): positions in the flattened DCT. (96, n): their weights; each row has length 1."""
    down, along = np.mgrid[0:_SIDE, 0:_SIDE]
    radius = np.hypot(down, along)
    band = np.flatnonzero((radius >= _BAND[0]) & (radius < _BAND[1]))
    draw_from = np.random.default_rng(np.frombuffer(sha256(key + b"directions").digest(), np.uint32))
    each = len(band) // _BITS
    where = draw_from.permutation(band)[: each * _BITS].reshape(_BITS, each)
    signs = draw_from.integers(0, 2, where.shape) * 2 - 1
    return where, (signs / np.sqrt(each)).astype(np.float32)


@cache
def _basis() -> NDArray[np.float32]:
    """Returns (128, 128): the orthonormal DCT-II, one frequency a row."""
    frequency, place = np.mgrid[0:_SIDE, 0:_SIDE]
    basis = np.cos(np.pi * (2 * place + 1) * frequency / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


@cache
def _golay() -> NDArray[np.float32]:
    """Returns (4096, 24) of 1 and -1: the code word of every 12 bits, systematic, with a parity bit. Any two differ in at least 8
    places.
    """
    words: list[int] = []
    for message in range(1 << _WORD):
        rest = message << 11
        for shift in range(_WORD - 1, -1, -1):
            if rest >> (shift + 11) & 1:
                rest ^= _GENERATOR << shift
        word = (message << 11) | rest
        words.append((word << 1) | (word.bit_count() & 1))
    bits = np.array(words)[:, None] >> np.arange(_GOLAY - 1, -1, -1) & 1
    return (1 - 2 * bits).astype(np.float32)
