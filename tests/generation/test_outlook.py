from __future__ import annotations

from generation.dispatch import Dispatch
from generation.messages import Configure
from generation.request import ModelName
from generation.ticket import Waiting
from tests.generation.worker.requests import order


def dispatch() -> Dispatch:
    """Without a worker: everybody waits."""
    return Dispatch(Configure(models=(), default=ModelName("tiny"), slots=4))


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
