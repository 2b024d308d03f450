"""Measures the filter on sources that its models were not trained on. Leaves out whole sources in turn, and combines the scores
with the shipped rules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.safety.sets import CAPTIONS, REAL_USERS, Share, Shares, area_under_curve
from moderation.classifier.classifier import LINEAR_SAY, Mixture
from moderation.normalise.language import ENGLISH
from moderation.prompts.filter import Opinion, PromptFilter
from moderation.prompts.rules import load_rules
from moderation.verdict import Ruling
from training.safety.corpus import CATEGORIES, HELD_OUT, HELD_OUT_TOO, Example
from training.safety.train import (
    VOICES,
    Bench,
    HeldOut,
    hold_out,
    material,
    mix,
)

HARMLESS = (*CAPTIONS, *REAL_USERS)
_FALSE = (0.005, 0.01, 0.02, 0.05)  # shares of refused harmless prompts at which recall is reported


def held_out(data: Path, work: Path, encoder: Path) -> dict[str, Any]:
    """Measures two encoders, each with a linear model, that were not trained on half of the sources. Loads them from `work` or
    trains them (about ten minutes each). The shipped mixture was tuned on the first half, so the second half shows whether it
    generalises."""
    all_of_it = material(data)
    bench = Bench(all_of_it, encoder, work)
    first = hold_out(all_of_it, bench, HELD_OUT)
    mixture = mix(all_of_it.found, first)
    second = hold_out(all_of_it, bench, HELD_OUT_TOO)
    return {
        "first half": _judged(all_of_it.found, scores(mixture, first)),
        "second half": _judged(all_of_it.found, scores(mixture, second)),
        "AUC of each voice alone": {
            f"{half}, {voice}": _auc(all_of_it.found, answers.voices[:, number])
            for half, answers in (("first half", first), ("second half", second))
            for number, voice in enumerate(VOICES)
        },
    }


def scores(mixture: Mixture, answers: HeldOut) -> NDArray[np.float64]:
    """Returns (examples, 1 + categories) scores, as moderation.classifier.classifier computes them. NaN for examples that were
    not held out."""
    weights = [mixture.encoder, mixture.ngrams, mixture.universal]
    overall = 1 / (1 + np.exp(-(answers.voices @ weights + mixture.bias)))
    categories = answers.encoder[:, 1:] + LINEAR_SAY * answers.ngrams[:, 1:]
    relative = np.exp(categories - categories.max(axis=1, keepdims=True))
    return np.column_stack([overall, overall[:, None] * relative])


class _Given:
    """A classifier that says of every text what a held-out model said of the current example."""

    opinion = Opinion(overall=0.0, scores={})

    def read(self, text: str, typed: str = "", language: str = ENGLISH) -> Opinion:
        return self.opinion


def _judged(found: Sequence[Example], told: NDArray[np.float64]) -> dict[str, Any]:
    """Measures rules and scores together, as the standard policy refuses and flags. Names of persons are left out."""
    given = _Given()
    screen = PromptFilter(load_rules(), given)
    refused, flagged, categories, named, languages = Shares(), Shares(), Shares(), Shares(), Shares()
    unsafe: dict[str, list[float]] = {}
    safe: dict[str, list[float]] = {}
    for at in map(int, np.flatnonzero(~np.isnan(told).any(axis=1))):
        example = found[at]
        if not example.prompt:
            continue
        said = [float(score) for score in told[at]]
        given.opinion = Opinion(overall=said[0], scores=dict(zip(CATEGORIES, said[1:], strict=True)))
        verdict = screen.check({"prompt": example.prompt})
        is_flagged = verdict.ruling is not Ruling.ALLOW
        key = f"{example.source}, {'unsafe' if example.is_unsafe else 'safe'}"
        refused.count(key, verdict.ruling is Ruling.REFUSE)
        flagged.count(key, is_flagged)
        (unsafe if example.is_unsafe else safe).setdefault(example.source, []).append(verdict.score)
        if example.is_unsafe:
            categories.count(f"{example.source}, {example.category_name}", is_flagged)
            if is_flagged:
                named.count(example.category_name, verdict.category.value == example.category_name)
        if example.source == "multilingual_hatecheck":
            languages.count(f"{example.language}, {'unsafe' if example.is_unsafe else 'safe'}", is_flagged)
    harmless = [score for source in HARMLESS for score in safe.get(source, [])]
    unsafe_english = {source: own for source, own in unsafe.items() if source != "multilingual_hatecheck"}
    everything = [score for scores in unsafe.values() for score in scores]
    return {
        "AUC, unsafe against captions and users' prompts": {
            "all": area_under_curve(everything, harmless),
            "all in English": area_under_curve(
                [score for scores in unsafe_english.values() for score in scores], harmless
            ),
            "mean of the sources": float(
                np.mean([area_under_curve(own, harmless) for own in unsafe.values()])
            ),
            **{source: area_under_curve(own, harmless) for source, own in unsafe.items()},
        },
        "refused": refused.as_json(),
        "refused or flagged": flagged.as_json(),
        "unsafe refused or flagged, by category": categories.as_json(),
        "of these, with the right category": named.as_json(),
        "refused or flagged, by language": languages.as_json(),
        "recall where of captions and users' prompts": _recall(unsafe, harmless),
    }


def _recall(unsafe: dict[str, list[float]], harmless: list[float]) -> dict[str, Any]:
    recall = Shares()
    for false in _FALSE:
        threshold = float(np.quantile(harmless, 1 - false))
        for source, own in {"all": [s for scores in unsafe.values() for s in scores], **unsafe}.items():
            recall.of[f"{false:.1%} are refused, {source}"] = Share(
                sum(score > threshold for score in own), len(own)
            )
    return recall.as_json()


def _auc(found: Sequence[Example], logits: NDArray[np.float64]) -> float:
    known = [at for at in map(int, np.flatnonzero(~np.isnan(logits))) if found[at].prompt]
    return area_under_curve(
        [float(logits[at]) for at in known if found[at].is_unsafe],
        [float(logits[at]) for at in known if not found[at].is_unsafe and found[at].source in HARMLESS],
    )
