"""While a worker downloads a model, that model's jobs wait and take no room."""

from dataclasses import replace

import pytest

from generation.protocol import Cancelled, Downloading, ModelBroken
from generation.queue.ticket import Download, JobCancelled, Waiting
from generation.request import GenerationRequest, JobId, ModelName
from tests.generation.queue.test_dispatcher_rules import die, order, serving
from tests.generation.scripted import ScriptedWorker

FAR = ModelName("far")


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that died is started again at once."""
    monkeypatch.setattr("generation.queue.worker.FIRST_BACKOFF", 0.0)


def far(job: str, images: int = 1) -> GenerationRequest:
    made = order(job, images=images)
    return replace(made, drawing=replace(made.drawing, model=FAR))


def download(done: int, total: int = 100) -> Downloading:
    return Downloading(model=FAR, done=done, total=total)


async def test_its_jobs_are_told_how_far_it_is_and_go_on_afterwards() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as line:
        first, later = line.submit(far("first")), line.submit(order("later"))
        await worker.say(download(10), download(20))
        assert first.progress == Waiting(place=2, seconds=None, download=Download(done=20, total=100))
        assert later.progress == Waiting(place=1, seconds=None)
        assert line.download_of(FAR) == Download(done=20, total=100)
        await worker.say(download(100))
        assert first.progress == Waiting(place=1, seconds=None)
        assert line.download_of(FAR) is None
        await worker.finish("first")
        assert first.is_done


async def test_its_jobs_take_no_room_and_no_more_are_sent_before_it_ends() -> None:
    worker = ScriptedWorker()
    async with serving(worker, slots=4, member_running=4) as line:
        for job in "abc":
            line.submit(far(job, images=4))
        assert worker.got == ["a"], "one member has four pictures at once"
        await worker.say(download(1))
        others = [line.submit(order(f"other{number}", images=4)) for number in range(2)]
        assert worker.got == ["a", "other0"]
        await worker.finish("other0")
        assert worker.got == ["a", "other0", "other1"] and others[0].is_done
        await worker.say(download(100))
        await worker.finish("other1")
        await worker.finish("a")
        assert worker.got[3] == "b"


async def test_a_job_that_waits_for_it_can_be_cancelled() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as line:
        ticket = line.submit(far("a"))
        await worker.say(download(1))
        assert line.cancel(JobId("a")) and worker.cancelled == ["a"]
        await worker.say(Cancelled(job=JobId("a")))
        with pytest.raises(JobCancelled):
            await ticket.wait_for_pictures()


async def test_a_worker_that_dies_meanwhile_costs_its_jobs_no_try() -> None:
    worker = ScriptedWorker()
    async with serving(worker, retries=0) as line:
        ticket = line.submit(far("a"))
        for _ in range(3):
            await worker.say(download(1))
            await die(worker)
            assert line.download_of(FAR) is None
        assert worker.got == ["a"] * 4
        await worker.finish("a")
        assert ticket.is_done


async def test_a_failed_download_ends_it_and_another_try_is_told_as_one() -> None:
    worker = ScriptedWorker()
    async with serving(worker) as line:
        await worker.say(download(1), ModelBroken(model=FAR, reason="as told"))
        assert line.download_of(FAR) is None and line.state.broken_models == {FAR: "as told"}
        await worker.say(download(1))
        assert line.download_of(FAR) and not line.state.broken_models
