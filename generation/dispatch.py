"""Hands requests to the worker, keeps what is out until it comes back, tries again, says how long it takes.

Who is next is the line's decision and is taken as late as possible: no more is handed out than keeps the
worker's slots filled, and as much again of drafts and of members who have nothing out, who need not wait for
somebody's long order to end. Everything happens on one event loop, between two awaits; there are no locks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from generation import messages
from generation.lease import Lease
from generation.line import WaitingLine
from generation.link import Connection, OrderTooLarge, WorkerDied, open_link
from generation.logs import of_job
from generation.messages import Configure, Event
from generation.outlook import Outlook
from generation.pace import Pace
from generation.request import GenerationRequest, GuildId, JobId, MemberId, ModelName, Request
from generation.ticket import (
    GenerationError,
    GenerationFailed,
    JobCancelled,
    LineFull,
    Pictures,
    Running,
    Ticket,
)

log = logging.getLogger(__name__)

JobEvent = (
    messages.Started
    | messages.Stepped
    | messages.Previewed
    | messages.Finished
    | messages.Failed
    | messages.Cancelled
)

WORTH_ANOTHER_TRY = {"memory", "bug"}
FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
"""Seconds between a worker's death and the next start, doubled every time."""

SOUND_LIFE = 60.0
"""Seconds. A worker that lived longer did not die of how it was started: the delay begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchState:
    is_ready: bool  # a worker takes jobs; its default model may still be among the broken
    device: str  # what the card calls itself; empty before the first worker was ready
    waiting: int  # jobs
    running: int  # jobs handed to the worker
    broken_models: Mapping[ModelName, str]  # and why
    seconds_per_cost: float | None  # None before anything was finished


class Dispatch:
    """Submit from anywhere on the event loop; `run` is the one task that talks with the worker."""

    def __init__(
        self,
        configure: Configure,
        *,
        max_waiting: int = 200,
        retries: int = 2,
        patience: float = 120,
        member_running: int = 8,
        weights: Mapping[GuildId, float] | None = None,
        command: Sequence[str] | None = None,
        connect: Callable[[], AbstractAsyncContextManager[Connection]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """max_waiting: jobs, at least 1. retries: how often a job whose worker died is handed out again.
        patience: as for `open_link`. member_running: pictures of one member that the worker may have; one order goes out however
        large. weights: a server's share, where it is not 1. connect: in place of starting a process."""
        self._configure = configure
        self._max_waiting = max_waiting
        self._retries = retries
        self._connect = connect or (lambda: open_link(configure, command=command, patience=patience))
        self._clock = clock
        # Handed out beyond the slots, so that none stands empty while a finished job is decoded and sent.
        self._window = configure.slots + max(1, configure.slots // 4)  # pictures
        self._member_running = member_running
        self._jobs: dict[JobId, Lease] = {}
        self._pace = Pace()
        self._line = WaitingLine(self._pace.seconds_for, weights)
        self._outlook = Outlook(self._jobs, self._line, self._pace, clock)
        self._leases: dict[JobId, Lease] = {}  # handed out and not back, oldest first
        self._link: Connection | None = None
        self._ready = asyncio.Event()
        self._device = ""
        self._broken: dict[ModelName, str] = {}

    @property
    def state(self) -> DispatchState:
        return DispatchState(
            is_ready=self._ready.is_set(),
            device=self._device,
            waiting=len(self._line),
            running=len(self._leases),
            broken_models=dict(self._broken),
            seconds_per_cost=self._pace.seconds_per_cost,
        )

    async def wait_for_ready(self) -> None:
        """Until a worker takes jobs. Forever, where none can be started."""
        await self._ready.wait()

    # ---- what callers ask

    def check_room(self) -> None:
        """Raises LineFull, with the wait of the last in line."""
        if len(self._line) >= self._max_waiting:
            self._outlook.renew()
            *_, last = self._line
            raise LineFull(waiting=len(self._line), seconds=self._jobs[last.job].seconds)

    def submit(self, request: Request, *, force: bool = False) -> Ticket:
        """A job that is known already keeps its ticket. `force` is for jobs accepted before a restart.

        Raises LineFull.
        """
        if (known := self._jobs.get(request.job)) is not None:
            return known.ticket
        if not force:
            self.check_room()
        job = Lease(request=request, ticket=Ticket(request.job, self._outlook.renew))
        self._jobs[request.job] = job
        self._line.put(request)
        self._outlook.welcome(request.job)
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
            self._outlook.drop(job)
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
                self._line.remove(job.request.job)
                self._outlook.drop(job.request.job)
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
            case messages.Swapped(loaded=loaded):
                if loaded is not None:
                    self._broken.pop(loaded, None)
                return
            case messages.Strained(action=action, detail=detail):
                log.warning("the worker's memory is short: %s (%s)", action, detail)
            case messages.Pong() | messages.Vitals():
                return
            case messages.StepCost():
                self._outlook.forecast.hear(event)
            case _:
                # An answer for a job that is not out is the second one: it has been delivered.
                if (job := self._leases.get(event.job)) is None:
                    return
                with of_job(event.job, job.request.drawing.prompt):
                    self._hear_of(job, event)
                if isinstance(event, messages.Started | messages.Stepped):
                    return  # that moves nobody; a preview, once a second, is when estimates are renewed
        self._move()

    def _hear_of(self, job: Lease, event: JobEvent) -> None:
        match event:
            case messages.Started():
                job.is_started = True
                self._show_running(job)
            case messages.Stepped(done=done, total=total):
                job.is_started, job.done, job.total = True, done, total
                self._line.worked(event.job, 1 - job.left)
                self._show_running(job)
            case messages.Previewed(picture=picture):
                job.preview = picture
                self._show_running(job)
            case messages.Finished():
                self._pace.learn(job.request, event.device_seconds)
                self._outlook.forecast.check(event.job, self._clock())
                self._forget(job, event.device_seconds)
                job.ticket.resolve(
                    Pictures(job=event.job, pictures=event.pictures, device_seconds=event.device_seconds)
                )
            case messages.Failed(kind=kind, reason=reason):
                job.failures += 1
                if kind in WORTH_ANOTHER_TRY and job.failures == 1 and not job.ticket.is_done:
                    log.warning("failed (%s: %s) and is tried once more", kind, reason)
                    del self._leases[event.job]
                    self._return(job)
                else:
                    self._fail(job, GenerationFailed(event.job, kind, reason))
            case messages.Cancelled():
                self._fail(job, JobCancelled(event.job))  # says nothing new where the cancel came from here

    # ---- line and leases

    def _move(self) -> None:
        """Whatever changed: hands out what there is room for; who waits is told soon where they stand."""
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
        self._outlook.outdate()

    def _next(self) -> Request | None:
        """Whom there is room for."""
        out = Counter[MemberId]()  # pictures
        for job in self._leases.values():
            out[job.request.member] += job.request.drawing.images
        if not len(self._line) or out.total() >= 2 * self._window:
            return None
        # Drafts that went out beyond the slots keep nobody else from going out within them.
        heavy = sum(job.request.drawing.images for job in self._leases.values() if not job.request.is_draft)
        is_full = heavy >= self._window

        def may(request: Request) -> bool:
            own = out[request.member]
            is_within = not own or own + request.drawing.images <= self._member_running
            return is_within and (not is_full or not own or request.is_draft)

        if (first := self._line.first(may)) is None:
            return None
        suspects = [self._jobs[first.job], *self._leases.values()]
        if self._leases and any(self._must_run_alone(job) for job in suspects):
            return None
        return first

    def _must_run_alone(self, job: Lease) -> bool:
        """On its last try: so that a job which kills workers takes nobody with it, and one that needs all
        the memory gets it."""
        return job.failures > 0 or (job.crashes > 0 and job.crashes >= self._retries)

    def _return(self, job: Lease) -> None:
        job.rewind()
        self._line.put_back(job.request.job)
        self._outlook.drop(job.request.job)

    def _fail(self, job: Lease, error: GenerationError) -> None:
        self._forget(job)
        job.ticket.fail(error)

    def _forget(self, job: Lease, device_seconds: float | None = None) -> None:
        self._line.remove(job.request.job, device_seconds)
        self._outlook.drop(job.request.job)
        del self._leases[job.request.job], self._jobs[job.request.job]

    # ---- what tickets show

    def _show_running(self, job: Lease) -> None:
        total = job.total or max(1, round(job.request.cost))
        progress = Running(done=job.done, total=total, preview=job.preview, seconds=job.seconds)
        job.ticket.show(progress)
