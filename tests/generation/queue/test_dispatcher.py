import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from generation.protocol import MAX_FRAME, Configure
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import (
    GenerationFailed,
    JobCancelled,
    JobParked,
    LineFull,
    QueueClosed,
    Running,
    Ticket,
    Waiting,
)
from generation.request import (
    GenerationRequest,
    JobId,
    MemberId,
    ModelName,
)
from tests.drawings import drawing, upscale_of
from tests.generation.stand_in import COMMAND, SECONDS_PER_COST

pytestmark = pytest.mark.slow

PATIENCE = 2.5  # seconds; more than a stand-in needs to start on a busy machine


def order(job: str, script: str = "", member: int = 1, images: int = 1, steps: int = 10) -> GenerationRequest:
    drawn = drawing(script, images=images, steps=steps)
    return GenerationRequest(job=JobId(job), member=MemberId(member), drawing=drawn)


@asynccontextmanager
async def running(
    slots: int = 1,
    default: str = "small",
    max_waiting: int = 200,
    retries: int = 2,
    patience: float = 60,
    member_running: int = 100,
    workers: int = 1,
) -> AsyncGenerator[Dispatcher, None]:
    dispatch = Dispatcher(
        Configure(models=(), default=ModelName(default), slots=slots),
        [partial(open_connection, command=COMMAND, patience=patience)] * workers,
        max_waiting=max_waiting,
        retries=retries,
        member_running=member_running,
    )
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(dispatch.run())
        try:
            yield dispatch
        finally:
            task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # another process changes the condition
        await asyncio.sleep(0.002)


async def until_running(ticket: Ticket) -> int:
    """Waits until the job runs and returns its process id, which a stand-in sends as the preview."""
    async for progress in ticket:
        if isinstance(progress, Running) and progress.preview is not None:
            return int(progress.preview)
    raise AssertionError("the job ended before it was seen running")


async def order_of_arrival(*tickets: Ticket) -> list[JobId]:
    """Returns the jobs in the order in which the worker received them: a stand-in numbers its pictures."""
    done = [await ticket.wait_for_pictures() for ticket in tickets]
    return [
        pictures.job for pictures in sorted(done, key=lambda pictures: int(pictures.pictures[0].split()[1]))
    ]


async def test_a_job_is_delivered_with_its_pictures() -> None:
    async with running() as dispatch:
        pictures = await dispatch.submit(order("job", images=3)).wait_for_pictures()
    assert (pictures.job, len(pictures.pictures)) == ("job", 3)


async def test_an_enlargement_goes_the_same_way() -> None:
    async with running() as dispatch:
        request = upscale_of(b"")
        assert (await dispatch.submit(request).wait_for_pictures()).job == "large"


async def test_jobs_submitted_before_the_worker_is_up_wait_for_it() -> None:
    async with running() as dispatch:
        ticket = dispatch.submit(order("job"))
        assert not dispatch.state.is_ready
        assert ticket.progress == Waiting(place=1, seconds=None)
        await dispatch.wait_for_ready()
        assert dispatch.state.device == "stand-in"
        await ticket.wait_for_pictures()


async def test_members_take_turns_whatever_the_order_of_arrival(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running() as dispatch:
        held = dispatch.submit(order("a0", f"hold {gate}"))
        await until_running(held)
        tickets = [dispatch.submit(order(f"a{n}")) for n in range(1, 4)]
        tickets += [dispatch.submit(order(f"b{n}", member=2)) for n in range(2)]
        gate.touch()
        arrived = await order_of_arrival(held, *tickets)
    # Job times are measured, so either of two equal members may go first. Their turns stay the same.
    assert [job for job in arrived if job[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [job for job in arrived if job[0] == "b"] == ["b0", "b1"]
    assert arrived.index(JobId("b1")) < arrived.index(JobId("a2"))


async def test_no_more_is_handed_out_than_fills_the_slots_and_a_little(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(slots=8) as dispatch:
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}", images=2)) for n in range(9)]
        await until_running(tickets[4])
        assert (dispatch.state.running, dispatch.state.waiting) == (5, 4)
        gate.touch()
        for ticket in tickets:
            await ticket.wait_for_pictures()
        assert (dispatch.state.running, dispatch.state.waiting) == (0, 0)


async def test_a_member_with_nothing_out_is_handed_out_when_another_fills_the_slots(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(slots=2) as dispatch:
        greedy = [dispatch.submit(order(f"a{n}", f"hold {gate}")) for n in range(6)]
        await until_running(greedy[2])
        modest = [dispatch.submit(order(f"b{n}", f"hold {gate}", member=2)) for n in range(2)]
        await until_running(modest[0])
        assert (dispatch.state.running, dispatch.state.waiting) == (4, 4)
        gate.touch()
        for ticket in greedy + modest:
            await ticket.wait_for_pictures()


async def test_a_member_has_no_more_pictures_running_than_the_cap_and_one_order_however_large(
    tmp_path: Path,
) -> None:
    gate = tmp_path / "gate"
    async with running(slots=8, member_running=3) as dispatch:
        large = dispatch.submit(order("large", f"hold {gate}", member=2, images=4))
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}", images=2)) for n in range(3)]
        await until_running(large)
        await until_running(tickets[0])
        assert (dispatch.state.running, dispatch.state.waiting) == (2, 2)
        gate.touch()
        for ticket in [large, *tickets]:
            await ticket.wait_for_pictures()


async def test_a_draft_is_handed_out_beside_heavy_orders_that_fill_the_slots(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(slots=2) as dispatch:
        heavy = [dispatch.submit(order(f"a{n}", f"hold {gate}")) for n in range(6)]
        await until_running(heavy[2])
        draft = dispatch.submit(order("draft", f"hold {gate}", steps=4))
        await until_running(draft)
        assert dispatch.state.waiting == 3
        gate.touch()
        for ticket in heavy:
            await ticket.wait_for_pictures()


async def test_a_worker_killed_in_the_middle_of_a_job_is_replaced_and_the_job_delivered_once(
    tmp_path: Path,
) -> None:
    gate = tmp_path / "gate"
    async with running() as dispatch:
        ticket = dispatch.submit(order("job", f"hold {gate}"))
        last = dispatch.submit(order("last", member=2))
        first_pid = await until_running(ticket)
        os.kill(first_pid, signal.SIGKILL)
        await until(lambda: isinstance(ticket.progress, Waiting))
        second_pid = await until_running(ticket)
        gate.touch()
        pictures = await ticket.wait_for_pictures()
        await last.wait_for_pictures()
    assert second_pid != first_pid
    assert int(pictures.pictures[0].split()[0]) == second_pid


async def test_jobs_of_a_dead_worker_are_in_front_of_those_that_never_ran(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running() as dispatch:
        tickets = [dispatch.submit(order(f"job{n}", f"hold {gate}")) for n in range(3)]
        os.kill(await until_running(tickets[0]), signal.SIGKILL)
        await until(lambda: not dispatch.state.is_ready)
        newcomer = dispatch.submit(order("newcomer", member=2))
        gate.touch()
        arrived = await order_of_arrival(*tickets, newcomer)
    assert arrived == ["job0", "job1", "newcomer", "job2"]


async def test_a_job_that_kills_every_worker_fails_and_takes_nobody_with_it() -> None:
    async with running(slots=4, retries=1) as dispatch:
        deadly = dispatch.submit(order("deadly", "die"))
        innocent = [dispatch.submit(order(f"job{n}", member=n)) for n in range(2, 5)]
        with pytest.raises(GenerationFailed) as failure:
            await deadly.wait_for_pictures()
        for ticket in innocent:
            await ticket.wait_for_pictures()
    assert failure.value.kind == "crash"


@pytest.mark.parametrize("end", ["die", "garbage"])
async def test_however_the_worker_ends_its_job_is_tried_again(end: str, tmp_path: Path) -> None:
    async with running() as dispatch:
        await dispatch.submit(order("job", f"{end}-once {tmp_path / 'once'}")).wait_for_pictures()


async def test_a_hung_worker_is_replaced(tmp_path: Path) -> None:
    async with running(patience=PATIENCE) as dispatch:
        await dispatch.submit(order("job", f"hang-once {tmp_path / 'once'}")).wait_for_pictures()


@pytest.mark.parametrize("kind", ["memory", "numbers", "bug"])
async def test_what_may_succeed_the_second_time_is_tried_a_second_time(kind: str, tmp_path: Path) -> None:
    async with running() as dispatch:
        lucky = dispatch.submit(order("lucky", f"fail-once {tmp_path / 'once'} {kind}"))
        unlucky = dispatch.submit(order("unlucky", f"fail {kind}"))
        await lucky.wait_for_pictures()
        with pytest.raises(GenerationFailed) as failure:
            await unlucky.wait_for_pictures()
    assert failure.value.kind == kind


@pytest.mark.parametrize("kind", ["model", "input"])
async def test_what_would_fail_again_fails_at_once(kind: str, tmp_path: Path) -> None:
    async with running() as dispatch:
        with pytest.raises(GenerationFailed) as failure:
            await dispatch.submit(order("job", f"fail-once {tmp_path / 'once'} {kind}")).wait_for_pictures()
    assert (failure.value.kind, failure.value.reason) == (kind, "as told")


async def test_a_waiting_job_is_cancelled_and_the_others_move_up(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running() as dispatch:
        held = [dispatch.submit(order(f"held{n}", f"hold {gate}")) for n in range(2)]
        await until_running(held[1])
        waiting, behind = dispatch.submit(order("waiting")), dispatch.submit(order("behind"))
        assert behind.progress == Waiting(place=2, seconds=None)
        assert dispatch.cancel(JobId("waiting"))
        assert behind.progress == Waiting(place=1, seconds=None)
        with pytest.raises(JobCancelled):
            await waiting.wait_for_pictures()
        assert not dispatch.cancel(JobId("waiting"))


async def test_a_running_job_is_cancelled_at_once_and_its_slot_is_free_once_the_worker_lets_go(
    tmp_path: Path,
) -> None:
    async with running() as dispatch:
        ticket = dispatch.submit(order("job", f"hold {tmp_path / 'never'}"))
        await until_running(ticket)
        assert dispatch.cancel(JobId("job"))
        assert dispatch.state.running == 1
        with pytest.raises(JobCancelled):
            await ticket.wait_for_pictures()
        await until(lambda: dispatch.state.running == 0)
        await dispatch.submit(order("next")).wait_for_pictures()


async def test_a_cancelled_job_of_a_dead_worker_does_not_come_back(tmp_path: Path) -> None:
    async with running() as dispatch:
        pid = await until_running(dispatch.submit(order("job", f"hold {tmp_path / 'never'}")))
        os.kill(pid, signal.SIGSTOP)
        dispatch.cancel(JobId("job"))
        os.kill(pid, signal.SIGKILL)
        await dispatch.submit(order("next")).wait_for_pictures()
        assert (dispatch.state.running, dispatch.state.waiting) == (0, 0)


async def test_a_job_that_is_known_keeps_its_ticket(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running() as dispatch:
        ticket = dispatch.submit(order("job", f"hold {gate}"))
        assert dispatch.submit(order("job")) is ticket
        await until_running(ticket)
        assert dispatch.submit(order("job")) is ticket
        gate.touch()
        await ticket.wait_for_pictures()


async def test_the_second_answer_for_a_job_is_ignored() -> None:
    async with running() as dispatch:
        await dispatch.submit(order("job", "twice")).wait_for_pictures()
        await dispatch.submit(order("next")).wait_for_pictures()
        assert dispatch.state.running == 0


async def test_a_full_line_refuses_and_says_how_many_wait_unless_the_job_was_accepted_before() -> None:
    dispatch = Dispatcher(Configure(models=(), default=ModelName("small")), max_waiting=2)
    for n in range(2):
        dispatch.submit(order(f"job{n}"))
    with pytest.raises(LineFull) as refusal:
        dispatch.submit(order("job2"))
    assert (refusal.value.waiting, refusal.value.seconds) == (2, None)
    assert dispatch.submit(order("job2"), force=True).progress == Waiting(place=3, seconds=None)


async def test_estimates_are_what_the_work_in_front_takes_at_the_measured_pace(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(max_waiting=2) as dispatch:
        await dispatch.submit(order("measured")).wait_for_pictures()
        assert dispatch.state.seconds_per_cost == pytest.approx(SECONDS_PER_COST)
        held = dispatch.submit(order("held", f"hold {gate}"))
        await until_running(held)  # one of two steps is done: 5 of 10 picture-steps are left
        waiting = [dispatch.submit(order(f"job{n}")) for n in range(3)]
        half, whole = 5 * SECONDS_PER_COST, 10 * SECONDS_PER_COST
        assert [ticket.progress for ticket in waiting] == [
            Waiting(place=1, seconds=half + whole),
            Waiting(place=2, seconds=half + 2 * whole),
            Waiting(place=3, seconds=half + 3 * whole),
        ]
        with pytest.raises(LineFull) as refusal:
            dispatch.submit(order("too many"))
        assert refusal.value.seconds == pytest.approx(half + 3 * whole)
        gate.touch()
        for ticket in waiting:
            await ticket.wait_for_pictures()


async def test_a_broken_default_model_is_known_and_the_other_models_are_served() -> None:
    async with running(default="broken") as dispatch:
        await dispatch.wait_for_ready()
        assert dispatch.state.broken_models == {"broken": "as told"}
        await dispatch.submit(order("job")).wait_for_pictures()


async def test_a_model_that_was_loaded_after_all_is_broken_no_more() -> None:
    async with running(default="broken") as dispatch:
        await dispatch.submit(order("job", "mend broken")).wait_for_pictures()
        assert dispatch.state.broken_models == {}


async def test_a_request_too_large_to_send_fails_alone() -> None:
    async with running() as dispatch:
        request = upscale_of(bytes(MAX_FRAME))
        ticket, other = dispatch.submit(request), dispatch.submit(order("job"))
        with pytest.raises(GenerationFailed) as failure:
            await ticket.wait_for_pictures()
        await other.wait_for_pictures()
    assert failure.value.kind == "too-large"


async def test_a_stop_leaves_tickets_open_and_another_run_takes_the_jobs_up(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running() as dispatch:
        ticket = dispatch.submit(order("job", f"hold {gate}"))
        await until_running(ticket)
    assert ticket.progress == Waiting(place=1, seconds=None)
    gate.touch()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        again = tasks.create_task(dispatch.run())
        await ticket.wait_for_pictures()
        again.cancel()


async def test_a_parked_queue_ends_every_ticket_and_takes_no_more_jobs(tmp_path: Path) -> None:
    async with running() as dispatch:
        tickets = [dispatch.submit(order("running", f"hold {tmp_path / 'gate'}"))]
        await until_running(tickets[0])
        tickets.append(dispatch.submit(order("waiting")))
        dispatch.park()
        with pytest.raises(QueueClosed):
            dispatch.check_room()
        tickets.append(dispatch.submit(order("late"), force=True))
        for ticket in tickets:
            with pytest.raises(JobParked):
                await ticket.wait_for_pictures()
