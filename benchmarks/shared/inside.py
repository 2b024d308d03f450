"""Runs the bot's dispatch and the worker's loop in one thread, on a clock of CPU seconds. Only the pipe between them is missing.

In the product they are two processes: the bot accepts an order and computes its ETA while the worker runs a step. Here one thread
runs both, so the bot's clock is set to the time of each input. An order is submitted at its arrival time, and an event is handled
at the time it was sent, in that order. The thread gets to both only after the current turn of the loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import torch
from PIL import Image

from benchmarks.shared.orders import Arrival
from generation.protocol import Configure, Event, Finished, Message, Order, Previewed, Ready, Started
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import Ticket
from generation.request import JobId
from generation.worker.loop import Loop
from generation.worker.models.loading import Model
from generation.worker.output.image_encoder import Finishing, ImageEncoder
from generation.worker.output.preview import JobPreview


@dataclass(slots=True)
class Clock:
    """A clock that starts at 0 and counts the CPU seconds of this thread (or of another clock) plus the skipped idle time."""

    now: Callable[[], float] = time.thread_time
    is_wall: bool = False  # whether the seconds are wall-clock time
    skipped: float = 0.0
    _began: float = 0.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.skipped, self._began = 0.0, self.now()

    @property
    def busy(self) -> float:
        """Returns the seconds spent working."""
        return self.now() - self._began

    def __call__(self) -> float:
        return self.busy + self.skipped

    def skip_to(self, at: float) -> None:
        self.skipped += max(0.0, at - self())


class Shutter(ImageEncoder):
    """An encoder that keeps pictures instead of encoding them. With wall-clock seconds it releases the pictures, so that their
    host memory is reused as in the worker. It makes previews at once when the CPU seconds of one thread count, and as the worker
    does with wall-clock seconds."""

    def __init__(
        self, tell: Callable[[Event], None], keep: dict[JobId, Sequence[Finishing]], *, is_wall: bool
    ) -> None:
        super().__init__(tell)
        self._finish = tell
        self._keep = keep
        self._is_wall = is_wall

    def encode_preview(self, job: JobId, preview: JobPreview) -> None:
        if self._is_wall:
            super().encode_preview(job, preview)
        else:
            self._finish(Previewed(job=job, picture=preview.develop()))

    def encode(
        self, job: JobId, pictures: Sequence[Finishing], texts: Sequence[str], device_seconds: float
    ) -> None:
        if not self._is_wall:
            self._keep[job] = pictures
        self._finish(Finished(job=job, pictures=(), device_seconds=device_seconds))


@dataclass(slots=True, kw_only=True)
class Record:
    """The measurements of one order, in seconds of the clock."""

    told: float | None = None  # the ETA in seconds, given at submission
    company: int = 0  # other orders present at its arrival
    started: float = 0.0
    preview: float = 0.0
    ended: float = 0.0
    device_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Played:
    records: dict[JobId, Record]
    pictures: dict[JobId, list[Image.Image]]  # empty when the clock is wall-clock time
    busy: float  # seconds of the clock, for dispatch and loop together


class _Worker:
    """A connection to a worker that runs one turn of the loop when no event is pending."""

    def __init__(self, loop: Loop, orders: SimpleQueue[Order], clock: Clock) -> None:
        self.events: deque[tuple[float, Event]] = deque()  # with the time at which each event was sent
        self.coming: deque[Arrival] = deque()
        self.now = 0.0  # the bot's clock
        self.submit: Callable[[Arrival], None] = lambda _: None
        self.look: Callable[[Sequence[Arrival]], None] = lambda _: None
        self._loop, self._orders, self._clock = loop, orders, clock

    def send(self, order: Message) -> None:
        assert isinstance(order, Order)
        self._orders.put(order)

    async def receive(self) -> Event:
        while True:
            until = self.events[0][0] if self.events else self._clock()
            came: list[Arrival] = []
            while self.coming and self.coming[0].at <= until:
                came.append(self.coming.popleft())
                self.now = came[-1].at
                self.submit(came[-1])
            self.look(came)
            if self.events:
                self.now, event = self.events.popleft()
                return event
            await asyncio.sleep(0)  # lets the tasks that wait for tickets run
            self._turn()

    def _turn(self) -> None:
        if not self._loop.jobs and self._orders.empty():
            if self.coming:
                self._clock.skip_to(self.coming[0].at)
            return
        self._loop.take_orders()
        self._loop.sweep()
        self._loop.seat()
        self._loop.step()
        self._loop.retire()


def play(
    model: Model,
    arrivals: Sequence[Arrival],
    *,
    slots: int,
    until: Sequence[Arrival] | None = None,
    clock: Clock | None = None,
    pinned_rows: int = 0,
    sizes: Sequence[int] = (),
    **settings: Any,
) -> Played:
    """Plays every order at its time. Returns when all orders have arrived and those in `until` (default: all) are done.
    `settings` are the dispatch's settings. `clock` must use time.perf_counter when the device is not a CPU. `pinned_rows` pads
    every step like the worker's setting, but pictures are still decoded together. `sizes` replaces the row counts that the device
    pads steps to."""
    return asyncio.run(
        _play(model, arrivals, slots, until or arrivals, clock or Clock(), pinned_rows, sizes, settings)
    )


async def _play(
    model: Model,
    arrivals: Sequence[Arrival],
    slots: int,
    until: Sequence[Arrival],
    clock: Clock,
    pinned_rows: int,
    sizes: Sequence[int],
    settings: dict[str, Any],
) -> Played:
    torch.set_num_threads(1)
    orders: SimpleQueue[Order] = SimpleQueue()
    pictures: dict[JobId, Sequence[Finishing]] = {}
    records = {one.request.job: Record() for one in arrivals}
    configure = Configure(models=(model.entry,), default=model.entry.name, slots=slots)

    def tell(event: Event) -> None:
        now = clock()
        worker.events.append((now, event))
        match event:
            case Started(job=job):
                records[job].started = now
            case Previewed(job=job) if not records[job].preview:
                records[job].preview = now
            case Finished(job=job, device_seconds=seconds):
                records[job].ended, records[job].device_seconds = now, seconds
            case _:
                pass

    encoder = Shutter(tell, pictures, is_wall=clock.is_wall)
    loop = Loop(orders, tell, clock=clock, image_encoder=encoder)
    loop.settings = configure
    loop.model_cache.take = lambda name: model
    loop.oom_recovery.pin(pinned_rows)
    if sizes:
        loop.oom_recovery.sizes = lambda model: sizes
    worker = _Worker(loop, orders, clock)
    worker.events.append((float("-inf"), Ready(device="this thread", seconds=0.0)))
    worker.coming.extend(arrivals)

    @asynccontextmanager
    async def connect(_: Configure) -> AsyncGenerator[_Worker]:
        yield worker

    most = len(arrivals) + 1
    dispatch = Dispatcher(configure, [connect], max_waiting=most, clock=lambda: worker.now, **settings)
    tickets: dict[JobId, Ticket] = {}

    def submit(one: Arrival) -> None:
        job = one.request.job
        records[job].company = sum(not ticket.is_done for ticket in tickets.values())
        tickets[job] = dispatch.submit(one.request)

    def look(came: Sequence[Arrival]) -> None:
        """Reads the ETA as the bot does when it shows the card. Orders that arrived together are all queued by then."""
        for one in came:
            records[one.request.job].told = tickets[one.request.job].progress.seconds

    worker.submit, worker.look = submit, look
    clock.restart()  # loading is not measured
    task = asyncio.create_task(dispatch.run())
    while len(tickets) < len(arrivals):  # noqa: ASYNC110  # the clock is not an event
        await asyncio.sleep(0)
    for one in until:
        await tickets[one.request.job].wait_for_pictures()
    busy = clock.busy
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    encoder.close()
    drawn = {job: [one.picture() for one in each] for job, each in pictures.items()}
    return Played(records=records, pictures=drawn, busy=busy)
