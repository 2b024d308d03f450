"""The dispatcher's rules, one by one, with workers in this process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from generation.protocol import (
    Cancelled,
    Configure,
    Failed,
    Finished,
    ModelBroken,
    Ready,
    Started,
    Stepped,
    TooLarge,
)
from generation.queue.connection import WorkerDied
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import GenerationFailed, JobCancelled, LineFull, Running, Ticket, Waiting
from generation.request import GenerationRequest, GuildId, JobId, MemberId, ModelName
from tests.drawings import drawing
from tests.generation.scripted import ScriptedWorker

DEATH = WorkerDied(exit_code=-9, reason="killed")


def order(job: str, member: int = 1, images: int = 1, steps: int = 10) -> GenerationRequest:
    drawn = drawing(images=images, steps=steps)
    return GenerationRequest(job=JobId(job), member=MemberId(member), drawing=drawn)


def failed(job: str, kind: str) -> Failed:
    return Failed(job=JobId(job), kind=kind, reason="as told")


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that died is started again at once."""
    monkeypatch.setattr("generation.queue.worker.FIRST_BACKOFF", 0.0)


@asynccontextmanager
async def serving(*workers: ScriptedWorker, slots: int = 4, **options: Any) -> AsyncGenerator[Dispatcher]:
    """Yields a dispatcher whose workers are ready."""
    configure = Configure(models=(), default=ModelName("small"), slots=slots)
    dispatch = Dispatcher(configure, [worker.connect for worker in workers], **options)
    run = asyncio.create_task(dispatch.run())
    for worker in workers:
        await worker.be_ready()
    async with asyncio.timeout(10):
        yield dispatch
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def die(worker: ScriptedWorker) -> None:
    """The worker dies, and is ready again."""
    await worker.say(DEATH)
    await worker.be_ready()


async def error_of(ticket: Ticket) -> GenerationFailed:
    with pytest.raises(GenerationFailed) as failure:
        await ticket.wait_for_pictures()
    return failure.value


async def test_the_state_of_a_dispatcher_without_a_ready_worker() -> None:
    first, second = ScriptedWorker(), ScriptedWorker()
    dispatch = Dispatcher(Configure(models=(), default=ModelName("small")), [first.connect, second.connect])
    state = dispatch.state
    assert (state.is_ready, state.device, state.seconds_per_cost) == (False, "", None)
    run = asyncio.create_task(dispatch.run())
    await first.say(Ready(device="one card", seconds=0.0))
    assert (dispatch.state.is_ready, dispatch.state.device) == (True, "one card")
    await second.say(Ready(device="another", seconds=0.0))
    assert dispatch.state.device == "one card + another"
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_it_is_ready_while_a_worker_is() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        await dispatch.wait_for_ready()
        await worker.say(DEATH)
        waiting = asyncio.create_task(dispatch.wait_for_ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        await worker.be_ready()
        await waiting


async def test_the_line_holds_two_hundred_jobs_unless_said_otherwise() -> None:
    dispatch = Dispatcher(Configure(models=(), default=ModelName("small")))
    for number in range(200):
        dispatch.submit(order(f"{number}"))
    with pytest.raises(LineFull) as refusal:
        dispatch.submit(order("200"))
    assert refusal.value.waiting == 200


async def test_a_cancelled_job_leaves_room_in_a_full_line() -> None:
    dispatch = Dispatcher(Configure(models=(), default=ModelName("small")), max_waiting=1)
    dispatch.submit(order("first"))
    with pytest.raises(LineFull):
        dispatch.check_room()
    assert dispatch.cancel(JobId("first"))
    dispatch.check_room()
    dispatch.submit(order("second"))


async def test_jobs_that_run_take_no_room_in_the_line() -> None:
    worker = ScriptedWorker()
    async with serving(worker, max_waiting=1) as dispatch:
        dispatch.submit(order("first"))
        assert (worker.got, dispatch.state.waiting, dispatch.state.running) == (["first"], 0, 1)
        dispatch.check_room()


async def test_only_a_job_that_is_there_is_cancelled_and_only_once() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        assert not dispatch.cancel(JobId("nothing"))
        dispatch.submit(order("job"))
        assert dispatch.cancel(JobId("job"))
        assert not dispatch.cancel(JobId("job"))
        assert worker.cancelled == ["job"]


async def test_a_member_has_eight_pictures_running_unless_said_otherwise() -> None:
    worker = ScriptedWorker()
    async with serving(worker, slots=100) as dispatch:
        for name, images in (("four", 4), ("three", 3), ("two", 2), ("one", 1), ("more", 1)):
            dispatch.submit(order(name, images=images))
        assert worker.got == ["four", "three", "one"]
        dispatch.submit(order("other", member=2))
        assert worker.got == ["four", "three", "one", "other"]


async def test_a_members_only_job_may_be_larger_than_the_cap() -> None:
    worker = ScriptedWorker()
    async with serving(worker, slots=100, member_running=3) as dispatch:
        dispatch.submit(order("large", images=4))
        dispatch.submit(order("next"))
        assert worker.got == ["large"]
        await worker.finish("large")
        assert worker.got == ["large", "next"]


async def test_the_cap_counts_the_pictures_at_all_workers() -> None:
    first, second = ScriptedWorker(), ScriptedWorker()
    async with serving(first, second, slots=100, member_running=4) as dispatch:
        for name in ("a", "b", "c"):
            dispatch.submit(order(name, images=2))
        assert (first.got, second.got) == (["a"], ["b"])


async def test_a_full_worker_takes_drafts_and_members_with_nothing_running() -> None:
    worker = ScriptedWorker()
    async with serving(worker, slots=4, member_running=100) as dispatch:
        for number in range(6):
            dispatch.submit(order(f"heavy-{number}"))
        assert worker.got == [f"heavy-{number}" for number in range(5)], "four slots and one in reserve"
        dispatch.submit(order("draft", steps=8))
        dispatch.submit(order("newcomer", member=2))
        dispatch.submit(order("second of the newcomer", member=2))
        assert worker.got[5:] == ["draft", "newcomer"]
        dispatch.submit(order("four drafts", images=3, steps=8))
        dispatch.submit(order("third member", member=3))
        assert worker.got[7:] == ["four drafts"], "at most twice as many pictures"


async def test_the_worker_with_the_fewest_pictures_gets_the_next_job() -> None:
    first, second = ScriptedWorker(), ScriptedWorker()
    async with serving(first, second, slots=8, member_running=100) as dispatch:
        for name, images in (("a", 3), ("b", 1), ("c", 1), ("d", 1), ("e", 1)):
            dispatch.submit(order(name, images=images))
        assert (first.got, second.got) == (["a", "e"], ["b", "c", "d"])


@pytest.mark.parametrize(("steps", "first"), [(14, "of a newcomer"), (16, "next")])
async def test_time_that_passed_before_a_member_came_is_not_theirs(steps: int, first: str) -> None:
    """Time is charged while a job runs, not only at its end."""
    worker = ScriptedWorker()
    async with serving(worker, slots=1) as dispatch:
        dispatch.submit(order("running", images=4, steps=10))
        await worker.say(Stepped(job=JobId("running"), done=20, total=40))
        dispatch.submit(order("next", images=4, steps=10))
        dispatch.submit(order("of a newcomer", member=2, images=4, steps=steps))
        await worker.finish("running", device_seconds=0.4)
        assert worker.got == ["running", first]


async def test_a_job_whose_model_is_broken_wherever_a_worker_is_ready_is_sent_and_may_mend_it() -> None:
    first, second = ScriptedWorker(), ScriptedWorker()
    dispatch = Dispatcher(
        Configure(models=(), default=ModelName("other"), slots=4), [first.connect, second.connect]
    )
    run = asyncio.create_task(dispatch.run())
    await first.be_ready()  # the second is still starting
    await first.say(ModelBroken(model=ModelName("small"), reason="as told"))
    dispatch.submit(order("job"))
    assert first.got == ["job"]
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_a_job_that_failed_is_tried_once_more_and_alone() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        unlucky = dispatch.submit(order("unlucky"))
        other = dispatch.submit(order("other"))
        await worker.say(failed("unlucky", "memory"))
        late = dispatch.submit(order("late"))
        assert worker.got == ["unlucky", "other"], "it waits for an empty worker, and the others for it"
        await worker.finish("other")
        await other.wait_for_pictures()
        assert worker.got == ["unlucky", "other", "unlucky"]
        await worker.say(failed("unlucky", "bug"))
        assert (await error_of(unlucky)).kind == "bug"
        assert worker.got == ["unlucky", "other", "unlucky", "late"]
        await worker.finish("late")
        await late.wait_for_pictures()


async def test_a_cancelled_job_is_not_tried_again() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        ticket = dispatch.submit(order("job"))
        dispatch.cancel(JobId("job"))
        await worker.say(failed("job", "memory"))
        assert (dispatch.state.running, dispatch.state.waiting, worker.got) == (0, 0, ["job"])
        with pytest.raises(JobCancelled):
            await ticket.wait_for_pictures()


async def test_a_worker_may_cancel_a_job_itself() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        ticket = dispatch.submit(order("job"))
        await worker.say(Cancelled(job=JobId("job")))
        with pytest.raises(JobCancelled):
            await ticket.wait_for_pictures()
        assert dispatch.state.running == 0


async def test_a_job_is_sent_again_twice_unless_said_otherwise_and_the_last_time_alone() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        deadly = dispatch.submit(order("deadly"))
        dispatch.submit(order("other", member=2))
        await die(worker)
        assert worker.got == ["deadly", "other"] * 2, "after the first death both are sent together"
        await worker.finish("other")
        dispatch.submit(order("third", member=3))
        await die(worker)
        assert worker.got[4:] == ["third", "deadly"], "sent again, alone"
        dispatch.submit(order("fourth", member=4))
        assert worker.got[6:] == []
        await die(worker)
        failure = await error_of(deadly)
        assert (failure.kind, failure.reason) == ("crash", "killed, exit code -9")


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_a_job_is_sent_again_as_often_as_said(retries: int) -> None:
    worker = ScriptedWorker()
    async with serving(worker, retries=retries) as dispatch:
        deadly = dispatch.submit(order("deadly"))
        for _ in range(retries):
            await die(worker)
        assert worker.got == ["deadly"] * (retries + 1)
        await die(worker)
        assert (await error_of(deadly)).kind == "crash"
        assert worker.got == ["deadly"] * (retries + 1)


async def test_a_job_that_began_waits_again_after_a_death() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        ticket = dispatch.submit(order("job"))
        await worker.say(Started(job=JobId("job")), Stepped(job=JobId("job"), done=5, total=10))
        assert isinstance(ticket.progress, Running)
        await worker.say(DEATH)
        assert ticket.progress == Waiting(place=1, seconds=None)
        assert (dispatch.state.running, dispatch.state.waiting) == (0, 1)


async def test_a_stop_counts_as_no_death() -> None:
    worker = ScriptedWorker()
    dispatch = Dispatcher(
        Configure(models=(), default=ModelName("small"), slots=4), [worker.connect], retries=1
    )
    ticket = dispatch.submit(order("job"))
    for starts in (1, 2, 3):
        run = asyncio.create_task(dispatch.run())
        await worker.be_ready()
        assert worker.got == ["job"] * starts
        if starts == 3:  # the first death: the job is sent once more
            await die(worker)
            assert worker.got == ["job"] * 4
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert (dispatch.state.waiting, ticket.is_done) == (1, False)


async def test_an_order_too_large_to_send_fails_and_the_next_one_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:

        def refuse(_: object) -> None:
            raise TooLarge(size=3)

        with monkeypatch.context() as patch:
            patch.setattr(worker, "send", refuse)
            ticket = dispatch.submit(order("large"))
        failure = await error_of(ticket)
        assert (failure.kind, failure.reason) == ("too-large", "3 bytes are too many")
        dispatch.submit(order("small"))
        assert (worker.got, dispatch.state.running) == (["small"], 1)


async def test_pictures_that_are_not_stored_yet_hold_up_further_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.queue.dispatcher.MOST_HELD", 15)
    worker = ScriptedWorker()
    async with serving(worker, slots=1) as dispatch:
        tickets = [dispatch.submit(order(job, member)) for member, job in enumerate("abcdef")]
        for job in "ab":
            await worker.say(Finished(job=JobId(job), pictures=(b"ten bytes.",), device_seconds=1.0))
        sent = len(worker.got)
        assert dispatch.state.waiting == 6 - sent > 0, "more than fifteen bytes are held: the rest waits"
        assert (await tickets[0].wait_for_pictures()).pictures == (b"ten bytes.",)
        dispatch.release(JobId("a"))
        assert len(worker.got) > sent
        dispatch.release(JobId("a"))


async def test_the_pictures_of_a_cancelled_job_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.queue.dispatcher.MOST_HELD", 5)
    worker = ScriptedWorker()
    async with serving(worker, slots=1) as dispatch:
        dispatch.submit(order("a"))
        dispatch.cancel(JobId("a"))
        await worker.say(Finished(job=JobId("a"), pictures=(b"ten bytes.",), device_seconds=1.0))
        dispatch.submit(order("b"))
        assert worker.got == ["a", "b"]


@pytest.mark.parametrize(("kind", "is_sent"), [("bug", True), ("memory", False)])
async def test_only_a_lack_of_memory_is_tried_again_on_an_empty_device(kind: str, is_sent: bool) -> None:
    worker = ScriptedWorker()
    async with serving(worker) as dispatch:
        dispatch.submit(order("other", member=2))
        dispatch.submit(order("job"))
        await worker.say(failed("job", kind))
        dispatch.submit(order("newcomer", member=3))
        assert worker.got == ["other", "job", *(["job", "newcomer"] if is_sent else [])]
        await worker.finish("other")
        assert worker.got[:3] == ["other", "job", "job"]


async def test_the_weights_that_workers_are_told_hold_in_the_queue_too() -> None:
    worker = ScriptedWorker()
    heavy = GuildId(2)
    configure = Configure(models=(), default=ModelName("small"), slots=1, weights={heavy: 8.0})
    dispatch = Dispatcher(configure, [worker.connect])
    run = asyncio.create_task(dispatch.run())
    for job, guild in (("a", GuildId(1)), ("b", heavy)):
        dispatch.submit(replace(order(job, images=4, member=int(guild)), guild=guild))
    await worker.be_ready()
    assert worker.got[0] == "b"
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
