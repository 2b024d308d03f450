"""What orders take of the device, learned from those that are done. No clock."""

from collections import defaultdict

from generation.request import GenerationRequest, Request

GUESS = 0.01
"""Seconds of a picture-step before anything was measured. Until then only the ratios matter."""


class Regression:
    """y = fixed + slope · x by weighted least squares, where neither part is below 0."""

    def __init__(self, kept: float = 0.9) -> None:
        """kept: of the past's weight at every point. With 0.9 the last ten have two thirds of it."""
        self.points = 0  # learned, in all
        self.weight = self._x = self._y = self._xx = self._xy = 0.0
        self._kept = kept

    def learn(self, x: float, y: float, weight: float = 1.0) -> None:
        self.points += 1
        self.weight = self._kept * self.weight + weight
        self._x = self._kept * self._x + weight * x
        self._y = self._kept * self._y + weight * y
        self._xx = self._kept * self._xx + weight * x * x
        self._xy = self._kept * self._xy + weight * x * y

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


def _kind(request: Request) -> tuple[object, ...]:
    """Orders of one kind differ only in steps and pictures."""
    if isinstance(request, GenerationRequest):
        drawing = request.drawing
        return (drawing.model, drawing.size, drawing.guidance != 1.0)
    return ("enlargement", request.factor)


class CostModel:
    """Device seconds of a picture: a part of its own, such as decoding, and a part for every step.

    An order's device seconds are its share of the batches it was in. So the shares of orders that ran together add up to the
    time that passed, and the loading of a model does not count as slowness.
    """

    def __init__(self) -> None:
        self._kinds: defaultdict[object, Regression] = defaultdict(Regression)
        self._all = Regression()

    @property
    def seconds_per_cost(self) -> float | None:
        """Of a picture-step, over all that was done lately; None before anything was."""
        return self._all.ratio if self._all.weight else None

    def learn(self, request: Request, seconds: float) -> None:
        images = request.drawing.images
        self._kinds[_kind(request)].learn(request.cost / images, seconds / images)
        self._all.learn(request.cost, seconds)

    def seconds_for(self, request: Request) -> float:
        """Of the device. A kind that was never seen is taken for an average one."""
        if (kind := self._kinds.get(_kind(request))) is None:
            return request.cost * (self.seconds_per_cost or GUESS)
        fixed, a_step = kind.line
        return request.drawing.images * fixed + request.cost * a_step
