"""What a step costs by how many rows it has, learned as the loop runs, and how many rows are worth it. No clock, no torch.

A step is taken as a fixed part, which everybody in it shares, and a part for every row. Rows pay while they spread the fixed
part; beyond the knee a longer step makes everybody wait and hardly anybody faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

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
    """A weighted least-squares line through (rows, seconds)."""

    _weight: float = field(default=0.0, init=False)
    _rows: float = field(default=0.0, init=False)
    _seconds: float = field(default=0.0, init=False)
    _rows_rows: float = field(default=0.0, init=False)
    _rows_seconds: float = field(default=0.0, init=False)
    _largest: int = field(default=0, init=False)
    _warm: set[int] = field(default_factory=set[int], init=False)

    def learn(self, rows: int, seconds: float) -> None:
        if rows not in self._warm:  # the first call of a size chooses and loads its kernels
            self._warm.add(rows)
            return
        self._largest = max(self._largest, rows)
        self._weight = KEPT * self._weight + 1
        self._rows = KEPT * self._rows + rows
        self._seconds = KEPT * self._seconds + seconds
        self._rows_rows = KEPT * self._rows_rows + rows * rows
        self._rows_seconds = KEPT * self._rows_seconds + rows * seconds

    @property
    def line(self) -> tuple[float, float]:
        """Seconds of the fixed part and of a row, neither below 0; (0, 0) before anything was learned."""
        if not self._weight:
            return 0.0, 0.0
        spread = self._weight * self._rows_rows - self._rows**2
        if spread <= 1e-6 * self._rows**2:  # one size only: all that is known is what its rows cost
            return 0.0, self._seconds / self._rows
        slope = (self._weight * self._rows_seconds - self._rows * self._seconds) / spread
        slope = min(max(slope, 0.0), self._seconds / self._rows)
        return (self._seconds - slope * self._rows) / self._weight, slope

    @property
    def knee(self) -> int:
        """Rows worth putting into one step: never more than twice what has been measured."""
        fixed, a_row = self.line
        if not self._weight or fixed == 0.0:
            return FIRST
        wanted = MOST if a_row * MOST * WORTH <= fixed else math.ceil(fixed / (a_row * WORTH))
        return max(LEAST, min(wanted, 2 * max(self._largest, FIRST // 2), MOST))

    def seconds_for(self, rows: int) -> float:
        """Of device time for `rows` rows of a step, when they share it with as many as the knee allows."""
        fixed, a_row = self.line
        return rows * (a_row + fixed / self.knee) or rows * UNKNOWN
