"""What a server does about what is found: a stance for every category. Three presets are data; a server's wishes go on top."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from moderation.verdict import Category, Ruling

_PRESETS = Path(__file__).with_name("policies.toml")
STANDARD = "standard"
NEVER = 2.0  # a threshold that no score reaches
AS_FOUND = "as found"


@dataclass(eq=False)
class NotForChoice(Exception):
    """Somebody tried to configure what is refused on every server."""

    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    action: Ruling | None = None  # what is done with anything found; None: what the rule or the score says
    flag: float = NEVER  # scores, 0 to 1
    refuse: float = NEVER
    lenient: bool = False  # rules rule as in age-restricted channels

    def of_score(self, score: float) -> Ruling:
        if score >= self.refuse:
            return self._done(Ruling.REFUSE)
        return self._done(Ruling.FLAG if score >= self.flag else Ruling.ALLOW)

    def of_rule(self, ruling: Ruling) -> Ruling:
        return self._done(ruling)

    def _done(self, found: Ruling) -> Ruling:
        return found if found is Ruling.ALLOW or self.action is None else self.action


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`stances` holds what differs from `default`."""

    name: str
    default: Stance
    stances: Mapping[Category, Stance] = field(default_factory=dict[Category, Stance])
    age_restricted: str = STANDARD  # the preset that takes over in such channels

    def stance(self, category: Category) -> Stance:
        return self.stances.get(category, self.default)

    def amended(
        self,
        category: Category,
        *,
        action: Ruling | None = None,
        flag: float | None = None,
        refuse: float | None = None,
    ) -> Policy:
        """This policy with another stance on one category; None leaves a threshold. Raises NotForChoice, ValueError."""
        if category in (Category.MINORS, Category.NONE):
            raise NotForChoice(category)
        for threshold in (flag, refuse):
            if threshold is not None and not 0 < threshold <= NEVER:
                raise ValueError(f"a threshold of {threshold} is not above 0 and at most {NEVER}")
        old = self.stance(category)
        new = replace(
            old,
            action=action,
            flag=old.flag if flag is None else flag,
            refuse=old.refuse if refuse is None else refuse,
        )
        return replace(self, stances={**self.stances, category: new})

    def for_channel(self, *, age_restricted: bool) -> Policy:
        """The policy of an ordinary or an age-restricted channel."""
        return presets()[self.age_restricted] if age_restricted else self


@lru_cache(maxsize=1)
def presets() -> Mapping[str, Policy]:
    """family, standard and mature."""
    document = tomllib.loads(_PRESETS.read_text(encoding="utf-8"))
    return {name: _preset(name, cast("dict[str, Any]", table)) for name, table in document.items()}


def standard() -> Policy:
    return presets()[STANDARD]


def _preset(name: str, table: dict[str, Any]) -> Policy:
    follower = str(table.pop("age_restricted"))
    default = _stance(table.pop("default"))
    stances = {Category(category): _stance(entry) for category, entry in table.items()}
    if Category.MINORS in stances:
        raise NotForChoice(Category.MINORS)
    return Policy(name=name, default=default, stances=stances, age_restricted=follower)


def _stance(entry: dict[str, Any]) -> Stance:
    action = str(entry["action"])
    return Stance(
        action=None if action == AS_FOUND else Ruling[action.upper()],
        flag=float(entry.get("flag", NEVER)),
        refuse=float(entry.get("refuse", NEVER)),
        lenient=bool(entry.get("lenient", False)),
    )
