"""Reads the owner's list of real persons: added names, names that are never drawn, names that belong to no real person, and
persons who agreed to be drawn.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from msgspec import Struct, ValidationError, convert, field

from moderation.normalise.normalise import phrase
from moderation.owner_file import FileBroken, NotToml, parse_toml, problem_of
from moderation.prompts.filter import canonical
from moderation.prompts.public_figures import FLAGGED, REFUSED
from moderation.prompts.rules import Rules

_FORM = 'write add = ["A Name"], never = ["A Name"], except = ["A Name"] and [[consent]] tables with name, said_yes and when'


@dataclass(eq=False)
class NamedPeopleBroken(FileBroken):
    what = "The list of real persons"
    key = "moderation.people"
    remedy: str = _FORM


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who agreed to be drawn, but not with sexual, nude or gory content."""

    name: str
    said_yes: str  # the name of the consenting person and the way: the person themselves, a parent, an agent
    when: date


class NamedPeople(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    added: tuple[str, ...] = field(default=(), name="add")  # flagged alone
    never: tuple[str, ...] = ()  # refused alone, by every policy
    excepted: tuple[str, ...] = field(default=(), name="except")  # no real persons, although found as such
    consents: tuple[Consent, ...] = field(default=(), name="consent")

    def names(self, rules: Rules) -> frozenset[str]:
        """Returns the real persons in addition to the shipped ones, in the forms and with the marks that the filter reads."""
        agreed = _forms((each.name for each in self.consents), rules)
        added, never = _forms(self.added, rules), _forms(self.never, rules)
        return agreed | {FLAGGED + form for form in added} | {REFUSED + form for form in never}

    def excused(self, rules: Rules) -> frozenset[str]:
        """Returns the names that are not flagged alone, in the same forms."""
        return _forms([*self.excepted, *(each.name for each in self.consents)], rules)


def read_named_people(path: Path | None) -> NamedPeople:
    """Reads the list; an empty one without a file. Raises NamedPeopleBroken."""
    if path is None:
        return NamedPeople()
    try:
        people = convert(parse_toml(NamedPeopleBroken.read(path)), NamedPeople, builtin_types=(date,))
    except NotToml as error:
        raise NamedPeopleBroken(str(path), error.where, f"not valid TOML: {error.problem}") from error
    except ValidationError as error:
        place = str(error).partition(" - at ")[2]
        raise NamedPeopleBroken(str(path), _where(place), problem_of(error)) from error
    lists = {"add": people.added, "never": people.never, "except": people.excepted}
    named = [(key, name) for key, names in lists.items() for name in names]
    for number, each in enumerate(people.consents, start=1):
        named.append((f"consent {number}", each.name))
        if not each.said_yes.strip():
            raise NamedPeopleBroken(str(path), f"consent {number}", "it does not say who said yes")
    for where, name in named:
        if not phrase(name):
            raise NamedPeopleBroken(str(path), where, f"{name!r} is no name")
    return people


def _where(place: str) -> str:
    """Converts msgspec's "`$.consent[0].when`" to "consent 1"."""
    found = re.match(r"`\$\.(\w+)(?:\[(\d+)\])?", place)
    if found is None:
        return "top level"
    return f"consent {int(found[2]) + 1}" if found[1] == "consent" and found[2] else found[1]


def _forms(names: Iterable[str], rules: Rules) -> frozenset[str]:
    """Returns each name as folded, and as the filter reads it, which may correct an apparent misspelling."""
    return frozenset(form for name in names for form in (" ".join(phrase(name)), canonical(name, rules)))
