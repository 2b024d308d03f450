"""When jobs will be done, and their places in line: worked out and told at most once per turn of the event loop.

A forecast plays the steps that are left of one worker's orders, in the order of their turns, at the costs that the worker told.
Later orders that go first are not known, and decoding is not forecast: what was forecast is kept until the order is done, and the
next forecasts are corrected by how much longer it took.

The time that takes grows with the number of jobs. So a burst of orders, or of the workers' events, is told together at the end of
the event loop's turn; if a ticket is read before that, it is computed at once.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from generation.fair_share import room_beside
from generation.protocol import StepCost
from generation.queue.cost_model import CostModel, Regression
from generation.queue.fair_queue import FairQueue
from generation.queue.lease import Lease, Work, WorkKind
from generation.queue.ticket import Waiting
from generation.queue.worker import Worker
from generation.request import JobId, Request


class Lateness:
    """How much longer orders take than was forecast."""

    def __init__(self) -> None:
        self._line = Regression()

    @property
    def correction(self) -> tuple[float, float]:
        """Fixed seconds, and a factor for what was forecast."""
        return self._line.line if self._line.points > 1 else (0.0, 1.0)

    def learn(self, forecast: float, real: float) -> None:
        """Seconds. What is made least is the error as a share of the real time; where others were cancelled and it was sooner
        than forecast, of the forecast, or that one order would outweigh all others."""
        self._line.learn(forecast, real, weight=1 / max(real, forecast) ** 2)


@dataclass(slots=True, eq=False)
class EtaUpdates:
    jobs: Mapping[JobId, Lease]
    queue: FairQueue
    workers: Sequence[Worker]
    cost_model: CostModel
    clock: Callable[[], float]  # seconds
    _lateness: Lateness = field(default_factory=Lateness, init=False)
    _is_old: bool = field(default=False, init=False)

    def learn(self, job: Lease) -> None:
        """It is done."""
        if job.forecast is not None:
            self._lateness.learn(job.forecast, self.clock() - job.came)

    def outdate(self) -> None:
        """Something changed."""
        if not self._is_old:
            self._is_old = True
            asyncio.get_running_loop().call_soon(self.renew)

    def renew(self) -> None:
        if self._is_old:
            self._is_old = False
            self._tell()

    def _tell(self) -> None:
        ranked = [self.jobs[request.job] for request in self.queue.ranked()]
        forecast = self._forecast(ranked) if self.cost_model.seconds_per_cost is not None else {}
        fixed, factor = self._lateness.correction
        place = 0
        for job in ranked:
            seconds = forecast.get(job)
            job.seconds = None if seconds is None else fixed + factor * seconds
            if job.is_new:
                job.is_new, job.forecast = False, seconds
            if not job.is_started and not job.ticket.is_done:
                place += 1
                progress = Waiting(place=place, seconds=job.seconds)
                if job.ticket.progress != progress:
                    job.ticket.show(progress)

    def _forecast(self, ranked: Sequence[Lease]) -> dict[Lease, float]:
        """Seconds until each is done, if each that waits goes to the worker that has the fewest picture-steps before it."""
        workers = [worker for worker in self.workers if worker.is_ready] or self.workers
        holder = {job: worker for worker in workers for job in worker.leases.values()}
        ahead = {worker: sum(job.left * job.steps for job in worker.leases.values()) for worker in workers}
        works = {worker: list[Lease]() for worker in workers}
        for job in ranked:
            worker = holder.get(job)
            if worker is None:
                worker = min(workers, key=ahead.__getitem__)
                ahead[worker] += job.left * job.steps
            works[worker].append(job)
        return {
            job: seconds
            for worker, own in works.items()
            for job, seconds in zip(own, ends(own, worker.costs, self.cost_model.seconds_for), strict=True)
        }


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
