"""Every finished picture is checked before it is stored. A refused picture is shown to moderators only and costs nothing."""

import asyncio
from dataclasses import replace

import pytest

from bot.studio.errors import NotShownHere, PromptRefused
from bot.studio.orders.order import Gallery
from bot.studio.pictures.likeness import Likeness
from bot.studio.pictures.postprocess import Postprocess
from bot.studio.screening.pictures import PreviewScreening
from bot.studio.screening.server_policies import DIRECT_MESSAGES, policy_scope_of
from db.case_entries import EntryKind
from db.cases import Case, Origin
from db.jobs import Job, JobAction, JobState, Parent
from db.lockdowns import Mode
from db.policies import Scope, ScopeKind
from db.server_rules import Draft
from generation.files import images
from generation.files.images import grid_of
from generation.queue.ticket import GenerationFailed
from generation.queue.ticket import Pictures as Made
from generation.request import ImageSize, Role
from moderation.pictures.perceptual_hash import SAME, distance, fingerprint
from moderation.policy import MATURE
from moderation.verdict import Category, Ruling
from tests.bot.conftest import ADA, BEN, CHANNEL, GUILD, MIA, Shop, an_order
from tests.drawings import grown_from
from tests.pictures import REFUSED, blobs, jpeg, png, waves

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

ADULTS = replace(ADA, is_age_restricted=True)


async def case_of(shop: Shop, job: Job) -> Case | None:
    return await shop.records.cases.of_job(job.id)


def indexes(gallery: Gallery) -> list[int]:
    return [image.index for image in gallery.images]


async def test_a_refused_picture_is_not_kept_and_costs_nothing(busy: Shop) -> None:
    job, kind = await busy.refused("show refused", images=1)
    assert (kind, job.state, job.failure) == ("picture", JobState.FAILED, "picture")
    assert await busy.records.pictures.of_job(job.id) == []
    assert not list((busy.settings.data / "images").glob("*/*"))
    assert await busy.spent() == 0


async def test_a_picture_for_adults_is_shown_again_only_where_it_may_be(busy: Shop) -> None:
    await busy.policies.choose(MIA, Scope(guild_id=GUILD, kind=ScopeKind.AGE_RESTRICTED), MATURE)
    job = await busy.admit(an_order("show refused", actor=ADULTS, images=1))
    pictures = (await busy.fulfil(job)).images
    screening = busy.studio.picture_screening
    assert not await screening.demand_shown(pictures, policy_scope_of(ADULTS))
    for place, is_direct in ((policy_scope_of(ADA), False), (DIRECT_MESSAGES, True)):
        with pytest.raises(NotShownHere) as refused:
            await screening.demand_shown(pictures, place)
        assert refused.value.is_direct is is_direct
    flagged = (await busy.fulfil(await busy.admit(an_order("show flagged", images=1)))).images
    assert await screening.demand_shown(flagged, policy_scope_of(ADA)), "it is a spoiler"


async def test_moderators_get_its_verdict_and_a_case_with_the_picture_blurred(busy: Shop) -> None:
    job, _ = await busy.refused("show refused", images=1)
    [record, asked] = await busy.log()
    assert (asked.source, asked.verdict.ruling) == ("/imagine", Ruling.ALLOW)
    assert (record.source, record.job, record.prompt) == ("picture", job.id, "show refused")
    verdict = record.verdict
    assert (verdict.ruling, verdict.category, verdict.rule) == (Ruling.REFUSE, Category.SEXUAL, "opennsfw")
    assert verdict.words == ("picture:1",)
    assert busy.reviewed() == [record]
    case = await case_of(busy, job)
    assert case is not None
    assert (case.origin, case.verdict, case.is_open) == (Origin.PICTURE, verdict, True)
    assert case.picture is not None
    blurred = images.open_picture(case.picture)
    assert max(blurred.size) == 240
    assert fingerprint(blurred) != fingerprint(blobs(REFUSED))


async def test_of_four_the_refused_one_is_withheld_and_its_share_given_back(busy: Shop) -> None:
    gallery = await busy.draw(
        "show waves1 refused waves2 waves3", images=4, size=ImageSize(width=256, height=256)
    )
    assert indexes(gallery) == [0, 2, 3]
    assert [image.seed for image in gallery.images] == [1000, 1002, 1003]
    assert await busy.spent() == 3
    grid = images.open_picture(gallery.grid)
    first, empty, third, _ = images.cells_of(grid, 4)
    middle = empty.crop((16, 16, 48, 48)).resize((1, 1)).getpixel((0, 0))
    assert middle == pytest.approx((32, 34, 37), abs=2), "its place is empty"
    for cell, image in ((first, gallery.images[0]), (third, gallery.images[1])):
        print, kept = fingerprint(images.without_number(cell)), image.fingerprint
        assert print is not None
        assert kept is not None
        assert distance(print, kept) <= SAME
    [record] = busy.reviewed()
    assert record.verdict.words == ("picture:2",)


async def test_after_a_restart_the_gallery_is_the_same(busy: Shop) -> None:
    gallery = await busy.draw("show waves1 refused waves2", images=3)
    again = await busy.fulfil(gallery.job)
    assert again.images == gallery.images
    assert again.grid == gallery.grid


async def test_what_was_refused_is_told_again_after_a_restart(busy: Shop) -> None:
    job, _ = await busy.refused("show refused", images=1)
    with pytest.raises(GenerationFailed) as again:
        await busy.fulfil(job)
    assert again.value.kind == "picture"
    assert len(busy.reviewed()) == 1


async def test_a_job_that_was_cancelled_meanwhile_is_cancelled_and_nobody_is_told_more(busy: Shop) -> None:
    job = await busy.admit(an_order("show refused", images=1))
    made = Made(job=job.id, pictures=(png(blobs(REFUSED)),), device_seconds=1.0)
    await busy.takedown.cancel(job.id, ADA)
    finishing = Postprocess(
        busy.records,
        busy.picture_screening,
        None,
        busy.provenance,
        Likeness(busy.records),
        clock=busy.clock,
        report=busy.review_queue.note,
    )
    assert await finishing.finish(job, made) is None
    assert (await busy.job(job)).state is JobState.CANCELLED
    assert busy.reviewed() == []


async def test_a_flagged_picture_is_kept_with_a_case(busy: Shop) -> None:
    gallery = await busy.draw("show flagged waves1", images=2)
    assert indexes(gallery) == [0, 1]
    assert await busy.spent() == 2
    assert await busy.records.verdicts.has_flagged(gallery.job.id, "picture")
    case = await case_of(busy, gallery.job)
    assert case is not None
    assert (case.origin, case.verdict.ruling) == (Origin.PICTURE, Ruling.FLAG)


async def let_adults(shop: Shop) -> None:
    """Sets the server's policy to allow more in age-restricted channels."""
    scope = Scope(guild_id=GUILD, kind=ScopeKind.AGE_RESTRICTED)
    await shop.policies.choose(MIA, scope, MATURE)


async def test_an_age_restricted_channel_shows_what_others_refuse_where_the_server_says_so(
    busy: Shop,
) -> None:
    assert (await busy.refused("show refused", actor=ADULTS, images=1))[1] == "picture"
    busy.reviewed()
    await let_adults(busy)
    gallery = await busy.draw("show refused flagged", ADULTS, images=2)
    assert indexes(gallery) == [0, 1]
    assert busy.reviewed() == []


async def test_in_family_mode_no_channel_is_for_adults(busy: Shop) -> None:
    job = await busy.admit(an_order("show flagged", ADULTS, images=1))
    await busy.lockdown.panic(MIA, Mode.FAMILY, "a raid")
    with pytest.raises(GenerationFailed):
        await busy.fulfil(job)


async def test_in_a_direct_message_there_is_a_verdict_and_no_case(busy: Shop) -> None:
    alone = replace(ADA, guild_id=None)
    job, _ = await busy.refused("show refused", actor=alone, images=1)
    [record, _] = await busy.log(None)
    assert record.verdict.ruling is Ruling.REFUSE
    assert await case_of(busy, job) is None


async def test_a_flagged_prompt_and_its_refused_picture_are_one_case(busy: Shop) -> None:
    job = await busy.admit(an_order("show refused", images=1))
    async with busy.records.database.transaction() as tx:
        opened = await busy.records.cases.open(
            tx,
            guild_id=GUILD,
            origin=Origin.FLAG,
            at=busy.clock.now,
            member=job.member,
            member_name=job.member_name,
            job=job.id,
        )
    with pytest.raises(GenerationFailed):
        await busy.fulfil(job)
    case = await case_of(busy, job)
    assert case is not None
    assert case.id == opened.id
    assert case.picture is not None
    [entry] = await busy.records.entries.of_case(case.id)
    assert (entry.kind, entry.text) == (EntryKind.CHECKED, "")
    found = {"ruling": "refuse", "category": "sexual", "rule": "opennsfw", "words": ["picture:1"]}
    assert entry.details == found


# ---- source pictures


async def test_a_picture_in_a_thread_is_judged_by_the_policy_of_its_channel(busy: Shop) -> None:
    thread = replace(ADULTS, channel_id=CHANNEL + 1, parent_id=CHANNEL)
    here = Scope(guild_id=GUILD, kind=ScopeKind.CHANNEL, channel_id=CHANNEL)
    await busy.policies.choose(MIA, here, MATURE)
    assert indexes(await busy.draw("show refused", thread, images=1)) == [0]
    elsewhere = replace(thread, parent_id=CHANNEL + 2)
    assert (await busy.refused("show refused", actor=elsewhere, images=1))[1] == "picture"


async def test_what_a_picture_starts_from_is_checked_before_it_is_used(busy: Shop) -> None:
    await let_adults(busy)
    parent = (await busy.draw("show refused", ADULTS, images=1)).job
    job = await busy.admit(await busy.variations.variation(parent.id, 0, BEN))
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(job)
    assert failure.value.kind == "picture-input"
    assert [each.source for each in job.drawing.pictures] == [Parent(job=parent.id, image=0)]
    assert (await busy.job(job)).started_at is None, "the worker never got it"
    assert await busy.spent(BEN) == 0


async def test_of_several_pictures_that_a_job_starts_from_each_is_checked(busy: Shop) -> None:
    await let_adults(busy)
    fine = (await busy.draw(images=1)).job
    refused = (await busy.draw("show refused", ADULTS, images=1)).job
    pictures = (*grown_from(fine.id), *grown_from(refused.id, role=Role.MASK, strength=1.0))
    job = await busy.admit(an_order(actor=BEN, images=1, action=JobAction.VARIATION, pictures=pictures))
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(job)
    assert failure.value.kind == "picture-input"
    assert (await busy.job(job)).started_at is None
    again = await busy.variations.reroll(job.id, BEN)
    assert again.drawing.pictures == pictures


async def test_the_mark_of_a_picture_hides_nothing_from_the_check(busy: Shop) -> None:
    """The detector scores marked pictures lower: it would no longer flag one of these in any server."""
    await let_adults(busy)
    size = ImageSize(width=128, height=128)
    shown = await busy.draw("show flagged", ADULTS, images=1, size=size)
    [stored] = shown.images
    marked = await busy.records.pictures.read(stored)
    elsewhere = await busy.admit(await busy.variations.variation(shown.job.id, 0, BEN))
    [alone] = await busy.picture_screening.judge([marked], elsewhere)
    [remembered] = await busy.picture_screening.judge([marked], elsewhere, [stored.scores])
    assert alone.verdict.ruling is Ruling.ALLOW
    assert remembered.verdict.ruling is Ruling.FLAG
    assert (await busy.records.pictures.get(shown.job.id, 0)) == stored, "and it is kept"


async def test_what_was_seen_in_a_picture_is_known_of_it_enlarged(busy: Shop) -> None:
    await let_adults(busy)
    [shown] = (await busy.draw("show refused", ADULTS, images=1)).images
    enlarged = await busy.fulfil(await busy.admit(await busy.variations.upscale(shown.job, 0, ADULTS)))
    order = await busy.variations.variation(enlarged.job.id, 0, BEN)
    with pytest.raises(GenerationFailed) as failure:
        await busy.fulfil(await busy.admit(order))
    assert failure.value.kind == "picture-input"


# ---- previews


async def test_a_preview_that_would_be_flagged_is_blurred_and_so_are_all_after_it(shop: Shop) -> None:
    job = await shop.admit(an_order(images=2))
    previews = PreviewScreening(shop.picture_screening, job, is_flagged=False)
    harmless = jpeg(grid_of([waves(1), waves(2)]))
    bad = jpeg(grid_of([waves(1), blobs(REFUSED)]))
    assert await previews.shown(harmless) == harmless
    assert await previews.shown(bad) == images.blurred(images.open_picture(bad))
    assert await previews.shown(harmless) == images.blurred(images.open_picture(harmless))
    assert await previews.shown(b"no picture") is None


async def test_a_flagged_picture_is_behind_a_spoiler_where_another_was_refused(busy: Shop) -> None:
    gallery = await busy.draw("show refused flagged waves1", images=3)
    assert indexes(gallery) == [1, 2]
    assert await busy.records.verdicts.has_flagged(gallery.job.id, "picture")
    [record, _] = await busy.log()
    assert record.verdict.words[-2:] == ("picture:1", "flagged:2")


async def test_what_a_detector_saw_is_nobodys_first_refusal(busy: Shop) -> None:
    await busy.refused("show refused", images=1)
    with pytest.raises(PromptRefused) as told:
        await busy.admit(an_order("a nude woman"))
    assert told.value.is_first


async def test_what_a_detector_saw_counts_as_no_prompt(busy: Shop) -> None:
    await busy.refused("show refused", images=1)
    await busy.draw("show flagged waves1", images=2)
    standing = await busy.records.member_stats.of(GUILD, ADA.member, busy.clock.now)
    assert (standing.orders, standing.flags, standing.refusals, standing.pictures) == (2, 0, 0, 2)
    figures = await busy.records.member_stats.figures(GUILD, 0)
    assert (figures.asked, figures.flagged, figures.refused) == (2, 0, 0)
    assert (figures.pictures_flagged, figures.pictures_refused) == (1, 1)
    run = await busy.rule_book.dry_run(GUILD, Draft(name="shows", any_of=("show",)), 100)
    assert (run.read, run.hits) == (2, 2)


async def test_previews_of_a_flagged_prompt_are_blurred_but_for_adults(shop: Shop) -> None:
    harmless = jpeg(waves(1, 64, 64))
    job = await shop.admit(an_order(images=1))
    assert await PreviewScreening(shop.picture_screening, job, is_flagged=True).shown(harmless) != harmless
    job = await shop.admit(an_order(actor=ADULTS, images=1))
    assert await PreviewScreening(shop.picture_screening, job, is_flagged=True).shown(harmless) == harmless


async def test_the_loop_goes_on_while_pictures_are_judged(shop: Shop) -> None:
    job = await shop.admit(an_order(images=4))
    pictures = [jpeg(waves(seed, 512, 512)) for seed in range(4)]
    prompt_screening = asyncio.create_task(shop.picture_screening.judge(pictures, job))
    turns = 0
    while not prompt_screening.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert len(await prompt_screening) == 4
