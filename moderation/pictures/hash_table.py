"""A table of perceptual hashes, in memory, to find the nearest one: 43 bytes a picture, 43 MB for a million."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from moderation.pictures.perceptual_hash import SAME
from moderation.verdict import Fingerprint

Scalar = TypeVar("Scalar", bound=np.generic)

KEY_LENGTH = 10
_ROW = KEY_LENGTH + 1 + 32  # bytes
_BLOCK = 2**15  # hashes compared at once; their words fit into a core's cache
_FIRST_SIZE = 1024


class HashTable:
    """Hashes with their keys, in arrays that grow. One thread may search while another one adds."""

    def __init__(self) -> None:
        self._count = 0
        self._keys: npt.NDArray[np.bytes_] = np.empty(_FIRST_SIZE, f"S{KEY_LENGTH}")
        self._indices = np.empty(_FIRST_SIZE, np.uint8)
        self._words = np.empty((4, _FIRST_SIZE), np.uint64)

    def extend(self, keys: Sequence[str], indices: Sequence[int], hashes: Sequence[Fingerprint]) -> None:
        """Adds hashes by key (KEY_LENGTH letters of ASCII) and index (of a picture of that key)."""
        rows = zip(keys, indices, hashes, strict=True)
        self.extend_packed(b"".join(key.encode() + bytes([index]) + seen for key, index, seen in rows))

    def extend_packed(self, packed: bytes) -> None:
        """Adds hashes: for each one the key, the index as one byte, and the hash. Raises ValueError for another length."""
        rows = np.frombuffer(packed, np.uint8).reshape(-1, _ROW)
        first, end = self._count, self._count + len(rows)
        if end > self._indices.size:
            size = 3 * end // 2
            self._keys, self._indices = _grown(self._keys, size), _grown(self._indices, size)
            self._words = _grown(self._words, size)
        self._keys[first:end] = np.frombuffer(rows[:, :KEY_LENGTH].tobytes(), self._keys.dtype)
        self._indices[first:end] = rows[:, KEY_LENGTH]
        self._words[:, first:end] = _words_of(rows[:, KEY_LENGTH + 1 :].tobytes()).T
        self._count = end

    def near(self, seen: Fingerprint) -> list[tuple[str, int, int]]:
        """Returns key, index and distance of each hash that counts as the same picture; the nearest first, then by key."""
        keys, indices, words, count = self._keys, self._indices, self._words, self._count
        (wanted,) = _words_of(seen)
        found = {
            (keys[place].decode(), int(indices[place]), apart)
            for first in range(0, count, _BLOCK)
            for place, apart in _near(words[:, first : min(count, first + _BLOCK)], wanted, first)
        }
        return sorted(found, key=lambda each: (each[2], each[0], each[1]))


def _near(
    words: npt.NDArray[np.uint64], wanted: npt.NDArray[np.uint64], first: int
) -> Iterator[tuple[int, int]]:
    # Half of the bits exclude nearly every hash, and fit into a byte.
    half = np.bitwise_count(words[0] ^ wanted[0])
    half += np.bitwise_count(words[1] ^ wanted[1])
    for place in np.flatnonzero(half <= SAME):
        apart = int(np.bitwise_count(words[:, place] ^ wanted).sum())
        if apart <= SAME:
            yield first + int(place), apart


def _words_of(hashes: bytes) -> npt.NDArray[np.uint64]:
    """Returns an array of shape (hashes, 4)."""
    return np.frombuffer(hashes, np.uint64).reshape(-1, 4)


def _grown(array: npt.NDArray[Scalar], size: int) -> npt.NDArray[Scalar]:
    grown = np.empty((*array.shape[:-1], size), array.dtype)
    grown[..., : array.shape[-1]] = array
    return grown
