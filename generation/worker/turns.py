"""Which pictures take the next step. Pure bookkeeping: no clock, no torch.

Newcomers take their first step before everybody else: it makes their first preview, and the others are held up by one step of
few rows. Every so often the others go first all the same, so that a flood of newcomers stops nobody.

Then orders are ranked by what their member will have received, in device seconds, when the order is done: what the member has
received lately (attained service) plus what is left of the order. So the short goes before the long, and who has had much
goes after who has had little. What the device does while an order is here is credited to it (ageing), so that a long order is
overtaken only by what comes within a bounded time. The BatchKey of the best-ranked order is stepped, with as many of the next
in rank as the key's cost curve says are worth it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from generation.request import BatchKey, JobId, MemberId
from generation.worker.curve import CostCurve
from generation.worker.jobs import Job, Seat, jobs_of

FIRST_LOOKS = 4
"""Steps of newcomers in a row, after which the others have one."""

AGEING = 0.1
"""Seconds credited to an order for each second that the device has worked since the order came."""

MEMORY = 60.0
"""Device seconds after which what a member has received counts a third."""


@dataclass(slots=True)
class Accounts:
    """What each member has received lately, in device seconds."""

    served: float = field(default=0.0, init=False)  # device seconds in all
    _attained: dict[MemberId, tuple[float, float]] = field(
        default_factory=dict[MemberId, tuple[float, float]], init=False
    )  # seconds, and what `served` was then

    def charge(self, member: MemberId, seconds: float) -> None:
        self.served += seconds
        self._attained[member] = (self.attained(member) + seconds, self.served)

    def attained(self, member: MemberId) -> float:
        seconds, then = self._attained.get(member, (0.0, self.served))
        return seconds * math.exp((then - self.served) / MEMORY)

    def forget(self) -> None:
        """Members of whose service next to nothing counts any more."""
        lately = self.served - 10 * MEMORY
        self._attained = {member: kept for member, kept in self._attained.items() if kept[1] > lately}


class Turns:
    def __init__(self) -> None:
        self.accounts = Accounts()
        self.curves: defaultdict[BatchKey, CostCurve] = defaultdict(CostCurve)
        self._came: dict[JobId, float] = {}  # what the device had served when the job was first seen
        self._looks = 0  # steps of newcomers in a row

    def next_batch(self, seats: Sequence[Seat]) -> list[Seat]:
        """Some of `seats` that share a BatchKey; empty when all are finished."""
        live = [seat for seat in seats if not seat.slot.is_finished]
        self.accounts.forget()
        self._came = {job.id: self._came.get(job.id, self.accounts.served) for job in jobs_of(live)}
        newcomers = [seat for seat in live if seat.job.steps_done == 0]
        others = [seat for seat in live if seat.job.steps_done > 0]
        if newcomers and (self._looks < FIRST_LOOKS or not others):
            self._looks += 1
            return self._fill(newcomers)
        self._looks = 0
        return self._fill(self._ranked(others))

    def learn(self, batch: Sequence[Seat], seconds: float) -> None:
        """What a step of `batch` took of the device."""
        self.curves[batch[0].slot.key].learn(sum(len(seat.slot.rows) for seat in batch), seconds)

    def _fill(self, seats: Sequence[Seat]) -> list[Seat]:
        """The first of `seats`, and of its key as many as are worth it."""
        batch: list[Seat] = []
        rows = 0
        for seat in seats:
            if seat.slot.key != seats[0].slot.key:
                continue
            rows += len(seat.slot.rows)
            if batch and rows > self.curves[seats[0].slot.key].knee:
                break
            batch.append(seat)
        return batch

    def _ranked(self, seats: Sequence[Seat]) -> list[Seat]:
        """Best first; a job's pictures together, the one that is furthest behind first."""
        of_job: dict[Job, list[Seat]] = {}
        for seat in seats:
            of_job.setdefault(seat.job, []).append(seat)
        rank = {job: self._rank(job, own) for job, own in of_job.items()}
        return [
            seat
            for job in sorted(of_job, key=lambda job: rank[job])  # stable: equals in order of arrival
            for seat in sorted(of_job[job], key=lambda seat: seat.slot.step)
        ]

    def _rank(self, job: Job, seats: Sequence[Seat]) -> float:
        left = sum(self._seconds_left(seat) for seat in seats)
        age = self.accounts.served - self._came[job.id]
        return self.accounts.attained(job.request.member) + left - AGEING * age

    def _seconds_left(self, seat: Seat) -> float:
        steps = len(seat.slot.table) - seat.slot.step
        return steps * self.curves[seat.slot.key].seconds_for(len(seat.slot.rows))
