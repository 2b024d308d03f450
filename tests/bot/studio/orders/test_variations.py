"""Orders made from jobs: the parent's values, a different seed, and a refusal when there is no picture to start from."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.studio.errors import (
    BadParameter,
    EmptyPrompt,
    IsSquare,
    ModelCannot,
    NoSuchJob,
    PictureGone,
    PromptTooLong,
    TooLarge,
    UnknownLora,
)
from bot.studio.orders.abilities import fitted
from bot.studio.orders.order import GalleryAction, Order
from bot.studio.orders.outpainting import OUTPAINTING
from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput
from bot.studio.orders.variations import MAX_SIDE, Change, Variations
from bot.studio.settings import BUNDLED, Settings
from db.jobs import JobAction, Parent
from generation.abilities import Abilities
from generation.request import (
    GenerationRequest,
    ImageSize,
    JobId,
    Lora,
    LoraEntry,
    LoraName,
    Placement,
    Region,
    Role,
    UpscaleRequest,
)
from tests.bot.conftest import ADA, BEN, LARGE, SMALL, Shop, an_order
from tests.drawings import grown_from

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]

NOBODYS = JobId("aaaaaaaaaa")


async def test_a_variation_starts_from_its_picture_in_the_parents_own_terms(busy: Shop) -> None:
    job = (await busy.draw(negative="blurry", steps=7, guidance=3.5, images=1)).job
    order = await busy.variations.variation(job.id, 0, BEN)
    assert (order.actor, order.source, order.action) == (BEN, "V1", JobAction.VARIATION)
    pictures = grown_from(job.id, strength=SMALL.variation_strength)
    assert order.drawing == replace(job.drawing, seed=order.drawing.seed, images=4, pictures=pictures)
    assert (order.drawing.steps, order.drawing.guidance, order.drawing.prompt.negative) == (7, 3.5, "blurry")


async def test_what_grows_from_a_job_wears_its_loras_as_far_as_the_model_still_has_them(busy: Shop) -> None:
    pixel, gone = (Lora(name=LoraName(name), weight=0.8) for name in ("pixel", "gone"))
    job = (await busy.draw(loras=(gone, pixel))).job
    assert (await busy.job(job)).drawing.loras == (gone, pixel)
    entry = LoraEntry(name=pixel.name, source="x")
    settings = replace(busy.settings, models=(replace(SMALL, loras=(entry,)), LARGE))
    variations = Variations(settings, busy.records)
    for order in (
        await variations.variation(job.id, 0, BEN),
        await variations.upscale(job.id, 0, BEN),
        await variations.reroll(job.id, BEN),
    ):
        assert order.drawing.loras == (pixel,)
    generation = replace(settings.generation, default_model=LARGE.name)
    elsewhere = Variations(replace(settings, models=(LARGE,), generation=generation), busy.records)
    assert (await elsewhere.reroll(job.id, BEN)).drawing.loras == ()


async def test_an_upscale_keeps_the_pictures_own_seed(busy: Shop) -> None:
    job = (await busy.draw(seed=50, images=3)).job
    order = await busy.variations.upscale(job.id, 2, BEN)
    assert (order.source, order.action, order.drawing.images) == ("U3", JobAction.UPSCALE, 1)
    assert order.drawing.seed == 52
    (small,) = grown_from(job.id, 2, strength=1.0, role=Role.UPSCALE)
    assert order.drawing.pictures == (replace(small, factor=busy.settings.generation.upscale_factor),)
    upscale = await busy.admit(await busy.variations.pressed(GalleryAction.UPSCALE_4, job.id, 2, BEN))
    drawing = await busy.studio._drawing_of(upscale)  # pyright: ignore[reportPrivateUsage]
    request = await busy.studio._request_of(upscale, drawing)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(request, UpscaleRequest) and request.factor == 4
    old = replace(drawing, pictures=(replace(drawing.pictures[0], factor=0),))  # of an earlier release
    request = await busy.studio._request_of(upscale, old)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(request, UpscaleRequest) and request.factor == 2


async def test_an_upscaled_picture_is_upscaled_again_up_to_the_limit(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    upscale = (await busy.fulfil(await busy.admit(await busy.variations.upscale(job.id, 0, ADA)))).job
    again = await busy.variations.pressed(GalleryAction.UPSCALE_2, upscale.id, 0, BEN)
    (small,) = again.drawing.pictures
    assert (small.source, small.factor) == (Parent(job=upscale.id, image=0), 2), "of what is shown"


async def test_a_creative_upscale_redraws_the_enlarged_picture_in_tiles_of_the_models_own_size(
    busy: Shop,
) -> None:
    job = (await busy.draw(seed=50, images=2)).job
    order = await busy.variations.pressed(GalleryAction.CREATIVE, job.id, 1, BEN)
    assert (order.source, order.action, order.drawing.images) == ("creative 2", JobAction.CREATIVE, 1)
    (large,) = order.drawing.pictures
    assert (large.source, large.role, large.factor) == (Parent(job=job.id, image=1), Role.CREATIVE, 2)
    assert 0 < large.strength < SMALL.variation_strength
    admitted = await busy.admit(order)
    assert (await busy.job(admitted)).drawing == order.drawing
    drawing = await busy.studio._drawing_of(admitted)  # pyright: ignore[reportPrivateUsage]
    request = await busy.studio._request_of(admitted, drawing)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(request, GenerationRequest)
    side = (await busy.records.pictures.of_job(job.id))[1].width
    assert max(tile.box[2] for tile in request.tiles) == 2 * side
    assert request.cost == pytest.approx(request.parts * drawing.steps * large.strength)
    assert len((await busy.fulfil(admitted)).images) == 1
    again = await busy.variations.reroll(admitted.id, BEN)
    assert again.drawing.pictures == order.drawing.pictures and again.drawing.seed != order.drawing.seed


async def test_few_steps_are_enough_for_one_step_of_each_tile(busy: Shop) -> None:
    for steps in (1, 2, 3, 4, 50):
        job = (await busy.draw(images=1, steps=steps)).job
        order = await busy.variations.pressed(GalleryAction.CREATIVE, job.id, 0, BEN)
        assert int(steps * order.drawing.pictures[0].strength) >= 1


async def test_a_creative_upscale_is_refused_where_it_is_not_offered(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    for can, entry in ((Abilities(pipeline="x", starts_by="y"), SMALL), (None, BUNDLED)):
        drawn = replace(entry, name=SMALL.name)
        settings = replace(busy.settings, models=(drawn, LARGE))
        variations = Variations(settings, busy.records, lambda _, can=can: can)
        with pytest.raises(ModelCannot) as refused:
            await variations.pressed(GalleryAction.CREATIVE, job.id, 0, BEN)
        assert refused.value.what == "creative"
    async with busy.records.database.transaction() as tx:
        await tx.all("UPDATE images SET width = 1025 WHERE job = ?", (job.id,))
    with pytest.raises(TooLarge):
        await busy.variations.pressed(GalleryAction.CREATIVE, job.id, 0, BEN)


async def test_subtle_and_strong_are_on_both_sides_of_v(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    orders = [
        await busy.variations.pressed(press, job.id, 0, BEN)
        for press in (GalleryAction.SUBTLE, GalleryAction.VARY, GalleryAction.STRONG)
    ]
    assert [strength_of(order) for order in orders] == pytest.approx([0.4, 0.6, 0.8])


async def test_a_region_keeps_the_size_and_starts_from_the_picture(busy: Shop) -> None:
    job = (await busy.draw(images=2, size=ImageSize(width=96, height=48))).job
    cells = Region(rows=3, columns=3, cells=(0, 4))
    words = PromptInput(prompt="a hat --ar 1:1 --images 2")
    order = await busy.variations.region(job.id, 1, cells, words, BEN)
    assert (order.action, order.source) == (JobAction.REGION, "region 2")
    assert (order.drawing.prompt.text, order.drawing.size) == ("a hat", job.drawing.size)
    (start,) = order.drawing.pictures
    assert (start.source, start.region, start.strength) == (Parent(job=job.id, image=1), cells, 1.0)
    drawn = await busy.admit(order)
    assert (await busy.job(drawn)).drawing == order.drawing
    assert len((await busy.fulfil(drawn)).images) == 2
    can = Abilities(pipeline="x", starts_by="y")
    unable = Variations(busy.settings, busy.records, lambda _: can)
    with pytest.raises(ModelCannot):
        await unable.region(job.id, 1, cells, words, BEN)


async def test_rerolls_have_seeds_of_their_own_short_enough_to_type(shop: Shop) -> None:
    job = await shop.admit(an_order(seed=7, images=3))
    orders = [await shop.variations.reroll(job.id, BEN) for _ in range(20)]
    assert len({order.drawing.seed for order in orders}) == 20
    assert all(0 <= order.drawing.seed < 2**32 for order in orders)
    assert {(order.action, order.drawing.images, order.drawing.pictures) for order in orders} == {
        (JobAction.REROLL, 3, ())
    }


async def test_a_reroll_of_a_variation_starts_from_the_same_picture(busy: Shop) -> None:
    job = (await busy.draw()).job
    variation = await busy.admit(await busy.variations.variation(job.id, 1, ADA))
    again = await busy.variations.reroll(variation.id, BEN)
    assert again.drawing.pictures == grown_from(job.id, 1, strength=SMALL.variation_strength)


async def test_a_reroll_of_an_upscale_draws_its_prompt_anew(busy: Shop) -> None:
    job = (await busy.draw()).job
    upscale = await busy.admit(await busy.variations.upscale(job.id, 1, ADA))
    again = await busy.variations.reroll(upscale.id, BEN)
    assert (again.action, again.drawing.pictures) == (JobAction.REROLL, ())
    assert (await busy.fulfil(await busy.admit(again))).images[0].seed == again.drawing.seed


async def test_the_picture_of_an_upscale_can_be_upscaled_and_varied(busy: Shop) -> None:
    job = (await busy.draw()).job
    upscale = (await busy.fulfil(await busy.admit(await busy.variations.upscale(job.id, 0, ADA)))).job
    for order in (
        await busy.variations.upscale(upscale.id, 0, ADA),
        await busy.variations.variation(upscale.id, 0, ADA),
    ):
        await busy.fulfil(await busy.admit(order))


async def test_where_the_model_has_left_the_settings_the_default_draws_in_its_own_terms(
    shop: Shop, open_shop: Callable[[Settings], Shop]
) -> None:
    job = await shop.admit(
        an_order(model=LARGE.name, size=ImageSize(width=1536, height=768), steps=99, guidance=9.0)
    )
    again = await open_shop(replace(shop.settings, models=(SMALL,))).variations.reroll(job.id, BEN)
    assert (again.drawing.model, again.drawing.steps, again.drawing.guidance) == (
        SMALL.name,
        SMALL.steps,
        SMALL.guidance,
    )
    assert again.drawing.size == SMALL.size_for((2, 1))


async def test_the_largest_picture_that_can_be_upscaled_ends_at_the_limit(busy: Shop) -> None:
    half = ImageSize(width=MAX_SIDE // 2, height=64)
    job = (await busy.draw(size=half, images=1)).job
    await busy.variations.upscale(job.id, 0, ADA)
    beyond = replace(half, height=MAX_SIDE // 2 + 8)
    job = (await busy.draw(size=beyond, images=1)).job
    with pytest.raises(TooLarge) as refusal:
        await busy.variations.upscale(job.id, 0, ADA)
    assert (refusal.value.side, refusal.value.limit) == (MAX_SIDE + 16, MAX_SIDE)


@pytest.mark.parametrize("image", [0, 3])
async def test_a_picture_that_is_removed_or_never_was_is_gone(busy: Shop, image: int) -> None:
    job = (await busy.draw(images=2)).job
    await busy.takedown.remove(job.id, ADA, "")
    for derived in (busy.variations.variation, busy.variations.upscale):
        with pytest.raises(PictureGone):
            await derived(job.id, image, BEN)
    assert (await busy.variations.reroll(job.id, BEN)).drawing.prompt == job.drawing.prompt, (
        "a prompt outlives its pictures"
    )


async def test_nothing_is_made_of_a_job_that_never_was(shop: Shop) -> None:
    with pytest.raises(NoSuchJob):
        await shop.variations.variation(NOBODYS, 0, ADA)
    with pytest.raises(NoSuchJob):
        await shop.variations.upscale(NOBODYS, 0, ADA)
    with pytest.raises(NoSuchJob):
        await shop.variations.reroll(NOBODYS, ADA)


# ---- beyond the border


async def test_an_upscaled_picture_goes_on_from_the_one_that_it_was_made_of(busy: Shop) -> None:
    job = (await busy.draw(images=2, negative="blurry")).job
    upscale = (await busy.fulfil(await busy.admit(await busy.variations.upscale(job.id, 1, ADA)))).job
    order = await busy.variations.pressed(GalleryAction.ZOOM_MUCH, upscale.id, 0, BEN)
    (start,) = order.drawing.pictures
    assert start.source == Parent(job=job.id, image=1)
    assert start.placement == Placement(left=0.25, top=0.25, width=0.5, height=0.5)
    assert (order.action, order.source, order.drawing.images) == (JobAction.ZOOM, "zoom 2", 4)
    assert (order.drawing.size, order.drawing.prompt) == (job.drawing.size, job.drawing.prompt)
    async with busy.records.database.transaction() as tx:
        await busy.records.pictures.remove(tx, job.id, 1, by=ADA.member, reason="", at=busy.clock.now)
    (start,) = (await busy.variations.pressed(GalleryAction.ZOOM_MUCH, upscale.id, 0, BEN)).drawing.pictures
    assert start.source == Parent(job=upscale.id, image=0), "the other one is gone"


async def test_each_button_lays_the_picture_where_it_says(busy: Shop) -> None:
    wide = (await busy.draw(images=1, size=ImageSize(width=96, height=48))).job
    places: dict[GalleryAction, tuple[float, float, float, float]] = {}
    for press in OUTPAINTING:
        order = await busy.variations.pressed(press, wide.id, 0, BEN)
        at = order.drawing.pictures[0].placement
        assert at is not None
        places[press] = (at.left, at.top, at.width, at.height)
        square = press is GalleryAction.SQUARE
        assert order.drawing.size == (SMALL.size_for((1, 1)) if square else wide.drawing.size)
        assert order.action is OUTPAINTING[press]
    assert places == {
        GalleryAction.ZOOM_LITTLE: pytest.approx((1 / 6, 1 / 6, 2 / 3, 2 / 3)),
        GalleryAction.ZOOM_MUCH: (0.25, 0.25, 0.5, 0.5),
        GalleryAction.PAN_LEFT: (0.5, 0, 1, 1),
        GalleryAction.PAN_RIGHT: (-0.5, 0, 1, 1),
        GalleryAction.PAN_UP: (0, 0.5, 1, 1),
        GalleryAction.PAN_DOWN: (0, -0.5, 1, 1),
        GalleryAction.SQUARE: (0, 0.25, 1, 0.5),
    }
    square = (await busy.draw(images=1)).job
    with pytest.raises(IsSquare):
        await busy.variations.pressed(GalleryAction.SQUARE, square.id, 0, BEN)


async def test_what_goes_beyond_the_border_is_admitted_drawn_and_drawn_again(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    order = await busy.variations.pressed(GalleryAction.PAN_LEFT, job.id, 0, BEN)
    panned = await busy.admit(order)
    assert (await busy.job(panned)).drawing == order.drawing
    assert await busy.spent(BEN) == 4
    drawing = await busy.studio._drawing_of(panned)  # pyright: ignore[reportPrivateUsage]
    request = await busy.studio._request_of(panned, drawing)  # pyright: ignore[reportPrivateUsage]
    assert [each.role for each in request.drawing.pictures] == [Role.START, Role.MASK]
    assert all(each.placement is None for each in request.drawing.pictures)
    assert len((await busy.fulfil(panned)).images) == 4
    again = await busy.variations.reroll(panned.id, BEN)
    assert again.drawing.pictures == order.drawing.pictures
    for plain in (
        await busy.variations.variation(panned.id, 0, BEN),
        await busy.variations.remix(panned.id, 0, PromptInput(prompt="a fox"), BEN),
    ):
        assert [each.placement for each in plain.drawing.pictures] == [None], "the picture is what it is now"


async def test_a_model_without_masks_draws_nothing_beyond_the_border(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    order = await busy.variations.pressed(GalleryAction.ZOOM_MUCH, job.id, 0, BEN)
    can = Abilities(pipeline="x", starts_by="y")
    with pytest.raises(ModelCannot) as refused:
        fitted(order, can, SMALL.guidance)
    assert refused.value.what == "mask"
    assert fitted(order, replace(can, masks_by="z"), SMALL.guidance) == order


# ---- remix: a picture and a different prompt


async def test_a_remix_starts_from_its_picture_with_other_words_and_all_else_as_it_was(busy: Shop) -> None:
    job = (await busy.draw(negative="blurry", steps=7, guidance=3.5, images=2)).job
    order = await busy.variations.remix(
        job.id, 1, PromptInput(prompt="a fox in  the snow", negative="rain"), BEN
    )
    assert (order.actor, order.source, order.action) == (BEN, "remix 2", JobAction.REMIX)
    assert (order.drawing.prompt.text, order.drawing.prompt.negative) == ("a fox in the snow", "rain")
    kept = replace(order.drawing, prompt=job.drawing.prompt, seed=job.drawing.seed, pictures=())
    assert kept == replace(job.drawing, images=4)
    assert [each.source for each in order.drawing.pictures] == [Parent(job=job.id, image=1)]
    again = await busy.variations.remix(job.id, 1, PromptInput(prompt="a fox in the snow"), BEN)
    assert again.drawing.seed != order.drawing.seed and again.drawing.prompt.negative == "", (
        "what was emptied is empty"
    )
    drawn = (await busy.fulfil(await busy.admit(order))).job
    assert (await busy.job(drawn)).action is JobAction.REMIX


async def test_parameters_typed_into_a_remix_win_over_what_the_picture_had(busy: Shop) -> None:
    job = (await busy.draw(negative="blurry", steps=7, guidance=3.5, images=1)).job
    typed = PromptInput(
        prompt="a fox --ar 2:1 --seed 7 --steps 5 --cfg 4 --images 1 --no rain, fog", negative="blurry"
    )
    order = await busy.variations.remix(job.id, 0, typed, BEN)
    assert (order.drawing.prompt.text, order.drawing.prompt.negative) == ("a fox", "rain, fog")
    assert (order.drawing.seed, order.drawing.steps, order.drawing.guidance, order.drawing.images) == (
        7,
        5,
        4.0,
        1,
    )
    assert order.drawing.size == SMALL.size_for((2, 1))


async def test_another_model_in_a_remix_draws_in_its_own_terms(busy: Shop) -> None:
    pixel = Lora(name=LoraName("pixel"), weight=0.8)
    entry = LoraEntry(name=pixel.name, source="x")
    settings = replace(busy.settings, models=(replace(SMALL, loras=(entry,)), LARGE))
    variations = Variations(settings, busy.records)
    job = (await busy.draw(steps=7, guidance=3.5, images=1, loras=(pixel,))).job
    same = await variations.remix(job.id, 0, PromptInput(prompt="a fox"), BEN)
    assert same.drawing.loras == (pixel,), "though the prompt no longer names what it listens to"
    without = await variations.remix(job.id, 0, PromptInput(prompt="a fox --lora pixel:0"), BEN)
    assert without.drawing.loras == ()
    other = await variations.remix(job.id, 0, PromptInput(prompt="a fox --model large"), BEN)
    assert (other.drawing.model, other.drawing.steps, other.drawing.guidance) == (
        LARGE.name,
        LARGE.steps,
        LARGE.guidance,
    )
    assert (other.drawing.size, other.drawing.loras) == (LARGE.size_for((1, 1)), ())
    with pytest.raises(UnknownLora):
        await variations.remix(job.id, 0, PromptInput(prompt="a fox --model large --lora pixel"), BEN)


async def test_a_scheduler_stays_with_its_job_until_it_leaves_the_settings(busy: Shop) -> None:
    job = (await busy.draw(images=1, scheduler="DPM++ 2M Karras")).job
    assert (await busy.job(job)).drawing.scheduler == "DPM++ 2M Karras"
    assert (await busy.variations.remixable(job.id, BEN)).schedulers == SMALL.schedulers
    words = PromptInput(prompt="a fox")
    for order in (
        await busy.variations.reroll(job.id, BEN),
        await busy.variations.variation(job.id, 0, BEN),
        await busy.variations.remix(job.id, 0, words, BEN),
    ):
        assert order.drawing.scheduler == "DPM++ 2M Karras"
    chosen = await busy.variations.remix(job.id, 0, replace(words, scheduler="UniPC"), BEN)
    assert chosen.drawing.scheduler == "UniPC"
    # The form's menu sends the picture's own, though the prompt names a model without it.
    other = PromptInput(prompt="a fox --model large", scheduler="DPM++ 2M Karras")
    assert (await busy.variations.remix(job.id, 0, other, BEN)).drawing.scheduler == ""
    without = replace(busy.settings, models=(replace(SMALL, schedulers=("UniPC",)),))
    elsewhere = Variations(without, busy.records)
    assert (await elsewhere.reroll(job.id, BEN)).drawing.scheduler == "UniPC"


async def test_what_imagine_refuses_a_remix_refuses(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    for text, refusal in (
        ("--seed 7", EmptyPrompt),
        ("a fox --steps many", BadParameter),
        ("x" * (PROMPT_LIMIT + 1), PromptTooLong),
    ):
        with pytest.raises(refusal):
            await busy.variations.remix(job.id, 0, PromptInput(prompt=text), BEN)


async def test_a_remix_is_offered_of_the_pictures_that_are_there(busy: Shop) -> None:
    job = (await busy.draw(images=3)).job
    async with busy.records.database.transaction() as tx:
        await busy.records.pictures.remove(tx, job.id, 0, by=ADA.member, reason="", at=busy.clock.now)
    assert (await busy.variations.remixable(job.id, ADA)).images == (1, 2)
    with pytest.raises(PictureGone):
        await busy.variations.remix(job.id, 0, PromptInput(prompt="a fox"), BEN)
    await busy.takedown.remove(job.id, ADA, "")
    with pytest.raises(PictureGone):
        await busy.variations.remixable(job.id, ADA)
    with pytest.raises(NoSuchJob):
        await busy.variations.remixable(NOBODYS, ADA)


def strength_of(order: Order) -> float:
    [start] = order.drawing.pictures
    return start.strength


async def test_how_far_a_remix_goes_from_its_picture_is_chosen(busy: Shop) -> None:
    job = (await busy.draw(images=1)).job
    words = PromptInput(prompt="a fox")
    orders = [await busy.variations.remix(job.id, 0, words, BEN, change) for change in Change]
    strengths = [strength_of(order) for order in orders]
    assert strengths[0] == SMALL.variation_strength
    assert strengths == sorted(set(strengths)) and strengths[-1] < 1
    assert strengths[1] == pytest.approx(0.8) and strengths[2] == pytest.approx(0.9)
    assert strength_of(await busy.variations.remix(job.id, 0, words, BEN)) == strengths[1]
    again = await busy.variations.reroll((await busy.admit(orders[2])).id, BEN)
    assert strength_of(again) == strengths[2]
