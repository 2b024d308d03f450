"""The real dispatch and the real step scheduler, on a simulated device with a linear cost and its own clock."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from generation import protocol
from generation.protocol import Configure, Event, Finished, Message, Ready, Started, Stepped
from generation.queue.dispatcher import Dispatcher
from generation.request import GenerationRequest, JobId, MemberId, ModelName
from generation.worker.batch_scheduler import BatchScheduler
from generation.worker.job import Job, jobs_of
from tests.generation.worker.empty_slots import A_ROW, FIXED, job, next_batch
from tests.generation.worker.requests import order

pytestmark = pytest.mark.slow

SLOTS = 16


class Device:
    """A connection to a simulated worker that draws nothing."""

    def __init__(self) -> None:
        self.now = 0.0  # seconds
        self.came: dict[JobId, float] = {}
        self.ended: dict[JobId, float] = {}
        self.got: list[tuple[float, MemberId, float]] = []  # (time, member, device seconds)
        self._batch_scheduler = BatchScheduler()
        self._jobs: dict[JobId, Job] = {}
        self._events: deque[Event] = deque([Ready(device="none", seconds=0.0)])

    def send(self, order: Message) -> None:
        assert isinstance(order, protocol.Generate)
        request = order.request
        self._jobs[request.job] = job(
            request.job, request.member, steps=request.drawing.steps, images=request.drawing.images
        )
        self._events.append(Started(job=request.job))

    async def receive(self) -> Event:
        while not self._events:
            await asyncio.sleep(0)
            self._step()
        return self._events.popleft()

    def _step(self) -> None:
        batch = next_batch(self._batch_scheduler, self._jobs.values())
        if not batch:
            return
        rows = sum(len(seat.slot.rows) for seat in batch)
        seconds = FIXED + A_ROW * rows
        self.now += seconds
        self._batch_scheduler.learn(batch, seconds)
        for seat in batch:
            share = seconds * len(seat.slot.rows) / rows
            seat.slot.step += 1
            seat.job.device_seconds += share
            self._batch_scheduler.charge(seat.job.request, share)
            self.got.append((self.now, seat.job.request.member, share))
        for one in jobs_of(batch):
            self._events.append(Stepped(job=one.id, done=one.steps_done, total=one.steps_total))
            if one.is_denoised:
                del self._jobs[one.id]
                self.ended[one.id] = self.now
                self._events.append(Finished(job=one.id, pictures=(), device_seconds=one.device_seconds))


async def served(
    *requests: GenerationRequest, late: Sequence[GenerationRequest] = (), at: float = 0.0
) -> Device:
    """Serves the requests; `late` ones arrive when the device's clock reaches `at`. Ends when the late ones are done, or all when
    there are none."""
    device = Device()

    @asynccontextmanager
    async def connect(_: Configure) -> AsyncGenerator[Device]:
        yield device

    configure = Configure(models=(), default=ModelName("tiny"), slots=SLOTS)
    most = len(requests) + len(late) + 1
    dispatch = Dispatcher(configure, [connect], max_waiting=most, clock=lambda: device.now)
    tickets = [dispatch.submit(request) for request in requests]
    task = asyncio.create_task(dispatch.run())
    while device.now < at:  # noqa: ASYNC110  # the device's clock is not an event
        await asyncio.sleep(0)
    device.came = {request.job: device.now for request in late}
    tickets = [dispatch.submit(request) for request in late] or tickets
    for ticket in tickets:
        await ticket.wait_for_pictures()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return device


def orders(member: int, count: int, *, steps: int, images: int) -> list[GenerationRequest]:
    return [
        order(f"{member}-{n}", member=MemberId(member), steps=steps, images=images, seed=n)
        for n in range(count)
    ]


def jain(shares: Sequence[float]) -> float:
    """Returns Jain's index (https://arxiv.org/abs/cs/9809099): 1 for equal shares, 1 / n when one member has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


@pytest.mark.parametrize("seconds_later", [0.0, 1.0])
@pytest.mark.parametrize(("steps", "images"), [(20, 2), (30, 4), (4, 1), (8, 2)])
async def test_each_of_ten_members_waits_at_most_half_as_long_again_beside_one_with_two_hundred_orders(
    steps: int, images: int, seconds_later: float
) -> None:
    """The k-th wait is compared with the k-th wait without the flood, because the order among ten equal members is random."""
    ten = [orders(member, 1, steps=steps, images=images)[0] for member in range(1, 11)]
    alone = await served(*ten)
    flood = orders(0, 200, steps=steps, images=images)
    beside = await served(*flood, late=ten, at=seconds_later)
    waits = sorted(beside.ended[one.job] - beside.came[one.job] for one in ten)
    for wait, wait_alone in zip(waits, sorted(alone.ended.values()), strict=True):
        assert wait <= 1.5 * wait_alone, (waits, sorted(alone.ended.values()))


async def test_members_who_all_want_more_get_equal_device_seconds_whatever_they_order() -> None:
    wants = {1: (4, 1, 200), 2: (4, 4, 50), 3: (8, 2, 50), 4: (20, 4, 12), 5: (50, 1, 16)}
    all_orders = [
        one
        for member, (steps, images, count) in wants.items()
        for one in orders(member, count, steps=steps, images=images)
    ]
    device = await served(*all_orders)
    last = {member: max(when for when, who, _ in device.got if who == member) for member in wants}
    got: Counter[MemberId] = Counter()
    for when, who, seconds in device.got:
        if when <= 0.8 * min(last.values()):  # every member still has queued orders
            got[who] += seconds  # pyright: ignore[reportArgumentType]  # a Counter of seconds
    assert jain(list(got.values())) >= 0.95, dict(got)
