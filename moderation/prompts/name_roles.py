"""Tells whether a name names the look of a picture ("by ...", "... painting") or a person in it. Knows no list of names."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from msgspec import convert

from moderation.normalise.vocabulary import ordinary_words

_CUES = Path(__file__).with_name("names.toml")
_LONGEST_GAP = 5  # ordinary words that a list of authors may contain in a row; a joint counts as one, another word as two
_JOINT, _OTHER = 1, 2
_NEAR = 2  # words from a cue to the name
_TAIL = 8  # words in front of a name that are read for looks
_LOOKS_IN_TAIL = 2
_FRONT = 4  # a name within so many words of the start is what the picture shows
_BEHIND_TAIL = 6
_LIST = 5  # words of names in a row that are a list of authors
_DONE = ("ed", "ing")  # "kissed by", "standing by"
_UNDERGOING = 4  # words between a person and what is done to them: "being brutally"
_TITLES = 4  # words in front of a name that belong to it: "the former president"
_SHOT, _BEHIND_SHOT = "shot", 6
_UNDERGONE = frozenset({"being", "get", "gets", "getting", "got"})
_IS, _WHO = frozenset({"is", "was"}), frozenset({"he", "man", "she", "someone", "somebody", "who", "woman"})
_SHOOTING = frozenset({"shoot", "shoots", "shooting", "snipes", "sniping"})
_DEAD = frozenset({"dead", "dying", "bloody", "bloodied", "bleeding", "headless", "lifeless"})
_START = 2  # words in front of a person at the start: "a photo Ann Xy"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The lists of names.toml."""

    cues: frozenset[str]
    joints: frozenset[str]
    ends: frozenset[str]
    styles_of: frozenset[str]
    looks: frozenset[str]
    works: frozenset[str]
    looks_like_it: frozenset[str]
    kinds: frozenset[str]
    actions_on: frozenset[str]
    person_behind: frozenset[str]
    person_before: frozenset[str]
    authors: frozenset[str]
    places: frozenset[str]
    done: frozenset[str]
    made: frozenset[str]
    manners: frozenset[str]
    harmed: frozenset[str]
    hurt: frozenset[str]
    behind_hurt: frozenset[str]
    harming: frozenset[str]
    harms_of: frozenset[str]
    titles: frozenset[str]
    undergoing: frozenset[str]
    dead_titles: frozenset[str]
    killings: frozenset[str]
    attackers: frozenset[str]
    weapons: frozenset[str]
    wounds: frozenset[str]


@cache
def _lists() -> _Words:
    document = tomllib.loads(_CUES.read_text(encoding="utf-8"))
    return convert({key: text.split() for key, text in document.items()}, _Words)


class Surroundings:
    """One prompt's words, and which of them may be parts of names."""

    def __init__(self, words: Sequence[str], names: Sequence[tuple[int, int]], known: frozenset[str]) -> None:
        """`names`: start and end of each name that was found. `known`: first and last names of listed people."""
        self._words = words
        self._is_named = [False] * len(words)
        for start, end in names:
            self._is_named[start:end] = [True] * (end - start)
        lists = _lists()
        self._may_be_name = [
            named
            or (word not in lists.looks and (word in known or word in lists.authors or _is_strange(word)))
            for word, named in zip(words, self._is_named, strict=True)
        ]
        self._is_among_authors = self._authors()

    def is_author(
        self, start: int, end: int, *, is_somebody_else: bool, is_in_politics: bool = False
    ) -> bool:
        """Returns whether the name at words[start:end] is a style reference. `is_somebody_else`: a listed person who makes no
        pictures. Only a cue directly in front of the name makes such a person an author. Who is in politics has no style: their
        "style" is their face.
        """
        lists, words = _lists(), self._words
        if is_somebody_else and self._is_present(start):
            return False
        if is_somebody_else and is_in_politics:
            near = words[max(0, start - _NEAR) : start]
            return any(word in lists.cues and word not in lists.manners for word in near) and (
                lists.manners.isdisjoint(near)
            )
        if any(word in lists.cues for word in words[max(0, start - _NEAR) : start]):
            return True
        behind = words[end : end + 3]
        if behind and behind[0] in lists.looks_like_it:
            return True
        if is_somebody_else:
            return False
        return (
            self._is_among_authors[start]
            or self._is_of_a_work(behind)
            or self._stands_in_a_tail(start, end)
            or self._run(start, end) >= _LIST
        )

    def is_in_a_persons_place(self, start: int, end: int) -> bool:
        """Returns whether a person could be named at words[start:end]."""
        lists, words = _lists(), self._words
        if start <= _START or words[start - 1] in lists.person_behind:
            return True
        behind = words[end : end + 1]
        return bool(behind) and behind[0] in lists.person_before and words[start - 1] not in lists.looks

    def is_harmed(self, start: int, end: int) -> bool:
        """Returns whether violence is done to the person at words[start:end]: "... shot by a sniper", "stabbing ...", "the corpse
        of ...". A person who does it to another is not harmed.
        """
        lists, words = _lists(), self._words
        if not lists.killings.isdisjoint(words):
            return True
        at = end
        while at < len(words) and at - end < _UNDERGOING and words[at] in lists.undergoing:
            at += 1
        if at < len(words) and (
            words[at] in lists.harmed
            or (words[at] in lists.hurt and self._ends_with_hurt(at + 1))
            or (words[at] == _SHOT and self._is_gunshot(at))
        ):
            return True
        at = start - 1
        while at > 0 and start - at <= _TITLES and words[at] in lists.titles:
            at -= 1
        if at < 0:
            return False
        if words[at] in ("of", "on"):
            return at > 0 and words[at - 1] in lists.harms_of
        if words[at] == _SHOT:
            return at > 0 and (words[at - 1] in lists.attackers or words[at - 1] in _WHO)
        if words[at] in _DEAD:
            return at == 0 or words[at - 1] not in lists.dead_titles
        if words[at] in ("at", "for") or words[at] in _SHOOTING:
            return not lists.weapons.isdisjoint(words)
        return words[at] in lists.harming

    def _ends_with_hurt(self, at: int) -> bool:
        """Returns whether the word at this place describes no other thing: "dead in the street", and not "dead fish"."""
        lists, words = _lists(), self._words
        return at == len(words) or words[at] in lists.behind_hurt or words[at] in lists.looks

    def _is_gunshot(self, at: int) -> bool:
        """Returns whether "shot" at this place is no photograph."""
        lists, words = _lists(), self._words
        if words[at - 1] in _UNDERGONE:
            return True
        behind = [word for word in words[at + 1 : at + 1 + _BEHIND_SHOT] if word not in lists.titles]
        if not behind:
            return words[at - 1] in _IS
        if behind[0] == "by":
            return not lists.attackers.isdisjoint(behind[1:])
        return behind[0] == "dead" or (
            behind[0] in ("in", "through") and not lists.wounds.isdisjoint(behind[1:2])
        )

    def _is_present(self, start: int) -> bool:
        """Returns whether the words in front of a name show a person: "kissed by", "standing by", "painted"."""
        lists, words = _lists(), self._words
        at = next((at for at in (start - 1, start - 2) if at >= 0 and words[at] in lists.cues), None)
        if at is None:
            return False
        if words[at] in lists.places:
            before = words[at - 1] if at else ""
            is_made = before in lists.cues or before in lists.joints or before in lists.looks
            return not is_made and (before.endswith(_DONE) or before in lists.done)
        return words[at] in lists.made

    def _authors(self) -> list[bool]:
        """Marks the words of lists of authors: from a cue on, as long as there are names."""
        lists, marks = _lists(), [False] * len(self._words)
        is_open, gap = False, 0
        for at, word in enumerate(self._words):
            before = self._words[at - 1] if at else ""
            if word in lists.cues:
                is_open, gap = True, 0
            elif not is_open:
                continue
            elif word in lists.ends and not (word == "of" and before in lists.styles_of):
                is_open = False
                continue
            elif self._may_be_name[at]:
                gap = 0
            else:
                gap += _JOINT if word in lists.joints else _OTHER
                is_open = gap <= _LONGEST_GAP
            marks[at] = is_open
        return marks

    def _is_of_a_work(self, behind: Sequence[str]) -> bool:
        lists = _lists()
        if not behind:
            return False
        if behind[0] in lists.kinds and len(behind) > 1:
            behind = behind[1:]
        return behind[0] in lists.works and not (len(behind) > 1 and behind[1] in lists.actions_on)

    def _stands_in_a_tail(self, start: int, end: int) -> bool:
        lists, words = _lists(), self._words
        in_front = sum(word in lists.looks for word in words[max(0, start - _TAIL) : start])
        if start <= _FRONT or in_front < _LOOKS_IN_TAIL:
            return False
        return all(
            words[at] in lists.looks or words[at] in lists.joints or self._may_be_name[at]
            for at in range(end, min(len(words), end + _BEHIND_TAIL))
        )

    def _run(self, start: int, end: int) -> int:
        """Returns the number of words around a name that may be names too, with "and" between them."""
        while start > 0 and self._continues(start - 1):
            start -= 1
        while end < len(self._words) and self._continues(end):
            end += 1
        return end - start

    def _continues(self, at: int) -> bool:
        return self._may_be_name[at] or self._words[at] == "and"


def _is_strange(word: str) -> bool:
    return not word.isdigit() and (word not in ordinary_words() or (len(word) == 1 and word.isalpha()))
