"""A picture that a member sends is screened with the channel's policy, stored with its owner, and refused like a prompt."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from bot.gallery.cards import first_card
from bot.studio.errors import (
    FileTooLarge,
    MaskFault,
    ModelCannot,
    PictureGone,
    TooManyUploads,
    UnusableMask,
    UnusablePicture,
    UploadRefused,
)
from bot.studio.orders.abilities import fitted
from bot.studio.orders.order import Actor, GalleryAction, Order
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import (
    Level,
    PictureOrder,
    compose_blend,
    compose_from_picture,
    compose_variation,
    start_strength,
)
from bot.studio.pictures.supplied import UPLOADS_A_MINUTE
from bot.studio.pictures.uploaded_picture import MAX_BYTES
from bot.studio.settings import Settings
from bot.texts import ENGLISH, language
from db.errors import ImageGone
from db.jobs import JobAction, JobState, Note, NoteKind, Upload
from db.uploads import StoredUpload
from generation.abilities import Abilities
from generation.request import GenerationRequest, ImageSize, Role
from moderation.pictures.perceptual_hash import fingerprint
from moderation.policy import MATURE
from moderation.verdict import Ruling
from tests.bot.conftest import ADA, ADULTS, BEN, GUILD, LARGE, MIA, SMALL, Shop, an_order
from tests.pictures import REFUSED, blobs, png, waves

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

PICTURE = png(waves(1, 96, 64))


def wanted(text: str = "a fox", actor: Actor = ADA, *, has_mask: bool = False, **more: Any) -> PictureOrder:
    return compose_from_picture(
        PromptInput(prompt=text, **more), actor, [SMALL, LARGE], SMALL, has_mask=has_mask
    )


async def taken(
    shop: Shop, content: bytes = PICTURE, text: str = "a fox", actor: Actor = ADA
) -> StoredUpload:
    return await shop.supplied.take_picture(content, wanted(text, actor).preliminary)


async def order_from(shop: Shop, text: str = "a fox", actor: Actor = ADA) -> Order:
    return wanted(text, actor).with_uploads(await taken(shop, text=text, actor=actor), None)


async def test_an_order_starts_from_it_in_its_own_proportions(busy: Shop) -> None:
    order = await order_from(busy, "show waves1 --images 1")
    assert order.drawing.size == SMALL.size_for((3, 2))
    gallery = await busy.fulfil(await busy.admit(order))
    # What the worker got.
    drawing = await busy.studio._drawing_of(gallery.job)  # pyright: ignore[reportPrivateUsage]
    request = await busy.studio._request_of(gallery.job, drawing)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(request, GenerationRequest)
    start = request.drawing.picture(Role.START)
    assert start is not None and start.strength == pytest.approx(start_strength(1.0, SMALL))
    assert Image.open(io.BytesIO(start.source)).size == (96, 64)
    card = json.dumps(first_card(language(ENGLISH), gallery.job, 1, is_ready=True).to_components())
    assert "from a supplied picture" in card


async def test_it_goes_on_after_a_restart(busy: Shop, open_shop: Callable[[Settings], Shop]) -> None:
    job = await busy.admit(await order_from(busy, "show waves1 --images 1"))
    again = open_shop(busy.settings)
    [found] = await again.records.jobs.unfinished()
    assert found == job and isinstance(found.drawing.pictures[0].source, Upload)
    assert (await busy.fulfil(found)).images


def test_more_weight_is_less_strength() -> None:
    found = [start_strength(weight / 4, SMALL) for weight in range(13)]
    assert found == sorted(found, reverse=True) and len({*found}) == 13
    assert [found[0], found[8], found[12]] == pytest.approx([1.0, 0.6, 0.3])


@pytest.mark.parametrize(
    ("text", "weight", "notes"),
    [
        ("a fox", 1.0, ()),
        ("a fox --iw 0", 0.0, ()),
        ("a fox --iw 2.5 --seed 7", 2.5, ()),
        ("a fox --iw 99", 3.0, (Note(kind=NoteKind.CLAMPED, names=("iw", "3")),)),
        ("a fox --iw -1", 0.0, (Note(kind=NoteKind.CLAMPED, names=("iw", "0")),)),
    ],
)
def test_the_weight_is_read_and_clamped(text: str, weight: float, notes: tuple[Note, ...]) -> None:
    found = wanted(text)
    assert found.strength == pytest.approx(start_strength(weight, SMALL)) and found.order.notes == notes


def test_a_mask_redraws_without_regard_to_what_was_there() -> None:
    assert wanted(has_mask=True).strength == 1.0
    assert wanted("a fox --iw 2", has_mask=True).strength == pytest.approx(0.6)


async def test_an_aspect_that_was_asked_for_wins(shop: Shop) -> None:
    order = wanted("a fox --ar 1:1").with_uploads(await taken(shop), None)
    assert order.drawing.size == ImageSize(width=64, height=64)


async def test_a_very_wide_picture_is_cut_to_three_to_one(shop: Shop) -> None:
    order = wanted().with_uploads(await taken(shop, png(waves(1, 320, 32))), None)
    assert order.drawing.size == SMALL.size_for((3, 1))


async def test_a_mask_is_as_large_as_its_picture(shop: Shop) -> None:
    mask = Image.new("L", (30, 20), 0)
    mask.paste(255, (0, 0, 15, 20))
    _, row = await shop.supplied.take_masked(PICTURE, png(mask), wanted().preliminary)
    stored = Image.open(io.BytesIO(await shop.records.uploads.read(row.id)))
    assert stored.size == (96, 64) and stored.getpixel((10, 30)) == 255 and stored.getpixel((80, 30)) == 0


@pytest.mark.parametrize(
    ("size", "colour", "fault"), [((96, 64), 100, MaskFault.EMPTY), ((64, 64), 255, MaskFault.SHAPE)]
)
async def test_an_unusable_mask_is_refused(
    shop: Shop, size: tuple[int, int], colour: int, fault: MaskFault
) -> None:
    content = png(Image.new("L", size, colour))
    with pytest.raises(UnusableMask) as refused:
        await shop.supplied.take_masked(PICTURE, content, wanted().preliminary)
    assert refused.value.fault is fault
    assert not [*shop.settings.data.glob("images/*/*")], "its picture is not stored either"


async def test_what_only_adults_may_see_is_refused_and_logged_like_a_prompt(shop: Shop) -> None:
    with pytest.raises(UploadRefused) as refused:
        await taken(shop, png(blobs(REFUSED)), "a quiet hill")
    assert (refused.value.is_banned, refused.value.is_first) == (False, True)
    [record] = await shop.log()
    assert shop.reviewed() == [record]
    assert (record.source, record.prompt, record.verdict.ruling) == ("upload", "a quiet hill", Ruling.REFUSE)
    assert record.verdict.field == "picture"
    assert not [*shop.settings.data.glob("images/*/*")], "nothing is stored"
    with pytest.raises(UploadRefused) as again:
        await taken(shop, png(blobs(REFUSED)))
    assert not again.value.is_first
    assert len(await shop.records.verdicts.refusals_since(ADA.member, 0)) == 2, "they count as refusals"


async def test_an_age_restricted_channel_takes_it_and_no_other_channel_draws_from_it(busy: Shop) -> None:
    await busy.policies.choose(MIA, ADULTS, MATURE)
    adult = replace(ADA, is_age_restricted=True)
    order = wanted("show waves1 --images 1", adult).with_uploads(
        await taken(busy, png(blobs(REFUSED)), actor=adult), None
    )
    job = await busy.admit(order)
    assert (await busy.fulfil(job)).images
    elsewhere = await busy.admit(await busy.variations.pressed(GalleryAction.REROLL, job.id, 0, ADA))
    with pytest.raises(Exception, match="picture check"):
        await busy.fulfil(elsewhere)
    assert (await busy.job(elsewhere)).failure == "picture-input"


async def test_a_picture_that_looks_like_a_removed_one_is_refused(shop: Shop) -> None:
    job = await shop.admit(an_order())
    look = fingerprint(waves(1, 256, 256))
    async with shop.records.database.transaction() as tx:
        await tx.all(
            "INSERT INTO images (job, image_index, sha256, width, height, seed, bytes, created_at, pdq, scores)"
            " VALUES (?, 0, ?, 1, 1, 1, 1, 0, ?, '{}')",
            (job.id, "0" * 64, look),
        )
        await shop.records.banned.ban(tx, GUILD, job.id, shop.clock.now, None)
    with pytest.raises(UploadRefused) as refused:
        await taken(shop, png(waves(1, 256, 256)))
    assert refused.value.is_banned
    assert await taken(shop, png(waves(2, 256, 256)), actor=replace(ADA, guild_id=GUILD + 1))


async def test_files_that_are_too_large_or_broken_or_too_many_are_refused(shop: Shop) -> None:
    order = wanted().preliminary
    with pytest.raises(FileTooLarge):
        await shop.supplied.take_picture(bytes(MAX_BYTES + 1), order)
    with pytest.raises(UnusablePicture):
        await shop.supplied.take_picture(b"no picture", order)
    shop.supplied.spend(ADA.member, UPLOADS_A_MINUTE)
    with pytest.raises(TooManyUploads):
        shop.supplied.spend(ADA.member, 1)
    shop.supplied.spend(BEN.member, 1)
    shop.clock.now += 60
    shop.supplied.spend(ADA.member, 1)


async def test_a_removed_upload_can_not_be_drawn_from_again(busy: Shop) -> None:
    order = await order_from(busy, "show waves1 --images 1")
    job = await busy.admit(order)
    await busy.fulfil(job)
    source = order.drawing.pictures[0].source
    assert isinstance(source, Upload)
    waiting = await busy.admit(order)
    async with busy.records.database.transaction() as tx:
        assert await busy.records.uploads.remove(tx, [source.id], busy.clock.now) == 1
    with pytest.raises(PictureGone):
        await busy.variations.pressed(GalleryAction.REROLL, job.id, 0, ADA)
    with pytest.raises(Exception, match="starts from is gone"):
        await busy.fulfil(waiting)
    assert (await busy.job(waiting)).state is JobState.FAILED
    assert await busy.spent() == 1


async def test_it_is_in_its_owners_export(shop: Shop) -> None:
    row = await taken(shop)
    export = await shop.privacy.export(ADA.member, 2**24)
    with zipfile.ZipFile(io.BytesIO(export.content)) as archive:
        assert archive.read(f"uploads/{row.id}.png") == await shop.records.uploads.read(row.id)
        [told] = json.loads(archive.read("data.json"))["uploads"]
    assert (told["id"], told["member"], export.pictures) == (row.id, ADA.member, 1)


async def test_it_goes_with_the_pictures_of_its_order(busy: Shop) -> None:
    alone = await order_from(busy, "show waves2 --images 1")
    drawn = (await busy.fulfil(await busy.admit(alone))).job
    await busy.takedown.remove(drawn.id, ADA, "")
    assert not [*busy.settings.data.glob("images/*/*")], "nothing is left"
    order = await order_from(busy, "show waves1 --images 1")
    first = (await busy.fulfil(await busy.admit(order))).job
    again = await busy.admit(await busy.variations.pressed(GalleryAction.REROLL, first.id, 0, ADA))
    await busy.fulfil(again)
    [used] = order.drawing.pictures
    assert isinstance(used.source, Upload)
    await busy.takedown.remove(first.id, ADA, "")
    assert await busy.records.uploads.read(used.source.id), "the re-roll needs it"
    await busy.takedown.remove(again.id, MIA, "not here")
    with pytest.raises(ImageGone):
        await busy.records.uploads.read(used.source.id)


@pytest.mark.parametrize(
    ("level", "prompt", "strength"),
    [
        (Level.SUBTLE, "", 0.2),
        (Level.SUBTLE, "a fox", 0.2),
        (Level.STRONG, "", 0.45),
        (Level.STRONG, "a fox", 0.8),
    ],
)
def test_variations_of_a_supplied_picture_have_two_strengths(
    level: Level, prompt: str, strength: float
) -> None:
    wanted = compose_variation(PromptInput(prompt=prompt), level, ADA, [SMALL], SMALL)
    assert wanted.strength == pytest.approx(strength)
    assert (wanted.order.action, wanted.order.drawing.prompt.text) == (JobAction.VARIATION, prompt)


def test_a_model_that_can_not_start_names_those_that_can() -> None:
    able = [
        (LARGE.name, Abilities(pipeline="x", starts_by="y", masks_by="z")),
        (SMALL.name, Abilities(pipeline="x")),
    ]
    for has_mask in (False, True):
        with pytest.raises(ModelCannot) as refused:
            fitted(wanted(has_mask=has_mask).preliminary, Abilities(pipeline="x"), 7.0, able)
        assert "These can: `large`." in (language(ENGLISH).sentence(refused.value) or "")


async def test_a_blend_is_the_mean_in_the_proportions_of_the_first(shop: Shop) -> None:
    colours = ("red", "blue", "white")
    contents = [png(Image.new("RGB", (60 + 20 * each, 40), colour)) for each, colour in enumerate(colours)]
    row = await shop.supplied.take_blend(contents, wanted().preliminary)
    assert row.size == ImageSize(width=60, height=40)
    stored = Image.open(io.BytesIO(await shop.records.uploads.read(row.id)))
    assert stored.getpixel((30, 20)) == pytest.approx((170, 85, 170), abs=2)


def test_a_blend_stays_nearer_to_its_pictures() -> None:
    found = compose_blend(PromptInput(prompt="a fox and a panda"), ADA, [SMALL], SMALL)
    assert (found.order.source, found.strength) == ("blend", pytest.approx(0.6))
