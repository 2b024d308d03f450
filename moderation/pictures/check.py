"""What a picture comes to: detectors score it, a policy rules. Knows no files, no jobs and no detector by name."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from msgspec import convert
from PIL import Image

from moderation.policy import STANDARD, Action, Policy, Stance
from moderation.verdict import ALLOWED, Category, Ruling, Scores, Verdict, stricter
from startup import StartError

_THRESHOLDS = Path(__file__).with_name("pictures.toml")


class Detector(Protocol):
    """Scores pictures. May be called from several threads."""

    @property
    def name(self) -> str: ...

    def score(self, picture: Image.Image) -> Mapping[Category, float]:
        """0 to 1 for each category that it knows. `picture`: RGB, any size."""
        ...


@dataclass(eq=False)
class DetectorBroken(StartError):
    """A detector that the settings ask for can't be used."""

    name: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"The picture detector {self.name!r} can't be used: {self.problem}. {self.advice}"


class PictureCheck:
    def __init__(self, detectors: Sequence[Detector]) -> None:
        """At least one: a check that finds nothing would look like one that found nothing wrong."""
        if not detectors:
            raise ValueError("a picture check without a detector")
        self.detectors = tuple(detectors)

    def scores(self, picture: Image.Image) -> Scores:
        """Takes tens of milliseconds and waits for no one: for a thread."""
        return {
            detector.name: {
                category: min(1.0, max(0.0, score)) for category, score in detector.score(picture).items()
            }
            for detector in self.detectors
        }

    def judge(self, picture: Image.Image, policy: Policy) -> Verdict:
        """What its scores come to; a policy that looks for nothing asks no detector."""
        return verdict_of(self.scores(picture), policy) if picture_stances(policy) else ALLOWED


def verdict_of(scores: Scores, policy: Policy) -> Verdict:
    """The strictest that any detector's scores come to."""
    stances = picture_stances(policy)
    verdict = ALLOWED
    for detector, seen in scores.items():
        for category in stances.keys() & seen.keys():
            score = seen[category]
            ruling = max(stance.of_score(score) for stance in stances[category])
            if ruling is not Ruling.ALLOW:
                found = Verdict(ruling=ruling, category=category, rule=detector, score=score)
                verdict = stricter(verdict, found)
    return verdict


def highest(first: Scores, second: Scores) -> Scores:
    """Of two looks at one picture."""
    return {
        detector: {
            category: max(look.get(detector, {}).get(category, 0.0) for look in (first, second))
            for category in first.get(detector, {}).keys() | second.get(detector, {}).keys()
        }
        for detector in first.keys() | second.keys()
    }


def picture_stances(policy: Policy) -> Mapping[Category, Sequence[Stance]]:
    """The thresholds for pictures of the preset and of what holds beside it, with what each does about a category that is found;
    the strictest holds."""
    found: dict[Category, list[Stance]] = {}
    for part in policy.parts:
        own = _thresholds().get(part.name, {})
        for category, usual in _thresholds()[STANDARD].items():
            action = part.stance(category).action
            thresholds = own.get(category)
            if thresholds is None and part.name in _thresholds() and action in (Action.FLAG, Action.REFUSE):
                thresholds = usual  # a server that chose to act on what its preset does not look for
            if thresholds is not None:
                stance = Stance(action=action, flag=thresholds.flag, refuse=thresholds.refuse)
                found.setdefault(category, []).append(stance)
    return found


@lru_cache(maxsize=1)
def _thresholds() -> Mapping[str, Mapping[Category, Stance]]:
    document = tomllib.loads(_THRESHOLDS.read_text(encoding="utf-8"))
    return convert(document, dict[str, dict[Category, Stance]])
