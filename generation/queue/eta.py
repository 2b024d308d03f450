"""Estimates when jobs will be done, and their positions in the queue. Recomputes at most once per turn of the event loop.

A forecast simulates the remaining steps of one worker's jobs, in the order of their turns, at the step costs that the worker
reported. It does not include decoding, or later jobs that overtake. So each job's first forecast is stored until the job is done.
The next forecasts are corrected by the measured delay.

A forecast takes longer with more jobs. So a burst of new jobs or worker events leads to one update at the end of the event loop's
turn. If a ticket is read before that, the update is computed immediately.
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
from generation.queue.ticket import Download, Waiting
from generation.queue.worker import Worker
from generation.request import JobId, Request


class Lateness:
    """The delay of jobs relative to their forecast, learned from finished jobs."""

    def __init__(self) -> None:
        self._line = Regression()

    @property
    def correction(self) -> tuple[float, float]:
        """Returns the fixed seconds to add, and the factor for the forecast."""
        return self._line.line if self._line.points > 1 else (0.0, 1.0)

    def learn(self, forecast: float, real: float) -> None:
        """Learns one job's forecast and real duration, in seconds.

        The fit minimises the error relative to the real time. A job that ended sooner than forecast, because others were
        cancelled, is weighted relative to the forecast. Otherwise that one job would outweigh all others.
        """
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
        """Learns from a job that is done."""
        if job.forecast is not None:
            self._lateness.learn(job.forecast, self.clock() - job.came)

    def outdate(self) -> None:
        """Schedules an update because a job or a worker changed."""
        if not self._is_old:
            self._is_old = True
            asyncio.get_running_loop().call_soon(self.renew)

    def renew(self) -> None:
        if self._is_old:
            self._is_old = False
            self._tell()

    def _tell(self) -> None:
        every = [self.jobs[request.job] for request in self.queue.ranked()]
        downloads = {job: download for job in every if (download := self._download(job)) is not None}
        ranked = [job for job in every if job not in downloads]
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
        for job, download in downloads.items():
            job.is_new, job.forecast, job.seconds = False, None, None  # the download is part of its wait
            place += 1
            progress = Waiting(place=place, seconds=None, download=download)
            if not job.ticket.is_done and job.ticket.progress != progress:
                job.ticket.show(progress)

    def _download(self, job: Lease) -> Download | None:
        """Returns the download that the job waits for: at its worker, or at every worker that it could go to."""
        if job.is_started:
            return None
        for worker in self.workers:
            if job.request.job in worker.leases:
                return worker.download_for(job)
        found = [worker.download_for(job) for worker in self.workers if worker.is_ready]
        return found[0] if found and None not in found else None

    def _forecast(self, ranked: Sequence[Lease]) -> dict[Lease, float]:
        """Returns seconds until each job is done. Assumes that each waiting job goes to the worker with the fewest picture-steps
        left.
        """
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
    """Returns seconds until each job is done. `works` is in the order of their turns.

    `seconds_for`: estimated device seconds of a job, used if the worker has not reported its step cost.
    """
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
    """Returns how many pictures of each job take the next step, by the same rules as the worker."""
    first = next(iter(waiting.values()))
    batch: dict[int, int] = {}
    taken, room, is_beside_drafts = 0, cost.at_once, False
    for number, work in waiting.items():
        if work.kind != first.kind or work.loras != first.loras:
            continue
        if is_beside_drafts and not work.is_draft:
            beside = room_beside(taken, cost.fixed, cost.a_picture, most=cost.at_once)
            room = min(room, beside)
        if taken >= room:
            break
        batch[number] = min(work.at_once, room - taken)
        taken += batch[number]
        is_beside_drafts = work.is_draft
    return batch
