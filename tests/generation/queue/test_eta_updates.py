import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from generation.protocol import Configure, Failed
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import Waiting
from generation.request import JobId, MemberId, ModelName
from tests.generation.scripted import ScriptedWorker
from tests.generation.worker.requests import order


def dispatch() -> Dispatcher:
    """Returns a dispatcher without a worker: every order waits."""
    return Dispatcher(Configure(models=(), default=ModelName("tiny"), slots=4))


async def test_whoever_looks_is_told_at_once() -> None:
    line = dispatch()
    tickets = [line.submit(order(f"{n}")) for n in range(3)]
    assert [ticket.progress for ticket in tickets] == [Waiting(place=n, seconds=None) for n in (1, 2, 3)]
    line.cancel(tickets[0].job)
    assert [ticket.progress for ticket in tickets[1:]] == [Waiting(place=n, seconds=None) for n in (1, 2)]


async def test_whoever_watches_is_told_though_nobody_looks() -> None:
    line = dispatch()
    first, second, third = (line.submit(order(f"{n}")) for n in range(3))
    seen: list[int] = []
    async for progress in third:
        assert isinstance(progress, Waiting)
        seen.append(progress.place)
        if progress.place == 1:
            break
        line.cancel(first.job if progress.place == 3 else second.job)
    assert seen == [3, 2, 1]


async def test_what_happens_at_once_is_told_once() -> None:
    line = dispatch()
    *others, last = (line.submit(order(f"{n}")) for n in range(5))
    seen: list[int] = []
    async for progress in last:
        assert isinstance(progress, Waiting)
        seen.append(progress.place)
        if progress.place == 1:
            break
        for ticket in others:
            line.cancel(ticket.job)
    assert seen == [5, 1]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def measured(clock: Clock, *workers: ScriptedWorker, slots: int) -> AsyncGenerator[Dispatcher]:
    """Yields a dispatcher with a ready worker and a measured cost: one second of device time per order."""
    configure = Configure(models=(), default=ModelName("tiny"), slots=slots)
    made = Dispatcher(configure, [worker.connect for worker in workers], clock=clock)
    run = asyncio.create_task(made.run())
    await workers[0].be_ready()
    made.submit(order("measured"))
    await workers[0].finish("measured")
    yield made
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


@pytest.mark.parametrize(("is_begun_anew", "told"), [(False, 10.0), (True, 1.0)])
async def test_waits_are_corrected_by_how_late_orders_were_but_one_that_began_anew_teaches_nothing(
    is_begun_anew: bool, told: float
) -> None:
    clock, worker = Clock(), ScriptedWorker()
    async with measured(clock, worker, slots=1) as line:
        for name in ("a", "b", "c"):
            ticket = line.submit(order(name))
            assert ticket.progress.seconds is not None
            if is_begun_anew:
                await worker.say(Failed(job=JobId(name), kind="bug", reason="as told"))
            clock.now += 10.0
            await worker.finish(name)
            assert ticket.is_done
        assert line.submit(order("last")).progress.seconds == pytest.approx(told)


async def test_who_waits_is_told_that_all_workers_that_are_ready_will_share_the_work() -> None:
    one, two = ScriptedWorker(), ScriptedWorker()
    async with measured(Clock(), one, two, slots=1) as line:
        tickets = [line.submit(order(f"{n}", member=MemberId(n))) for n in range(6)]
        alone = [ticket.progress.seconds for ticket in tickets]
        await two.be_ready()
        assert (one.got[1:], two.got) == (["0", "1", "2", "3"], ["4", "5"])
        shared = [ticket.progress.seconds for ticket in tickets]
    assert alone == pytest.approx([1, 2, 3, 4, 5, 6])
    assert shared == pytest.approx([1, 2, 3, 4, 1, 2])
