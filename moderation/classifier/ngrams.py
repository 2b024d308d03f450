"""A linear model over words, pairs of words and runs of letters. Uses only numpy; reports the weight of each word."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SHORTEST, _LONGEST = 3, 5  # letters in a run; the blanks around a word count
_MOST_WORDS = 1200  # of a text; Discord's longest prompt has fewer


@lru_cache(maxsize=20_000)
def of_word(word: str) -> tuple[str, ...]:
    """Returns the features of one word: the word itself, and its runs of letters with a blank on each side of the word."""
    padded = f" {word} "
    runs = (
        padded[at : at + size]
        for size in range(_SHORTEST, _LONGEST + 1)
        for at in range(len(padded) - size + 1)
    )
    return tuple(dict.fromkeys((f"={word}", *runs)))


def of_pair(first: str, second: str) -> str:
    return f"{first}_{second}"


def features(text: str) -> Iterator[str]:
    """Yields every feature of English text, once for each occurrence."""
    words = text.split()[:_MOST_WORDS]
    for word in words:
        yield from of_word(word)
    for pair in itertools.pairwise(words):
        yield of_pair(*pair)


@dataclass(frozen=True, slots=True)
class Weighed:
    logits: NDArray[np.float32]  # (outputs,)
    words: tuple[str, ...]
    shares: NDArray[np.float32]  # (words,): each word's part of the first logit


@dataclass(frozen=True, eq=False)
class Ngrams:
    """Logits = bias + weights × the features' values.

    A value is (1 + log of the count) × idf. The values are divided by their Euclidean norm.
    """

    features: dict[str, int]
    idf: NDArray[np.float32]  # (features,)
    weights: NDArray[np.float32]  # (features, outputs)
    bias: NDArray[np.float32]  # (outputs,)
    _of_word: dict[str, NDArray[np.int32]] = field(default_factory=dict, repr=False)

    def weigh(self, text: str) -> Weighed:
        words = text.split()[:_MOST_WORDS]
        if not words:
            return Weighed(self.bias, (), np.zeros(0, np.float32))
        known = self.features
        found = [self._indices(word) for word in words]
        pairs = [
            (index, at)
            for at, pair in enumerate(itertools.pairwise(words))
            if (index := known.get(of_pair(*pair))) is not None
        ]
        indices = np.concatenate([*found, np.array([index for index, _ in pairs], np.int32)])
        owners = np.repeat(np.arange(len(words)), [len(indices) for indices in found])
        owner = np.concatenate([owners, np.array([at for _, at in pairs], np.int64)])
        unique, inverse, counts = np.unique(indices, return_inverse=True, return_counts=True)
        value = (1 + np.log(counts)) * self.idf[unique]
        norm = float(np.sqrt(value @ value)) or 1.0
        rows = self.weights[unique]
        # A feature's part of the logit, divided by its number of occurrences.
        each = (value / norm * rows[:, 0] / counts)[inverse]
        shares = np.bincount(owner, weights=each, minlength=len(words)).astype(np.float32)
        return Weighed(((value / norm) @ rows + self.bias).astype(np.float32), tuple(words), shares)

    def _indices(self, word: str) -> NDArray[np.int32]:
        if (indices := self._of_word.get(word)) is None:
            indices = np.array(
                [index for name in of_word(word) if (index := self.features.get(name)) is not None], np.int32
            )
            if len(self._of_word) >= 20_000:
                self._of_word.clear()
            self._of_word[word] = indices
        return indices


def load(path: Path) -> Ngrams:
    """Loads a model that `save` wrote. Raises OSError, ValueError, KeyError for other files."""
    with np.load(path, allow_pickle=False) as arrays:
        names = arrays["names"].tobytes().decode().split("\n")
        weights = arrays["weights"].astype(np.float32) * arrays["scale"]
        idf, bias = arrays["idf"].astype(np.float32), arrays["bias"]
    if not len(names) == len(idf) == len(weights):
        raise ValueError("its parts differ in length")
    return Ngrams({name: at for at, name in enumerate(names)}, idf, weights, bias)


def save(
    path: Path,
    names: Sequence[str],
    idf: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> None:
    """Saves the model. Weights become 8-bit integers with one scale for each column."""
    scale = np.maximum(np.abs(weights).max(axis=0) / 127, 1e-9).astype(np.float32)
    np.savez_compressed(
        path,
        names=np.frombuffer("\n".join(names).encode(), np.uint8),
        idf=idf.astype(np.float16),
        weights=np.round(weights / scale).astype(np.int8),
        scale=scale,
        bias=bias.astype(np.float32),
    )
