"""Orders are admitted whole or not at all, and a job's end is told once, paid once and refunded once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from bot.orders import MemberBlocked, PictureGone, PromptRefused
from bot.parameters import Wish, compose
from bot.settings import Settings
from db.jobs import Job, JobAction, JobState, Parent
from generation import images
from generation.ticket import GenerationFailed, JobCancelled, LineFull, Ticket, Waiting
from moderation.allowance import RateLimited, TooManyJobs
from moderation.rules import parse_rules
from moderation.screen import Screen
from moderation.verdict import Category, Ruling, Verdict
from tests.bot.conftest import ADA, BEN, GUILD, MIA, SMALL, Gate, Shop, an_order, until
from tests.bot.painter import COLOURS, png

pytestmark = pytest.mark.timeout(30)

NO_FOXES = (
    '[[rule]]\nname = "foxes"\ncategory = "spam"\nruling = "refuse"\nany = ["fox"]\nreads = "everywhere"\n'
)


def stricter(shop: Shop) -> None:
    """As after a start with other rules: foxes are not drawn any more."""
    shop.studio.screen = Screen(parse_rules(NO_FOXES))


# ---- admit


async def test_an_admitted_order_is_a_row_a_charge_and_a_verdict(shop: Shop) -> None:
    order = an_order(negative="blurry", seed=7)
    job = await shop.admit(order)
    stored = await shop.job(job)
    assert stored == job
    assert (stored.state, stored.prompt, stored.seed, stored.images) == (JobState.QUEUED, order.prompt, 7, 2)
    assert (stored.member, stored.place.guild_id, stored.created_at) == (ADA.member, GUILD, shop.clock.now)
    assert await shop.spent() == 2
    [record] = await shop.log()
    assert (record.job, record.member, record.source) == (job.id, ADA.member, "/imagine")
    assert (record.prompt, record.negative, record.verdict.ruling) == ("a fox", "blurry", Ruling.ALLOW)
    assert not shop.reviewed


async def test_a_refused_order_leaves_its_verdict_alone(shop: Shop) -> None:
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(an_order("a naked woman"))
    assert (refusal.value.category, refusal.value.field) == (Category.NUDITY, "prompt")
    assert await shop.records.jobs.live_of_member(ADA.member) == []
    assert await shop.spent() == 0
    [record] = await shop.log()
    assert (record.job, record.verdict.ruling) == (None, Ruling.REFUSE)
    assert shop.reviewed == [record]


async def test_a_flagged_order_is_drawn_and_moderators_are_told(shop: Shop) -> None:
    job = await shop.admit(an_order("a hostage drama"))
    [record] = shop.reviewed
    assert (record.job, record.verdict.ruling) == (job.id, Ruling.FLAG)


@pytest.mark.parametrize(
    ("prompt", "negative", "field"),
    [
        ("a naked woman", None, "prompt"),
        ("a woman", "clothes", "negative"),
        ("a woman --no clothes", None, "negative"),
        ("a woman --seed 7 naked", None, "prompt"),
        ("a woman —no clothes", None, "negative"),
        ("n a k e d woman", None, "prompt"),
    ],
)
async def test_whatever_way_the_words_come_in_they_are_refused(
    shop: Shop, prompt: str, negative: str | None, field: str
) -> None:
    order = compose(Wish(prompt=prompt, negative=negative), ADA, [SMALL], SMALL)
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(order)
    assert refusal.value.field == field


async def test_a_channels_age_restriction_decides_what_is_refused_there(shop: Shop) -> None:
    await shop.admit(an_order("a nude statue", replace(ADA, is_age_restricted=True)))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman", ADA))


async def test_what_an_ordinary_channel_would_not_show_goes_behind_a_spoiler(shop: Shop) -> None:
    adult = await shop.admit(an_order("a naked woman", replace(ADA, is_age_restricted=True)))
    assert shop.studio.is_for_adults(adult)
    assert not shop.studio.is_for_adults(await shop.admit(an_order("a fox")))


@pytest.mark.parametrize("way", ["reroll", "variation", "upscale"])
async def test_an_old_job_is_judged_by_the_rules_of_today(busy: Shop, way: str) -> None:
    job = (await busy.draw()).job
    stricter(busy)
    match way:
        case "reroll":
            order = await busy.derive.reroll(job.id, BEN)
        case "variation":
            order = await busy.derive.variation(job.id, 1, BEN)
        case _:
            order = await busy.derive.upscale(job.id, 1, BEN)
    with pytest.raises(PromptRefused):
        await busy.admit(order)
    assert await busy.spent(BEN) == 0
    assert (await busy.log())[0].member == BEN.member


async def test_a_member_has_so_many_images_a_minute(shop: Shop) -> None:
    await shop.admit(an_order(images=4))
    shop.clock.now += 20
    await shop.admit(an_order(images=4))
    with pytest.raises(RateLimited) as limited:
        await shop.admit(an_order(images=4))
    assert (limited.value.limit, limited.value.retry_after) == ("minute", pytest.approx(40))
    await shop.admit(an_order(asker=BEN))
    shop.clock.now += limited.value.retry_after
    await shop.admit(an_order(images=4))
    assert await shop.spent() == 12


async def test_a_member_has_so_many_images_a_day_also_after_a_restart(
    busy: Shop, open_shop: Callable[[Settings], Shop]
) -> None:
    for _ in range(5):
        await busy.draw(images=4)
        busy.clock.now += 60
    again = open_shop(busy.settings)
    with pytest.raises(RateLimited) as limited:
        await again.admit(an_order(images=1))
    assert limited.value.limit == "day"
    busy.clock.now += limited.value.retry_after
    await again.admit(an_order(images=4))


async def test_a_member_has_so_many_jobs_in_line(shop: Shop) -> None:
    for _ in range(3):
        await shop.admit(an_order(images=1))
    with pytest.raises(TooManyJobs) as refusal:
        await shop.admit(an_order(images=1))
    assert refusal.value.limit == 3
    assert await shop.spent() == 3
    await shop.admit(an_order(asker=BEN))


async def test_orders_at_the_same_moment_are_counted_one_after_the_other(shop: Shop) -> None:
    results = await asyncio.gather(
        *(shop.admit(an_order(images=4)) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Job) for result in results) == 2
    assert sum(isinstance(result, RateLimited) for result in results) == 3
    assert await shop.spent() == 8


async def test_a_full_line_admits_nobody_and_charges_nothing(
    settings: Settings, open_shop: Callable[[Settings], Shop]
) -> None:
    shop = open_shop(replace(settings, generation=replace(settings.generation, max_waiting=1)))
    job = await shop.admit(an_order())
    waiting = asyncio.create_task(shop.fulfil(job))
    await until(lambda: shop.dispatch.state.waiting == 1)
    with pytest.raises(LineFull):
        await shop.admit(an_order(asker=BEN))
    assert await shop.spent(BEN) == 0
    assert await shop.records.jobs.live_of_member(BEN.member) == []
    shop.dispatch.cancel(job.id)
    with pytest.raises(JobCancelled):
        await waiting


# ---- blocks


async def test_a_blocked_member_is_refused_before_anything_is_written(shop: Shop) -> None:
    await shop.desk.block(MIA, ADA.member, "spam", shop.clock.now + 60)
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order("a naked woman"))
    assert (blocked.value.reason, blocked.value.until) == ("spam", shop.clock.now + 60)
    assert await shop.log() == []


async def test_a_block_runs_out_by_itself(shop: Shop) -> None:
    await shop.desk.block(MIA, ADA.member, "spam", shop.clock.now + 60)
    shop.clock.now += 59.5
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())
    shop.clock.now += 0.5
    await shop.admit(an_order())


async def test_a_block_counts_in_its_own_server(shop: Shop) -> None:
    await shop.desk.block(MIA, ADA.member, "spam", None)
    await shop.admit(an_order(asker=replace(ADA, guild_id=GUILD + 1)))
    await shop.admit(an_order(asker=replace(ADA, guild_id=None)))


class WatchedScreen(Screen):
    """Tells when it is asked."""

    def check(self, texts: Mapping[str, str], *, age_restricted: bool = False) -> Verdict:
        self.asked.set()
        return super().check(texts, age_restricted=age_restricted)

    asked: asyncio.Event


async def test_a_block_set_while_an_order_is_being_admitted_stops_it(shop: Shop) -> None:
    shop.studio.screen = screen = WatchedScreen(parse_rules(""))
    screen.asked = asyncio.Event()
    async with shop.records.database.transaction() as tx:
        admission = asyncio.create_task(shop.admit(an_order()))
        await (
            screen.asked.wait()
        )  # past its first look at the blocks, before the write lock that is held here
        await shop.records.blocks.block(
            tx, guild_id=GUILD, member=ADA.member, by=MIA.member, reason="", at=shop.clock.now
        )
    with pytest.raises(MemberBlocked):
        await admission
    assert await shop.spent() == 0


# ---- fulfil


async def test_a_finished_job_has_its_pictures_on_the_disk_with_a_seed_each(busy: Shop) -> None:
    gallery = await busy.draw(images=4)
    assert [image.seed for image in gallery.images] == [1000, 1001, 1002, 1003]
    stored = [await busy.records.pictures.read(image) for image in gallery.images]
    assert stored == [png(colour, gallery.job.size) for colour in COLOURS]
    assert (gallery.grid_format, gallery.single) == ("png", None)
    job = await busy.job(gallery.job)
    assert (job.state, job.started_at, job.finished_at) == (
        JobState.DONE,
        busy.clock.now,
        busy.clock.now,
    )
    assert busy.studio.progress_of(job.id) is None


async def test_a_single_picture_is_kept_as_the_png_it_is(busy: Shop) -> None:
    gallery = await busy.draw(images=1)
    assert gallery.single == png("red", gallery.job.size)


async def test_a_finished_job_is_not_drawn_again(busy: Shop, gate: Gate) -> None:
    first = await busy.draw(f"twice {gate}")
    again = await busy.fulfil(first.job)
    assert again.images == first.images
    assert images.open_picture(again.grid).size == (128, 64), "the grid is composed again from the disk"
    assert await busy.spent() == 2


async def test_two_who_fulfil_the_same_job_get_one_result(busy: Shop, gate: Gate) -> None:
    job = await busy.admit(an_order(f"hold {gate}"))
    async with busy.running(job) as first, busy.running(job) as second:
        gate.open()
        galleries = await asyncio.gather(first, second)
    assert galleries[0].images == galleries[1].images
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
        assert shop.studio.progress_of(job.id) == Waiting(place=1, seconds=None)
        shop.dispatch.cancel(job.id)

    with pytest.raises(JobCancelled):
        await shop.studio.fulfil(job, watch)
    assert (await shop.job(job)).state is JobState.CANCELLED
    assert await shop.spent() == 0


async def test_a_cancelled_job_is_not_drawn(shop: Shop) -> None:
    job = await shop.admit(an_order())
    await shop.desk.cancel(job.id, ADA)
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
    order = await (busy.derive.variation if way == "variation" else busy.derive.upscale)(parent.id, 0, BEN)
    job = await busy.admit(order)
    await busy.desk.remove(parent.id, ADA, "")
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(job)
    assert failure.value.kind == "input"
    assert (await busy.job(job)).failure == "input"
    assert await busy.spent(BEN) == 0


async def test_a_variation_and_an_upscale_are_drawn_from_their_parent(busy: Shop) -> None:
    parent = (await busy.draw()).job
    variation = await busy.fulfil(await busy.admit(await busy.derive.variation(parent.id, 1, BEN)))
    assert (variation.job.parent, len(variation.images)) == (Parent(job=parent.id, image=1), 4)
    upscale = await busy.fulfil(await busy.admit(await busy.derive.upscale(parent.id, 1, ADA)))
    assert (upscale.job.action, len(upscale.images)) == (JobAction.UPSCALE, 1)
    assert upscale.images[0].seed == 1001


async def test_an_undelivered_job_whose_pictures_were_removed_says_so(busy: Shop) -> None:
    job = (await busy.draw()).job
    await busy.desk.remove(job.id, ADA, "")
    with pytest.raises(PictureGone):
        await busy.fulfil(job)


async def test_a_job_given_up_after_a_bug_costs_nothing_whenever_the_bug_came(busy: Shop) -> None:
    early = await busy.admit(an_order())
    await busy.studio.abandon(early)
    late = (await busy.draw()).job
    await busy.studio.abandon(late)
    assert await busy.spent() == 0
    assert [(await busy.job(job)).state for job in (early, late)] == [JobState.FAILED, JobState.DONE]
    assert await busy.records.jobs.undelivered() == []


async def test_where_the_answer_stands_is_recorded_for_job_and_verdict(shop: Shop) -> None:
    job = await shop.admit(an_order())
    place = await shop.studio.place_of_answer(job, 42)
    assert place == replace(job.place, message_id=42)
    assert (await shop.job(job)).place == place
    assert (await shop.log())[0].message_id == 42
    assert await shop.studio.place_of_answer(job, None) == job.place
