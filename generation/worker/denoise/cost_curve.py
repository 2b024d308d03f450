"""What a step costs by how many rows it has, learned as the loop runs, and how many rows are worth it. No clock, no torch.

A step is taken as a fixed part, which everybody in it shares, and a part for every row. Rows pay while they spread the fixed
part; beyond the knee a longer step makes everybody wait and hardly anybody faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from generation.fair_share import room_beside
from generation.queue.cost_model import Regression

KEPT = 0.99
"""Of the past at every step: the last hundred have two thirds of the weight."""

WORTH = 0.25
"""The knee is where a row costs this share more than it would in an endless batch."""

FIRST, LEAST, MOST = 16, 8, 128
"""Rows: the knee before anything was learned (4 guided pictures and as many again), and its bounds."""

UNKNOWN = 1e-3
"""Seconds of a row before anything was learned."""


@dataclass(slots=True)
class CostCurve:
    """A line through (rows, seconds)."""

    _fit: Regression = field(default_factory=lambda: Regression(KEPT), init=False)
    _largest: int = field(default=0, init=False)
    _warm: set[int] = field(default_factory=set[int], init=False)

    def learn(self, rows: int, seconds: float) -> None:
        if rows not in self._warm:  # the first call of a size chooses and loads its kernels
            self._warm.add(rows)
            return
        self._largest = max(self._largest, rows)
        self._fit.learn(rows, seconds)

    @property
    def line(self) -> tuple[float, float]:
        """Seconds of the fixed part and of a row, neither below 0; (0, 0) before anything was learned."""
        return self._fit.line

    @property
    def knee(self) -> int:
        """Rows worth putting into one step: never more than twice what has been measured."""
        fixed, a_row = self.line
        if not self._fit.weight or fixed == 0.0:
            return FIRST
        wanted = MOST if a_row * MOST * WORTH <= fixed else math.ceil(fixed / (a_row * WORTH))
        return max(LEAST, min(wanted, 2 * max(self._largest, FIRST // 2), MOST))

    def room_beside(self, rows: int) -> int:
        """Rows of a step that takes hardly longer than one of `rows` rows, these included."""
        fixed, a_row = self.line
        return rows if fixed == 0.0 else room_beside(rows, fixed, a_row, most=MOST)

    def seconds_for(self, rows: int) -> float:
        """Of device time for `rows` rows of a step, when they share it with as many as the knee allows."""
        fixed, a_row = self.line
        return rows * (a_row + fixed / self.knee) or rows * UNKNOWN
