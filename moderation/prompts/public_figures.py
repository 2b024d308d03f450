"""Finds names of real people in canonical text. Knows no rules; the filter and the policy decide about a name."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.normalise.normalise import words as words_of
from moderation.normalise.vocabulary import ordinary_words

FIGURES = Path(__file__).parents[1] / "classifier" / "model" / "figures.txt"
_BEARERS = 3  # listed people who must share a first name before it counts with any listed last name
_GIVEN_BEARERS = 2  # and with any word that is not English
_SHORTEST = 3  # letters of a first or last name
_ENGLISH_SHARE = 0.5  # of the words around such a pair: other languages have many words that are not English
# First words of listed names that are often in front of rare words for another reason: "crystal geode", "art brut", "bill
# legalizing".
_NO_GIVEN_NAMES = frozenset(
    (
        "alpha", "ami", "arizona", "art", "asia", "big", "bill", "chip", "christian", "clay", "cole", "crystal",
        "dale", "dan", "dean", "dick", "don", "dusty", "earl", "faith", "frances", "garland", "going", "gore",
        "grace", "grand", "gray", "great", "guy", "heal", "hope", "ice", "islam", "israel", "jewel", "joy", "judge",
        "juice", "kid", "king", "lady", "liu", "live", "lord", "many", "map", "mark", "max", "mercedes", "mickey",
        "park", "paris", "pope", "prince", "princess", "queen", "rain", "ram", "rex", "rod", "roman", "rose", "sam",
        "sandy", "scarlett", "seven", "side", "son", "song", "spike", "summer", "sun", "sweet", "sydney", "tan",
        "the", "victoria", "virginia", "will",
    )
)  # fmt: skip
# "a castle by Zaha Hadid" asks for her style, not for her face.
_AUTHORSHIP = frozenset({"by", "style", "artist", "after", "inspired"})


@dataclass(frozen=True, slots=True)
class Name:
    words: str
    is_author: bool  # named as the artist: "by …", "in the style of …"


@dataclass(frozen=True, eq=False)
class PublicFigures:
    """The listed names, and a search for them and for probable names. A probable name is a first name that several listed people
    have, followed by a listed last name or by a word that is not English.
    """

    _names: frozenset[tuple[str, ...]]
    _longest: Mapping[str, int]  # first word -> words of its longest name
    _first: frozenset[str]
    _last: frozenset[str]
    _given: frozenset[str]
    _fictional: frozenset[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self._names)

    def found(self, words: Sequence[str]) -> list[Name]:
        """Returns the longest name at every place."""
        names: list[Name] = []
        strange = [word not in ordinary_words() and not word.isdigit() for word in words]
        at = 0
        while at < len(words):
            size = self._size(words, at, strange)
            if size and tuple(words[at : at + size]) not in self._fictional:
                is_author = any(word in _AUTHORSHIP for word in words[max(0, at - 2) : at])
                names.append(Name(" ".join(words[at : at + size]), is_author))
            at += size or 1
        return names

    def _size(self, words: Sequence[str], at: int, strange: Sequence[bool]) -> int:
        for size in range(self._longest.get(words[at], 0), 0, -1):
            if tuple(words[at : at + size]) in self._names:
                return size
        pair = words[at : at + 2]
        if len(pair) < 2 or not (strange[at] or strange[at + 1]):
            return 0
        if pair[0] in self._first and pair[1] in self._last:
            return 2
        around = len(words) - 2
        is_english = sum(strange) - sum(strange[at : at + 2]) <= (1 - _ENGLISH_SHARE) * around
        looks_like = (
            pair[0] in self._given and strange[at + 1] and len(pair[1]) >= _SHORTEST and pair[1].isalpha()
        )
        return 2 if looks_like and is_english else 0


def figures(names: Iterable[str]) -> PublicFigures:
    """Builds the figures from names in canonical form. "-harry potter" marks a name that belongs to no real person."""
    lines = [name.strip() for name in names if name.strip()]
    fictional = frozenset(tuple(words_of(line[1:])) for line in lines if line.startswith("-"))
    split = frozenset(tuple(words_of(line)) for line in lines if not line.startswith("-"))
    longest: dict[str, int] = {}
    for name in split:
        longest[name[0]] = max(longest.get(name[0], 0), len(name))
    whole = [name for name in split if len(name) > 1]
    bearers = Counter(name[0] for name in whole)
    return PublicFigures(
        split,
        longest,
        frozenset(
            word
            for word, count in bearers.items()
            if count >= _BEARERS and len(word) >= _SHORTEST and word != "the"
        ),
        frozenset(name[-1] for name in whole if len(name[-1]) >= _SHORTEST),
        frozenset(
            word
            for word, count in bearers.items()
            if count >= _GIVEN_BEARERS and len(word) >= _SHORTEST and word not in _NO_GIVEN_NAMES
        ),
        fictional,
    )


def load_figures(path: Path = FIGURES, more: Iterable[str] = ()) -> PublicFigures:
    """Loads the shipped names, one a line in canonical form, and adds `more`. Raises OSError, UnicodeDecodeError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return figures([*(line for line in lines if not line.startswith("#")), *more])
