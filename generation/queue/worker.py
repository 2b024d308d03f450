"""One worker from the bot's side: its connection, restarts, jobs, free room, and the values that it reported.

The dispatcher decides which jobs it gets and how their results are used.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from generation import protocol
from generation.abilities import Abilities
from generation.protocol import Configure, Event, JobEvent, StepCost
from generation.queue.connection import Connection, WorkerDied
from generation.queue.lease import Lease, WorkKind
from generation.queue.ticket import Download
from generation.request import GenerationRequest, JobId, ModelName

log = logging.getLogger(__name__)

FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
"""Seconds between a worker's death and the next start. The delay doubles each time."""

SOUND_LIFE = 60.0
"""Seconds. If a worker lived longer than this, its start was not the cause of its death, and the delay is reset."""

Connect = Callable[[Configure], AbstractAsyncContextManager[Connection]]
"""Connects to a worker. Raises WorkerDied if there is none to connect to."""


@dataclass(slots=True, eq=False)
class Worker:
    """A worker with callbacks for its news.

    `tell` receives a job's events; a job that is over is no longer leased. `tell_change` is called when the free room may have
    changed. `give_back` receives the jobs that the worker had when its connection ended, oldest first. It gets no death if `run`
    was cancelled.
    """

    configure: Configure
    connect: Connect
    tell: Callable[[Lease, JobEvent], None]
    tell_change: Callable[[], None]
    give_back: Callable[[Sequence[Lease], WorkerDied | None], None]
    clock: Callable[[], float]  # seconds
    leases: dict[JobId, Lease] = field(default_factory=dict[JobId, Lease], init=False)  # oldest first
    is_ready: bool = False
    device: str = ""  # the card's name; empty before the worker was first ready
    broken: dict[ModelName, str] = field(default_factory=dict[ModelName, str])  # model -> reason
    downloads: dict[ModelName, Download] = field(default_factory=dict[ModelName, Download])  # not complete
    abilities: dict[ModelName, Abilities] = field(default_factory=dict[ModelName, Abilities])
    costs: dict[WorkKind, StepCost] = field(default_factory=dict[WorkKind, StepCost])
    seated: int = 0  # pictures being denoised
    connection: Connection = field(init=False)  # the newest; set by `run`

    # ---- room

    def download_for(self, job: Lease) -> Download | None:
        """Returns the download that the job would wait for here."""
        return self.downloads.get(job.kind[0]) if job.kind else None

    @property
    def active(self) -> list[Lease]:
        """Returns the leases that take room: not those that wait for a download."""
        return [job for job in self.leases.values() if self.download_for(job) is None]

    @property
    def pictures(self) -> int:
        return sum(job.request.drawing.images for job in self.active)

    @property
    def window(self) -> int:
        """Pictures that the worker may hold. More than its slots, so that none is empty while a finished
        job is decoded and sent.
        """
        return self.configure.slots + max(1, self.configure.slots // 4)

    @property
    def is_open(self) -> bool:
        """Returns whether the worker takes any jobs. A full one still takes drafts, and jobs of members with no running job."""
        is_alone = any(job.runs_alone for job in self.active)
        return self.is_ready and not is_alone and self.pictures < 2 * self.window

    @property
    def is_full(self) -> bool:
        """Returns whether its slots are full. Drafts are not counted, so that extra drafts do not block other jobs."""
        heavy = sum(job.request.drawing.images for job in self.active if not job.is_draft)
        return heavy >= self.window

    # ---- orders

    def give(self, job: Lease) -> None:
        """Sends a job to the worker. Raises TooLarge; then the worker did not get it."""
        request = job.request
        if isinstance(request, GenerationRequest):
            self.connection.send(protocol.Generate(request=request))
        else:
            self.connection.send(protocol.Upscale(request=request))
        self.leases[request.job] = job

    def cancel(self, job: JobId) -> None:
        """Sends a Cancel order. The job stays leased until the worker has released it, so that its slots are not given away
        twice.
        """
        self.connection.send(protocol.Cancel(job=job))

    # ---- connection

    async def run(self) -> None:
        """Runs and restarts the worker until cancelled. Then the worker is stopped and its jobs are given back."""
        backoff = FIRST_BACKOFF
        while True:
            began = self.clock()
            death = None
            try:
                async with self.connect(self.configure) as self.connection:
                    self.broken.clear()
                    while True:
                        self._hear(await self.connection.receive())
            except WorkerDied as news:
                log.error("the worker died (%s), exit code %s", news.reason, news.exit_code)
                death = news
            finally:
                self.is_ready, self.seated = False, 0
                waiting = [job for job in self.leases.values() if self.download_for(job) is not None]
                leases, self.leases = self.active, {}
                self.downloads.clear()
                self.give_back(leases, death)
                self.give_back(waiting, None)  # they had not begun, so the death is not theirs
            if self.clock() - began > SOUND_LIFE:
                backoff = FIRST_BACKOFF
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, LAST_BACKOFF)

    def _hear(self, event: Event) -> None:
        match event:
            case protocol.Ready(device=device, seconds=seconds):
                log.info("the worker is ready on %s after %.1f s", device, seconds)
                self.device, self.is_ready = device, True
            case protocol.ModelAbilities(model=model, abilities=abilities):
                if model not in self.abilities and abilities.advice:
                    log.warning("model %s: %s", model, abilities.advice)
                self.abilities[model] = abilities
            case protocol.Downloading(model=model, done=done, total=total):
                self.broken.pop(model, None)  # this is another try
                if done < total:
                    self.downloads[model] = Download(done=done, total=total)
                else:
                    self.downloads.pop(model, None)
            case protocol.ModelBroken(model=model, reason=reason):
                self.downloads.pop(model, None)
                log.error("model %s cannot be used: %s", model, reason)
                self.broken[model] = reason
                if model == self.configure.default:  # Ready will not come, but the other models may work
                    self.is_ready = True
            case protocol.Swapped(loaded=loaded):
                if loaded is not None:
                    self.broken.pop(loaded, None)
            case protocol.Strained(action=action, detail=detail):
                log.warning("the worker's memory is short: %s (%s)", action, detail)
            case protocol.StepCost():
                self.costs[event.model, event.size] = event
            case protocol.Vitals(slots=slots):
                self.seated = slots
                return
            case protocol.Pong():
                return
            case JobEvent():
                is_over = isinstance(event, protocol.Finished | protocol.Failed | protocol.Cancelled)
                job = self.leases.pop(event.job, None) if is_over else self.leases.get(event.job)
                if job is not None:  # else it is a second answer: the first was already delivered
                    self.tell(job, event)
                return
        self.tell_change()
