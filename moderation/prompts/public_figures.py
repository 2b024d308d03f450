"""Finds names of real people in canonical text. Knows no rules; the filter and the policy decide about a name."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from moderation.normalise.normalise import words as words_of
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.name_roles import Surroundings
from moderation.verdict import Ruling

FIGURES = Path(__file__).parents[1] / "classifier" / "model" / "figures.txt"
FICTIONAL, MAKER, FLAGGED, REFUSED = "-", "*", "@", "!"
_MARKS = FICTIONAL + MAKER + FLAGGED + REFUSED
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
_NO_LAST_NAMES = ("ing", "ized")  # "super mario chugging a beer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name in a text. "a castle by Zaha Hadid" asks for her style, not for her face."""

    words: str
    is_author: bool  # a style reference; otherwise a person in the picture
    is_maker: bool = False  # listed as one who makes pictures, buildings or clothes
    is_listed: bool = False
    alone: Ruling = Ruling.ALLOW  # with nothing to object to beside it
    is_harmed: bool = False  # in the picture, and violence is done to the person

    @property
    def may_be_shown(self) -> bool:
        """Whether the picture may show the person: an author who makes no pictures is probably none."""
        return not self.is_author or (self.is_listed and not self.is_maker)


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
    _makers: frozenset[tuple[str, ...]]
    _flagged: frozenset[tuple[str, ...]]
    _refused: frozenset[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _known(self) -> frozenset[str]:
        return self._given | self._first | self._last

    def found(self, words: Sequence[str]) -> list[Name]:
        """Returns the longest name at every place."""
        strange = [word not in ordinary_words() and not word.isdigit() for word in words]
        places: list[tuple[int, int]] = []
        at = 0
        while at < len(words):
            size = self._size(words, at, strange)
            if size and tuple(words[at : at + size]) not in self._fictional:
                places.append((at, at + size))
            at += size or 1
        if not places:
            return []
        around = Surroundings(words, places, self._known)
        return [name for place in places if (name := self._name(words, place, around))]

    def _name(self, words: Sequence[str], place: tuple[int, int], around: Surroundings) -> Name | None:
        start, end = place
        name = tuple(words[start:end])
        is_listed, is_maker = name in self._names, name in self._makers
        is_author = around.is_author(
            start,
            end,
            is_somebody_else=is_listed and not is_maker,
            is_in_politics=name in self._flagged,
        )
        if not is_listed and not is_author and not around.is_in_a_persons_place(start, end):
            return None
        alone = Ruling.FLAG if name in self._flagged else Ruling.ALLOW
        return Name(
            words=" ".join(name),
            is_author=is_author,
            is_maker=is_maker,
            is_listed=is_listed,
            alone=Ruling.REFUSE if name in self._refused else alone,
            is_harmed=not is_author and around.is_harmed(start, end),
        )

    def _size(self, words: Sequence[str], at: int, strange: Sequence[bool]) -> int:
        for size in range(min(self._longest.get(words[at], 0), len(words) - at), 0, -1):
            if tuple(words[at : at + size]) in self._names:
                return size
        pair = words[at : at + 2]
        if len(pair) < 2 or not (strange[at] or strange[at + 1]) or pair[1].endswith(_NO_LAST_NAMES):
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
    """Builds the figures from names in canonical form, each with its marks in front. `*`: makes pictures, buildings or clothes.
    `@`: is flagged alone, as politicians are. `!`: is refused alone. `-harry potter`: a name that belongs to no real person.
    """
    lines = [name.strip() for name in names if name.strip()]
    marked = {mark: _split(lines, mark) for mark in _MARKS}
    split = _split(lines) - marked[FICTIONAL]
    longest: dict[str, int] = {}
    for name in split:
        longest[name[0]] = max(longest.get(name[0], 0), len(name))
    whole = [name for name in split if len(name) > 1]
    bearers = Counter(name[0] for name in whole if len(name[0]) >= _SHORTEST)
    first = frozenset(word for word, count in bearers.items() if count >= _BEARERS and word != "the")
    given = frozenset(
        word for word, count in bearers.items() if count >= _GIVEN_BEARERS and word not in _NO_GIVEN_NAMES
    )
    last = frozenset(name[-1] for name in whole if len(name[-1]) >= _SHORTEST)
    return PublicFigures(
        split,
        longest,
        first,
        last,
        given,
        marked[FICTIONAL],
        marked[MAKER],
        marked[FLAGGED],
        marked[REFUSED],
    )


def _split(lines: Iterable[str], mark: str = "") -> frozenset[tuple[str, ...]]:
    """Returns the words of each name with the mark; of each name without one."""
    return frozenset(
        tuple(words_of(line.lstrip(_MARKS)))
        for line in lines
        if mark in line[: len(line) - len(line.lstrip(_MARKS))]
    )


def load_figures(path: Path = FIGURES, more: Iterable[str] = ()) -> PublicFigures:
    """Loads the shipped names, one a line in canonical form, and adds `more`. Raises OSError, UnicodeDecodeError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return figures([*(line for line in lines if not line.startswith("#")), *more])
