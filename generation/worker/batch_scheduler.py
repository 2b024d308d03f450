"""Which pictures take the next step. Pure bookkeeping: no clock, no torch.

Newcomers take their first step before everybody else: it makes their first preview, and the others are held up by one step of
few rows. A draft of a member who is being served, or who had more than others, has no such step: it is soon its turn, or it is
others' turn. Every so often the others go first all the same, so that a flood of newcomers stops nobody.

Then orders go in the order of `generation.fair_share`: who would be done first by equal shares. The BatchKey of the first is
stepped, with as many of the next as the key's cost curve says are worth it.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence, Set

from generation.fair_share import Claim, FairShare, room_beside
from generation.protocol import StepCost
from generation.queue.cost_model import Regression
from generation.request import BatchKey, MemberId, Request
from generation.worker.job import Job, Seat

FIRST_LOOKS = 4
"""Steps of newcomers in a row, after which the others have one."""

NEWS = 0.05
"""Share by which a row's cost has to change to be told again."""

KEPT = 0.99
"""Of the past at every step: the last hundred have two thirds of the weight."""

WORTH = 0.25
"""The knee is where a row costs this share more than it would in an endless batch."""

FIRST, LEAST, MOST = 16, 8, 128
"""Rows: the knee before anything was learned (4 guided pictures and as many again), and its bounds."""

UNKNOWN = 1e-3
"""Seconds of a row before anything was learned."""


class CostCurve:
    """What a step costs by how many rows it has, learned as the loop runs, and how many rows are worth it: a line through
    (rows, seconds).

    A step is taken as a fixed part, which everybody in it shares, and a part for every row. Rows pay while they spread the fixed
    part; beyond the knee a longer step makes everybody wait and hardly anybody faster.
    """

    def __init__(self) -> None:
        self._fit = Regression(KEPT)
        self._largest = 0
        self._warm: set[int] = set()

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


class BatchScheduler:
    def __init__(self) -> None:
        self.shares = FairShare()
        self.curves: defaultdict[BatchKey, CostCurve] = defaultdict(CostCurve)
        self._looks = 0  # steps of newcomers in a row
        self._told: dict[BatchKey, float] = {}  # seconds of a row

    def next_batch(
        self, seats: Sequence[Seat], sizes_of: Callable[[Seat], Sequence[int]] = lambda _: ()
    ) -> list[Seat]:
        """Some of `seats` that share a BatchKey; empty when all are finished. `sizes_of`: the numbers of rows that a step
        with such a seat is padded to. What would be padding goes to the next of the same key: it costs nothing."""
        live = self._ranked(_ready(seats))
        batch = self._best(live)
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

    def _best(self, live: Sequence[Seat]) -> list[Seat]:
        served = {seat.job.request.member for seat in live if seat.job.steps_done > 0}
        news = {seat.job for seat in live if self._is_new(seat.job, served)}
        newcomers = [seat for seat in live if seat.job in news]
        others = [seat for seat in live if seat.job not in news]
        if newcomers and (self._looks < FIRST_LOOKS or not others):
            self._looks += 1
            return self._fill(newcomers)
        self._looks = 0
        return self._fill(others)

    def learn(self, batch: Sequence[Seat], seconds: float) -> None:
        """What a step of `batch` took of the device."""
        self.curves[batch[0].slot.key].learn(_rows(batch), seconds)

    def news(self, batch: Sequence[Seat]) -> StepCost | None:
        """What such steps cost, where it is not what was told last."""
        key, drawing, is_alone = batch[0].slot.key, batch[0].job.request.drawing, batch[0].slot.is_alone
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
        """A flood of one member's drafts is no flood of newcomers."""
        request = job.request
        is_next_of_many = request.is_draft and (
            request.member in served or self.shares.is_ahead(request.guild, request.member)
        )
        return job.steps_done == 0 and not is_next_of_many

    def _fill(self, seats: Sequence[Seat]) -> list[Seat]:
        """The first of `seats`, and of its key as many as are worth it; beside drafts, others only where they hardly count."""
        if not seats:
            return []
        curve = self.curves[seats[0].slot.key]
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

    def _ranked(self, seats: Sequence[Seat]) -> list[Seat]:
        """Best first; a job's pictures together, the one that is furthest behind first."""
        of_job: dict[Job, list[Seat]] = {}
        for seat in seats:
            of_job.setdefault(seat.job, []).append(seat)
        claims = [
            Claim(
                order=own,
                guild=job.request.guild,
                member=job.request.member,
                is_draft=job.request.is_draft,
                total=job.request.drawing.images * self._seconds_for(own[0]),
                had=job.device_seconds,
            )
            for job, own in of_job.items()
        ]
        return [
            seat
            for own in self.shares.ranked(claims)
            for seat in sorted(own, key=lambda seat: seat.slot.step)
        ]

    def _seconds_for(self, seat: Seat) -> float:
        """A picture."""
        return len(seat.slot.table) * self.curves[seat.slot.key].seconds_for(len(seat.slot.rows))


def _ready(seats: Sequence[Seat]) -> list[Seat]:
    """Those that may step: all that are not finished, but for pictures that wait until their model's own is drawn to its end."""
    live = [seat for seat in seats if not seat.slot.is_finished]
    begun = {seat.slot.key.model: seat.slot for seat in live if seat.slot.is_alone and seat.slot.step}
    return [
        seat
        for seat in live
        if not seat.slot.is_alone or begun.get(seat.slot.key.model, seat.slot) is seat.slot
    ]


def _rows(batch: Sequence[Seat]) -> int:
    return sum(len(seat.slot.rows) for seat in batch)
