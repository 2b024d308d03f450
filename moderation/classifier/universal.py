"""Scores English text by a head on the frozen Universal Sentence Encoder, which also reads other languages (multilingual.py)."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.classifier.multilingual import SCALE, encode

UNIVERSAL = "universal.npz"
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, eq=False)
class Universal:
    """The head: a linear one and a perceptron, added."""

    linear: NDArray[np.float32]  # (512,)
    hidden: NDArray[np.float32]  # (hidden, 512)
    hidden_bias: NDArray[np.float32]  # (hidden,)
    output: NDArray[np.float32]  # (hidden,)
    bias: NDArray[np.float32]  # ()

    def logits(self, texts: list[str]) -> NDArray[np.floating]:
        """Returns (texts,)."""
        vectors = np.asarray(encode([without_signs(text) or " " for text in texts]), np.float32) * SCALE
        hidden = np.maximum(vectors @ self.hidden.T + self.hidden_bias, 0)
        return vectors @ self.linear + hidden @ self.output + self.bias


def without_signs(text: str) -> str:
    """Returns the words alone: a comma, which a preset or a suffix adds, changes no verdict."""
    return " ".join(_WORDS.findall(text))


def load(path: Path) -> Universal:
    """Loads the head alone. Raises OSError, ValueError, KeyError for a broken file."""
    with np.load(path, allow_pickle=False) as arrays:
        return Universal(*(arrays[name] for name in ("linear", "hidden", "hidden_bias", "output", "bias")))
