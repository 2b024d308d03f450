"""The health report of a worker, and the detection of a hanging loop in a process that still answers."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from generation.protocol import Configure, Event, Failed, Pong, Ready, Strained, Vitals
from generation.queue.connection import Listener, WorkerDied, open_connection
from generation.queue.dispatcher import Dispatcher
from generation.request import ModelName
from generation.worker.heartbeat import Heartbeat, VitalsReporter, WorkTally
from tests.generation import saboteur
from tests.generation.worker.requests import entry, order
from tests.tiny_models import tiny_sd

pytestmark = pytest.mark.slow

TINY = ModelName("tiny")
PATIENCE = 3.0  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd(tmp_path_factory.mktemp("tiny"))


def dispatch_with(folder: Path, listen: Listener, *options: str, patience: float = 120) -> Dispatcher:
    configure = Configure(models=(entry(folder),), default=TINY, slots=4)
    command = (*saboteur.COMMAND, *options)
    return Dispatcher(
        configure,
        [partial(open_connection, command=command, patience=patience, ping_seconds=0.2, listen=listen)],
    )


async def draw(dispatch: Dispatcher, *jobs: str, **more: Any) -> None:
    """Draws all jobs, with any faults in between."""
    async with asyncio.timeout(100):
        run = asyncio.create_task(dispatch.run())
        tickets = [dispatch.submit(order(job, **more)) for job in jobs]
        try:
            await asyncio.gather(*(ticket.wait_for_pictures() for ticket in tickets))
        finally:
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run


async def test_a_loop_that_stands_still_while_its_process_answers_is_replaced(
    folder: Path, tmp_path: Path
) -> None:
    hang = tmp_path / "hang"
    hang.touch()
    news: list[Event | WorkerDied] = []
    await draw(dispatch_with(folder, news.append, "--hang", str(hang), patience=PATIENCE), "a")
    (death,) = [each for each in news if isinstance(each, WorkerDied)]
    assert "stood still" in death.reason
    told = news[: news.index(death)]
    silent = [each.silent_seconds for each in told if isinstance(each, Vitals)]
    assert silent[-1] >= PATIENCE and silent == sorted(silent)


async def test_being_out_of_memory_is_told_with_what_was_done_and_costs_no_order(folder: Path) -> None:
    news: list[Event | WorkerDied] = []
    dispatch = dispatch_with(folder, news.append, "--memory", "0.3", "--seed", "5")
    await draw(dispatch, *"abcdef", images=3, steps=40)
    assert "halved" in {each.action for each in news if isinstance(each, Strained)}
    assert not [each for each in news if isinstance(each, Failed)]


class Scripted:
    """Seconds and CPU seconds that only the test changes."""

    def __init__(self) -> None:
        self.now = self.work = 0.0

    def heartbeat(self, *, is_cpu: bool) -> Heartbeat:
        return Heartbeat(is_cpu=is_cpu, clock=lambda: self.now, work=lambda: self.work)


def looks(heartbeat: Heartbeat, time: Scripted, works: Sequence[float]) -> list[float]:
    """Checks the heartbeat once a second; `works` are the CPU seconds in between."""
    seen: list[float] = []
    for work in works:
        time.now += 1
        time.work += work
        seen.append(heartbeat.silent_seconds())
    return seen


def test_a_loop_that_waits_for_orders_or_loads_is_not_silent() -> None:
    time = Scripted()
    heartbeat = time.heartbeat(is_cpu=False)
    assert looks(heartbeat, time, [0, 0]) == [0, 0]  # no work was requested
    heartbeat.beat()
    assert looks(heartbeat, time, [0]) == [1]
    with heartbeat.rest():
        assert looks(heartbeat, time, [0] * 500) == [0] * 500
    assert looks(heartbeat, time, [0, 0]) == [1, 2]


def test_a_long_step_is_life_on_a_cpu_and_silence_on_a_card() -> None:
    for is_cpu, seen in ((True, [0, 0, 1, 2]), (False, [1, 2, 3, 4])):
        time = Scripted()
        heartbeat = time.heartbeat(is_cpu=is_cpu)
        heartbeat.beat()
        assert looks(heartbeat, time, [1.9, 0.5, 0.001, 0.001]) == seen


def test_vitals_say_what_is_new_and_nothing_where_there_is_no_news() -> None:
    time, tally = Scripted(), WorkTally()
    told: list[Event] = []
    heartbeat = time.heartbeat(is_cpu=False)
    teller = VitalsReporter(heartbeat, tally, told.append)
    teller.tell()
    assert told == []
    tally.count("step", 0.5, rows=6)
    tally.count("step", 0.25, rows=2)
    tally.count("decode", 0.1, rows=3)
    tally.slots = 3
    teller.tell()
    assert told == [
        Vitals(
            silent_seconds=0.0,
            slots=3,
            steps=2,
            rows=8,
            device_seconds={"step": 0.75, "decode": 0.1},
        )
    ]
    teller.tell()
    assert len(told) == 1
    tally.count("step", 0.25, rows=2)
    teller.tell()
    assert isinstance(told[1], Vitals)
    assert (told[1].steps, told[1].rows, told[1].device_seconds["step"]) == (1, 2, 0.25)


async def test_a_worker_that_has_nothing_to_do_says_nothing(folder: Path) -> None:
    news: list[Event | WorkerDied] = []
    configure = Configure(models=(entry(folder),), default=TINY, slots=4)
    async with open_connection(configure, patience=60, ping_seconds=0.5, listen=news.append) as link:
        while not isinstance(await link.receive(), Ready):
            pass
        before = len(news)
        with suppress(TimeoutError):
            async with asyncio.timeout(2.5):
                await link.receive()
    assert [type(each) for each in news[before:]] == [Pong] * (len(news) - before)
