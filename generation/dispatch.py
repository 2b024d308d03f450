"""Hands requests to the worker, keeps what is out until it comes back, tries again, says how long it takes.

Who is next is the line's decision and is taken as late as possible: no more is handed out than keeps the
worker's slots filled. Everything happens on one event loop, between two awaits; there are no locks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from generation import messages
from generation.line import WaitingLine
from generation.link import OrderTooLarge, WorkerDied, open_link
from generation.messages import Configure, Event, Message
from generation.pace import Pace, Work, costs_until_start
from generation.request import GenerationRequest, JobId, MemberId, ModelName, Request
from generation.ticket import (
    GenerationError,
    GenerationFailed,
    JobCancelled,
    LineFull,
    Pictures,
    Running,
    Ticket,
    Waiting,
)

log = logging.getLogger(__name__)

JobEvent = messages.Started | messages.Stepped | messages.Finished | messages.Failed | messages.Cancelled

WORTH_ANOTHER_TRY = {"memory", "bug"}
FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
"""Seconds between a worker's death and the next start, doubled every time."""

SOUND_LIFE = 60.0
"""Seconds. A worker that lived longer did not die of how it was started: the delay begins anew."""


class Connection(Protocol):
    """A worker, as far as jobs go: `Link`, or one in this process."""

    def send(self, order: Message) -> None: ...
    async def receive(self) -> Event: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchState:
    is_ready: bool  # a worker takes jobs; its default model may still be among the broken
    device: str  # what the card calls itself; empty before the first worker was ready
    waiting: int  # jobs
    running: int  # jobs handed to the worker
    broken_models: Mapping[ModelName, str]  # and why
    seconds_per_cost: float | None  # None before anything was finished
    strains: Mapping[str, int]  # how often a worker did what for want of memory: messages.Strained.action


@dataclass(slots=True, eq=False, kw_only=True)
class _Job:
    """From submit until the ticket is done and the worker has let go."""

    request: Request
    ticket: Ticket
    is_started: bool = False
    done: int = 0  # picture-steps
    total: int = 0
    preview: bytes | None = None
    crashes: int = 0  # workers that died with it
    failures: int = 0

    @property
    def work(self) -> Work:
        left = 1 - self.done / self.total if self.total else 1
        return Work(pictures=self.request.images, cost=left * self.request.cost)

    def rewind(self) -> None:
        self.is_started, self.done, self.total, self.preview = False, 0, 0, None


class Dispatch:
    """Submit from anywhere on the event loop; `run` is the one task that talks with the worker."""

    def __init__(
        self,
        configure: Configure,
        *,
        max_waiting: int = 200,
        retries: int = 2,
        patience: float = 120,
        command: Sequence[str] | None = None,
        connect: Callable[[], AbstractAsyncContextManager[Connection]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """max_waiting: jobs, at least 1. retries: how often a job whose worker died is handed out again.
        patience: as for `open_link`. connect: in place of starting a process."""
        self._configure = configure
        self._max_waiting = max_waiting
        self._retries = retries
        self._connect = connect or (lambda: open_link(configure, command=command, patience=patience))
        self._clock = clock
        # Handed out beyond the slots, so that none stands empty while a finished job is decoded and sent.
        self._window = configure.slots + max(1, configure.slots // 4)  # pictures
        # As much again is kept for members who have nothing out: they need not wait for somebody's long order to end.
        self._window_and_reserve = 2 * self._window
        self._jobs: dict[JobId, _Job] = {}
        self._line = WaitingLine()
        self._leases: dict[JobId, _Job] = {}  # handed out and not back, oldest first
        self._pace = Pace()
        self._link: Connection | None = None
        self._ready = asyncio.Event()
        self._device = ""
        self._broken: dict[ModelName, str] = {}
        self._strains: Counter[str] = Counter()

    @property
    def state(self) -> DispatchState:
        return DispatchState(
            is_ready=self._ready.is_set(),
            device=self._device,
            waiting=len(self._line),
            running=len(self._leases),
            broken_models=dict(self._broken),
            seconds_per_cost=self._pace.seconds_per_cost,
            strains=dict(self._strains),
        )

    async def wait_for_ready(self) -> None:
        """Until a worker takes jobs. Forever, where none can be started."""
        await self._ready.wait()

    # ---- what callers ask

    def check_room(self) -> None:
        """Raises LineFull, with the wait of the last in line."""
        if len(self._line) >= self._max_waiting:
            _, seconds = list(self._expectations())[-1]
            raise LineFull(waiting=len(self._line), seconds=seconds)

    def submit(self, request: Request, *, force: bool = False) -> Ticket:
        """A job that is known already keeps its ticket. `force` is for jobs accepted before a restart.

        Raises LineFull.
        """
        if (known := self._jobs.get(request.job)) is not None:
            return known.ticket
        if not force:
            self.check_room()
        job = _Job(request=request, ticket=Ticket(request.job))
        self._jobs[request.job] = job
        self._line.put(request)
        self._move()
        return job.ticket

    def cancel(self, job: JobId) -> bool:
        """The ticket fails at once with JobCancelled; a running job's slots are free after its next step.

        False where there is no such job any more.
        """
        known = self._jobs.get(job)
        if known is None or known.ticket.is_done:
            return False
        known.ticket.fail(JobCancelled(job))
        if job in self._leases:
            # Stays leased until the worker has let go, so that its slots are not given away twice.
            if self._link is not None:
                self._link.send(messages.Cancel(job=job))
        else:
            self._line.remove(job)
            del self._jobs[job]
        self._move()
        return True

    # ---- the worker's life

    async def run(self) -> None:
        """Until cancelled. Then the worker is stopped and every ticket stays open: the jobs are not lost,
        whoever waits for them is being cancelled too, and another `run` would take them up again."""
        backoff = FIRST_BACKOFF
        while True:
            began = self._clock()
            try:
                async with self._connect() as link:
                    self._link = link
                    self._broken.clear()
                    while True:
                        self._hear(await link.receive())
            except WorkerDied as death:
                log.error("the worker died (%s), exit code %s", death.reason, death.exit_code)
                self._count_crash(death)
            finally:
                self._take_back_leases()
            if self._clock() - began > SOUND_LIFE:
                backoff = FIRST_BACKOFF
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, LAST_BACKOFF)

    def _count_crash(self, death: WorkerDied) -> None:
        """Nobody knows which of its jobs a worker died of, so every one is charged."""
        for job in list(self._leases.values()):
            job.crashes += 1
            if job.crashes > self._retries:
                reason = f"{death.reason}, exit code {death.exit_code}"
                self._fail(job, GenerationFailed(job.request.job, "crash", reason))

    def _take_back_leases(self) -> None:
        self._link = None
        self._ready.clear()
        leases, self._leases = self._leases, {}
        for job in leases.values():
            if job.ticket.is_done:  # cancelled, and the worker can't say so any more
                del self._jobs[job.request.job]
            else:
                self._return(job)
        self._move()

    # ---- what the worker says

    def _hear(self, event: Event) -> None:
        match event:
            case messages.Ready(device=device, seconds=seconds):
                log.info("the worker is ready on %s after %.1f s", device, seconds)
                self._device = device
                self._ready.set()
            case messages.ModelBroken(model=model, reason=reason):
                log.error("model %s cannot be used: %s", model, reason)
                self._broken[model] = reason
                if model == self._configure.default:  # Ready will not come; the other models may be whole
                    self._ready.set()
            case messages.Strained(action=action, detail=detail):
                log.warning("the worker's memory is short: %s (%s)", action, detail)
                self._strains[action] += 1
            case messages.Pong():
                return
            case _:
                # An answer for a job that is not out is the second one: it has been delivered.
                if (job := self._leases.get(event.job)) is None:
                    return
                self._hear_of(job, event)
                if isinstance(event, messages.Stepped) and event.preview is None:
                    return  # a step moves nobody; a preview, once a second, is when estimates are renewed
        self._move()

    def _hear_of(self, job: _Job, event: JobEvent) -> None:
        match event:
            case messages.Started():
                job.is_started = True
                self._show_running(job)
            case messages.Stepped(done=done, total=total, preview=preview):
                job.is_started, job.done, job.total = True, done, total
                job.preview = preview or job.preview
                self._show_running(job)
            case messages.Finished():
                self._pace.learn(event.device_seconds, job.request.cost)
                self._forget(job)
                job.ticket.resolve(
                    Pictures(
                        job=event.job,
                        pictures=event.pictures,
                        grid=event.grid,
                        grid_format=event.grid_format,
                        device_seconds=event.device_seconds,
                    )
                )
            case messages.Failed(kind=kind, reason=reason):
                job.failures += 1
                if kind in WORTH_ANOTHER_TRY and job.failures == 1 and not job.ticket.is_done:
                    log.warning("job %s failed (%s: %s) and is tried once more", event.job, kind, reason)
                    del self._leases[event.job]
                    self._return(job)
                else:
                    self._fail(job, GenerationFailed(event.job, kind, reason))
            case messages.Cancelled():
                self._fail(job, JobCancelled(event.job))  # says nothing new where the cancel came from here

    # ---- line and leases

    def _move(self) -> None:
        """Whatever changed: hands out what there is room for, then tells who waits where they stand."""
        while self._link is not None and self._ready.is_set() and (request := self._next()) is not None:
            job = self._jobs[request.job]
            self._line.take(request.job)
            self._leases[job.request.job] = job
            try:
                if isinstance(job.request, GenerationRequest):
                    self._link.send(messages.Generate(request=job.request))
                else:
                    self._link.send(messages.Upscale(request=job.request))
            except OrderTooLarge as refusal:
                reason = f"{refusal.size} bytes are too many"
                self._fail(job, GenerationFailed(job.request.job, "input", reason))
        self._show_places()

    def _next(self) -> Request | None:
        """Whom there is room for."""
        out = sum(job.request.images for job in self._leases.values())
        if out >= self._window_and_reserve:
            return None
        served = (
            {job.request.member for job in self._leases.values()} if out >= self._window else set[MemberId]()
        )
        if (first := self._line.first(passing=served)) is None:
            return None
        suspects = [self._jobs[first.job], *self._leases.values()]
        if self._leases and any(self._must_run_alone(job) for job in suspects):
            return None
        return first

    def _must_run_alone(self, job: _Job) -> bool:
        """On its last try: so that a job which kills workers takes nobody with it, and one that needs all
        the memory gets it."""
        return job.failures > 0 or (job.crashes > 0 and job.crashes >= self._retries)

    def _return(self, job: _Job) -> None:
        job.rewind()
        self._line.put_back(job.request)

    def _fail(self, job: _Job, error: GenerationError) -> None:
        self._forget(job)
        job.ticket.fail(error)

    def _forget(self, job: _Job) -> None:
        del self._leases[job.request.job], self._jobs[job.request.job]

    # ---- what tickets show

    def _show_running(self, job: _Job) -> None:
        total = job.total or max(1, round(job.request.cost))
        job.ticket.show(Running(done=job.done, total=total, preview=job.preview))

    def _show_places(self) -> None:
        for place, (job, seconds) in enumerate(self._expectations(), start=1):
            progress = Waiting(place=place, seconds=seconds)
            if job.ticket.progress != progress:
                job.ticket.show(progress)

    def _expectations(self) -> Iterator[tuple[_Job, float | None]]:
        """Who has not started, next first, and in how many seconds they will."""
        running = [job.work for job in self._leases.values() if job.is_started]
        handed_out = [job for job in self._leases.values() if not job.is_started and not job.ticket.is_done]
        waiting = [*handed_out, *(self._jobs[request.job] for request in self._line)]
        costs = costs_until_start(running, (job.work for job in waiting), self._configure.slots)
        for job, cost in zip(waiting, costs, strict=True):
            yield job, self._pace.seconds_for(cost)
