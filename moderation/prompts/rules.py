"""Reads rules from TOML, checks them, and compiles them to a form that finds words in texts. Gives no verdict itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from moderation.classifier.glossary import foreign_words
from moderation.normalise.vocabulary import Vocabulary, ordinary_words
from moderation.owner_file import FileBroken, NotToml, parse_toml, shown
from moderation.prompts.phrases import Found, Phrasebook, patterns
from moderation.verdict import Category, Ruling
from startup import CONTROL

DEFAULT_RULES = Path(__file__).with_name("rules.toml")
_BUILT_IN = Path(__file__).with_name("built_in.toml")
_SHORTEST_FOREIGN = 3  # letters of a word of another language that hides no misspelling


class RulesBroken(FileBroken):
    what = "The file of rules"
    key = "moderation.rules"


class Reads(StrEnum):
    PROMPT = "prompt"  # content to draw
    NEGATIVE = "negative"  # content to leave out
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A rule. It fires if a text contains one of `any_of` outside `unless`. If `with_any_of` is not empty, the text must also
    contain one of those.
    """

    name: str
    category: Category
    ruling: Ruling
    any_of: tuple[str, ...]
    with_any_of: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    age_restricted: Ruling | None = None  # replaces `ruling` if a policy is lenient
    with_names: bool = False  # a real person's name counts as one of `with_any_of`
    allowed_below: float = 0.0  # learned score of an English text in which a flag by words alone is dropped
    flagged_below: float = 0.0  # the same in which a refusal by words alone becomes a flag
    reads: Reads = Reads.PROMPT
    is_fixed: bool = False  # built in: no policy makes it less strict
    is_silent: bool = False  # gives no verdict alone; it counts beside a minor and beside a real person


class Part(StrEnum):
    ANY = "any"
    WITH = "with"
    EXCEPT = "except"


@dataclass(slots=True, eq=False)
class Rules:
    """The built-in rules and an owner's, compiled. Compiling takes a fraction of a second, so keep the object."""

    rules: tuple[Rule, ...]
    vocabulary: Vocabulary
    _book: Phrasebook[tuple[Rule, Part]] = field(repr=False)

    def found(self, words: Sequence[str]) -> dict[Rule, dict[Part, list[Found]]]:
        """Returns the words that each rule finds in one text, without those inside an exception of the same rule."""
        found: dict[Rule, dict[Part, list[Found]]] = {}
        for (rule, part), hit in self._book.find(words):
            found.setdefault(rule, {}).setdefault(part, []).append(hit)
        for parts in found.values():
            if exceptions := parts.pop(Part.EXCEPT, None):
                for part, hits in parts.items():
                    parts[part] = [
                        hit
                        for hit in hits
                        if not any(x.start <= hit.start and hit.end <= x.end for x in exceptions)
                    ]
        return found


def load_rules(path: Path | None = None) -> Rules:
    """Loads the built-in rules and those of `path`, or of the default file. Raises RulesBroken."""
    path = path or DEFAULT_RULES
    return parse_rules(RulesBroken.read(path), file=str(path))


def parse_rules(text: str, *, file: str = "rules") -> Rules:
    """Parses the rules in `text` and adds the built-in ones. Raises RulesBroken."""
    lists, built_in = _built_in()
    own = tuple(_read_rules(_toml(text, file), file, lists))
    taken = {rule.name for rule in built_in}
    for rule in own:
        if rule.name in taken:
            raise RulesBroken(
                file, f"rule {rule.name!r}", "there is another rule of this name", "give it its own name"
            )
        taken.add(rule.name)
    return compiled((*built_in, *own))


@lru_cache(maxsize=1)
def _built_in() -> tuple[Mapping[str, tuple[str, ...]], tuple[Rule, ...]]:
    document = _toml(_BUILT_IN.read_text(encoding="utf-8"), _BUILT_IN.name)
    lists: dict[str, tuple[str, ...]] = {}
    for name, words in cast("dict[str, list[str]]", document.pop("words")).items():
        lists[name] = tuple(each for word in words for each in _filled(word, lists))
    return lists, tuple(replace(rule, is_fixed=True) for rule in _read_rules(document, _BUILT_IN.name, lists))


def _filled(word: str, lists: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yields a phrase once for each word of the list that it names: "topless @vehicles". Raises KeyError for an unknown list."""
    before, mark, name = word.partition("@")
    if not mark:
        yield word
        return
    name, _, after = name.partition(" ")
    for each in lists[name]:
        yield from (f"{before}{each} {rest}".strip() for rest in _filled(after, lists))


def compiled(rules: tuple[Rule, ...]) -> Rules:
    """Compiles these rules alone, without the built-in ones. For rules that do not come from a file."""
    book = Phrasebook[tuple[Rule, Part]]()
    watched: set[str] = set()
    severe: set[str] = set()
    exact: set[str] = set()
    phrase_words: set[str] = set()
    foreign: set[str] = set(foreign_words())
    for rule in rules:
        for part, texts in (
            (Part.ANY, rule.any_of),
            (Part.WITH, rule.with_any_of),
            (Part.EXCEPT, rule.unless),
        ):
            book.add(texts, (rule, part))
            for word in texts:
                for head, *rest in patterns(word):
                    stems = {stem.removesuffix("*") for stem in (head, *rest)}
                    if word.startswith("=") and not rest:
                        exact |= stems
                    elif rest or part is Part.EXCEPT or head.isdigit():
                        (foreign if _is_foreign(word, stems) else phrase_words).update(stems)
                    else:
                        watched |= stems
                        if (
                            rule.ruling is Ruling.REFUSE
                            and part is Part.ANY
                            and rule.category is not Category.MINORS
                        ):
                            severe |= stems
    vocabulary = Vocabulary(
        watched=frozenset(watched),
        severe=frozenset(severe),
        phrase_words=frozenset(word for word in phrase_words if len(word) > 1),
        exact=frozenset(exact - watched),
        ordinary=ordinary_words(),
        foreign=frozenset(word for word in foreign if len(word) >= _SHORTEST_FOREIGN) - watched,
    )
    return Rules(rules, vocabulary, book)


def _is_foreign(text: str, stems: set[str]) -> bool:
    """Returns whether a phrase of the rules belongs to another language. Its words must not count as English."""
    long = {stem for stem in stems if len(stem) >= _SHORTEST_FOREIGN}
    return not text.isascii() or (bool(long) and long.isdisjoint(ordinary_words()))


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except NotToml as error:
        problem = f"not valid TOML: {error.problem}"
        raise RulesBroken(file, error.where, problem, "check quotes, commas and brackets") from error


def _read_rules(document: dict[str, Any], file: str, lists: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    _known_only(document, ("rule",), file, "top level")
    tables = document.get("rule", [])
    if not isinstance(tables, list):
        raise RulesBroken(
            file, "top level", "'rule' is not a list of tables", "begin every rule with [[rule]]"
        )
    for number, table in enumerate(cast("list[object]", tables), start=1):
        if not isinstance(table, dict):
            raise RulesBroken(file, f"rule {number}", "not a table", "begin every rule with [[rule]]")
        yield _RuleReader(cast("dict[str, object]", table), file, f"rule {number}", lists).read()


def _known_only(table: Mapping[str, object], known: Sequence[str], file: str, where: str) -> None:
    for key in table:
        if key not in known:
            nearest = get_close_matches(key, known, 1)
            remedy = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(known)}"
            raise RulesBroken(file, where, f"{key!r} is not known here", remedy)


@dataclass(slots=True)
class _RuleReader:
    table: dict[str, object]
    file: str
    where: str
    lists: Mapping[str, tuple[str, ...]]

    def read(self) -> Rule:
        name = self._choice("name", None)
        self.where = f"rule {name!r}"
        known = (
            "name",
            "category",
            "ruling",
            "any",
            "with",
            "except",
            "age_restricted",
            "allowed_below",
            "flagged_below",
            "reads",
            "with_names",
            "silent",
        )
        _known_only(self.table, known, self.file, self.where)
        category = Category(self._choice("category", [x.value for x in Category if x is not Category.NONE]))
        ruling = self._choice("ruling", ["flag", "refuse"])
        softened = None
        if "age_restricted" in self.table:
            softened = Ruling[self._choice("age_restricted", ["allow", "flag", "refuse"]).upper()]
        if category is Category.MINORS and (ruling != "refuse" or softened not in (None, Ruling.REFUSE)):
            raise self._broken("what concerns minors is refused everywhere", 'write ruling = "refuse" alone')
        reads = (
            Reads(self._choice("reads", [x.value for x in Reads])) if "reads" in self.table else Reads.PROMPT
        )
        any_of = self._words("any")
        if not any_of:
            raise self._broken("'any' is missing or empty", 'list at least one word: any = ["word"]')
        if "with" in self.table and not self._words("with"):
            raise self._broken("'with' is empty", "list words, or leave the line out")
        return Rule(
            name=name,
            category=category,
            ruling=Ruling[ruling.upper()],
            any_of=any_of,
            with_any_of=self._words("with"),
            unless=self._words("except"),
            age_restricted=softened,
            with_names=self._is_set("with_names"),
            is_silent=self._is_set("silent"),
            allowed_below=self._score("allowed_below"),
            flagged_below=self._score("flagged_below")
            if ruling == "refuse"
            else self._absent("flagged_below"),
            reads=reads,
        )

    def _choice(self, key: str, choices: Sequence[str] | None) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value.strip():
            remedy = f"one of {', '.join(choices)}" if choices else f'add {key} = "…"'
            raise self._broken(f"{key!r} is missing or not a text", remedy)
        if CONTROL.search(value):
            raise self._broken(f"{key} = {value!r} holds control characters", "write it on one line")
        if choices is not None and value not in choices:
            nearest = get_close_matches(value, choices, 1)
            remedy = f"did you mean {nearest[0]!r}?" if nearest else f"one of {', '.join(choices)}"
            raise self._broken(f"{key} = {value!r} is not known", remedy)
        return value

    def _score(self, key: str) -> float:
        value = self.table.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._broken(f"{key} = {shown(value)} is no score", "write a number from 0 to 1")
        return float(value)

    def _is_set(self, key: str) -> bool:
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            raise self._broken(
                f"{key} = {shown(value)} is neither true nor false", "write true, or leave it out"
            )
        return value

    def _absent(self, key: str) -> float:
        if key in self.table:
            raise self._broken(f"{key!r} is for rules that refuse", "leave the line out")
        return 0.0

    def _words(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list):
            raise self._broken(f"{key!r} is not a list", f'write {key} = ["word", "a phrase"]')
        words: list[str] = []
        for word in cast("list[object]", value):
            if not isinstance(word, str) or not word.strip():
                raise self._broken(
                    f"{key!r} holds {shown(word)}, which is no word", "write every word in quotes"
                )
            try:
                words.extend(_filled(word, self.lists))
            except KeyError:
                raise self._broken(
                    f"{word!r} is not a list of built_in.toml", f"known are @{', @'.join(self.lists)}"
                ) from None
        return tuple(words)

    def _broken(self, problem: str, remedy: str) -> RulesBroken:
        return RulesBroken(self.file, self.where, problem, remedy)
