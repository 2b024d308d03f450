"""Several workers behind one queue: real processes, and scripted workers for broken models."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from generation.abilities import Abilities
from generation.protocol import Configure, ModelAbilities, ModelBroken, Swapped
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import GenerationFailed, JobCancelled, Running, Ticket, Waiting
from generation.request import JobId, ModelName
from tests.generation.queue.test_dispatcher import order, running, until, until_running
from tests.generation.scripted import ScriptedWorker

pytestmark = pytest.mark.slow


@asynccontextmanager
async def two(slots: int = 4, retries: int = 2) -> AsyncGenerator[Dispatcher]:
    """Yields a dispatcher with two ready workers."""
    async with running(slots=slots, retries=retries, workers=2) as dispatch:
        await until(lambda: dispatch.state.device == "stand-in + stand-in")
        yield dispatch


async def drawn_by(ticket: Ticket) -> int:
    """Returns the id of the process that drew the job."""
    return int((await ticket.wait_for_pictures()).pictures[0].split()[0])


async def test_work_spreads_over_both(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with two(slots=1) as dispatch:
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}")) for n in range(6)]
        first, second, third, fourth = [await until_running(ticket) for ticket in tickets[:4]]
        assert (first, second) == (third, fourth) and first != second
        assert (dispatch.state.running, dispatch.state.waiting) == (4, 2)
        gate.touch()
        assert {await drawn_by(ticket) for ticket in tickets} == {first, second}


async def test_only_the_jobs_of_a_worker_that_died_are_charged_with_a_crash(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with two(retries=0) as dispatch:
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}")) for n in range(4)]
        first, second = [await until_running(ticket) for ticket in tickets][:2]
        os.kill(first, signal.SIGKILL)
        for ticket in tickets[::2]:
            with pytest.raises(GenerationFailed):
                await ticket.wait_for_pictures()
        assert all(isinstance(ticket.progress, Running) for ticket in tickets[1::2])
        assert (dispatch.state.is_ready, dispatch.state.running) == (True, 2)
        gate.touch()
        assert [await drawn_by(ticket) for ticket in tickets[1::2]] == [second] * 2


async def test_jobs_of_a_worker_that_died_are_taken_by_the_other(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with two() as dispatch:
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}")) for n in range(2)]
        first, second = [await until_running(ticket) for ticket in tickets]
        os.kill(first, signal.SIGKILL)
        async for progress in tickets[0]:
            if isinstance(progress, Running) and progress.preview == str(second).encode():
                break
        gate.touch()
        assert [await drawn_by(ticket) for ticket in tickets] == [second] * 2


async def test_a_cancel_reaches_the_worker_that_has_the_job(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with two() as dispatch:
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}")) for n in range(4)]
        pids = [await until_running(ticket) for ticket in tickets]
        for ticket in tickets[:2]:
            assert dispatch.cancel(ticket.job)
            with pytest.raises(JobCancelled):
                await ticket.wait_for_pictures()
        await until(lambda: dispatch.state.running == 2)  # a stand-in releases only jobs that it has
        gate.touch()
        assert [await drawn_by(ticket) for ticket in tickets[2:]] == pids[2:]


async def test_for_a_job_that_must_run_alone_one_worker_is_emptied_and_the_other_goes_on(
    tmp_path: Path,
) -> None:
    async with two() as dispatch:
        held = {
            await until_running(ticket): (ticket, gate)
            for gate in (tmp_path / "one", tmp_path / "two")
            for ticket in [dispatch.submit(order(gate.name, f"hold {gate}"))]
        }
        once = tmp_path / "once"
        alone = dispatch.submit(order("alone", f"fail-once {once} memory"))
        await until(lambda: once.exists() and dispatch.state.waiting == 1)
        others = {await drawn_by(dispatch.submit(order(f"other{n}", member=n))) for n in range(2, 6)}
        (busy,) = others
        ((emptied, (last, gate)),) = [each for each in held.items() if each[0] != busy]
        assert isinstance(alone.progress, Waiting)
        gate.touch()
        await last.wait_for_pictures()
        assert await drawn_by(alone) == emptied
        assert isinstance(held[busy][0].progress, Running)


async def test_the_state_sums_up(tmp_path: Path) -> None:
    async with two() as dispatch:
        held = [
            dispatch.submit(order(f"job{n}", f"hold {tmp_path / 'never'}", images=n)) for n in range(1, 3)
        ]
        pids = [await until_running(ticket) for ticket in held]
        state = dispatch.state
        assert (state.is_ready, state.running, state.waiting, state.seated) == (True, 2, 0, 3)
        for ticket in held:
            dispatch.cancel(ticket.job)  # otherwise another worker would take it
        await until(lambda: dispatch.state.running == 0)
        for pid, left in zip(pids, (2, 0), strict=True):
            assert dispatch.state.is_ready
            os.kill(pid, signal.SIGKILL)
            await until(lambda left=left: dispatch.state.seated == left)


async def test_a_job_goes_where_its_model_is_whole_and_anywhere_if_it_is_broken_everywhere() -> None:
    first, second = ScriptedWorker(), ScriptedWorker()
    small, other = ModelName("small"), ModelName("other")
    dispatch = Dispatcher(Configure(models=(), default=other, slots=4), [first.connect, second.connect])
    run = asyncio.create_task(dispatch.run())
    await first.be_ready()
    await second.be_ready()
    assert dispatch.abilities_of(small) is None
    can = Abilities(pipeline="FluxPipeline")
    await second.say(ModelAbilities(model=small, abilities=can))
    assert (dispatch.abilities_of(small), dispatch.abilities_of(other)) == (can, None)
    await first.say(ModelBroken(model=small, reason="as told"))
    assert dispatch.state.broken_models == {small: "as told"}
    for name in ("a", "b"):
        dispatch.submit(order(name))
    third = order("c")
    dispatch.submit(replace(third, drawing=replace(third.drawing, model=other)))
    assert (first.got, second.got) == (["c"], ["a", "b"])
    await second.say(ModelBroken(model=small, reason="as told"))
    dispatch.submit(order("d"))
    assert first.got == ["c", "d"]
    await second.say(Swapped(loaded=small, evicted=(), seconds=1.0, resident_bytes=0))
    dispatch.submit(order("e"))
    assert second.got == ["a", "b", "e"]
    dispatch.cancel(JobId("d"))
    assert (first.cancelled, second.cancelled) == (["d"], [])
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
