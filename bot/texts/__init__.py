"""The catalogue of sentences for members and moderators, by language.

A language is a folder of Fluent files (https://projectfluent.org): `bot/texts/<locale>/*.ftl`. A message's key is unique in its
folder; `key.attribute` names an attribute. Messages that a language lacks are taken from English. A language may have pictures of
commands in use: `bot/texts/<locale>/pictures/<command>.webp`; `docs/command_pictures.py` makes the English ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax import ast
from fluent.syntax.visitor import Visitor

from bot.texts import markdown

FOLDER = Path(__file__).parent
ENGLISH = "en"


def _code(text: str, limit: float = 100, before: str = "") -> str:
    return f"`{before}{markdown.code(str(text), int(limit))}`"


def _plain(text: str, limit: float = 4000) -> str:
    return markdown.short(markdown.plain(str(text)), int(limit))


def _moment(at: float, style: str = "f") -> str:
    """Formats a time that Discord shows in the reader's own time zone."""
    return f"<t:{int(at)}:{style}>"


def _id(number: float) -> str:
    """Formats a number that names a thing: without separators."""
    return str(int(number))


_FUNCTIONS: dict[str, Callable[..., Any]] = {"CODE": _code, "PLAIN": _plain, "MOMENT": _moment, "ID": _id}
"""Functions for messages: `{ CODE($name) }`. The arguments are variables or literals."""


class Language:
    """The sentences of one locale. Calling it returns the sentence of a key: `say("queue-jobs", count=3)`."""

    def __init__(self, name: str, fallback: Language | None = None) -> None:
        self.name = name
        self._fallback = fallback
        self._resources = [_read(path) for path in sorted((FOLDER / name).glob("*.ftl"))]
        self._own = {
            entry.id.name: entry
            for each in self._resources
            for entry in each.body
            if isinstance(entry, ast.Message)
        }
        self._bundle = FluentBundle(
            [name], functions={**_FUNCTIONS, **self._functions()}, use_isolating=False
        )
        # A sentence may refer to a message that this language lacks.
        for resource in [*(fallback._resources if fallback else ()), *self._resources]:
            self._bundle.add_resource(resource, allow_overrides=True)
        self._variables: dict[str, frozenset[str]] = {}

    def __call__(self, key: str, /, **values: Any) -> str:
        """Returns the sentence. In a message, None and "" are "none"; booleans are "yes" and "no".

        Raises LookupError for an unknown key, ValueError for a missing variable. Both are bugs; a test checks every call.
        """
        owner = self._owner(key)
        if owner is not self:
            return owner(key, **values)
        message, _, attribute = key.partition(".")
        found = self._bundle.get_message(message)
        pattern = found.attributes[attribute] if attribute else found.value
        if pattern is None:
            raise LookupError(key)
        text, errors = self._bundle.format_pattern(
            pattern, {name: _value(each) for name, each in values.items()}
        )
        if errors:
            raise ValueError(f"{key}: {errors[0]}")
        return str(text)

    def sentence(self, error: Exception) -> str | None:
        """Returns the sentence for an error; None for a bug, which has no sentence.

        The message of class `NoSuchJob` is `error-no-such-job`. Its variables are read from the error's attributes.
        """
        for kind in type(error).__mro__:
            key = f"error-{kebab(kind.__name__)}"
            if self.has(key):
                return self(key, **{name: getattr(error, name) for name in self.variables(key)})
        return None

    def has(self, key: str) -> bool:
        return key in self._own or (self._fallback is not None and self._fallback.has(key))

    def is_own(self, key: str) -> bool:
        """Whether this language has the message itself, without falling back to English."""
        return self._owner(key) is self

    def picture(self, name: str) -> Path | None:
        """Returns the file of a picture that shows a thing in use, as "preset-save"; None if there is none."""
        own = FOLDER / self.name / "pictures" / f"{name}.webp"
        if own.is_file():
            return own
        return self._fallback.picture(name) if self._fallback else None

    def attributes(self, key: str) -> tuple[str, ...]:
        """Returns the names of a message's attributes; a command's options, for example."""
        return tuple(each.id.name for each in self._owner(key)._own[key].attributes)

    def variables(self, key: str) -> frozenset[str]:
        """Returns the variables that a message needs, those of messages it refers to included."""
        owner = self._owner(key)
        if key not in owner._variables:
            found = _References()
            found.visit(owner._own[key])
            deeper = (owner.variables(each) for each in found.messages)
            owner._variables[key] = frozenset(found.variables).union(*deeper)
        return owner._variables[key]

    def _owner(self, key: str) -> Language:
        """Returns the language that has the message and the named attribute: this one, or English."""
        message, _, attribute = key.partition(".")
        own = self._own.get(message)
        if own and (not attribute or any(each.id.name == attribute for each in own.attributes)):
            return self
        if self._fallback is None:
            raise LookupError(key)
        return self._fallback._owner(key)

    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {"WAIT": self._wait, "SPAN": self._span, "PERIOD": self._period, "SIZE": self._size}

    def _wait(self, seconds: float) -> str:
        """Formats seconds rounded up, so that "again in" is never too early."""
        whole = max(1, math.ceil(seconds))
        if whole < 90:
            return self("wait-seconds", count=whole)
        minutes = math.ceil(whole / 60)
        if minutes < 90:
            return self("wait-minutes", count=minutes)
        return self("wait-hours", count=math.ceil(minutes / 60))

    def _span(self, seconds: float) -> str:
        """Formats seconds in the largest unit that divides them."""
        return self._in_units(seconds, "span")

    def _period(self, seconds: float) -> str:
        """Formats seconds like `_span`, for a sentence such as "the last week"."""
        return self._in_units(seconds, "period")

    def _in_units(self, seconds: float, key: str) -> str:
        for unit, length in (("weeks", 604_800), ("days", 86_400), ("hours", 3600), ("minutes", 60)):
            if seconds >= length and seconds % length == 0:
                return self(f"{key}-{unit}", count=int(seconds // length))
        return self._wait(seconds)

    def _size(self, size: float) -> str:
        """Formats bytes rounded up: a size one byte over a limit must not look equal to the limit."""
        if size < 2**20:
            return self("size-kib", size=math.ceil(size / 2**10))
        return self("size-mib", size=math.ceil(size / 2**20 * 10) / 10)


def _read(path: Path) -> ast.Resource:
    resource = FluentResource(path.read_text(encoding="utf-8"))
    for entry in resource.body:
        if isinstance(entry, ast.Junk):
            raise ValueError(f"{path.name}: {entry.annotations[0].message}: {entry.content}")
    return resource


def variant(stored: str) -> str:
    """Returns the key of a stored code's variant in a message: "removed before" is `[removed-before]`."""
    return re.sub(r"[^a-z0-9]+", "-", stored.lower()).strip("-")


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def _value(value: Any) -> Any:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str) else value


class _References(Visitor):
    def __init__(self) -> None:
        self.variables: set[str] = set()
        self.messages: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:
        self.variables.add(node.id.name)

    def visit_MessageReference(self, node: ast.MessageReference) -> None:
        self.messages.add(node.id.name)


@cache
def language(locale: str) -> Language:
    """Returns the nearest language: for "pt-BR" that, then "pt", then English."""
    english = Language(ENGLISH) if locale == ENGLISH else language(ENGLISH)
    for name in (locale, locale.partition("-")[0]):
        if name == ENGLISH:
            return english
        if (FOLDER / name).is_dir():
            return Language(name, english)
    return english
