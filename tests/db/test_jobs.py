import asyncio
import sqlite3
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.database import Database
from db.ids import new_job_id
from db.jobs import Job, JobAction, Jobs, JobState, ReplyTarget
from generation.control.kinds import Control, ControlKind
from generation.request import (
    ImageSize,
    JobId,
    Lora,
    LoraName,
    Placement,
    Prompt,
    Region,
    Role,
)
from tests.db.rows import ALICE, BOB, NOW, a_job, record, record_done
from tests.drawings import grown_from


@pytest.fixture
def jobs(db: Database) -> Jobs:
    return Jobs(db)


async def test_a_job_comes_back_as_it_was_recorded(db: Database, jobs: Jobs) -> None:
    parent = await record(db)
    child = a_job(
        action=JobAction.VARIATION,
        pictures=grown_from(parent.id, strength=0.1 + 0.2),
        loras=(Lora(name=LoraName("ink"), weight=-0.5), Lora(name=LoraName("pixel"), weight=0.8)),
        place=ReplyTarget(guild_id=None, channel_id=3),
    )
    async with db.transaction() as tx:
        await jobs.record(tx, child)
        assert await asyncio.create_task(jobs.get(child.id)) is None
        assert await jobs.get(child.id) == child
    assert await jobs.get(child.id) == child
    assert await jobs.get(parent.id) == parent


async def test_there_is_no_job_under_an_unknown_id(jobs: Jobs) -> None:
    assert await jobs.get(new_job_id()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": JobId("SHOUTING01")},
        {"id": JobId("short")},
        {"images": 0},
        {"seed": -1},
        {"action": ""},
        {"size": ImageSize(width=0, height=512)},
        {"pictures": grown_from(JobId("aaaaaaaaaa"))},
        {"state": JobState.FAILED, "finished_at": NOW},
        {"state": JobState.DONE},
        {"state": JobState.RUNNING},
        {"delivered_at": NOW},
        {"handed_out_at": NOW},
        {"given_up_at": NOW},
    ],
    ids=str,
)
async def test_a_row_that_makes_no_sense_is_refused(db: Database, changes: dict[str, object]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await record(db, **changes)


@pytest.mark.parametrize(
    "changes", [{"image": -1}, {"strength": 0.0}, {"strength": 1.5}, {"role": ""}], ids=str
)
async def test_a_picture_that_makes_no_sense_is_refused(db: Database, changes: dict[str, Any]) -> None:
    parent = await record(db)
    with pytest.raises(sqlite3.IntegrityError):
        await record(db, pictures=grown_from(parent.id, **changes))


async def test_a_job_grows_from_several_pictures_in_their_order(db: Database, jobs: Jobs) -> None:
    other, last = await record(db), await record(db)
    mask = grown_from(last.id, 2, role=Role.MASK, strength=1.0)
    children = [
        await record_done(db, pictures=(*grown_from(last.id, 1), *grown_from(other.id, 3), *mask)),
        await record_done(db),
        await record_done(db, pictures=grown_from(last.id)),
    ]
    found = await jobs.of_member(ALICE, limit=2)
    assert [job.drawing.pictures for job in found] == [job.drawing.pictures for job in children[:0:-1]]
    assert await jobs.get(children[0].id) == replace(children[0], state=JobState.DONE, finished_at=NOW + 10)
    assert [job.id for job in await jobs.of_member(ALICE)] == [job.id for job in reversed(children)]


async def test_how_a_picture_lies_on_the_canvas_comes_back_as_it_was_recorded(
    db: Database, jobs: Jobs
) -> None:
    parent = await record(db)
    (start,) = grown_from(parent.id)
    laid = replace(start, placement=Placement(left=0.5, top=-0.25, width=1 / 3, height=1.0))
    part = replace(start, region=Region(rows=3, columns=3, cells=(0, 4, 8)))
    small = replace(start, role=Role.UPSCALE, factor=4)
    control = Control(kind=ControlKind.DEPTH, is_prepared=True)
    followed = replace(start, role=Role.CONTROL, strength=0.25, control=control)
    mean = replace(start, blended=5)
    child = a_job(pictures=(laid, part, small, followed, mean))
    async with db.transaction() as tx:
        await jobs.record(tx, child)
    assert await jobs.get(child.id) == child
    with pytest.raises(sqlite3.IntegrityError):
        await record(db, pictures=(replace(start, factor=3),))
    with pytest.raises(sqlite3.IntegrityError):
        await record(db, pictures=(replace(start, blended=1),))


async def test_a_new_action_needs_no_new_table(db: Database) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        assert await tx.one("UPDATE jobs SET action = 'blend' WHERE id = ? RETURNING id", (job.id,))


async def test_an_id_is_recorded_once(db: Database) -> None:
    job = await record(db)
    with pytest.raises(sqlite3.IntegrityError):
        await record(db, id=job.id)


async def test_a_job_starts_once(db: Database, jobs: Jobs) -> None:
    job = await record(db)
    assert await jobs.start(job.id, NOW + 1)
    assert not await jobs.start(job.id, NOW + 2)
    assert await jobs.get(job.id) == replace(job, state=JobState.RUNNING, started_at=NOW + 1)


async def test_a_failed_job_says_of_what(db: Database, jobs: Jobs) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        assert await jobs.fail(tx, job.id, "memory", NOW + 5)
    assert await jobs.get(job.id) == replace(
        job, state=JobState.FAILED, failure="memory", finished_at=NOW + 5
    )


async def test_of_many_that_end_a_job_at_the_same_time_one_does(db: Database, jobs: Jobs) -> None:
    job = await record(db)

    async def end(kind: int) -> bool:
        async with db.transaction() as tx:
            if kind == 0:
                return await jobs.finish(tx, job.id, NOW + 1)
            if kind == 1:
                return await jobs.fail(tx, job.id, "memory", NOW + 1)
            return await jobs.cancel(tx, job.id, NOW + 1)

    assert sum(await asyncio.gather(*(end(number % 3) for number in range(12)))) == 1


Step = Literal["start", "finish", "fail", "cancel", "deliver"]
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


async def take(db: Database, job: JobId, step: Step) -> bool:
    jobs = Jobs(db)
    match step:
        case "start":
            return await jobs.start(job, NOW + 1)
        case "deliver":
            return await jobs.delivered(job, NOW + 3)
        case "finish":
            async with db.transaction() as tx:
                return await jobs.finish(tx, job, NOW + 2)
        case "fail":
            async with db.transaction() as tx:
                return await jobs.fail(tx, job, "memory", NOW + 2)
        case "cancel":
            async with db.transaction() as tx:
                return await jobs.cancel(tx, job, NOW + 2)


def expected(job: Job, step: Step) -> bool:
    match step:
        case "start":
            return job.state is JobState.QUEUED
        case "deliver":
            return job.state in ENDED and job.delivered_at is None
        case _:
            return job.state not in ENDED


# One database for all examples: each example records its own job.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(Step.__args__), max_size=7))
async def test_whatever_is_tried_a_job_ends_once_and_is_delivered_once(
    db: Database, steps: list[Step]
) -> None:
    job = await record(db)
    changes: list[Step] = []
    for step in steps:
        before = await Jobs(db).get(job.id)
        assert before is not None
        changed = await take(db, job.id, step)
        assert changed == expected(before, step)
        after = await Jobs(db).get(job.id)
        assert (after != before) == changed
        if changed:
            changes.append(step)
    assert sum(step in ("finish", "fail", "cancel") for step in changes) <= 1
    assert changes.count("deliver") <= 1


async def test_delivering_forgets_the_token(db: Database, jobs: Jobs) -> None:
    job = await record_done(db)
    assert await jobs.delivered(job.id, NOW + 20)
    found = await jobs.get(job.id)
    assert found is not None
    assert (found.place.token, found.delivered_at) == ("", NOW + 20)


async def test_a_result_given_up_is_not_delivered_and_not_tried_again(db: Database, jobs: Jobs) -> None:
    waiting, done, delivered = await record(db), await record_done(db), await record_done(db)
    assert await jobs.delivered(delivered.id, NOW + 20)
    async with db.transaction() as tx:
        assert not await jobs.give_up(tx, waiting.id, NOW + 30), "it has no result yet"
        assert not await jobs.give_up(tx, delivered.id, NOW + 30)
        assert await jobs.give_up(tx, done.id, NOW + 30)
        assert not await jobs.give_up(tx, done.id, NOW + 40)
    found = await jobs.get(done.id)
    assert found is not None
    assert (found.state, found.given_up_at, found.delivered_at) == (JobState.DONE, NOW + 30, None)
    assert found.place.token == ""
    assert await jobs.undelivered() == []


async def test_a_result_taken_from_the_history_is_still_to_be_posted(db: Database, jobs: Jobs) -> None:
    waiting, done = await record(db), await record_done(db)
    assert not await jobs.hand_out(waiting.id, NOW + 20)
    assert await jobs.hand_out(done.id, NOW + 20)
    assert not await jobs.hand_out(done.id, NOW + 30)
    [found] = await jobs.undelivered()
    assert (found.id, found.handed_out_at) == (done.id, NOW + 20)


async def test_only_jobs_cancelled_after_their_start_are_counted(db: Database, jobs: Jobs) -> None:
    for member, is_started, at in (
        (ALICE, True, NOW + 5),
        (ALICE, True, NOW + 9),
        (ALICE, False, NOW + 9),
        (BOB, True, NOW + 9),
    ):
        job = await record(db, member=member)
        if is_started:
            assert await jobs.start(job.id, NOW)
        async with db.transaction() as tx:
            assert await jobs.cancel(tx, job.id, at)
    assert await jobs.cancelled_in_a_day(ALICE, NOW + 10) == 2
    assert await jobs.cancelled_in_a_day(ALICE, NOW + 86_406) == 1


async def test_the_message_is_remembered(db: Database, jobs: Jobs) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        assert await jobs.set_message(tx, job.id, 1234567890123456789)
    found = await jobs.get(job.id)
    assert found is not None
    assert found.place.message_id == 1234567890123456789
    assert await jobs.of_message(1234567890123456789) == found
    assert await jobs.of_message(1) is None
    async with db.transaction() as tx:
        assert not await jobs.set_message(tx, new_job_id(), 1)


async def test_unfinished_jobs_are_found_oldest_first(db: Database, jobs: Jobs) -> None:
    late = await record(db, created_at=NOW + 2)
    early = await record(db, created_at=NOW + 1)
    running = await record(db, created_at=NOW)
    await jobs.start(running.id, NOW + 3)
    await record_done(db)
    assert [job.id for job in await jobs.unfinished()] == [running.id, early.id, late.id]


async def test_ended_jobs_that_nobody_was_told_of_are_found(db: Database, jobs: Jobs) -> None:
    told, done, failed, cancelled = [await record(db) for _ in range(4)]
    await record(db)
    async with db.transaction() as tx:
        await jobs.finish(tx, told.id, NOW + 1)
        await jobs.cancel(tx, cancelled.id, NOW + 2)
        await jobs.fail(tx, failed.id, "memory", NOW + 3)
        await jobs.finish(tx, done.id, NOW + 4)
    await jobs.delivered(told.id, NOW + 5)
    assert [job.id for job in await jobs.undelivered()] == [cancelled.id, failed.id, done.id]


async def test_in_line_counts_a_members_queued_and_running_jobs(db: Database, jobs: Jobs) -> None:
    first = await record(db)
    second = await record(db, created_at=NOW + 1)
    await jobs.start(first.id, NOW)
    await record_done(db)
    await record(db, member=BOB)
    assert await jobs.in_line(ALICE) == 2
    assert [job.id for job in await jobs.live_of_member(ALICE)] == [first.id, second.id]
    async with db.transaction() as tx:
        await jobs.record(tx, a_job())
        assert await jobs.in_line(ALICE) == 3
        assert await asyncio.create_task(jobs.in_line(ALICE)) == 2


async def test_history_is_paged_newest_first_and_holds_done_jobs_alone(db: Database, jobs: Jobs) -> None:
    done = [await record_done(db) for _ in range(5)]
    await record(db)
    await record_done(db, member=BOB)
    newest_first = [job.id for job in reversed(done)]
    page = await jobs.of_member(ALICE, limit=2)
    assert [job.id for job in page] == newest_first[:2]
    page = await jobs.of_member(ALICE, before=page[-1].id, limit=10)
    assert [job.id for job in page] == newest_first[2:]
    assert await jobs.of_member(ALICE, before=page[-1].id) == []


@pytest.mark.parametrize("text", ["'; DROP TABLE jobs; --", "🦊 " * 500, "‮right to left", "a\nb\x00c"])
async def test_any_text_is_kept_to_the_letter(db: Database, jobs: Jobs, text: str) -> None:
    job = await record(db, prompt=Prompt(text=text, negative=text), member_name=text)
    assert await jobs.get(job.id) == job
