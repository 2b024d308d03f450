"""Finds many words and phrases in a list of words. Matches whole words only, and knows nothing of their meaning."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Generic, TypeAlias, TypeVar

from moderation.normalise.normalise import phrase

LONGEST_ENDING = 3  # maximum letters that "nackt*" matches after the stem
_REMEMBERED = 16_384  # words and phrases; several rules share lists
_STEM_HEAD = 2  # first letters by which most words are skipped
_RANGE = re.compile(r"\b(\d+)\.\.(\d+)")
_RANGE_MARK = "zzrangezz"
_STEM = re.compile(r"(\w)\*")
_STEM_MARK = "zzstemzz"

# From 0 on: English, German, French, Spanish, Italian, Portuguese. "girl of 0..17" is also "girl of eight".
NUMBERS = tuple(
    phrase(language)
    for language in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
        "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn",
        "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept",
        "cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete",
        "zero un due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette",
        "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete",
    )
)
_NUMBER_WORDS = frozenset(word for language in NUMBERS for word in language)
# "twenty one years" is not "one years". Joints stand between the two: "vingt et un ans".
_TENS = frozenset(
    word
    for text in (
        "twenty thirty forty fourty fifty sixty seventy eighty ninety hundred thousand",
        "vingt trente quarante cinquante soixante septante quatrevingt huitante nonante cent mille",
        "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil",
        "venti trenta quaranta cinquanta sessanta settanta ottanta novanta cento",
        "vinte trinta quarenta cinquenta oitenta cem hundert tausend",
    )
    for word in text.split()
)
_JOINTS = frozenset({"and", "et", "y", "e", "und"})
# After a number these make it no age: "a girl of one hundred". "Feet" are none of them: "a girl of six, feet in the water".
_NO_AGE = frozenset({"hundred", "thousand", "million", "pounds", "lbs", "inches", "kilos"})

Pattern: TypeAlias = tuple[str, ...]
Key = TypeVar("Key")


@lru_cache(maxsize=_REMEMBERED)
def patterns(text: str) -> tuple[Pattern, ...]:
    """Returns the forms of one word or phrase of a rule, folded like the texts.

    Plurals are added automatically, unless the text begins with an equals sign: "=figa". "0..17" is each of these numbers, in
    digits and as a word.
    """
    is_exact, text = text.startswith("="), text.removeprefix("=")
    ranges = [(int(low), int(high)) for low, high in _RANGE.findall(text)]
    marked = _STEM.sub(rf"\1{_STEM_MARK}", _RANGE.sub(_RANGE_MARK, text))
    base = phrase(marked) or tuple(text.split())  # an emoji has no letters
    base = tuple(word.replace(_STEM_MARK, "*") for word in base)
    if ranges:
        numbers = [_numbers(low, high, has_words=_RANGE_MARK in base) for low, high in ranges]
        filled: list[Pattern] = []
        for choice in product(*numbers):
            chosen = iter(choice)
            filled.append(tuple(re.sub(_RANGE_MARK, lambda _, c=chosen: next(c), word) for word in base))
    else:
        filled = [base]
    return tuple(filled if is_exact else (form for whole in filled for form in _inflected(whole)))


def _numbers(low: int, high: int, *, has_words: bool) -> list[str]:
    """Returns the numbers in digits; as words too where the number is a word of its own ("0..17 yo", and not "0..17yo")."""
    digits = [str(n) for n in range(low, high + 1)] + [f"0{n}" for n in range(low, min(high, 9) + 1)]
    words = {word for language in NUMBERS for word in language[low : high + 1]} if has_words else set[str]()
    return digits + sorted(words)


def _inflected(whole: Pattern) -> Iterator[Pattern]:
    yield whole
    last = whole[-1]
    if (
        len(last) < 3
        or not (last.isascii() and last.isalpha())
        or (last.endswith("s") and not last.endswith("ss"))
    ):
        return
    if last.endswith(("ss", "x", "z", "ch", "sh")):
        plural = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        plural = last[:-1] + "ies"
        yield (*whole[:-1], last + "s")
    else:
        plural = last + "s"
    yield (*whole[:-1], plural)


@dataclass(frozen=True, slots=True)
class Found:
    start: int
    end: int
    words: str


@dataclass(slots=True)
class Phrasebook(Generic[Key]):
    """Patterns by their first word. A key identifies the owner of a pattern."""

    _first: dict[str, list[tuple[Pattern, Key]]] = field(default_factory=dict)
    _stems: dict[str, list[tuple[Pattern, Key]]] = field(default_factory=dict)
    _stem_heads: set[str] = field(default_factory=set[str])

    def add(self, texts: Iterable[str], key: Key) -> None:
        for text in texts:
            for pattern in patterns(text):
                head = pattern[0]
                table = self._first
                if head.endswith("*"):
                    table, head = self._stems, head[:-1]
                    self._stem_heads.add(head[:_STEM_HEAD])
                entry = (pattern, key)
                if entry not in (entries := table.setdefault(head, [])):
                    entries.append(entry)

    def find(self, words: Sequence[str]) -> Iterator[tuple[Key, Found]]:
        for at, word in enumerate(words):
            if word in _NUMBER_WORDS and _is_rest_of_number(words, at):
                continue
            entries = self._first.get(word)
            if word[:_STEM_HEAD] in self._stem_heads:
                entries = [*(entries or ()), *self._stemmed(word)]
            if entries is None:
                continue
            behind = words[at + 1] if at + 1 < len(words) else ""
            for pattern, key in entries:
                size = len(pattern)
                if size > 1:
                    # Most phrases share their first word with many others, and fail at the second word.
                    if pattern[1] != behind and not pattern[1].endswith("*"):
                        continue
                    if at + size > len(words) or not all(map(_fits, words[at + 1 : at + size], pattern[1:])):
                        continue
                    if (
                        pattern[-1] in _NUMBER_WORDS
                        and at + size < len(words)
                        and words[at + size] in _NO_AGE
                    ):
                        continue
                yield key, Found(at, at + size, " ".join(words[at : at + size]))

    def _stemmed(self, word: str) -> Iterator[tuple[Pattern, Key]]:
        for ending in range(LONGEST_ENDING + 1):
            yield from self._stems.get(word[: len(word) - ending], ())


def _is_rest_of_number(words: Sequence[str], at: int) -> bool:
    before = words[at - 2 : at] if at > 1 else words[:at]
    if before and before[-1] in _TENS:
        return True
    return len(before) > 1 and before[-1] in _JOINTS and before[-2] in _TENS


def _fits(word: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return word.startswith(pattern[:-1]) and len(word) - len(pattern) < LONGEST_ENDING
    return word == pattern
