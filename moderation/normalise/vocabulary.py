"""Ordinary and watched words. Finds the word that a disguised word means. Knows no rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase

from moderation.normalise.confusables import WILDCARD, in_cyrillic, unmixed

_WORDS_FILE = Path(__file__).with_name("ordinary_words.txt")

_LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i", "|": "il", "+": "t", "€": "e", "£": "l", "¥": "y", "¢": "c",
}  # fmt: skip
LEET_SYMBOLS = "".join(sign for sign in _LEET if not sign.isdigit())
_LONGEST = 40  # letters; a longer run is no word, and trying it would take long
_READINGS = 24  # of one leetspeak word or one stretched word
_RUN = re.compile(r"((.)\2+)")
_RUNS = 6  # in one word; each doubles the readings
_VOWELS = frozenset("aeiou")
_WRAPS = frozenset("xzq")  # letters on both sides of a word that are none of its own
_SHORTEST_TWICE, _LONGEST_TWICE = 4, 24  # letters of a word that is looked for behind two disguises
_VISIBLE_TWICE = 3  # of these, with one that is hidden
SMALL_WORDS = frozenset(
    (
        "a", "i", "of", "in", "on", "to", "an", "at", "by", "my", "is", "it", "no", "me", "he", "we", "so", "do", "go",
        "up", "or", "as", "be", "if", "us", "the", "and", "her", "his", "for",
    )
)  # fmt: skip
# Short watched words that are also found inside joined words. Other short ones occur in too many names.
_READ_INSIDE = frozenset({"nude", "nudes", "porn", "sexy"})


@lru_cache(maxsize=1)
def ordinary_words() -> frozenset[str]:
    """Returns the words shipped with this package: lower case, with plurals. Such a word is never treated as a disguise."""
    lines = _WORDS_FILE.read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if not line.startswith("#")}
    return frozenset(listed | {f"{word}s" for word in listed if len(word) > 2})


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words that folding may produce. `watched` are the single words of the rules, in every form that rules know.

    `severe` is the part of `watched` that is searched inside joined words. `exact` and `foreign` words are known only as they are
    written, and are never the result of a guess. `guesses`: whether misspellings are corrected at all.
    """

    watched: frozenset[str] = frozenset()
    severe: frozenset[str] = frozenset()
    phrase_words: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    ordinary: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    guesses: bool = True

    @cached_property
    def certain(self) -> Vocabulary:
        """Returns the same words without guessing."""
        return replace(self, guesses=False)

    @cached_property
    def harmless(self) -> frozenset[str]:
        return (self.ordinary | self.phrase_words) - self.watched - self.exact

    @cached_property
    def english(self) -> frozenset[str]:
        return self.harmless | self.watched

    @cached_property
    def signs(self) -> frozenset[str]:
        """Returns the emoji that rules know."""
        return frozenset(
            word for word in self.watched if len(word) == 1 and not word.isascii() and not word.isalnum()
        )

    @cached_property
    def known(self) -> frozenset[str]:
        return self.english | self.exact | self.foreign

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        lengths: dict[int, list[str]] = {}
        for word in sorted(self.watched):
            lengths.setdefault(len(word), []).append(word)
        return lengths

    def restored(self, word: str) -> list[str] | None:
        """Returns the words that a disguised word means; None if it should stay unchanged.

        Certain readings come before guesses. Among guesses, a watched word comes before a harmless one.
        """
        if word in self.known:
            return [word]
        if len(word) > _LONGEST:
            return None
        if not word.isascii():
            return self._restored_script(word)
        if not word.isalpha():
            return self._restored_leet(word)
        for reading in (
            self._unwrapped(word),
            self._unstretched(word),
            self._turned(word),
            self._unstretched_and_turned(word),
            self._mended(word),
            self._twice_disguised(word),
        ):
            if reading:
                return [reading]
        return self.segmented(word)

    def segmented(self, run: str, *, spelled: bool = False) -> list[str] | None:
        """Returns the fewest known words that spell the run. `spelled`: its letters were separate, so small words count too."""
        if not spelled and not len(run) >= 7:
            return None
        best: list[list[str] | None] = [[]] + [None] * len(run)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - 16), end):
                before = best[start]
                if before is not None and self._may_stand(run[start:end], spelled=spelled):
                    here = best[end]
                    if here is None or len(before) + 1 < len(here):
                        best[end] = [*before, run[start:end]]
        words = best[-1]
        # Joined words are taken apart only if one of them is severe.
        return words if words and (spelled or any(word in self.severe for word in words)) else None

    def _may_stand(self, piece: str, *, spelled: bool) -> bool:
        if len(piece) < 3:
            return spelled and piece in SMALL_WORDS
        if spelled or piece in self.harmless:
            return piece in self.known
        if piece in self.ordinary and piece not in self.severe:
            return True  # such as "woman", which counts among words of sex alone
        return piece in self.severe and (len(piece) >= 5 or piece in _READ_INSIDE)

    def _restored_script(self, word: str) -> list[str] | None:
        if any(sign.isdigit() for sign in word) and in_cyrillic(word) in self.watched:
            return [in_cyrillic(word)]
        readings = unmixed(word)
        for reading in readings:
            if reading in self.known:
                return [reading]
        for reading in readings:
            if WILDCARD in reading:
                if found := self._unmasked(reading) or self._unmarked(reading):
                    return [found]
            elif reading.isascii() and reading.isalnum() and (words := self.restored(reading)):
                return words
        mixed = [reading for reading in readings if reading.isascii() and reading.isalpha()]
        return mixed[:1] if mixed and any(map(str.isascii, word)) else None

    def _restored_leet(self, word: str) -> list[str] | None:
        if WILDCARD in word:
            joined = word.replace(WILDCARD, "")
            found = joined if joined in self.known else self._unmasked(word) or self._unmarked(word)
            return [found] if found else None
        letters = sum(sign.isalpha() or sign in LEET_SYMBOLS for sign in word)
        # "A55" is a road, "4k" a resolution, "80s" a decade: one letter with two digits is too little evidence.
        if letters >= 2 or (letters and (len(word) >= 4 or word[1:2].isalpha() or word[2:] == "x")):
            choices = [_LEET.get(sign, sign) for sign in word]
            readings = ["".join(choice) for choice in islice(product(*choices), _READINGS)]
            for reading in readings:
                if reading in self.known:
                    return [reading]
            for reading in readings:
                if reading.isalpha() and (found := self._unwrapped(reading) or self._unstretched(reading)):
                    return [found]
            for reading in readings:
                found = (self._turned(reading) or self._mended(reading)) if reading.isalpha() else None
                if found and found in self.watched:
                    return [found]
        return self._split_from_digits(word)

    def _split_from_digits(self, word: str) -> list[str] | None:
        """Splits "1girl" or "12yo" into a known word and the number next to it."""
        split = re.fullmatch(r"(\d*)([a-z]{2,})(\d*)", word)
        if split and (split[2] in ("yo", "yr") or (len(split[2]) >= 3 and split[2] in self.known)):
            return [part for part in split.groups() if part]
        return None

    def _unwrapped(self, word: str) -> str | None:
        """Removes the same filler on both sides: "xxsexxx"."""
        for width in (2, 3, 4):
            core = word[width:-width]
            if len(core) >= 3 and word[:width] == word[-width:] and core in self.known:
                return core
        core = word[1:-1]
        return core if word[0] in _WRAPS and word[0] == word[-1] and core in self.watched else None

    def _unstretched(self, word: str) -> str | None:
        """Tries every run of a letter as one or two letters ("nuuude", "hackker"); the longest known word wins."""
        return max(
            (reading for reading in _unstretched(word) if reading in self.known), key=len, default=None
        )

    def _unstretched_and_turned(self, word: str) -> str | None:
        """Reads "edduunn". Only a watched word is worth so much of a guess."""
        found = (reading[::-1] for reading in _unstretched(word) if len(reading) >= 4)
        return next((reading for reading in found if reading in self.watched), None)

    def _twice_disguised(self, word: str) -> str | None:
        """Reads two disguises of one word: "xedunx", "eudn", "nndduuee". Only a watched word is worth so much of a guess."""
        if not _SHORTEST_TWICE <= len(word) <= _LONGEST_TWICE or not self.guesses:
            return None
        if word[0] in _WRAPS and word[0] == word[-1] and len(word) - 2 >= _SHORTEST_TWICE:
            core = word[1:-1]
            found = self._turned(core) or self._unstretched(core) or self._unstretched_and_turned(core)
            if found in self.watched:
                return found
            if found := next((each for each in swapped(core) if each in self.watched), None):
                return found
        readings = dict.fromkeys((word, _RUN.sub(r"\2", word)))
        return next(
            (
                found
                for reading in readings
                if len(reading) >= _SHORTEST_TWICE
                for each in swapped(reading)
                for found in (each, each[::-1])
                if found in self.severe
            ),
            None,
        )

    def _unmarked(self, word: str) -> str | None:
        """Returns the watched word of "nu**deee**", where the marks are no letters, and the rest is disguised too."""
        joined = word.replace(WILDCARD, "")
        found = self.restored(joined) if joined.isalnum() else None
        return found[0] if found and len(found) == 1 and found[0] in self.watched else None

    def _turned(self, word: str) -> str | None:
        turned = word[::-1]
        return turned if len(word) >= 3 and turned in self.known and turned not in self.exact else None

    def _mended(self, word: str) -> str | None:
        """Corrects two swapped neighbouring letters, or a missing vowel."""
        size = len(word)
        if size < 3 or not self.guesses:
            return None
        fixed: list[str] = []
        if size >= 4:
            fixed = [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(size - 1)]
        fixed += [word[:i] + vowel + word[i:] for i in range(1, size + 1) for vowel in "aeiou"]
        harmless = next((reading for reading in fixed if reading in self.harmless), None)
        # Three consonants in a row are rarely a word; "bot" may well be one.
        if size == 3 and harmless and not _VOWELS.isdisjoint(word):
            return harmless
        return next((reading for reading in fixed if reading in self.watched), harmless)

    def _unmasked(self, word: str) -> str | None:
        """Returns the first watched word that matches a word with wildcards, such as "n*de"."""
        if sum(sign != WILDCARD for sign in word) < 2:
            return None
        if found := self._fitting(word):
            return found
        if sum(sign != WILDCARD for sign in word) < _VISIBLE_TWICE:
            return None
        wrapped = word[1:-1] if word[0] in _WRAPS and word[0] == word[-1] else word
        readings = (word[::-1], wrapped, *swapped(word))
        return next((found for reading in readings if (found := self._fitting(reading)) in self.severe), None)

    def _fitting(self, word: str) -> str | None:
        if word.count(WILDCARD) == 1:  # the usual case; a pattern would be compared with each word
            readings = (word.replace(WILDCARD, letter) for letter in ascii_lowercase)
            return next((reading for reading in readings if reading in self.watched), None)
        pattern = re.compile(re.escape(word).replace(re.escape(WILDCARD), "[^\\W_]"))
        return next((known for known in self._by_length.get(len(word), []) if pattern.fullmatch(known)), None)


def swapped(word: str) -> Iterator[str]:
    """Yields the word with each two neighbouring letters swapped."""
    for at in range(len(word) - 1):
        if word[at] != word[at + 1]:
            yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _unstretched(word: str) -> list[str]:
    """Returns the word with every run of a letter as two letters or one, in each combination; of many runs, all as one.
    Returns nothing without a run.
    """
    runs = list(_RUN.finditer(word))
    if len(runs) > _RUNS:
        return [_RUN.sub(r"\2", word)]
    if not runs:
        return []
    readings: list[str] = []
    for choice in product(*([run[2] * 2, run[2]] for run in runs)):
        letters = iter(choice)
        readings.append(_RUN.sub(lambda _, letters=letters: next(letters), word))
    return readings
