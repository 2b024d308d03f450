"""The real dispatch and the real order of steps, on a device that obeys a cost line and a clock that it alone moves."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from generation import messages
from generation.dispatch import Dispatch
from generation.messages import Configure, Event, Finished, Message, Ready, Started, Stepped
from generation.request import GenerationRequest, JobId, MemberId, ModelName
from generation.worker.jobs import Job, jobs_of, seats_of
from generation.worker.turns import Turns
from tests.generation.worker.empty_slots import A_ROW, FIXED, job
from tests.generation.worker.requests import order

SLOTS = 16


class Device:
    """A connection to a worker that draws nothing."""

    def __init__(self) -> None:
        self.now = 0.0  # seconds
        self.ended: dict[JobId, float] = {}
        self.got: list[tuple[float, MemberId, float]] = []  # when, who, device seconds
        self._turns = Turns()
        self._jobs: dict[JobId, Job] = {}
        self._events: deque[Event] = deque([Ready(device="none", seconds=0.0)])

    def send(self, order: Message) -> None:
        assert isinstance(order, messages.Generate)
        request = order.request
        self._jobs[request.job] = job(request.job, request.member, steps=request.steps, images=request.images)
        self._events.append(Started(job=request.job))

    async def receive(self) -> Event:
        while not self._events:
            await asyncio.sleep(0)
            self._step()
        return self._events.popleft()

    def _step(self) -> None:
        batch = self._turns.next_batch(seats_of(self._jobs.values()))
        if not batch:
            return
        rows = sum(len(seat.slot.rows) for seat in batch)
        seconds = FIXED + A_ROW * rows
        self.now += seconds
        self._turns.learn(batch, seconds)
        for seat in batch:
            share = seconds * len(seat.slot.rows) / rows
            seat.slot.step += 1
            seat.job.device_seconds += share
            self._turns.accounts.charge(seat.job.request.member, share)
            self.got.append((self.now, seat.job.request.member, share))
        for one in jobs_of(batch):
            self._events.append(Stepped(job=one.id, done=one.steps_done, total=one.steps_total))
            if one.is_denoised:
                del self._jobs[one.id]
                self.ended[one.id] = self.now
                self._events.append(
                    Finished(
                        job=one.id,
                        pictures=(),
                        grid=b"",
                        grid_format="png",
                        device_seconds=one.device_seconds,
                    )
                )


async def served(*requests: GenerationRequest) -> Device:
    device = Device()

    @asynccontextmanager
    async def connect() -> AsyncGenerator[Device]:
        yield device

    configure = Configure(models=(), default=ModelName("tiny"), slots=SLOTS)
    dispatch = Dispatch(configure, max_waiting=len(requests) + 1, connect=connect, clock=lambda: device.now)
    tickets = [dispatch.submit(request) for request in requests]
    task = asyncio.create_task(dispatch.run())
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
    """https://arxiv.org/abs/cs/9809099: 1 for equal shares, 1 / n where one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


async def test_ten_members_hardly_notice_one_with_two_hundred_orders() -> None:
    ten = [orders(member, 1, steps=20, images=2)[0] for member in range(1, 11)]
    alone = await served(*ten)
    beside = await served(*orders(0, 200, steps=20, images=2), *ten)
    waits = [beside.ended[one.job] for one in ten]
    assert max(waits) <= 1.5 * max(alone.ended.values())
    assert sum(waits) <= 1.5 * sum(alone.ended.values())


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
        if when <= 0.8 * min(last.values()):  # everybody still has orders in line
            got[who] += seconds  # pyright: ignore[reportArgumentType]  # a Counter of seconds
    assert jain(list(got.values())) >= 0.95, dict(got)
