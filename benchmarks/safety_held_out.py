"""The filter on sources that its models have not seen: what training left out, with the shipped rules beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.safety_sets import CAPTIONS, REAL_USERS, Share, Shares, area_under_curve
from moderation.rules import load_rules
from moderation.screen import Screen
from moderation.verdict import Ruling
from training.safety.corpus import HELD_OUT_TOO, Example, examples
from training.safety.linear import Counts
from training.safety.train import SEED, Bench, hold_out, linear_answers, mix

_REFUSED = 0.8  # by the standard policy
_FALSE = (0.005, 0.01, 0.02, 0.05)  # shares of captions refused, at which recall is told


def held_out(data: Path, work: Path, encoder: Path) -> dict[str, Any]:
    """Retrains the linear half; takes the encoder's held-out answers from `work`, or trains it too (several minutes)."""
    found = examples(data, load_rules(), seed=SEED)
    counts = Counts([example.text for example in found])
    answers = hold_out(found, Bench(found, encoder, work), counts)
    mixture = mix(found, answers)
    logits = mixture.encoder * answers.encoder + mixture.ngrams * answers.ngrams + mixture.bias
    scores = 1 / (1 + np.exp(-logits))
    screen = Screen(load_rules())
    refused, categories = Shares(), Shares()
    learned: dict[str, list[float]] = {"unsafe": [], "captions": []}
    by_source: dict[str, list[float]] = {}
    for at, example in enumerate(found):
        if np.isnan(scores[at]) or not example.prompt:
            continue
        by_rule = screen.check({"prompt": example.prompt}).ruling is Ruling.REFUSE
        score = 1.0 if by_rule else float(scores[at])
        is_refused = score >= _REFUSED
        refused.count(f"{example.source}, {'unsafe' if example.is_unsafe else 'safe'}", is_refused)
        if example.is_unsafe:
            categories.count(f"{example.source}, {example.category_name}", is_refused)
            learned["unsafe"].append(score)
            by_source.setdefault(example.source, []).append(score)
        elif example.source in CAPTIONS:
            learned["captions"].append(score)
    recall = Shares()
    for false in _FALSE:
        threshold = float(np.quantile(learned["captions"], 1 - false))
        recall.of[f"{false:.1%} of captions refused"] = Share(
            sum(score > threshold for score in learned["unsafe"]), len(learned["unsafe"])
        )
    return {
        "AUC, unsafe against captions": area_under_curve(learned["unsafe"], learned["captions"]),
        "AUC, unsafe of one source against captions": {
            source: area_under_curve(mine, learned["captions"]) for source, mine in by_source.items()
        },
        "refused": refused.as_json(),
        "unsafe refused, by category": categories.as_json(),
        "recall where": recall.as_json(),
        "AUC of the linear half alone, without it and four more, by source": _linear_alone(found, counts),
    }


def _linear_alone(found: Sequence[Example], counts: Counts) -> dict[str, float]:
    """The sources that the encoder has learned from, left out of a linear half: unsafe ones against safe captions."""
    answers = linear_answers(found, counts, HELD_OUT_TOO)
    groups: dict[tuple[str, bool], list[float]] = {}
    for at, example in enumerate(found):
        if not np.isnan(answers[at]) and example.prompt:
            groups.setdefault((example.source, example.is_unsafe), []).append(float(answers[at]))
    harmless = [score for source in (*CAPTIONS, *REAL_USERS) for score in groups.get((source, False), [])]
    return {
        source: area_under_curve(scores, harmless) for (source, unsafe), scores in groups.items() if unsafe
    }
