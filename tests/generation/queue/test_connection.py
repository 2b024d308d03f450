import asyncio
import os
import signal
import sys
import time

import pytest

from generation.protocol import MAX_FRAME, Configure, Finished, Generate, Ready, Started, TooLarge, Upscale
from generation.queue.connection import WorkerDied, open_connection
from generation.request import (
    GenerationRequest,
    JobId,
    MemberId,
    ModelName,
)
from tests.drawings import drawing, upscale_of
from tests.generation.stand_in import COMMAND

pytestmark = pytest.mark.slow

CONFIGURE = Configure(models=(), default=ModelName("small"))
PATIENCE = 2.0  # seconds; more than a stand-in needs to start on a busy machine


def order(script: str = "") -> Generate:
    request = GenerationRequest(job=JobId("job"), member=MemberId(1), drawing=drawing(script))
    return Generate(request=request)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_worker_is_configured_and_its_events_come_in_order() -> None:
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        assert isinstance(await link.receive(), Ready)
        link.send(order())
        assert isinstance(await link.receive(), Started)
        assert isinstance(await link.receive(), Finished)


async def test_leaving_stops_the_worker() -> None:
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        await link.receive()
    assert not is_alive(link.pid)


async def test_a_worker_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.queue.connection.STOP_SECONDS", 0.3)
    async with open_connection(CONFIGURE, command=[*COMMAND, "--deaf-to-stop"]) as link:
        await link.receive()
    assert not is_alive(link.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_worker_that_is_killed_is_reported_with_the_signal(number: signal.Signals) -> None:
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        await link.receive()
        os.kill(link.pid, number)
        with pytest.raises(WorkerDied) as death:
            await link.receive()
        link.send(order())  # is lost, without an error
    assert death.value.exit_code == -number


async def test_a_worker_that_ends_by_itself_is_reported_with_its_exit_code() -> None:
    async with open_connection(CONFIGURE, command=[sys.executable, "-c", "raise SystemExit(7)"]) as link:
        with pytest.raises(WorkerDied) as death:
            await link.receive()
    assert death.value.exit_code == 7


async def test_what_was_said_before_a_death_is_heard() -> None:
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        assert isinstance(await link.receive(), Ready)
        link.send(order("die"))
        assert isinstance(await link.receive(), Started)
        with pytest.raises(WorkerDied):
            await link.receive()


async def test_a_command_that_cannot_be_started_is_a_death() -> None:
    with pytest.raises(WorkerDied) as death:
        async with open_connection(CONFIGURE, command=["/nonexistent/worker"]):
            pass
    assert death.value.exit_code is None


@pytest.mark.parametrize("nonsense", ["garbage", "huge"])
async def test_a_broken_stream_ends_the_worker(nonsense: str) -> None:
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        await link.receive()
        link.send(order(nonsense))
        await link.receive()
        with pytest.raises(WorkerDied):
            await link.receive()
        assert not is_alive(link.pid)


async def test_a_silent_worker_is_killed() -> None:
    async with open_connection(CONFIGURE, command=COMMAND, patience=PATIENCE, ping_seconds=0.2) as link:
        await link.receive()
        link.send(order("hang"))
        await link.receive()
        with pytest.raises(WorkerDied) as death:
            await link.receive()
        assert not is_alive(link.pid)
    assert death.value.exit_code == -signal.SIGKILL
    assert death.value.reason.startswith("silent")


async def test_an_idle_worker_that_answers_pings_lives_and_a_held_up_bot_does_not_blame_it() -> None:
    async with open_connection(CONFIGURE, command=COMMAND, patience=PATIENCE, ping_seconds=0.1) as link:
        await link.receive()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(PATIENCE / 4):
                await link.receive()
        time.sleep(PATIENCE)  # noqa: ASYNC251  # the test needs a blocked event loop
        link.send(order())
        assert isinstance(await link.receive(), Started)


async def test_an_order_too_large_for_a_frame_is_refused_and_the_stream_stays_whole() -> None:
    too_large = upscale_of(bytes(MAX_FRAME))
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        await link.receive()
        with pytest.raises(TooLarge):
            link.send(Upscale(request=too_large))
        link.send(order())
        assert isinstance(await link.receive(), Started)


async def test_pictures_that_together_exceed_a_frame_arrive_and_the_worker_lives() -> None:
    size = MAX_FRAME // 3
    request = GenerationRequest(
        job=JobId("job"), member=MemberId(1), drawing=drawing(f"large {size}", images=4)
    )
    async with open_connection(CONFIGURE, command=COMMAND) as link:
        await link.receive()
        for _ in range(2):
            link.send(Generate(request=request))
            assert isinstance(await link.receive(), Started)
            finished = await link.receive()
            assert isinstance(finished, Finished)
            assert [len(picture) for picture in finished.pictures] == [size] * 4
