"""Permissions to cancel, remove and block. Each act is complete: rows, refund, queue and audit log."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.errors import MemberBlocked, NoSuchJob, NotRunning, NotYours
from bot.studio.orders.order import Actor
from bot.studio.settings import Settings
from db.audit import Act
from db.case_entries import EntryKind
from db.cases import Outcome
from db.jobs import Job, JobState
from generation.queue.ticket import JobCancelled, Progress, Running
from generation.request import JobId
from moderation.duration import DAY
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Gate, Shop, an_order, ended, until
from tests.bot.desk import case_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]


@pytest.mark.parametrize("by", [ADA, MIA])
async def test_a_job_is_cancelled_by_its_owner_or_a_moderator_before_it_reaches_the_line(
    shop: Shop, by: Actor
) -> None:
    job = await shop.admit(an_order())
    assert await shop.takedown.cancel(job.id, by) == job
    assert (await shop.job(job)).state is JobState.CANCELLED
    assert await shop.spent() == 0
    assert await shop.records.jobs.in_line(ADA.member) == 0


async def test_a_running_job_is_cancelled_and_refunded_once(busy: Shop, gate: Gate) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job) as task:
        await busy.takedown.cancel(job.id, ADA)
        assert await busy.spent() == 0
        with pytest.raises(JobCancelled):
            await task
    assert await busy.spent() == 0
    await busy.draw()
    assert busy.dispatch.state.running == 0


@asynccontextmanager
async def half_drawn(shop: Shop, gate: Gate, images: int) -> AsyncGenerator[Job]:
    """Yields a job whose worker has drawn half of its steps."""
    job = await shop.admit(an_order(f"hold {gate}", images=images))
    async with shop.running(job):
        await until(lambda: is_half(shop.dispatch.progress_of(job.id)))
        yield job


def is_half(progress: Progress | None) -> bool:
    return isinstance(progress, Running) and progress.done * 2 == progress.total


@pytest.mark.parametrize(("images", "charged"), [(4, 2), (3, 2), (1, 1)])
async def test_a_cancelled_job_costs_the_steps_that_were_drawn(
    open_shop: Callable[[Settings], Shop], settings: Settings, gate: Gate, images: int, charged: int
) -> None:
    shop = open_shop(replace(settings, limits=replace(settings.limits, free_cancels_a_day=0)))
    work = asyncio.create_task(shop.dispatch.run())
    async with half_drawn(shop, gate, images) as job:
        await shop.takedown.cancel(job.id, ADA)
    assert await shop.spent() == await shop.records.spending.charged(job.id) == charged
    await ended(work)


async def test_so_many_cancels_a_day_are_free(
    open_shop: Callable[[Settings], Shop], settings: Settings, gate: Gate
) -> None:
    shop = open_shop(replace(settings, limits=replace(settings.limits, free_cancels_a_day=2)))
    work, charged = asyncio.create_task(shop.dispatch.run()), list[int]()
    for _ in range(4):
        async with half_drawn(shop, gate, 2) as job:
            await shop.takedown.cancel(job.id, ADA)
        charged.append(await shop.records.spending.charged(job.id))
    shop.clock.now += DAY
    async with half_drawn(shop, gate, 2) as job:
        await shop.takedown.cancel(job.id, ADA)
    charged.append(await shop.records.spending.charged(job.id))
    assert charged == [0, 0, 1, 1, 0]
    await ended(work)


async def test_what_a_moderator_cancels_is_free(
    open_shop: Callable[[Settings], Shop], settings: Settings, gate: Gate
) -> None:
    shop = open_shop(replace(settings, limits=replace(settings.limits, free_cancels_a_day=0)))
    work = asyncio.create_task(shop.dispatch.run())
    async with half_drawn(shop, gate, 2) as job:
        await shop.takedown.cancel(job.id, MIA)
    async with half_drawn(shop, gate, 2):
        await shop.block(ADA)
    assert await shop.spent() == 0
    await ended(work)


async def test_a_cancelled_job_does_not_come_back_at_the_next_start(shop: Shop) -> None:
    job = await shop.admit(an_order())
    await shop.takedown.cancel(job.id, ADA)
    assert await shop.records.jobs.unfinished() == []


async def test_somebody_elses_job_goes_on(shop: Shop) -> None:
    job = await shop.admit(an_order())
    with pytest.raises(NotYours):
        await shop.takedown.cancel(job.id, BEN)
    assert (await shop.job(job)).state is JobState.QUEUED
    assert await shop.spent() == 2


async def test_what_is_over_cannot_be_cancelled(busy: Shop) -> None:
    job = (await busy.draw()).job
    with pytest.raises(NotRunning):
        await busy.takedown.cancel(job.id, ADA)
    assert (await busy.job(job)).state is JobState.DONE
    assert await busy.spent() == 2
    with pytest.raises(NoSuchJob):
        await busy.takedown.cancel(JobId("aaaaaaaaaa"), ADA)


@pytest.mark.parametrize(("by", "is_noted"), [(ADA, False), (MIA, True)])
async def test_pictures_are_removed_by_their_owner_or_a_moderator_who_is_noted(
    busy: Shop, by: Actor, is_noted: bool
) -> None:
    job = (await busy.draw()).job
    await busy.takedown.remove(job.id, by, "too foxy")
    rows = await busy.records.pictures.of_job(job.id)
    assert [(row.is_removed, row.removed_by, row.removed_reason) for row in rows] == [
        (True, by.member, "too foxy")
    ] * 2
    assert list((busy.settings.data / "images").glob("*/*")) == []
    actions = await busy.records.audit.page(GUILD)
    assert [(each.act, each.actor, each.member, each.subject, each.reason) for each in actions] == (
        [("remove", MIA.member, ADA.member, f"job {job.id}", "too foxy")] if is_noted else []
    )


async def test_pictures_of_others_stay(busy: Shop) -> None:
    job = (await busy.draw()).job
    with pytest.raises(NotYours):
        await busy.takedown.remove(job.id, BEN, "")
    assert len((await busy.stored_pictures.gallery_of(job)).images) == 2
    with pytest.raises(NoSuchJob):
        await busy.takedown.remove(JobId("aaaaaaaaaa"), MIA, "")


async def test_a_removal_leaves_the_same_picture_of_others_in_its_place(busy: Shop) -> None:
    first, second = (await busy.draw()).job, (await busy.draw(actor=BEN)).job
    await busy.takedown.remove(first.id, ADA, "")
    assert len((await busy.stored_pictures.gallery_of(second)).images) == 2


async def test_a_block_cancels_the_members_jobs_in_that_server_and_no_others(busy: Shop, gate: Gate) -> None:
    running = await busy.admit(an_order(f"hold {gate}", images=1))
    waiting = await busy.admit(an_order(images=1))
    elsewhere = await busy.admit(an_order(actor=replace(ADA, guild_id=GUILD + 1), images=1))
    bens = await busy.admit(an_order(actor=BEN))
    async with busy.running(running) as task:
        await busy.block(ADA, "spam")
        with pytest.raises(JobCancelled):
            await task
    states = [(await busy.job(job)).state for job in (running, waiting, elsewhere, bens)]
    assert states == [JobState.CANCELLED, JobState.CANCELLED, JobState.QUEUED, JobState.QUEUED]
    assert (await busy.spent(), await busy.spent(BEN)) == (1, 2)
    [action] = await busy.records.audit.page(GUILD)
    assert (action.act, action.member, action.subject, action.reason) == (
        "block",
        ADA.member,
        "case 1",
        "spam",
    )


async def test_a_second_block_ends_the_first_no_earlier_and_unblock_lifts_both(shop: Shop) -> None:
    await shop.block(ADA, "spam")
    await shop.block(ADA, "on probation", 60)
    for seconds in (0, 60):
        shop.clock.now += seconds
        with pytest.raises(MemberBlocked) as blocked:
            await shop.admit(an_order())
        assert (blocked.value.until, blocked.value.reason) == (None, "spam")
    assert (await shop.casework.unban(MIA, ADA.member, act=Act.UNBLOCK))[0]
    await shop.admit(an_order())


async def test_a_lifted_block_is_over_and_noted(shop: Shop) -> None:
    await shop.block(ADA, "spam")
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())
    assert (await shop.casework.unban(MIA, ADA.member, act=Act.UNBLOCK))[0]
    await shop.admit(an_order())
    assert not (await shop.casework.unban(MIA, ADA.member, act=Act.UNBLOCK))[0]
    assert [each.act for each in await shop.records.audit.page(GUILD)] == ["unblock", "block"]


# ---- an open case whose pictures were deleted


@pytest.mark.parametrize("by", [ADA, MIA])
async def test_an_open_case_says_who_removed_its_pictures(busy: Shop, by: Actor) -> None:
    case = await case_of(busy, (await busy.draw("show flagged", images=1)).job)
    assert case.job is not None
    removed = await busy.takedown.remove(case.job, by, "too foxy")
    assert removed.case == case.id
    [entry] = await busy.records.entries.of_case(case.id)
    assert (entry.kind, entry.written_name, entry.text) == (
        EntryKind.TAKEN_DOWN,
        by.name,
        "too foxy",
    )
    known = await busy.records.cases.get(case.id)
    assert known is not None and known.is_open, "what is left to decide is about the member"


async def test_an_open_case_says_that_a_purge_took_its_pictures(busy: Shop) -> None:
    case = await case_of(busy, (await busy.draw("show flagged", images=1)).job)
    purged = await busy.takedown.purge(MIA, 0.0, "a raid", member=ADA.member, most=9)
    assert purged.cases == [case.id]
    [entry] = await busy.records.entries.of_case(case.id)
    assert (entry.kind, entry.text) == (EntryKind.PURGED, "a raid")


async def test_a_decided_case_is_not_told_of_a_removal_after_it(busy: Shop) -> None:
    case = await case_of(busy, (await busy.draw("show flagged", images=1)).job)
    await busy.casework.decide(case.id, MIA, Decision(outcome=Outcome.APPROVE))
    assert case.job is not None
    assert (await busy.takedown.remove(case.job, ADA, "")).case is None


async def test_a_removal_by_a_moderator_cancels_what_is_being_drawn(busy: Shop, gate: Gate) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job) as task:
        removed = await busy.takedown.remove(job.id, MIA, "not here")
        gate.open()
        with pytest.raises(JobCancelled):
            await task
    assert removed.is_cancelled
    assert await busy.records.pictures.of_job(job.id) == []
    assert await busy.spent() == 0
