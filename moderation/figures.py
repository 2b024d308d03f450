"""Names of real people in canonical text. Knows no rules; what a name amounts to is the screen's and the policy's matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.vocabulary import ordinary_words

FIGURES = Path(__file__).parent / "model" / "figures.txt"
_BEARERS = 3  # listed people who share a first name, for it to count before any listed last name
_SHORTEST = 3  # letters of either
# "a castle by Zaha Hadid" asks for her hand, not for her face.
_AUTHORSHIP = frozenset({"by", "style", "artist", "after", "inspired"})


@dataclass(frozen=True, slots=True)
class Name:
    words: str
    is_author: bool  # named as the one who made it: "by …", "in the style of …"


@dataclass(frozen=True, eq=False)
class Figures:
    """Names as listed, and a first name of several listed people before a listed last name, which reaches the unlisted."""

    _names: frozenset[tuple[str, ...]]
    _longest: Mapping[str, int]  # first word -> words of its longest name
    _first: frozenset[str]
    _last: frozenset[str]

    def __len__(self) -> int:
        return len(self._names)

    def found(self, words: Sequence[str]) -> list[Name]:
        """The longest name at every place."""
        names: list[Name] = []
        at = 0
        while at < len(words):
            size = self._size(words, at)
            if size:
                is_author = any(word in _AUTHORSHIP for word in words[max(0, at - 2) : at])
                names.append(Name(" ".join(words[at : at + size]), is_author))
            at += size or 1
        return names

    def _size(self, words: Sequence[str], at: int) -> int:
        for size in range(self._longest.get(words[at], 0), 0, -1):
            if tuple(words[at : at + size]) in self._names:
                return size
        pair = words[at : at + 2]
        if len(pair) == 2 and pair[0] in self._first and pair[1] in self._last:
            ordinary = ordinary_words()
            return 0 if pair[0] in ordinary and pair[1] in ordinary else 2
        return 0


def figures(names: Iterable[str]) -> Figures:
    """From names in canonical form."""
    split = frozenset(tuple(name.split()) for name in names if name.strip())
    longest: dict[str, int] = {}
    for name in split:
        longest[name[0]] = max(longest.get(name[0], 0), len(name))
    whole = [name for name in split if len(name) > 1]
    bearers = Counter(name[0] for name in whole)
    return Figures(
        split,
        longest,
        frozenset(word for word, count in bearers.items() if count >= _BEARERS and len(word) >= _SHORTEST),
        frozenset(name[-1] for name in whole if len(name[-1]) >= _SHORTEST),
    )


def load_figures(path: Path = FIGURES, more: Iterable[str] = ()) -> Figures:
    """The shipped names, one a line in canonical form, and the owner's. Raises OSError, UnicodeDecodeError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return figures([*(line for line in lines if not line.startswith("#")), *more])
