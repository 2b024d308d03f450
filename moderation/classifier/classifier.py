"""The learned half of the filter: the average of voices that were made in different ways. Reads files and gives opinions, but no
rulings.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from math import exp, log
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from moderation.classifier import encoder, multilingual, ngrams, universal
from moderation.classifier.encoder import Encoder
from moderation.classifier.glossary import LANGUAGES as GLOSSARY_LANGUAGES
from moderation.classifier.glossary import in_english
from moderation.classifier.multilingual import HEAD, Multilingual
from moderation.classifier.ngrams import Ngrams, Weighed
from moderation.classifier.universal import UNIVERSAL, Universal
from moderation.normalise.confusables import visible
from moderation.normalise.language import ENGLISH, READ, is_latin
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.filter import Opinion
from moderation.verdict import Category
from startup import StartError, printable

MODEL = Path(__file__).with_name("model")
CARD = "model.json"
NGRAMS = "ngrams.npz"
FORM = 2  # format version of the card
LINEAR_SAY = 2  # weight of the n-grams for the category; the encoder's weight is 1
_LONG = 40  # words; of a longer text only the heaviest stretch is judged
_STRETCH = 12  # minimum words of a stretch
_TOLD = 4  # maximum number of deciding words shown
_SHORT = 2  # words besides articles; a text without more is also read inside sentences
_ARTICLES = frozenset({"a", "an", "the"})
_SENTENCES = ("a photo of {}", "a painting of {} highly detailed")
_BEINGS = frozenset({"demon", "devil", "imp", "kitsune", "oni", "slime", "tengu", "yokai"})
_HARMLESS = frozenset({"kaiju", "nerf"})  # words that the list of ordinary English lacks
_PEOPLE = frozenset(
    {"boy", "girl", "king", "knight", "lady", "lord", "man", "prince", "princess", "queen", "woman"}
)
_FIRST = "ein Fuchs im Wald"  # read at load, so that no member waits for the word lists
_REMEMBERED = 8  # opinions; two readings of one long text usually share their heaviest stretch
_LEAST_SHARE = 0.1  # least weight of a shown word, as a share of the heaviest
_ENGLISH_RUN = 5  # English words in a row that are read in a text of another language
_LATIN_WORDS = 3  # English words that are read in a text of another script
_WORDS = re.compile(r"[^\W_]+")
UNREAD = Opinion(overall=0.0, scores={})
"""The opinion about a language that nothing here reads."""


@dataclass(eq=False)
class ModelBroken(StartError):
    """The classifier's files can't be used."""

    folder: str
    problem: str

    def __str__(self) -> str:
        return printable(
            f"The prompt filter's model in {self.folder} can't be used: {self.problem}. "
            "Install Atelier again, or make the files anew: python -m training.safety.train."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """What each voice says of one text: a logit each."""

    encoder: float  # fine-tuned
    ngrams: float
    universal: float  # a head on the encoder of many languages, which is not trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """The weights that combine the voices: logit = the sum of weight × the voice's logit, + bias.

    The logit's sigmoid is 0.5 for a prompt that needs a look, and 0.95 for one that the standard policy refuses.
    """

    encoder: float
    ngrams: float
    universal: float
    bias: float

    def overall(self, said: Voices) -> float:
        """Returns the score from 0 to 1."""
        logit = (
            self.encoder * said.encoder
            + self.ngrams * said.ngrams
            + self.universal * said.universal
            + self.bias
        )
        return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


class LearnedClassifier:
    """A classifier of canonical text in any language of the word list. Safe to call from several threads."""

    def __init__(
        self,
        encoder: Encoder,
        linear: Ngrams,
        universal: Universal,
        multilingual: Multilingual,
        mixture: Mixture,
        categories: tuple[Category, ...],
    ) -> None:
        self._encoder = encoder
        self._linear = linear
        self._universal = universal
        self._multilingual = multilingual
        self._mixture = mixture
        self._categories = categories
        self._judge_once = lru_cache(maxsize=_REMEMBERED)(self._judge)

    def read(self, text: str, typed: str = "", language: str = ENGLISH) -> Opinion:
        """`text`: canonical; `typed`: the same as it was typed, for the encoder of many languages."""
        if language == ENGLISH:
            return self._read_english(text, typed)
        opinions = [self._read_english(" ".join(run)) for run in _english_runs(text, typed)]
        if language in READ:
            opinions.append(self._read_foreign(text, typed, has_meanings=language in GLOSSARY_LANGUAGES))
        return max(opinions, key=lambda opinion: opinion.overall, default=UNREAD)

    def _read_foreign(self, text: str, typed: str, *, has_meanings: bool) -> Opinion:
        """Reads a language of the multilingual encoder; of words with known meanings, the mean of two readings."""
        logits = self._multilingual.logits(typed)
        overall, shares, words = float(logits[0]), _softmax(logits[1:]), ()
        if has_meanings and (english := in_english(text)):
            opinion = self._read_english(english)
            overall = (overall + log(opinion.overall / (1 - opinion.overall))) / 2
            words = opinion.words
        return self._opinion(1 / (1 + exp(-overall)), shares, words)

    def _read_english(self, text: str, typed: str = "") -> Opinion:
        is_short = _is_short(text)
        english = _with_fairies(text) if is_short else in_english(text)
        spoken = typed if english == text and _is_plain(text, typed) else english
        if len(words := english.split()) > _LONG:  # many harmless words must not hide a harmful one
            part = _stretch(self._linear.weigh(english))
            english = " ".join(words[part])
            spoken = _same_part(spoken, part.start / len(words))
        return self._judge_once(english, spoken, is_short=is_short)

    def _judge(self, english: str, spoken: str, *, is_short: bool) -> Opinion:
        """`spoken`: the text as it was typed, if it has no disguise."""
        frames = ("{}", *_SENTENCES) if is_short else ("{}",)
        texts = [frame.replace("{}", english) for frame in frames]
        weighed = [self._linear.weigh(text) for text in texts]
        encoded = [self._encoder.logits(each.words, each.shares) for each in weighed]
        universal = self._universal.logits([frame.replace("{}", spoken) for frame in frames])
        scores = [
            self._mixture.overall(
                Voices(
                    encoder=float(logits[0]),
                    ngrams=float(counted.logits[0]),
                    universal=float(third),
                )
            )
            for counted, logits, third in zip(weighed, encoded, universal, strict=True)
        ]
        overall = _of_short(scores) if is_short else scores[0]
        shares = _softmax(encoded[0][1:] + LINEAR_SAY * weighed[0].logits[1:])
        return self._opinion(overall, shares, _heaviest(weighed[0].words, weighed[0].shares))

    def _opinion(self, overall: float, shares: NDArray[np.float32], words: tuple[str, ...]) -> Opinion:
        relative = shares / shares.max()
        scores = zip(self._categories, (overall * float(share) for share in relative), strict=True)
        return Opinion(overall=overall, scores=dict(scores), words=words)


def load_classifier(folder: Path = MODEL) -> LearnedClassifier:
    """Loads the classifier, and the encoder of many languages with it: about 60 MB of files. Raises ModelBroken."""
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
            universal.load(folder / UNIVERSAL),
            multilingual.load(folder / HEAD),
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


def _of_short(scores: list[float]) -> float:
    """Returns the score of a short text, from those of the text and of two sentences with it. All voices learned from sentences,
    and score a single noun too high.

    The score alone counts if it is at least 0.5 on average over the three, in logits.
    """
    mean = sum(log(score / (1 - score)) for score in scores) / len(scores)
    return scores[0] if mean >= 0 else 1 / (1 + exp(-mean))


def _english_runs(text: str, typed: str) -> Iterator[list[str]]:
    """Yields the English parts of canonical text in another language: ordinary words in a row that were typed like that. In
    another script, all such words are one part.
    """
    shown = visible(typed)
    said = ordinary_words().intersection(_WORDS.findall(shown.casefold()))
    if not is_latin(shown):
        if len(words := [word for word in text.split() if word in said]) >= _LATIN_WORDS:
            yield words
        return
    for is_english, run in groupby(text.split(), key=said.__contains__):
        if is_english and len(words := list(run)) >= _ENGLISH_RUN:
            yield words


def _is_short(text: str) -> bool:
    """Returns whether the text has one or two words, all of them ordinary English. Of other words, too little is known."""
    words = [word for word in text.split() if word not in _ARTICLES]
    return 0 < len(words) <= _SHORT and all(
        word in ordinary_words() or word in _BEINGS or word in _HARMLESS for word in words
    )


def _with_fairies(english: str) -> str:
    """Replaces the being in "demon girl". Both halves learned such words from insults, and refuse the pair."""
    words = english.split()
    if _PEOPLE.isdisjoint(words):
        return english
    return " ".join("fairy" if word in _BEINGS else word for word in words)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _is_plain(text: str, typed: str) -> bool:
    """Returns whether the canonical words were typed as they are."""
    return set(_WORDS.findall(typed.casefold())).issuperset(text.split())


def _same_part(spoken: str, share: float) -> str:
    """Returns the words of a long text from `share` of it on, at most _LONG of them."""
    words = spoken.split()
    start = min(int(share * len(words)), max(0, len(words) - _LONG))
    return " ".join(words[start : start + _LONG])


def _stretch(weighed: Weighed) -> slice:
    """Returns the stretch of neighbouring words with the highest sum of shares (Kadane's algorithm),
    with a few words around it.
    """
    most, total, start, best = float("-inf"), 0.0, 0, (0, 1)
    for at, share in enumerate(weighed.shares):
        if total <= 0:
            total, start = 0.0, at
        total += float(share)
        if total > most:
            most, best = total, (start, at + 1)
    first = max(0, best[0] - max(0, _STRETCH - (best[1] - best[0])) // 2)
    return slice(first, max(best[1], first + _STRETCH))


def _heaviest(words: tuple[str, ...], shares: NDArray[np.float32]) -> tuple[str, ...]:
    """Returns the words with the most weight for harm, heaviest first."""
    if not words:
        return ()
    least = max(0.0, float(shares.max()) * _LEAST_SHARE)
    order = [int(at) for at in np.argsort(-shares) if shares[at] > least]
    return tuple(dict.fromkeys(words[at] for at in order[: 2 * _TOLD]))[:_TOLD]
