"""A server's policy: one stance for every category. Three presets are data files; a server's own settings change them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import convert

from moderation.verdict import Category, Ruling

_PRESETS = Path(__file__).with_name("policies.toml")
Preset = Literal["family", "standard", "mature"]
FAMILY: Preset = "family"
STANDARD: Preset = "standard"
MATURE: Preset = "mature"
NEVER = 2.0  # a threshold that no score reaches
FIXED = (Category.MINORS, Category.NONE)
"""Categories that can't be configured."""
ADULT = (Category.SEXUAL, Category.NUDITY, Category.GORE)
"""Categories for adults only, which belong in channels that Discord marks as age-restricted."""


@dataclass(eq=False)
class NotForChoice(Exception):
    """A setting tried to configure a category that is refused on every server."""

    category: Category


class Action(StrEnum):
    """The action for a finding."""

    AS_FOUND = "as found"  # as the rule or the score says
    ALLOW = "allow"
    FLAG = "flag"
    REFUSE = "refuse"

    @property
    def ruling(self) -> Ruling | None:
        return None if self is Action.AS_FOUND else Ruling[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change to a stance. None leaves that part unchanged."""

    action: Action | None = None
    flag: float | None = None
    refuse: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    action: Action = Action.AS_FOUND
    flag: float = NEVER  # scores, 0 to 1
    refuse: float = NEVER
    lenient: bool = False  # rules use their ruling for age-restricted channels
    refusals_only: bool = False  # flags are dropped; only refusals count

    def of_score(self, score: float) -> Ruling:
        if score >= self.refuse:
            return self._done(Ruling.REFUSE)
        return self._done(Ruling.FLAG if score >= self.flag else Ruling.ALLOW)

    def of_rule(self, ruling: Ruling) -> Ruling:
        return self._done(ruling)

    def of_name(self, found: Ruling) -> Ruling:
        """Returns the ruling for a person in the picture with nothing else to object to. An explicit action holds for each of
        them.
        """
        return found if self.action.ruling is None else self.action.ruling

    def _done(self, found: Ruling) -> Ruling:
        if found is Ruling.ALLOW:
            return found
        done = found if self.action.ruling is None else self.action.ruling
        return Ruling.ALLOW if self.refusals_only and done is Ruling.FLAG else done


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A set of stances. `stances` holds the differences from `default`. The policies in `beside` also apply: the strictest
    ruling wins.
    """

    name: str
    default: Stance
    stances: Mapping[Category, Stance] = field(default_factory=dict[Category, Stance])
    beside: tuple[Policy, ...] = ()

    def stance(self, category: Category) -> Stance:
        return self.stances.get(category, self.default)

    def of_score(self, category: Category, score: float) -> Ruling:
        return max(each.stance(category).of_score(score) for each in self.parts)

    def of_rule(self, category: Category, ruling: Ruling, leniently: Ruling | None = None) -> Ruling:
        """Returns the ruling for a rule's finding. `leniently`: the rule's ruling for lenient stances, if it is different."""
        if category in FIXED:
            return ruling
        soft = ruling if leniently is None else leniently
        stances = (each.stance(category) for each in self.parts)
        return max(stance.of_rule(soft if stance.lenient else ruling) for stance in stances)

    def of_name(self, found: Ruling) -> Ruling:
        """Returns the ruling for a real person in the picture with nothing else to object to. No policy softens a refusal: the
        owner asked for it.
        """
        if found is Ruling.REFUSE:
            return found
        return max(each.stance(Category.REAL_PERSON).of_name(found) for each in self.parts)

    @property
    def parts(self) -> tuple[Policy, ...]:
        """Returns this policy and all policies that apply with it."""
        return (self, *(each for other in self.beside for each in other.parts))

    def amended(self, category: Category, change: Change) -> Policy:
        """Returns this policy with a changed stance for one category. Raises NotForChoice, ValueError."""
        if category in FIXED:
            raise NotForChoice(category)
        for threshold in (change.flag, change.refuse):
            if threshold is not None and not 0 < threshold <= NEVER:
                raise ValueError(f"a threshold of {threshold} is not above 0 and at most {NEVER}")
        changed = {name: value for name, value in asdict(change).items() if value is not None}
        new = replace(self.stance(category), **changed)
        return replace(self, stances={**self.stances, category: new})

    def with_(self, *others: Policy) -> Policy:
        """Returns a policy that is at least as strict as each of them."""
        return replace(self, beside=(*self.beside, *others))


AS_FOUND = Policy(name="as found", default=Stance())
"""The policy that follows the rules and ignores scores."""


def ordinary(policy: Policy) -> Policy:
    """Returns the policy for a channel without age restriction: in ADULT categories at least as strict as the standard policy."""
    return policy.with_(_for_everybody())


def is_for_everybody(policy: Policy) -> bool:
    """Returns whether an ordinary channel can use the policy unchanged: in ADULT categories it is no less strict than `ordinary`
    makes it.
    """
    return all(
        not policy.stance(each).lenient
        and policy.stance(each).action in (Action.AS_FOUND, Action.REFUSE)
        and policy.stance(each).refuse <= standard().stance(each).refuse
        for each in ADULT
    )


@lru_cache(maxsize=1)
def _for_everybody() -> Policy:
    stances = {each: replace(standard().stance(each), refusals_only=True) for each in ADULT}
    return Policy(name="for everybody", default=Stance(action=Action.ALLOW), stances=stances)


@lru_cache(maxsize=1)
def presets() -> Mapping[str, Policy]:
    """Returns family, standard and mature."""
    document = tomllib.loads(_PRESETS.read_text(encoding="utf-8"))
    return {name: _preset(name, cast("dict[str, Any]", table)) for name, table in document.items()}


def standard() -> Policy:
    return presets()[STANDARD]


def _preset(name: str, table: dict[str, Any]) -> Policy:
    default = convert(table.pop("default"), Stance)
    return Policy(name=name, default=default, stances=convert(table, dict[Category, Stance]))
