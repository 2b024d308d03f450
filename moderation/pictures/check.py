"""Checks a picture: detectors score it, and a policy gives the ruling. Knows no files, no jobs and no detector by name."""

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
    """A detector that scores pictures. Safe to call from several threads."""

    @property
    def name(self) -> str: ...

    def score(self, picture: Image.Image) -> Mapping[Category, float]:
        """Returns a score from 0 to 1 for each category that the detector knows. `picture`: RGB, any size."""
        ...


class TextReader(Protocol):
    """Reads what is written in pictures. Safe to call from several threads."""

    def read(self, picture: Image.Image) -> str:
        """Returns the text on one line; empty if there is none. `picture`: RGB, any size. Takes up to some seconds."""
        ...


@dataclass(eq=False)
class DetectorBroken(StartError):
    """A detector that the settings name can't be used."""

    name: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"The picture detector {self.name!r} can't be used: {self.problem}. {self.advice}"


class PictureCheck:
    def __init__(self, detectors: Sequence[Detector], reader: TextReader | None = None) -> None:
        """Needs at least one detector: a check without any would report every picture as harmless.

        `reader`: reads texts in pictures; None: they are not read.
        """
        if not detectors:
            raise ValueError("a picture check without a detector")
        self.detectors = tuple(detectors)
        self.reader = reader

    def scores(self, picture: Image.Image) -> Scores:
        """Scores a picture. Blocks for tens of milliseconds, so call it on a thread."""
        return {
            detector.name: {
                category: min(1.0, max(0.0, score)) for category, score in detector.score(picture).items()
            }
            for detector in self.detectors
        }

    def judge(self, picture: Image.Image, policy: Policy) -> Verdict:
        """Returns the verdict on a picture. If the policy has no thresholds for pictures, no detector runs."""
        return verdict_of(self.scores(picture), policy) if picture_stances(policy) else ALLOWED


def verdict_of(scores: Scores, policy: Policy) -> Verdict:
    """Returns the strictest verdict of all detectors' scores."""
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
    """Returns the higher score of two looks at one picture, for each detector and category."""
    return {
        detector: {
            category: max(look.get(detector, {}).get(category, 0.0) for look in (first, second))
            for category in first.get(detector, {}).keys() | second.get(detector, {}).keys()
        }
        for detector in first.keys() | second.keys()
    }


def picture_stances(policy: Policy) -> Mapping[Category, Sequence[Stance]]:
    """Returns the picture thresholds of the preset and of the policies that apply with it, with the action for each category. The
    strictest applies.
    """
    found: dict[Category, list[Stance]] = {}
    for part in policy.parts:
        own = _thresholds().get(part.name, {})
        for category, usual in _thresholds()[STANDARD].items():
            action = part.stance(category).action
            thresholds = own.get(category)
            if thresholds is None and part.name in _thresholds() and action in (Action.FLAG, Action.REFUSE):
                thresholds = usual  # the server added this category to its preset
            if thresholds is not None:
                stance = Stance(action=action, flag=thresholds.flag, refuse=thresholds.refuse)
                found.setdefault(category, []).append(stance)
    return found


@lru_cache(maxsize=1)
def _thresholds() -> Mapping[str, Mapping[Category, Stance]]:
    document = tomllib.loads(_THRESHOLDS.read_text(encoding="utf-8"))
    return convert(document, dict[str, dict[Category, Stance]])
