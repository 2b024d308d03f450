"""When everybody will be done: the steps that are left, played in the order in which they will be taken. No clock, no torch.

What a step costs is told by the worker. Those who will come later and go first are not known; they, and what is not steps, are
taken for as many as there were: what was forecast is kept until the order is done, and the next forecasts are corrected by how
much longer it took.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from generation.fit import FittedLine
from generation.messages import StepCost
from generation.request import GenerationRequest, ImageSize, JobId, ModelName, Request

KEPT = 0.9
"""Of the past at every order: the last ten have two thirds of the weight."""

MOST = 4.0
"""Lateness that is learned from at the most: a worker that was started again says nothing about the next order."""


class Kind(NamedTuple):
    """Orders that share steps."""

    model: ModelName
    size: ImageSize


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """What is left of an order."""

    kind: Kind | None  # None: no steps, such as an enlargement
    pictures: int
    steps: float  # picture-steps
    seconds: float  # of the device, by estimate
    is_draft: bool

    @classmethod
    def of(cls, request: Request, left: float, seconds: float) -> Work:
        """left: the share of it. seconds: for all of it."""
        kind = Kind(request.model, request.size) if isinstance(request, GenerationRequest) else None
        return cls(
            kind=kind,
            pictures=request.images,
            steps=left * request.cost,
            seconds=left * seconds,
            is_draft=request.is_draft,
        )


class Forecast:
    def __init__(self) -> None:
        self._costs: dict[Kind, StepCost] = {}
        self._kept: dict[JobId, tuple[float, float]] = {}  # when it came, and in how many seconds
        self._lateness = {is_draft: FittedLine(KEPT) for is_draft in (True, False)}

    def hear(self, cost: StepCost) -> None:
        self._costs[Kind(cost.model, cost.size)] = cost

    def ends(self, works: Sequence[Work]) -> list[float]:
        """Seconds until each is done. `works` are in the order of their turns, and used up."""
        return _played(works, self._costs)

    def corrected(self, seconds: float, request: Request) -> float:
        """A forecast, by how late such orders were."""
        lateness = self._lateness[request.is_draft]
        if lateness.weight < 2:
            return seconds
        factor, fixed = lateness.line
        return factor * seconds + fixed

    def keep(self, job: JobId, seconds: float, now: float) -> None:
        """What was forecast for an order that has just come."""
        self._kept[job] = (now, seconds)

    def check(self, request: Request, now: float) -> None:
        """It is done."""
        if (kept := self._kept.pop(request.job, None)) is not None:
            then, seconds = kept
            # Divided by the seconds, so that it is relative errors which are least.
            self._lateness[request.is_draft].learn(1 / seconds, min((now - then) / seconds, MOST))

    def drop(self, job: JobId) -> None:
        """It is over, or begins anew."""
        self._kept.pop(job, None)


def _played(works: Sequence[Work], costs: Mapping[Kind, StepCost]) -> list[float]:
    ended = [0.0] * len(works)
    left = dict(enumerate(works))
    now = 0.0
    while left:
        number, first = next(iter(left.items()))
        cost = costs.get(first.kind) if first.kind else None
        if cost is None:
            now += first.seconds
            ended[number] = now
            del left[number]
            continue
        batch = _batch(left, cost.at_once)
        steps = max(1, min(math.ceil(left[one].steps / pictures) for one, pictures in batch.items()))
        now += steps * (cost.fixed + cost.a_picture * sum(batch.values()))
        for one, pictures in batch.items():
            left[one].steps -= steps * pictures
            if left[one].steps <= 0:
                ended[one] = now
                del left[one]
    return ended


def _batch(left: Mapping[int, Work], room: int) -> dict[int, int]:
    """How many pictures of each take the next step: as the worker fills it."""
    first = next(iter(left.values()))
    batch: dict[int, int] = {}
    for number, work in left.items():
        if room == 0:
            break
        if work.kind == first.kind and (work.is_draft or not first.is_draft):
            batch[number] = min(work.pictures, room)
            room -= batch[number]
    return batch
