"""Estimates the device seconds of jobs. Learns from finished jobs. No clock."""

from collections import defaultdict

from generation.request import GenerationRequest, Request

GUESS = 0.01
"""Seconds of a picture-step before the first measurement. Until then only the ratios matter."""


class Regression:
    """A straight line y = fixed + slope · x by weighted least squares. Neither part is below 0."""

    def __init__(self, kept: float = 0.9) -> None:
        """`kept`: the factor for the weight of older points at every new point. With 0.9 the last ten points have two thirds of
        the weight.
        """
        self.points = 0  # points learned in total
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
        """Returns the sum of y divided by the sum of x. Defined only after the first point."""
        return self._y / self._x

    @property
    def line(self) -> tuple[float, float]:
        """Returns the fixed part and the slope; (0, 0) before the first point."""
        if not self.weight:
            return 0.0, 0.0
        spread = self.weight * self._xx - self._x**2
        if spread <= 1e-6 * self._x**2:  # only one value of x so far: only the cost of one unit is known
            return 0.0, self.ratio
        slope = (self.weight * self._xy - self._x * self._y) / spread
        slope = min(max(slope, 0.0), self.ratio)
        return (self._y - slope * self._x) / self.weight, slope


def _kind(request: Request) -> tuple[object, ...]:
    """Returns the kind of a request. Requests of one kind differ only in steps and number of pictures, or in pixels."""
    if isinstance(request, GenerationRequest):
        drawing = request.drawing
        # The fixed part of a tile is another: it has a share of the enlarging.
        return (drawing.model, drawing.size, drawing.guidance != 1.0, bool(request.tiles))
    return ("enlargement", request.factor)


def _amount(request: Request) -> float:
    """Returns what the time of a request of its kind grows with: picture-steps, or the pixels that are enlarged."""
    return request.cost if isinstance(request, GenerationRequest) else request.pixels


def _parts(request: Request) -> int:
    return request.parts if isinstance(request, GenerationRequest) else 1


class CostModel:
    """The device seconds of a picture: a fixed part, such as decoding, and a part for every step; of an upscale, for every pixel.

    A job's device seconds are its share of the batches that it was in. So the shares of jobs that ran together add up to the time
    that passed. The loading of a model does not make jobs look slow.
    """

    def __init__(self) -> None:
        self._kinds: defaultdict[object, Regression] = defaultdict(Regression)
        self._all = Regression()

    @property
    def seconds_per_cost(self) -> float | None:
        """Returns device seconds of a picture-step, averaged over the latest jobs; None before the first job has finished."""
        return self._all.ratio if self._all.weight else None

    def learn(self, request: Request, seconds: float) -> None:
        parts = _parts(request)
        self._kinds[_kind(request)].learn(_amount(request) / parts, seconds / parts)
        self._all.learn(request.cost, seconds)

    def seconds_for(self, request: Request) -> float:
        """Estimates device seconds. A kind without measurements is treated as an average one."""
        if (kind := self._kinds.get(_kind(request))) is None:
            return request.cost * (self.seconds_per_cost or GUESS)
        fixed, a_step = kind.line
        return _parts(request) * fixed + _amount(request) * a_step
