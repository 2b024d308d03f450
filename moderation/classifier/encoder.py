"""A small sentence encoder with a head of its own, run by ONNX Runtime on one thread. Knows neither torch nor categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from moderation.onnx_file import open_file

GRAPH, PIECES, TOKENIZER = "encoder.onnx", "pieces.npz", "tokenizer.json"
_WINDOW = 46  # word pieces read at once; 48 with [CLS] and [SEP], which limits the time
_MOST_WORDS = 1200  # as in moderation/classifier/ngrams.py


@dataclass(frozen=True, eq=False)
class Encoder:
    tokenizer: Tokenizer
    table: NDArray[np.int8]  # (pieces, width)
    scale: NDArray[np.float32]  # (pieces,)
    session: onnxruntime.InferenceSession

    def logits(self, words: Sequence[str], weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns (outputs,). Of a long text, only the window with the heaviest words is read."""
        encoding = self.tokenizer.encode(list(words[:_MOST_WORDS]), is_pretokenized=True)
        ids = np.array(encoding.ids, np.int64)
        if len(ids) > _WINDOW + 2:
            owners = np.array(encoding.word_ids[1:-1], np.int64)
            start = 1 + _heaviest(np.maximum(weight, 0)[owners], _WINDOW)
            ids = np.concatenate([ids[:1], ids[start : start + _WINDOW], ids[-1:]])
        pieces = self.table[ids].astype(np.float32) * self.scale[ids][:, None]
        (logits,) = cast("list[NDArray[np.float32]]", self.session.run(None, {"pieces": pieces[None]}))
        return logits[0]


def _heaviest(weight: NDArray[np.float32], width: int) -> int:
    """Returns the start of the heaviest stretch of `width` pieces; the first one if several are equal."""
    sums = np.concatenate([[0.0], np.cumsum(weight, dtype=np.float64)])
    return int(np.argmax(np.round(sums[width:] - sums[:-width], 6)))


def load(folder: Path) -> Encoder:
    """Loads the encoder. Raises OSError, ValueError, KeyError, or any error of ONNX Runtime and tokenizers for a broken file."""
    session = open_file(folder / GRAPH)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    with np.load(folder / PIECES, allow_pickle=False) as arrays:
        table, scale = arrays["table"], arrays["scale"]
    if not tokenizer.get_vocab_size() == len(table) == len(scale):
        raise ValueError("tokenizer and word pieces do not belong together")
    return Encoder(tokenizer, table, scale, session)
