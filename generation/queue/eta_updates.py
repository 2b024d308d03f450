"""Recomputes places in line and forecasts of all jobs, at most once per turn of the event loop.

The time that takes grows with the number of jobs. So a burst of orders, or of the workers' events, is told together at the end of
the event loop's turn; if a ticket is read before that, it is computed at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from generation.queue.cost_model import CostModel
from generation.queue.eta import Lateness, ends
from generation.queue.fair_queue import FairQueue
from generation.queue.lease import Lease
from generation.queue.ticket import Waiting
from generation.queue.worker import Worker
from generation.request import JobId


@dataclass(slots=True, eq=False)
class EtaUpdates:
    jobs: Mapping[JobId, Lease]
    line: FairQueue
    workers: Sequence[Worker]
    pace: CostModel
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
        ranked = [self.jobs[request.job] for request in self.line.ranked()]
        forecast = self._forecast(ranked) if self.pace.seconds_per_cost is not None else {}
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
            for job, seconds in zip(own, ends(own, worker.costs, self.pace.seconds_for), strict=True)
        }
