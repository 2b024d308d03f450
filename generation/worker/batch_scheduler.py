"""Decides which pictures take the next step. Pure bookkeeping: no clock, no torch.

A new job takes its first step before all others. This gives its first preview, and delays the others by one small step. A draft
gets no such step if its member has a running job or had more than an equal share: it is served soon by its normal turn, or others
are due first. After every few such steps the others go first, so that many new jobs do not block them.

Otherwise jobs go in the order of `generation.fair_share`: the job that would end first under equal shares goes first. Its
BatchKey is stepped, with as many of the next pictures of that key as its cost curve says are useful. Upscales have their turns in
the same order.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from generation.fair_share import Claim, FairShare, room_beside
from generation.protocol import StepCost
from generation.queue.cost_model import Regression
from generation.request import CostKey, GuildId, MemberId, Request, UpscaleRequest
from generation.worker.job import Job, Seat

FIRST_LOOKS = 4
"""First steps of new jobs in a row. After them the other jobs have one step."""

NEWS = 0.05
"""The share by which a row's cost must change before it is reported again."""

KEPT = 0.99
"""The factor for the weight of the past at every step. With it, the last hundred steps have two thirds of the weight."""

WORTH = 0.25
"""At the knee, a row costs this share more than it would in an endless batch."""

FIRST, LEAST, MOST = 16, 8, 128
"""Rows: the knee before the first measurement (4 guided pictures, and as many again), and its bounds."""

UNKNOWN = 1e-3
"""Seconds of a row before the first measurement."""


class CostCurve:
    """The cost of a step by its number of rows, and the useful number of rows: a straight line through (rows, seconds).

    A step has a fixed cost, which all its rows share, and a cost for every row. More rows are useful while they spread the fixed
    cost. Beyond the knee, a longer step makes every member wait longer and speeds up hardly any job.
    """

    def __init__(self) -> None:
        self._fit = Regression(KEPT)
        self._largest = 0
        self._warm: set[int] = set()

    def learn(self, rows: int, seconds: float) -> None:
        if rows not in self._warm:  # the first call of a size selects and loads its kernels
            self._warm.add(rows)
            return
        self._largest = max(self._largest, rows)
        self._fit.learn(rows, seconds)

    @property
    def line(self) -> tuple[float, float]:
        """Returns the seconds of the fixed part and of a row, neither below 0; (0, 0) before the first measurement."""
        return self._fit.line

    @property
    def knee(self) -> int:
        """Returns the useful number of rows in one step: at most twice the largest measured number."""
        fixed, a_row = self.line
        if not self._fit.weight or fixed == 0.0:
            return FIRST
        wanted = MOST if a_row * MOST * WORTH <= fixed else math.ceil(fixed / (a_row * WORTH))
        return max(LEAST, min(wanted, 2 * max(self._largest, FIRST // 2), MOST))

    def room_beside(self, rows: int) -> int:
        """Returns the rows of a step that takes hardly longer than one of `rows` rows. These are included."""
        fixed, a_row = self.line
        return rows if fixed == 0.0 else room_beside(rows, fixed, a_row, most=MOST)

    def seconds_for(self, rows: int) -> float:
        """Returns device seconds of `rows` rows in one step, if the step is filled up to the knee."""
        fixed, a_row = self.line
        return rows * (a_row + fixed / self.knee) or rows * UNKNOWN


class BatchScheduler:
    def __init__(self, weights: Mapping[GuildId, float] | None = None) -> None:
        """`weights`: as for `FairShare`."""
        self.shares = FairShare(weights)
        self.curves: defaultdict[CostKey, CostCurve] = defaultdict(CostCurve)
        self._upscales = Regression()
        self._looks = 0  # first steps of new jobs in a row
        self._told: dict[CostKey, float] = {}  # seconds of a row

    def next_work(
        self,
        seats: Sequence[Seat],
        sizes_of: Callable[[Seat], Sequence[int]] = lambda _: (),
        upscales: Iterable[UpscaleRequest] = (),
    ) -> list[Seat] | UpscaleRequest:
        """Returns some of `seats` that share a BatchKey, or the upscale that is due before them; an empty list if all are
        finished.

        `sizes_of`: the numbers of rows to which a step with that seat is padded. The next pictures of the same key take the place
        of padding, because this costs nothing.
        """
        ranked = self._ranked(_ready(seats), upscales)
        live = [one for one in ranked if isinstance(one, Seat)]
        newcomers = self._newcomers(live)
        if newcomers and (self._looks < FIRST_LOOKS or len(newcomers) == len(ranked)):
            self._looks += 1
            return self._filled(self._fill(newcomers), live, sizes_of)
        self._looks = 0
        new = {id(seat) for seat in newcomers}
        others = [one for one in ranked if id(one) not in new]
        if others and isinstance(others[0], UpscaleRequest):
            return others[0]
        return self._filled(self._fill([one for one in others if isinstance(one, Seat)]), live, sizes_of)

    def _newcomers(self, live: Sequence[Seat]) -> list[Seat]:
        served = {seat.job.request.member for seat in live if seat.job.steps_done > 0}
        news = {seat.job for seat in live if self._is_new(seat.job, served)}
        return [seat for seat in live if seat.job in news]

    @staticmethod
    def _filled(
        batch: list[Seat], live: Sequence[Seat], sizes_of: Callable[[Seat], Sequence[int]]
    ) -> list[Seat]:
        """Returns the batch with pictures in place of padding."""
        if not batch or batch[0].slot.is_alone or not (sizes := sizes_of(batch[0])):
            return batch
        rows = _rows(batch)
        room = next((size for size in sizes if size >= rows), rows) - rows
        there = {id(seat) for seat in batch}
        for seat in live:
            if id(seat) not in there and seat.slot.key == batch[0].slot.key and len(seat.slot.rows) <= room:
                batch.append(seat)
                room -= len(seat.slot.rows)
        return batch

    def learn(self, batch: Sequence[Seat], seconds: float) -> None:
        """Learns the device seconds that a step of `batch` took."""
        self.curves[batch[0].slot.key.cost_key].learn(_rows(batch), seconds)

    def learn_upscale(self, seconds: float) -> None:
        self._upscales.learn(1, seconds)

    def news(self, batch: Sequence[Seat]) -> StepCost | None:
        """Returns the cost of such steps if it differs from the last report, otherwise None."""
        key, drawing, is_alone = (
            batch[0].slot.key.cost_key,
            batch[0].job.request.drawing,
            batch[0].slot.is_alone,
        )
        curve, rows = self.curves[key], _rows(batch) / len(batch)
        fixed, a_row = curve.line
        told = self._told.get(key, 0.0)
        now = curve.seconds_for(1)
        is_known = a_row > 0 if is_alone else fixed > 0
        if not is_known or abs(now - told) <= NEWS * told:
            return None
        self._told[key] = now
        at_once = 1 if is_alone else max(1, math.floor(curve.knee / rows))
        return StepCost(
            model=drawing.model, size=drawing.size, fixed=fixed, a_picture=a_row * rows, at_once=at_once
        )

    def charge(self, request: Request, seconds: float) -> None:
        self.shares.charge(request.guild, request.member, seconds, is_draft=request.is_draft)

    def _is_new(self, job: Job, served: Set[MemberId]) -> bool:
        """Returns whether the job may take its first step early. A member's second draft may not, so one member's drafts do not
        block others.
        """
        request = job.request
        is_next_of_many = request.is_draft and (
            request.member in served or self.shares.is_ahead(request.guild, request.member)
        )
        return job.steps_done == 0 and not is_next_of_many

    def _fill(self, seats: Sequence[Seat]) -> list[Seat]:
        """Returns the first of `seats` and as many more of its key as are useful. Others join drafts only if they hardly lengthen
        the step.
        """
        if not seats:
            return []
        curve = self.curves[seats[0].slot.key.cost_key]
        batch: list[Seat] = []
        rows, room = 0, 0 if seats[0].slot.is_alone else curve.knee
        for seat in seats:
            if seat.slot.key != seats[0].slot.key:
                continue
            if batch and batch[-1].job.request.is_draft and not seat.job.request.is_draft:
                room = min(room, curve.room_beside(rows))
            rows += len(seat.slot.rows)
            if batch and rows > room:
                break
            batch.append(seat)
        return batch

    def _ranked(
        self, seats: Sequence[Seat], upscales: Iterable[UpscaleRequest]
    ) -> list[Seat | UpscaleRequest]:
        """Sorts by rank, best first. A job's pictures stay together, the one with the fewest steps done first."""
        of_job: dict[Job, list[Seat]] = {}
        for seat in seats:
            of_job.setdefault(seat.job, []).append(seat)
        claims: list[Claim[list[Seat] | UpscaleRequest]] = [
            Claim(
                order=own,
                guild=job.request.guild,
                member=job.request.member,
                is_draft=job.request.is_draft,
                total=job.request.parts * self._seconds_for(own[0]),
                had=job.device_seconds,
            )
            for job, own in of_job.items()
        ]
        claims += [
            Claim[list[Seat] | UpscaleRequest](
                order=request,
                guild=request.guild,
                member=request.member,
                is_draft=request.is_draft,
                total=self._upscales.ratio if self._upscales.points else request.cost * UNKNOWN,
                had=0.0,
            )
            for request in upscales
        ]
        ranked: list[Seat | UpscaleRequest] = []
        for own in self.shares.ranked(claims):
            ranked += (
                [own] if isinstance(own, UpscaleRequest) else sorted(own, key=lambda seat: seat.slot.step)
            )
        return ranked

    def _seconds_for(self, seat: Seat) -> float:
        """Returns estimated device seconds of one picture."""
        return len(seat.slot.table) * self.curves[seat.slot.key.cost_key].seconds_for(len(seat.slot.rows))


def _ready(seats: Sequence[Seat]) -> list[Seat]:
    """Returns the seats that may take a step: all unfinished ones. A model that draws pictures alone draws one of them to its end
    before the next.
    """
    live = [seat for seat in seats if not seat.slot.is_finished]
    begun = {seat.slot.key.model: seat.slot for seat in live if seat.slot.is_alone and seat.slot.step}
    return [
        seat
        for seat in live
        if not seat.slot.is_alone or begun.get(seat.slot.key.model, seat.slot) is seat.slot
    ]


def _rows(batch: Sequence[Seat]) -> int:
    return sum(len(seat.slot.rows) for seat in batch)
