"""When one worker's orders will be done: the steps that are left, played in the order of their turns. No clock, no torch.

The worker tells what a step costs. Later orders that go first are not known, and decoding is not forecast: what was forecast is
kept until the order is done, and the next forecasts are corrected by how much longer it took.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from generation.fair_share import room_beside
from generation.protocol import StepCost
from generation.queue.regression import Regression
from generation.request import GenerationRequest, ImageSize, ModelName, Request


class WorkKind(NamedTuple):
    """Orders that share steps."""

    model: ModelName
    size: ImageSize


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """An order, and what is left of it."""

    request: Request
    kind: WorkKind | None = field(init=False)  # None: no steps, such as an enlargement
    steps: float = field(init=False)  # picture-steps, of all of it
    is_draft: bool = field(init=False)
    left: float = 1.0  # the share that is to be done

    def __post_init__(self) -> None:
        request, drawing = self.request, self.request.drawing
        self.kind = WorkKind(drawing.model, drawing.size) if isinstance(request, GenerationRequest) else None
        self.steps, self.is_draft = request.cost, request.is_draft


def ends(
    works: Sequence[Work], costs: Mapping[WorkKind, StepCost], seconds_for: Callable[[Request], float]
) -> list[float]:
    """Seconds until each is done. `works` are in the order of their turns. seconds_for: what an order will take of the device,
    where nothing was told about its steps."""
    ended = [0.0] * len(works)
    steps = [work.left * work.steps for work in works]
    waiting = dict(enumerate(works))
    now = 0.0
    while waiting:
        number, first = next(iter(waiting.items()))
        cost = costs.get(first.kind) if first.kind else None
        if cost is None:
            now += first.left * seconds_for(first.request)
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
        batch[number] = min(work.request.drawing.images, room - taken)
        taken += batch[number]
        is_beside_drafts = work.is_draft
    return batch


@dataclass(slots=True)
class Lateness:
    """How much longer orders take than was forecast."""

    _line: Regression = field(default_factory=Regression, init=False)

    @property
    def correction(self) -> tuple[float, float]:
        """Fixed seconds, and a factor for what was forecast."""
        return self._line.line if self._line.points > 1 else (0.0, 1.0)

    def learn(self, forecast: float, real: float) -> None:
        """Seconds. What is made least is the error as a share of the real time; where others were cancelled and it was sooner
        than forecast, of the forecast, or that one order would outweigh all others."""
        self._line.learn(forecast, real, weight=1 / max(real, forecast) ** 2)
