"""The learned half of the filter: a sentence encoder and n-grams, averaged. Files in, opinions out; gives no ruling."""

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import exp
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from moderation.classifier import encoder, ngrams
from moderation.classifier.encoder import Encoder
from moderation.classifier.glossary import in_english
from moderation.classifier.ngrams import Ngrams, Weighed
from moderation.prompts.filter import Opinion
from moderation.verdict import Category
from startup import StartError

MODEL = Path(__file__).with_name("model")
CARD = "model.json"
NGRAMS = "ngrams.npz"
FORM = 1  # of the card
LINEAR_SAY = 2  # of the n-grams on the category, against one of the encoder's
_LONG = 40  # words; of longer texts the heaviest stretch alone is judged
_STRETCH = 12  # words, at least
_TOLD = 4  # words that decided, at most
_FIRST = "ein Fuchs im Wald"  # read at once, so that no member waits for word lists being loaded
_REMEMBERED = 8  # opinions; two readings of one long text mostly share their heaviest stretch
_LEAST_SHARE = 0.1  # of the heaviest word's weight, to be told


@dataclass(eq=False)
class ModelBroken(StartError):
    """The classifier's files cannot be used."""

    folder: str
    problem: str

    def __str__(self) -> str:
        return (
            f"The prompt filter's model in {self.folder} can't be used: {self.problem}. "
            "Install Atelier again, or make the files anew: python -m training.safety.train."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Logit = encoder x its logit + ngrams x theirs + bias; its sigmoid is 0.5 where a prompt is worth a look, 0.95 where
    it is to be refused by the standard policy."""

    encoder: float
    ngrams: float
    bias: float


class LearnedClassifier:
    """Reads canonical text in any language that the word list knows. May be called from several threads."""

    def __init__(
        self, encoder: Encoder, linear: Ngrams, mixture: Mixture, categories: tuple[Category, ...]
    ) -> None:
        self._encoder = encoder
        self._linear = linear
        self._mixture = mixture
        self._categories = categories
        self._judge_once = lru_cache(maxsize=_REMEMBERED)(self._judge)

    def read(self, text: str) -> Opinion:
        english = in_english(text)
        if len(english.split()) > _LONG:  # harmless words around harm must not thin it out
            english = " ".join(_stretch(self._linear.weigh(english)))
        return self._judge_once(english)

    def _judge(self, english: str) -> Opinion:
        weighed = self._linear.weigh(english)
        encoded = self._encoder.logits(weighed.words, weighed.shares)
        overall = self.overall(float(encoded[0]), float(weighed.logits[0]))
        shares = _softmax(encoded[1:] + LINEAR_SAY * weighed.logits[1:])
        relative = shares / shares.max()
        return Opinion(
            overall=overall,
            scores={
                category: overall * float(share)
                for category, share in zip(self._categories, relative, strict=True)
            },
            words=_heaviest(weighed.words, weighed.shares),
        )

    def overall(self, encoded: float, linear: float) -> float:
        """0 to 1, from the two halves' first logits."""
        mixture = self._mixture
        logit = mixture.encoder * encoded + mixture.ngrams * linear + mixture.bias
        return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


def load_classifier(folder: Path = MODEL) -> LearnedClassifier:
    """About 22 MB, a fraction of a second. Raises ModelBroken."""
    try:
        card = cast("dict[str, Any]", json.loads((folder / CARD).read_text(encoding="utf-8")))
        if card["form"] != FORM:
            raise ModelBroken(
                str(folder), f"{CARD} is of form {card['form']}, this program reads form {FORM}"
            )
        for name, digest in cast("dict[str, str]", card["files"]).items():
            if sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise ModelBroken(str(folder), f"{name} is damaged or of another model")
        classifier = LearnedClassifier(
            encoder.load(folder),
            ngrams.load(folder / NGRAMS),
            Mixture(**cast("dict[str, float]", card["mixture"])),
            tuple(Category(name) for name in card["categories"]),
        )
        classifier.read(_FIRST)
        return classifier
    except ModelBroken:
        raise
    except FileNotFoundError as error:
        raise ModelBroken(str(folder), f"{Path(str(error.filename)).name} is missing") from error
    except Exception as error:  # ONNX Runtime and tokenizers raise classes of their own
        raise ModelBroken(str(folder), f"{type(error).__name__}: {error}") from error


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _stretch(weighed: Weighed) -> tuple[str, ...]:
    """The stretch of neighbouring words whose shares add up to most (Kadane), widened to a few words around it."""
    most, total, start, best = float("-inf"), 0.0, 0, (0, 1)
    for at, share in enumerate(weighed.shares):
        if total <= 0:
            total, start = 0.0, at
        total += float(share)
        if total > most:
            most, best = total, (start, at + 1)
    first = max(0, best[0] - max(0, _STRETCH - (best[1] - best[0])) // 2)
    return weighed.words[first : max(best[1], first + _STRETCH)]


def _heaviest(words: tuple[str, ...], shares: NDArray[np.float32]) -> tuple[str, ...]:
    """The words that speak most for harm, heaviest first."""
    if not words:
        return ()
    least = max(0.0, float(shares.max()) * _LEAST_SHARE)
    order = [int(at) for at in np.argsort(-shares) if shares[at] > least]
    return tuple(dict.fromkeys(words[at] for at in order[: 2 * _TOLD]))[:_TOLD]
