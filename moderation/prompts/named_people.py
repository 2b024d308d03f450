"""The owner's own list of real persons: names added, names that are nobody's, who agreed to be drawn. A file in, names out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from moderation.normalise.normalise import phrase
from moderation.owner_file import FileBroken
from moderation.prompts.filter import canonical
from moderation.prompts.rules import Rules

_FORM = 'write add = ["A Name"], except = ["A Name"] and [[consent]] tables with name, said_yes and when'


@dataclass(eq=False)
class NamedPeopleBroken(FileBroken):
    what = "The list of real persons"
    remedy: str = _FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A person who may be drawn, beside nothing sexual, nude or gory."""

    name: str
    said_yes: str  # who did, and how: the person themselves, a parent, an agent
    when: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPeople:
    added: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()  # taken for a person by mistake
    consents: tuple[Consent, ...] = ()

    def names(self, rules: Rules) -> frozenset[str]:
        """Who is a real person besides those that are shipped, in the forms that the filter reads."""
        return _forms([*self.added, *(each.name for each in self.consents)], rules)

    def excused(self, rules: Rules) -> frozenset[str]:
        """Whose name alone means nothing, in the same forms."""
        return _forms([*self.excepted, *(each.name for each in self.consents)], rules)


def read_named_people(path: Path | None) -> NamedPeople:
    """Nobody where there is no file. Raises PeopleBroken."""
    if path is None:
        return NamedPeople()
    try:
        document = tomllib.loads(NamedPeopleBroken.read(path))
    except tomllib.TOMLDecodeError as error:
        raise NamedPeopleBroken(str(path), "", f"not valid TOML: {error}") from error
    for key in document:
        if key not in ("add", "except", "consent"):
            raise NamedPeopleBroken(str(path), "top level", f"{key!r} is not known here")
    tables = document.get("consent", [])
    if not isinstance(tables, list):
        raise NamedPeopleBroken(str(path), "consent", "not a list of tables")
    return NamedPeople(
        added=_names(path, document, "add"),
        excepted=_names(path, document, "except"),
        consents=tuple(
            _consent(path, number, table)
            for number, table in enumerate(cast("list[object]", tables), start=1)
        ),
    )


def _names(path: Path, document: dict[str, Any], key: str) -> tuple[str, ...]:
    names = document.get(key, [])
    if not isinstance(names, list):
        raise NamedPeopleBroken(str(path), key, "not a list of names")
    return tuple(_name(path, key, name) for name in cast("list[object]", names))


def _name(path: Path, where: str, name: object) -> str:
    if not isinstance(name, str) or not phrase(name):
        raise NamedPeopleBroken(str(path), where, f"{name!r} is no name")
    return name


def _consent(path: Path, number: int, table: object) -> Consent:
    where = f"consent {number}"
    fields = cast("dict[str, object]", table) if isinstance(table, dict) else {}
    if set(fields) != {"name", "said_yes", "when"}:
        raise NamedPeopleBroken(str(path), where, "a consent has a name, who said yes, and when")
    said_yes, when = fields["said_yes"], fields["when"]
    if not isinstance(said_yes, str) or not said_yes.strip():
        raise NamedPeopleBroken(str(path), where, "it does not say who said yes")
    if type(when) is not date:
        raise NamedPeopleBroken(str(path), where, f"{when!r} is no date like 2026-11-01")
    return Consent(name=_name(path, where, fields["name"]), said_yes=said_yes, when=when)


def _forms(names: Iterable[str], rules: Rules) -> frozenset[str]:
    """As folded, and as the filter would read it, which may mend what looks misspelled to it."""
    return frozenset(form for name in names for form in (" ".join(phrase(name)), canonical(name, rules)))
