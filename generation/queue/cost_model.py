"""What orders take of the device, learned from those that are done. No clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from generation.queue.regression import Regression
from generation.request import GenerationRequest, Request

GUESS = 0.01
"""Seconds of a picture-step before anything was measured. Until then only the ratios matter."""

_Kind = tuple[object, ...]


def _kind(request: Request) -> _Kind:
    """Orders of one kind differ only in steps and pictures."""
    if isinstance(request, GenerationRequest):
        drawing = request.drawing
        return (drawing.model, drawing.size, drawing.guidance != 1.0)
    return ("enlargement", request.factor)


@dataclass(slots=True)
class CostModel:
    """Device seconds of a picture: a part of its own, such as decoding, and a part for every step.

    An order's device seconds are its share of the batches it was in. So the shares of orders that ran together add up to the
    time that passed, and the loading of a model does not count as slowness.
    """

    _kinds: dict[_Kind, Regression] = field(default_factory=dict[_Kind, Regression], init=False)
    _all: Regression = field(default_factory=Regression, init=False)

    @property
    def seconds_per_cost(self) -> float | None:
        """Of a picture-step, over all that was done lately; None before anything was."""
        return self._all.ratio if self._all.weight else None

    def learn(self, request: Request, seconds: float) -> None:
        kind, images = self._kinds.setdefault(_kind(request), Regression()), request.drawing.images
        kind.learn(request.cost / images, seconds / images)
        self._all.learn(request.cost, seconds)

    def seconds_for(self, request: Request) -> float:
        """Of the device. A kind that was never seen is taken for an average one."""
        if (kind := self._kinds.get(_kind(request))) is None:
            return request.cost * (self.seconds_per_cost or GUESS)
        fixed, a_step = kind.line
        return request.drawing.images * fixed + request.cost * a_step
