"""Finds ages that stand alone between signs of punctuation: "sixteen, sexy", "a girl (14)", "she is fifteen". Knows no rules.

A number in front of another word is a number of things: "sixteen sexy women".
"""

import re
from collections.abc import Iterator

from moderation.normalise.confusables import plain, visible
from moderation.normalise.language import ENGLISH
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.phrases import NUMBERS

_LANGUAGES = (ENGLISH, "de", "fr", "es", "it", "pt")  # of NUMBERS
_YOUNGEST, _OLDEST = 6, 17  # smaller numbers count things, or are small words
_CLAUSE_ENDS = re.compile(r"[,;.!?()\[\]\n|]+|\s[-–—]+\s")
# What may stand in front of the number: a person, a verb, and "only".
_IN_FRONT = frozenset(
    (
        "she", "he", "they", "girl", "boy", "i", "is", "s", "m", "am", "are", "was", "a", "an", "the", "only", "just",
        "barely", "nearly", "almost", "about", "around", "maybe", "turned", "age", "aged", "sexy", "young", "sweet",
        "looks", "sie", "er", "ist", "erst", "gerade", "mal", "nur", "knapp", "madchen", "junge", "elle", "il",
        "seulement", "peine", "fille", "garcon", "ella", "el", "tiene", "solo", "apenas", "chica", "chico", "lei",
        "lui", "ha", "appena", "ragazza", "ragazzo", "ela", "ele", "tem", "so", "menina", "garota", "garoto", "una",
        "une", "uma", "ein", "eine",
    )
)  # fmt: skip
_LONGEST = 6  # words of such a clause
_WORDS = re.compile(r"[^\W_]+")


def ages_alone(typed: str, language: str) -> list[str]:
    """Returns the numbers of a text that may be a minor's age and nothing else, in canonical form. An age alone is harmless."""
    return list(dict.fromkeys(_ages(plain(visible(typed)), language)))


def _ages(text: str, language: str) -> Iterator[str]:
    for clause in _CLAUSE_ENDS.split(text):
        *front, last = _WORDS.findall(clause) or [""]
        if len(front) < _LONGEST and _IN_FRONT.issuperset(front) and _is_age(last, language):
            yield last


def _is_age(word: str, language: str) -> bool:
    if word.isdigit():
        return _YOUNGEST <= int(word) <= _OLDEST
    for own, numbers in zip(_LANGUAGES, NUMBERS, strict=True):
        if word in numbers[_YOUNGEST : _OLDEST + 1]:
            # A German eleven is an elf among English words.
            return own in (ENGLISH, language) or word not in ordinary_words()
    return False
