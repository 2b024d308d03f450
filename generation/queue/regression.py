"""A line through points that are weighted by how new they are. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Regression:
    """y = fixed + slope · x by weighted least squares, where neither part is below 0."""

    kept: float = 0.9  # of the past's weight at every point: the last ten have two thirds of it
    points: int = field(default=0, init=False)  # learned, in all
    weight: float = field(default=0.0, init=False)
    _x: float = field(default=0.0, init=False)
    _y: float = field(default=0.0, init=False)
    _xx: float = field(default=0.0, init=False)
    _xy: float = field(default=0.0, init=False)

    def learn(self, x: float, y: float, weight: float = 1.0) -> None:
        self.points += 1
        self.weight = self.kept * self.weight + weight
        self._x = self.kept * self._x + weight * x
        self._y = self.kept * self._y + weight * y
        self._xx = self.kept * self._xx + weight * x * x
        self._xy = self.kept * self._xy + weight * x * y

    @property
    def ratio(self) -> float:
        """y for one x, both summed; only where something was learned."""
        return self._y / self._x

    @property
    def line(self) -> tuple[float, float]:
        """Fixed part and slope; (0, 0) before anything was learned."""
        if not self.weight:
            return 0.0, 0.0
        spread = self.weight * self._xx - self._x**2
        if spread <= 1e-6 * self._x**2:  # one x only: all that is known is what a unit of it costs
            return 0.0, self.ratio
        slope = (self.weight * self._xy - self._x * self._y) / spread
        slope = min(max(slope, 0.0), self.ratio)
        return (self._y - slope * self._x) / self.weight, slope
