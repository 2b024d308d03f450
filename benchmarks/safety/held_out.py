"""Measures the filter on sources that its models were not trained on. Leaves out whole sources in turn, and combines the scores
with the shipped rules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.safety.sets import CAPTIONS, REAL_USERS, Share, Shares, area_under_curve
from moderation.classifier.classifier import LINEAR_SAY, Mixture
from moderation.policy import standard
from moderation.prompts.filter import FLAG_SCORE, REFUSE_SCORE, PromptFilter
from moderation.prompts.rules import load_rules
from moderation.verdict import Ruling
from training.safety.corpus import CATEGORIES, HELD_OUT, HELD_OUT_TOO, PHRASES, Example
from training.safety.train import Bench, HeldOut, Material, hold_out, linear_answers, material, mix

_BY_RULE = {Ruling.REFUSE: REFUSE_SCORE, Ruling.FLAG: FLAG_SCORE, Ruling.ALLOW: 0.0}
HARMLESS = (*CAPTIONS, *REAL_USERS)
_FALSE = (0.005, 0.01, 0.02, 0.05)  # shares of refused harmless prompts at which recall is reported
# Sources with the same content in other words: training on one reveals the other.
_FAMILIES = (
    frozenset({"coprov2_train", "coprov2_test"}),
    frozenset({"hatecheck", "multilingual_hatecheck"}),
)


def held_out(data: Path, work: Path, encoder: Path) -> dict[str, Any]:
    """Measures two encoders, each with a linear model, that were not trained on half of the sources. Loads them from `work` or
    trains them (about ten minutes each). The shipped mixture was tuned on the first half, so the second half shows whether it
    generalises."""
    all_of_it = material(data)
    bench = Bench(all_of_it, encoder, work)
    screen = PromptFilter(load_rules())
    first = hold_out(all_of_it, bench, HELD_OUT)
    mixture = mix(all_of_it.found, first)
    second = hold_out(all_of_it, bench, HELD_OUT_TOO)
    return {
        "first half": _judged(all_of_it.found, scores(mixture, first), screen),
        "second half": _judged(all_of_it.found, scores(mixture, second), screen),
        "AUC of either alone": {
            "first half, encoder": _auc(all_of_it.found, first.encoder[:, 0]),
            "first half, n-grams": _auc(all_of_it.found, first.ngrams[:, 0]),
            "second half, encoder": _auc(all_of_it.found, second.encoder[:, 0]),
            "second half, n-grams": _auc(all_of_it.found, second.ngrams[:, 0]),
        },
        "n-grams, each source left out": _each(all_of_it),
    }


def scores(mixture: Mixture, answers: HeldOut) -> NDArray[np.float64]:
    """Returns (examples, 1 + categories) scores, as moderation.classifier.classifier computes them. NaN for examples that were
    not held out."""
    logits = mixture.encoder * answers.encoder[:, 0] + mixture.ngrams * answers.ngrams[:, 0] + mixture.bias
    overall = 1 / (1 + np.exp(-logits))
    categories = answers.encoder[:, 1:] + LINEAR_SAY * answers.ngrams[:, 1:]
    relative = np.exp(categories - categories.max(axis=1, keepdims=True))
    return np.column_stack([overall, overall[:, None] * relative])


def _judged(found: Sequence[Example], told: NDArray[np.float64], screen: PromptFilter) -> dict[str, Any]:
    """Measures rules and scores together, as the standard policy refuses and flags."""
    policy = standard()
    refused, flagged, categories, languages = Shares(), Shares(), Shares(), Shares()
    unsafe: dict[str, list[float]] = {}
    safe: dict[str, list[float]] = {}
    for at in map(int, np.flatnonzero(~np.isnan(told[:, 0]))):
        example = found[at]
        if not example.prompt:
            continue
        by_rule = screen.check({"prompt": example.prompt}).ruling
        score = max(float(told[at, 0]), _BY_RULE[by_rule])
        by_score = (
            policy.of_score(category, float(one))
            for category, one in zip(CATEGORIES, told[at, 1:], strict=True)
        )
        ruling = max(by_rule, *by_score)
        is_flagged = ruling is not Ruling.ALLOW
        key = f"{example.source}, {'unsafe' if example.is_unsafe else 'safe'}"
        refused.count(key, ruling is Ruling.REFUSE)
        flagged.count(key, is_flagged)
        (unsafe if example.is_unsafe else safe).setdefault(example.source, []).append(score)
        if example.is_unsafe:
            categories.count(f"{example.source}, {example.category_name}", is_flagged)
        if example.source == "multilingual_hatecheck":
            languages.count(f"{example.language}, {'unsafe' if example.is_unsafe else 'safe'}", is_flagged)
    harmless = [score for source in HARMLESS for score in safe.get(source, [])]
    everything = [score for scores in unsafe.values() for score in scores]
    return {
        "AUC, unsafe against captions and users' prompts": {
            "all": area_under_curve(everything, harmless),
            "mean of the sources": float(
                np.mean([area_under_curve(own, harmless) for own in unsafe.values()])
            ),
            **{source: area_under_curve(own, harmless) for source, own in unsafe.items()},
        },
        "refused": refused.as_json(),
        "refused or flagged": flagged.as_json(),
        "unsafe refused or flagged, by category": categories.as_json(),
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


def _each(all_of_it: Material) -> dict[str, Any]:
    """Measures every source with a linear model trained without the source, its family, and two caption sets for comparison."""
    found = all_of_it.found
    yardstick = frozenset({"coco_captions", "partiprompts"})
    told: dict[str, Any] = {}
    for source in sorted({example.source for example in found} - PHRASES - yardstick):
        family = next((family for family in _FAMILIES if source in family), frozenset({source}))
        answers = linear_answers(all_of_it, family | yardstick, is_whole=False)[:, 0]
        harmless = [
            float(answers[at])
            for at, example in enumerate(found)
            if example.source in yardstick and example.prompt and not example.is_unsafe
        ]
        threshold = float(np.quantile(harmless, 0.99))
        for is_unsafe in (True, False):
            own = [
                float(answers[at])
                for at, example in enumerate(found)
                if example.source == source and example.prompt and example.is_unsafe == is_unsafe
            ]
            if own:
                name = f"{source}, {'unsafe' if is_unsafe else 'safe'}"
                share = Share(sum(answer > threshold for answer in own), len(own))
                told[f"{name}: above 99 % of captions"] = share.as_json()
                if is_unsafe:
                    told[f"{name}: AUC against captions"] = area_under_curve(own, harmless)
    return told
