"""Each key in the code is in the catalogue, with exactly the variables that the code passes. The catalogue contains nothing
else."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from bot import texts
from bot.studio.errors import Refusal
from bot.texts import ENGLISH, kebab, language
from db.errors import StorageError
from generation.queue.ticket import GenerationError, LineFull, QueueClosed
from moderation.rate_limits import RateLimited, TooManyJobs

ROOT = Path(__file__).parents[3]
SENTENCES, MENUS = {"say", "text"}, {"command"}
OWN = {"units.ftl"}  # used only by `bot/texts/__init__.py`
OUTSIDE = {"CommandNotFound", "CommandSignatureMismatch", "TransformerError"}  # error names of discord.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    where: str
    key: str
    given: frozenset[str]  # names of the values
    is_menu: bool  # text of a command's menu entry, which takes no values
    has_more: bool  # **values


def calls() -> Iterator[Call]:
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=function, args=[ast.Constant(value=str(key)), *_], keywords=keywords):
                    name = _said_by(function)
                    if name in SENTENCES | MENUS:
                        yield Call(
                            where=f"{path.relative_to(ROOT)}:{node.lineno}",
                            key=key,
                            given=frozenset(each.arg for each in keywords if each.arg),
                            is_menu=name in MENUS,
                            has_more=any(each.arg is None for each in keywords),
                        )
                case _:
                    pass


def _said_by(function: ast.expr) -> str:
    """Returns the name of the called function: `say(…)`, `self._say(…)`, `say_to(interaction)(…)`."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lstrip("_")
        case ast.Call(func=inner):
            return "say" if _said_by(inner) in {"say", "say_to", "say_in", "language"} else ""
        case _:
            return ""


def messages(locale: str = ENGLISH) -> Iterator[tuple[str, ftl.Message]]:
    for path in sorted((texts.FOLDER / locale).glob("*.ftl")):
        for entry in FluentParser().parse(path.read_text(encoding="utf-8")).body:
            if isinstance(entry, ftl.Message):
                yield path.name, entry


class References(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_MessageReference(self, node: ftl.MessageReference) -> None:
        self.names.add(node.id.name)


CALLS = list(calls())


def strangers(locale: str) -> list[str]:
    """Returns the entries of a language that the code does not use, or that use variables that the code does not pass."""
    say, english = language(locale), language(ENGLISH)
    faults: list[str] = []
    for key in (entry.id.name for _, entry in messages(locale)):
        if not english.has(key):
            faults.append(f"{locale}: {key} is no message")
        elif more := say.variables(key) - english.variables(key):
            faults.append(f"{locale}: {key} is not given {sorted(more)}")
        elif more := set(say.attributes(key)) - set(english.attributes(key)):
            faults.append(f"{locale}: {key} has no {sorted(more)}")
    return faults


def leaves(base: type[Exception]) -> Iterator[type[Exception]]:
    for each in base.__subclasses__():
        yield each
        yield from leaves(each)


def test_the_code_says_something() -> None:
    assert len(CALLS) > 100


def test_every_key_is_in_the_catalogue_with_its_variables() -> None:
    say = language(ENGLISH)
    faults: list[str] = []
    for call in CALLS:
        message = call.key.partition(".")[0]
        if not say.has(message):
            faults.append(f"{call.where}: no message {call.key}")
        elif not call.is_menu and not call.has_more and say.variables(message) != call.given:
            faults.append(
                f"{call.where}: {call.key} takes {sorted(say.variables(message))}, not {sorted(call.given)}"
            )
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "locale", sorted(each.name for each in texts.FOLDER.iterdir() if [*each.glob("*.ftl")])
)
def test_every_language_says_what_english_says_and_knows_no_more(locale: str) -> None:
    assert strangers(locale) == []


def test_every_message_stands_once_and_is_used() -> None:
    names = [(file, entry.id.name) for file, entry in messages()]
    assert len({name for _, name in names}) == len(names), "two messages have one key"
    used = {call.key.partition(".")[0] for call in CALLS}
    for base in (Refusal, GenerationError, StorageError):
        used |= {f"error-{kebab(kind.__name__)}" for kind in leaves(base)}
    used |= {f"error-{kebab(kind.__name__)}" for kind in (LineFull, QueueClosed, RateLimited, TooManyJobs)}
    used |= {f"error-{kebab(name)}" for name in OUTSIDE}
    for _, entry in messages():
        found = References()
        found.visit(entry)
        used |= found.names
    unused = [name for file, name in names if name not in used and file not in OWN]
    assert not unused, unused
