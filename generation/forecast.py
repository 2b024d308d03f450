"""When everybody will be done: the steps that are left, played in the order in which they will be taken. No clock, no torch.

What a step costs is told by the worker. Those who will come later and go first are not known; they, and what is not steps, are
taken for as many as there were: what was forecast is kept until the order is done, and the next forecasts are corrected by how
much longer it took.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from generation.company import room_beside
from generation.fit import FittedLine
from generation.messages import StepCost
from generation.request import GenerationRequest, ImageSize, JobId, ModelName, Request

KEPT = 0.9
"""Of the past at every order: the last ten have two thirds of the weight."""


class Kind(NamedTuple):
    """Orders that share steps."""

    model: ModelName
    size: ImageSize


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """An order, and what is left of it."""

    request: Request
    kind: Kind | None  # None: no steps, such as an enlargement
    pictures: int
    steps: float  # picture-steps, of all of it
    is_draft: bool
    left: float = 1.0  # the share that is to be done

    @classmethod
    def of(cls, request: Request) -> Work:
        drawing = request.drawing
        return cls(
            request=request,
            kind=Kind(drawing.model, drawing.size) if isinstance(request, GenerationRequest) else None,
            pictures=drawing.images,
            steps=request.cost,
            is_draft=request.is_draft,
        )


class Forecast:
    def __init__(self, seconds_for: Callable[[Request], float]) -> None:
        """seconds_for: what an order will take of the device, where nothing was told about its steps."""
        self._seconds_for = seconds_for
        self._costs: dict[Kind, StepCost] = {}
        self._kept: dict[JobId, tuple[float, float]] = {}  # when it came, and in how many seconds
        self._lateness = FittedLine(KEPT)

    def hear(self, cost: StepCost) -> None:
        self._costs[Kind(cost.model, cost.size)] = cost

    def ends(self, works: Sequence[Work]) -> list[float]:
        """Seconds until each is done. `works` are in the order of their turns."""
        ended = [0.0] * len(works)
        steps = [work.left * work.steps for work in works]
        waiting = dict(enumerate(works))
        now = 0.0
        while waiting:
            number, first = next(iter(waiting.items()))
            cost = self._costs.get(first.kind) if first.kind else None
            if cost is None:
                now += first.left * self._seconds_for(first.request)
                ended[number] = now
                del waiting[number]
                continue
            batch = _batch(waiting, cost)
            count = max(1, min(math.ceil(steps[one] / pictures) for one, pictures in batch.items()))
            now += count * (cost.fixed + cost.a_picture * sum(batch.values()))
            for one, pictures in batch.items():
                steps[one] -= count * pictures
                if steps[one] <= 0:
                    ended[one] = now
                    del waiting[one]
        return ended

    @property
    def correction(self) -> tuple[float, float]:
        """Fixed seconds, and a factor for what was forecast."""
        return self._lateness.line if self._lateness.points > 1 else (0.0, 1.0)

    def keep(self, job: JobId, seconds: float, now: float) -> None:
        """What was forecast for an order that has just come."""
        self._kept[job] = (now, seconds)

    def check(self, job: JobId, now: float) -> None:
        """It is done. What is made least is the error as a share of the real time; where others were cancelled and it was sooner
        than forecast, of the forecast, or that one order would outweigh all others."""
        if (kept := self._kept.pop(job, None)) is not None:
            then, seconds = kept
            real = now - then
            self._lateness.learn(seconds, real, weight=1 / max(real, seconds) ** 2)

    def drop(self, job: JobId) -> None:
        """It is over, or begins anew."""
        self._kept.pop(job, None)


def _batch(waiting: Mapping[int, Work], cost: StepCost) -> dict[int, int]:
    """How many pictures of each take the next step: as the worker fills it."""
    kind = next(iter(waiting.values())).kind
    batch: dict[int, int] = {}
    taken, room, is_beside_drafts = 0, cost.at_once, False
    for number, work in waiting.items():
        if work.kind != kind:
            continue
        if is_beside_drafts and not work.is_draft:
            beside = room_beside(taken, cost.fixed, cost.a_picture, most=cost.at_once)
            room = min(room, beside)
        if taken >= room:
            break
        batch[number] = min(work.pictures, room - taken)
        taken += batch[number]
        is_beside_drafts = work.is_draft
    return batch
