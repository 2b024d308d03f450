"""One queue of jobs for any number of workers: chooses the worker for each job, and retries failed jobs.

The queue decides which job is next. It is asked as late as possible: a worker gets only enough jobs to fill its slots. Drafts,
and jobs of members with no running job, do not wait for another member's long job: a worker takes up to as many extra pictures of
them. All code runs on one event loop, between two awaits; there are no locks.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from generation import protocol
from generation.abilities import Abilities
from generation.logs import of_job
from generation.protocol import Configure, JobEvent, TooLarge
from generation.queue.connection import WorkerDied, open_connection
from generation.queue.cost_model import CostModel
from generation.queue.eta import EtaUpdates
from generation.queue.fair_queue import FairQueue
from generation.queue.lease import Lease
from generation.queue.ticket import (
    Download,
    GenerationError,
    GenerationFailed,
    JobCancelled,
    JobParked,
    LineFull,
    Pictures,
    Progress,
    QueueClosed,
    Ticket,
)
from generation.queue.worker import Connect, Worker
from generation.request import JobId, MemberId, ModelName, Request

log = logging.getLogger(__name__)

WORTH_ANOTHER_TRY = {"memory", "numbers", "bug"}
MOST_HELD = 256 * 2**20
"""Bytes of finished pictures that are not stored yet. With more, workers get no further jobs: the memory stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherState:
    is_ready: bool  # a worker takes jobs; its default model may still be broken
    device: str  # the names of the workers' cards; empty before the first worker was ready
    waiting: int  # jobs
    running: int  # jobs sent to workers
    seated: int  # pictures being denoised
    broken_models: Mapping[ModelName, str]  # the models that are broken at a worker, with the reason
    seconds_per_cost: float | None  # None before the first job has finished


class Dispatcher:
    """The dispatcher. Any task on the event loop may submit jobs. `run` is the only task that talks to the workers."""

    def __init__(
        self,
        configure: Configure,
        workers: Sequence[Connect] = (open_connection,),
        *,
        max_waiting: int = 200,
        retries: int = 2,
        member_running: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`workers`: one function per worker that connects to it. `max_waiting`: jobs, at least 1. `retries`: how often a job is
        sent again after its worker died. `member_running`: pictures of one member that workers may have; a member's only job is
        sent however large it is.
        """
        self._max_waiting = max_waiting
        self._retries = retries
        self._member_running = member_running
        self._clock = clock
        self._jobs: dict[JobId, Lease] = {}
        self._held: dict[JobId, int] = {}  # bytes of finished pictures that are not stored yet
        self._cost_model = CostModel()
        self._queue = FairQueue(self._cost_model.seconds_for, configure.weights)
        self._workers = [
            Worker(configure, connect, self._hear, self._move, self._take_back, clock) for connect in workers
        ]
        self._eta = EtaUpdates(self._jobs, self._queue, self._workers, self._cost_model, clock)
        self._ready = asyncio.Event()
        self._is_closed = False

    @property
    def state(self) -> DispatcherState:
        workers = self._workers
        return DispatcherState(
            is_ready=any(worker.is_ready for worker in workers),
            device=" + ".join(worker.device for worker in workers if worker.device),
            waiting=len(self._queue),
            running=sum(len(worker.leases) for worker in workers),
            seated=sum(worker.seated for worker in workers),
            broken_models={model: why for worker in workers for model, why in worker.broken.items()},
            seconds_per_cost=self._cost_model.seconds_per_cost,
        )

    async def wait_for_ready(self) -> None:
        """Waits until a worker takes jobs. Never returns if no worker can be started."""
        await self._ready.wait()

    async def run(self) -> None:
        """Runs the workers until cancelled, then stops them. Every ticket stays open: another `run` would continue the jobs."""
        async with asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(worker.run())

    # ---- called by other parts

    def check_room(self, more: int = 0) -> None:
        """Raises QueueClosed after `park`, and LineFull if the queue is full, or would be with so many jobs more.

        LineFull holds the expected wait of the last job in the queue.
        """
        if self._is_closed:
            raise QueueClosed
        if len(self._queue) + more >= self._max_waiting:
            self._eta.renew()
            last = next(
                iter([*self._queue][-1:]), None
            )  # the queue is empty where the jobs more fill it alone
            seconds = self._jobs[last.job].seconds if last is not None else None
            raise LineFull(waiting=len(self._queue), seconds=seconds)

    def submit(self, request: Request, *, force: bool = False) -> Ticket:
        """Adds a job to the queue and returns its ticket. A job that is already known keeps its ticket.

        `force` ignores the limit, for jobs that were accepted before a restart. Raises LineFull, QueueClosed.
        """
        if (known := self._jobs.get(request.job)) is not None:
            return known.ticket
        if not force:
            self.check_room()
        ticket = Ticket(request.job, self._eta.renew)
        if self._is_closed:
            ticket.fail(JobParked(request.job))
            return ticket
        self._jobs[request.job] = Lease(request=request, ticket=ticket, came=self._clock())
        self._queue.put(request)
        self._move()
        return ticket

    def abilities_of(self, model: ModelName) -> Abilities | None:
        """Returns what the model can do; None until a worker has told it."""
        return next((worker.abilities[model] for worker in self._workers if model in worker.abilities), None)

    def download_of(self, model: ModelName) -> Download | None:
        """Returns the download that the model's orders wait for; None if they wait for none."""
        return next((worker.downloads[model] for worker in self._workers if model in worker.downloads), None)

    def progress_of(self, job: JobId) -> Progress | None:
        """Returns the progress of a waiting or running job; None for other jobs."""
        known = self._jobs.get(job)
        return None if known is None or known.ticket.is_done else known.ticket.progress

    def cancel(self, job: JobId) -> bool:
        """Cancels a job: its ticket fails immediately with JobCancelled. The slots of a running job are free after its next step.

        Returns False if there is no such job any more.
        """
        known = self._jobs.get(job)
        if known is None or known.ticket.is_done:
            return False
        known.ticket.fail(JobCancelled(job))
        for worker in self._workers:
            if job in worker.leases:
                worker.cancel(job)
                break
        else:
            self._forget(known)
        self._move()
        return True

    def release(self, job: JobId) -> None:
        """The caller has stored a finished job's pictures, or does not need them. Until then they count as held in memory."""
        if self._held.pop(job, None) is not None:
            self._move()

    def park(self) -> None:
        """Fails every open ticket with JobParked, and takes no more jobs. Called once, before `run` is cancelled for good."""
        self._is_closed = True
        for job in self._jobs.values():
            job.ticket.fail(JobParked(job.request.job))

    # ---- called by workers

    def _hear(self, job: Lease, event: JobEvent) -> None:
        request = job.request
        with of_job(request.job, request.drawing.prompt):
            match event:
                case protocol.Finished(pictures=pictures, device_seconds=seconds):
                    self._cost_model.learn(request, seconds)
                    self._eta.learn(job)
                    self._forget(job, seconds)
                    if not job.ticket.is_done:
                        self._held[event.job] = sum(map(len, pictures))
                    job.ticket.resolve(Pictures(job=event.job, pictures=pictures, device_seconds=seconds))
                case protocol.Failed(kind=kind, reason=reason):
                    if kind in WORTH_ANOTHER_TRY and not job.has_failed and not job.ticket.is_done:
                        log.warning("failed (%s: %s) and is tried once more", kind, reason)
                        job.has_failed = True
                        job.runs_alone |= kind == "memory"
                        self._return(job)
                    else:
                        self._fail(job, GenerationFailed(event.job, kind, reason))
                case protocol.Cancelled():
                    self._fail(job, JobCancelled(event.job))  # no effect if the job was cancelled here
                case _:
                    job.hear(event)
                    self._queue.worked(event.job, 1 - job.left)
        # A step changes no other job. Estimates are renewed with each preview, about once a second; an upscale has no previews.
        if isinstance(event, protocol.Stepped) and job.kind is None:
            self._eta.outdate()
        if not isinstance(event, protocol.Started | protocol.Stepped):
            self._move()

    def _take_back(self, jobs: Sequence[Lease], death: WorkerDied | None) -> None:
        """Requeues the jobs of a worker. It is unknown which job killed the worker, so each of them counts a crash."""
        for job in jobs:
            if death is not None:
                job.crashes += 1
                job.runs_alone |= job.crashes == self._retries
            if job.ticket.is_done:  # it was cancelled, and the worker can't confirm that any more
                self._forget(job)
            elif death is not None and job.crashes > self._retries:
                reason = f"{death.reason}, exit code {death.exit_code}"
                self._fail(job, GenerationFailed(job.request.job, "crash", reason))
            else:
                self._return(job)
        self._move()

    # ---- queue and leases

    def _move(self) -> None:
        """Sends jobs while there is room, and schedules an update of positions and ETAs. Called after every change."""
        if any(worker.is_ready for worker in self._workers):
            self._ready.set()
        else:
            self._ready.clear()
        while (found := self._next()) is not None:
            job, worker = found
            self._queue.take(job.request.job)
            try:
                worker.give(job)
            except TooLarge as refusal:
                reason = f"{refusal.size} bytes are too many"
                self._fail(job, GenerationFailed(job.request.job, "too-large", reason))
        self._eta.outdate()

    def _next(self) -> tuple[Lease, Worker] | None:
        """Returns the first job in the queue for which a worker has room, and the worker with the fewest pictures among those."""
        workers = [worker for worker in self._workers if worker.is_open]
        if not workers or not len(self._queue) or sum(self._held.values()) > MOST_HELD:
            return None
        full = {worker for worker in workers if worker.is_full}
        broken = set.intersection(*(set(worker.broken) for worker in self._workers if worker.is_ready))
        set_aside = set[Lease]()
        out = Counter[MemberId]()  # pictures
        for worker in self._workers:
            for job in worker.active:
                out[job.request.member] += job.request.drawing.images

        def room(request: Request) -> Sequence[Worker]:
            """Returns the workers that may take the job. Workers where its model is broken count only if it is broken at all
            workers.
            """
            own, job = out[request.member], self._jobs[request.job]
            if job in set_aside or (own and own + request.drawing.images > self._member_running):
                return ()
            is_beyond, model = not own or job.is_draft, job.kind and job.kind[0]
            return [
                worker
                for worker in workers
                if (is_beyond or worker not in full)
                and (model in broken or model not in worker.broken)
                and model not in worker.downloads
            ]

        while (first := self._queue.first(lambda request: bool(room(request)))) is not None:
            job = self._jobs[first.job]
            worker = min(room(first), key=lambda worker: worker.pictures)
            if not (job.runs_alone and worker.active):
                return job, worker
            set_aside.add(job)
            workers.remove(worker)  # it gets no more jobs until it is empty; the others continue
        return None

    def _return(self, job: Lease) -> None:
        job.rewind()
        self._queue.put_back(job.request.job)

    def _fail(self, job: Lease, error: GenerationError) -> None:
        self._forget(job)
        job.ticket.fail(error)

    def _forget(self, job: Lease, device_seconds: float | None = None) -> None:
        self._queue.remove(job.request.job, device_seconds)
        del self._jobs[job.request.job]
