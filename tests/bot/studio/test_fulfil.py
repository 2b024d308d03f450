"""A job is drawn once and ends with one event. Pictures that were not delivered are refunded."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import cast

import pytest
from PIL import Image, ImageChops

from bot.studio.errors import PictureGone
from bot.studio.settings import Settings
from db.errors import DiskFull
from db.images import Pictures
from db.jobs import JobAction, JobState, Parent
from generation.files import images
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import GenerationFailed, JobCancelled, Ticket, Waiting
from tests.bot.conftest import ADA, BEN, Gate, Shop, an_order, until
from tests.bot.painter import COLOURS, png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]


def is_like(kept: Image.Image, drawn: Image.Image) -> bool:
    """Returns whether two pictures are equal except for the invisible mark."""
    extrema = ImageChops.difference(kept, drawn).getextrema()
    return kept.size == drawn.size and all(most < 16 for _, most in cast("list[tuple[int, int]]", extrema))


async def test_a_finished_job_has_its_pictures_on_the_disk_with_a_seed_each(busy: Shop) -> None:
    gallery = await busy.draw(images=4)
    assert [image.seed for image in gallery.images] == [1000, 1001, 1002, 1003]
    stored = [images.open_picture(await busy.records.pictures.read(image)) for image in gallery.images]
    drawn = [images.open_picture(png(colour, gallery.job.drawing.size)) for colour in COLOURS]
    assert [is_like(*each) for each in zip(stored, drawn, strict=True)] == [True] * 4
    assert (gallery.grid_format, gallery.single) == ("jpeg", None)
    job = await busy.job(gallery.job)
    assert (job.state, job.started_at, job.finished_at) == (
        JobState.DONE,
        busy.clock.now,
        busy.clock.now,
    )
    assert busy.dispatch.progress_of(job.id) is None


async def test_a_single_picture_is_kept_as_the_png_it_is_posted_as(busy: Shop) -> None:
    gallery = await busy.draw(images=1)
    assert gallery.single == await busy.records.pictures.read(gallery.images[0])


async def test_a_finished_job_is_not_drawn_again(busy: Shop, gate: Gate) -> None:
    first = await busy.draw(f"twice {gate}")
    again = await busy.fulfil(first.job)
    assert again.images == first.images
    assert images.open_picture(again.grid).size == (130, 64), "the grid is composed again from the disk"
    assert await busy.spent() == 2


async def test_two_who_fulfil_the_same_job_get_one_result(busy: Shop, gate: Gate) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job) as first, busy.running(job) as second:
        gate.open()
        delivery = await asyncio.gather(first, second)
    assert delivery[0].images == delivery[1].images
    assert (await busy.job(job)).state is JobState.DONE
    assert len(await busy.records.pictures.of_job(job.id)) == 2


async def test_a_job_that_the_last_run_left_running_is_drawn_by_the_next(
    busy: Shop, open_shop: Callable[[Settings], Shop], gate: Gate
) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job):
        pass  # the bot stops
    left = await busy.records.jobs.unfinished()
    assert [each.id for each in left] == [job.id]
    gate.open()
    again = open_shop(busy.settings)
    work = asyncio.create_task(again.dispatch.run())
    gallery = await again.fulfil(left[0])
    work.cancel()
    await asyncio.wait({work})
    assert len(gallery.images) == 2
    assert await again.spent() == 2


@pytest.mark.parametrize("kind", ["model", "input", "memory", "bug"])
async def test_a_failed_job_gives_the_allowance_back(busy: Shop, kind: str) -> None:
    job = await busy.admit(an_order(f"fail {kind}"))
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(job)
    assert failure.value.kind == kind
    stored = await busy.job(job)
    assert (stored.state, stored.failure) == (JobState.FAILED, kind)
    assert await busy.spent() == 0
    with pytest.raises(GenerationFailed) as again:
        await busy.fulfil(stored)
    assert again.value.kind == kind


async def test_a_job_that_kills_the_worker_is_refunded_after_its_retries(busy: Shop) -> None:
    job = await busy.admit(an_order("die"))
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(job)
    assert failure.value.kind == "crash"
    assert await busy.spent() == 0


async def test_a_job_survives_its_workers_death(busy: Shop, gate: Gate) -> None:
    gallery = await busy.draw(f"die-once {gate}")
    assert len(gallery.images) == 2
    assert await busy.spent() == 2


async def test_a_job_cancelled_by_the_worker_is_refunded(shop: Shop) -> None:
    job = await shop.admit(an_order())

    def watch(ticket: Ticket) -> None:
        assert shop.dispatch.progress_of(job.id) == Waiting(place=1, seconds=None)
        shop.dispatch.cancel(job.id)

    with pytest.raises(JobCancelled):
        await shop.studio.fulfil(job, watch)
    assert (await shop.job(job)).state is JobState.CANCELLED
    assert await shop.spent() == 0


async def test_a_cancelled_job_is_not_drawn(shop: Shop) -> None:
    job = await shop.admit(an_order())
    await shop.takedown.cancel(job.id, ADA)
    with pytest.raises(JobCancelled):
        await shop.fulfil(job)
    assert (shop.dispatch.state.waiting, shop.dispatch.state.running) == (0, 0)


async def test_pictures_that_arrive_after_the_cancel_are_not_kept(busy: Shop, gate: Gate) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job) as task:
        async with busy.records.database.transaction() as tx:
            await busy.records.jobs.cancel(tx, job.id, busy.clock.now)
            await busy.records.spending.refund(tx, job.id)
        gate.open()
        with pytest.raises(JobCancelled):
            await task
    assert await busy.records.pictures.of_job(job.id) == []
    assert list((busy.settings.data / "images").glob("*/*")) == []


@pytest.mark.parametrize("way", ["variation", "upscale"])
async def test_a_job_whose_parent_was_removed_meanwhile_fails_and_is_refunded(busy: Shop, way: str) -> None:
    parent = (await busy.draw()).job
    order = await (busy.variations.variation if way == "variation" else busy.variations.upscale)(
        parent.id, 0, BEN
    )
    job = await busy.admit(order)
    await busy.takedown.remove(parent.id, ADA, "")
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(job)
    assert failure.value.kind == "input"
    assert (await busy.job(job)).failure == "input"
    assert await busy.spent(BEN) == 0


async def test_a_variation_and_an_upscale_are_drawn_from_their_parent(busy: Shop) -> None:
    parent = (await busy.draw()).job
    variation = await busy.fulfil(await busy.admit(await busy.variations.variation(parent.id, 1, BEN)))
    assert [each.source for each in variation.job.drawing.pictures] == [Parent(job=parent.id, image=1)]
    assert len(variation.images) == 4
    upscale = await busy.fulfil(await busy.admit(await busy.variations.upscale(parent.id, 1, ADA)))
    assert (upscale.job.action, len(upscale.images)) == (JobAction.UPSCALE, 1)
    assert upscale.images[0].seed == 1001


async def test_an_undelivered_job_whose_pictures_were_removed_says_so(busy: Shop) -> None:
    job = (await busy.draw()).job
    await busy.takedown.remove(job.id, ADA, "")
    with pytest.raises(PictureGone):
        await busy.fulfil(job)


async def test_a_job_given_up_after_a_bug_costs_nothing_whenever_the_bug_came(busy: Shop) -> None:
    early = await busy.admit(an_order())
    await busy.studio.abandon(early)
    late = (await busy.draw()).job
    await busy.studio.abandon(late)
    assert await busy.spent() == 0
    assert [(await busy.job(job)).state for job in (early, late)] == [JobState.FAILED, JobState.DONE]
    untold = {job.id for job in await busy.records.jobs.undelivered()}
    assert untold == {early.id, late.id}, "the member is still to be told"


async def test_a_job_given_up_after_a_part_of_it_was_refunded_costs_nothing(busy: Shop) -> None:
    job = (await busy.draw("show red refused")).job
    assert await busy.spent() == 1
    await busy.studio.abandon(job)
    assert await busy.spent() == 0


async def test_a_retracted_order_costs_nothing_and_is_not_told(shop: Shop) -> None:
    job = await shop.admit(an_order())
    await shop.studio.retract(job)
    stored = await shop.job(job)
    assert (stored.state, stored.delivered_at, stored.given_up_at) == (
        JobState.CANCELLED,
        None,
        shop.clock.now,
    )
    assert await shop.spent() == 0
    assert await shop.records.jobs.undelivered() == []


async def test_a_result_given_up_is_refunded_once_and_only_when_pictures_are_missing(busy: Shop) -> None:
    missing, got = (await busy.draw(images=1)).job, (await busy.draw(images=1)).job
    failed = await busy.admit(an_order("fail model", images=1))
    with pytest.raises(GenerationFailed):
        await busy.fulfil(failed)
    await busy.records.jobs.hand_out(got.id, busy.clock.now)
    for job in (missing, got, failed, missing):
        await busy.studio.give_up(job)
        assert (await busy.job(job)).given_up_at == busy.clock.now
    assert [await busy.records.spending.charged(job.id) for job in (missing, got, failed)] == [0, 1, 0]


async def test_where_the_answer_stands_is_recorded_for_job_and_verdict(shop: Shop) -> None:
    job = await shop.admit(an_order())
    place = await shop.studio.place_of_answer(job, 42)
    assert place == replace(job.place, message_id=42)
    assert (await shop.job(job)).place == place
    assert (await shop.log())[0].message_id == 42
    assert await shop.studio.place_of_answer(job, None) == job.place


async def test_a_job_that_ends_while_another_program_writes_waits_and_keeps_its_pictures(
    busy: Shop, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job) as task:
        while (await busy.job(job)).state is not JobState.RUNNING:  # noqa: ASYNC110 - a row tells it
            await asyncio.sleep(0.01)
        with closing(sqlite3.connect(busy.records.database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            gate.open()
            await until(lambda: "another program writes" in caplog.text)
            assert not task.done()
            other.execute("ROLLBACK")
        gallery = await task
    assert len(gallery.images) == 2
    assert (await busy.job(job)).state is JobState.DONE
    assert await busy.spent() == 2


async def test_pictures_that_can_not_be_stored_are_kept_and_not_drawn_again(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await busy.admit(an_order())

    async def no_room(self: Pictures, contents: object) -> None:
        raise DiskFull(path=self.folder)

    def never(self: Dispatcher, request: object, **options: object) -> None:
        raise AssertionError("it was drawn again")

    with monkeypatch.context() as full:
        full.setattr(Pictures, "put", no_room)
        for _ in range(2):
            with pytest.raises(DiskFull):
                await busy.fulfil(job)
            full.setattr(Dispatcher, "submit", never)
        full.undo()
        full.setattr(Dispatcher, "submit", never)
        gallery = await busy.fulfil(job)
    assert len(gallery.images) == 2
    assert (await busy.job(job)).state is JobState.DONE
