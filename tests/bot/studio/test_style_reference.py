"""Orders in the style of a picture: which model draws them, what it is told, and that later orders keep the picture."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.studio.errors import ModelCannot, PictureGone, PromptTooLong
from bot.studio.orders.abilities import fitted
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput, compose
from bot.studio.orders.variations import Variations
from bot.studio.styles.reference import STYLED, StyleModels, StyleOrder, compose_style, in_style_of, role_in
from bot.studio.styles.server_styles import StyleInput
from db.jobs import Note, NoteKind, Parent, PictureSource, Upload, UploadId
from generation.abilities import Abilities
from generation.queue.ticket import GenerationFailed
from generation.request import InputPicture, ModelName, Role
from tests.bot.conftest import ADA, BEN, LARGE, MIA, SMALL, Shop
from tests.bot.painter import png

INKY = replace(SMALL, name=ModelName("inky"), style_adapter="ip-adapter.safetensors")
FLUX2 = replace(SMALL, name=ModelName("klein"))
WORDS = replace(SMALL, name=ModelName("emoji"), adapts_prompts=True)
PLAIN = Abilities(pipeline="StableDiffusionPipeline")
KNOWN = {
    SMALL.name: PLAIN,
    INKY.name: replace(PLAIN, has_style_adapter=True),
    FLUX2.name: replace(PLAIN, references=2),
    WORDS.name: replace(PLAIN, references=2),
}
SHOWN = Upload(id=UploadId("aaaaabbbbb"))


def able(*offered: ModelName) -> StyleModels:
    models = [entry for entry in (SMALL, INKY, FLUX2, WORDS, LARGE) if entry.name in offered]
    return StyleModels(offered=models, default=models[0], abilities_of=KNOWN.get)


def styled(prompt: str, models: StyleModels) -> StyleOrder:
    return compose_style(PromptInput(prompt=prompt), ADA, models.offered, models)


def test_the_named_model_draws_or_the_first_that_can_and_one_that_is_not_known_is_trusted() -> None:
    models = able(SMALL.name, INKY.name, FLUX2.name)
    assert [entry.name for entry in models.known] == ["inky", "klein"]
    assert styled("a fox", models).order.drawing.model == "inky"
    assert styled("a fox --model klein", models).order.drawing.model == "klein"
    assert styled("a fox", able(SMALL.name, LARGE.name)).order.drawing.model == LARGE.name
    with pytest.raises(ModelCannot) as refusal:
        styled("a fox --model small", models)
    assert (refusal.value.what, refusal.value.able) == ("style", ("inky", "klein"))
    with pytest.raises(ModelCannot):
        styled("a fox", able(SMALL.name, WORDS.name))


def test_an_adapter_gets_the_picture_with_its_strength_and_other_models_are_told_in_words() -> None:
    models = able(INKY.name, FLUX2.name)
    wanted = compose_style(PromptInput(prompt="a fox"), ADA, models.offered, models, strength=0.3)
    drawing = wanted.preliminary.drawing
    assert [(each.role, each.strength) for each in drawing.pictures] == [(Role.STYLE, 0.3)]
    assert drawing.prompt.text == "a fox"
    drawing = styled("a fox --model klein", models).preliminary.drawing
    assert [each.role for each in drawing.pictures] == [Role.REFERENCE]
    assert drawing.prompt.text == "a fox, in the style of image 1"
    with pytest.raises(PromptTooLong):
        _ = styled("x" * (PROMPT_LIMIT - 20) + " --model klein", models).preliminary


def test_another_style_takes_the_place_of_the_first_and_references_are_counted() -> None:
    order = compose(PromptInput(prompt="a fox"), ADA, [INKY], INKY)
    twice = in_style_of(in_style_of(order, SHOWN, Role.STYLE, 0.2), SHOWN, Role.STYLE, 0.9)
    assert [each.strength for each in twice.drawing.pictures] == [0.9]
    third = in_style_of(in_style_of(order, SHOWN, Role.REFERENCE), SHOWN, Role.REFERENCE)
    assert third.drawing.prompt.text.endswith("in the style of image 1, in the style of image 2")
    assert role_in(FLUX2, KNOWN[FLUX2.name], taken=2) is None
    assert role_in(WORDS, KNOWN[WORDS.name]) is None
    assert role_in(INKY, None) is Role.STYLE


def test_a_style_is_one_of_the_things_that_a_model_must_be_able_to_do() -> None:
    def order(*pictures: InputPicture[Upload]) -> Order:
        made = in_style_of(compose(PromptInput(prompt="a fox"), ADA, [INKY], INKY), SHOWN, Role.STYLE)
        drawing = replace(made.drawing, pictures=(*pictures, *made.drawing.pictures))
        return replace(made, drawing=drawing)

    start = InputPicture(source=SHOWN, role=Role.START)
    for made in (order(), order(start)):
        assert fitted(made, replace(PLAIN, has_style_adapter=True, starts_by="x"), INKY.guidance) == made
        with pytest.raises(ModelCannot) as refusal:
            fitted(made, replace(PLAIN, starts_by="x"), INKY.guidance, [(INKY.name, KNOWN[INKY.name])])
        assert (refusal.value.what, refusal.value.able) == ("style", (INKY.name,))


async def content() -> AsyncIterator[bytes]:
    yield png()


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_styles_picture_stays_with_the_style_and_with_orders_made_from_its_orders(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted = replace(SMALL, style_adapter="ip-adapter.safetensors")
    saved = await busy.styles.save(ADA, StyleInput(name="look", words="on paper"), content())
    plain = await busy.studio.fit(compose(PromptInput(prompt="a fox --style look"), BEN, [SMALL], SMALL))
    assert plain.drawing.pictures == () and plain.notes == (Note(kind=NoteKind.STYLE_PICTURE),)
    monkeypatch.setattr(busy.studio.styles, "_models", (adapted,))
    variations = Variations(replace(busy.settings, models=(adapted, LARGE)), busy.records)
    job = await busy.admit(compose(PromptInput(prompt="a fox --style look"), BEN, [SMALL], SMALL))
    [shown] = job.drawing.pictures
    assert (shown.role, shown.source) == (Role.STYLE, Upload(id=saved.upload or UploadId("")))
    gallery = await busy.fulfil(job)
    varied = await variations.variation(gallery.job.id, 0, BEN)
    assert [each.role for each in varied.drawing.pictures] == [Role.START, Role.STYLE]
    large = (await busy.fulfil(await busy.admit(await variations.upscale(gallery.job.id, 0, BEN)))).job
    of_large = await variations.variation(large.id, 0, BEN)
    assert of_large.drawing.pictures[1:] == varied.drawing.pictures[1:]
    await busy.takedown.remove(job.id, MIA, "spam")
    assert await busy.styles.read_picture(saved), "it is another member's"


def with_role(order: Order, source: PictureSource, role: Role) -> Order:
    one: InputPicture[PictureSource] = InputPicture(source=source, role=role)
    pictures = (*order.drawing.pictures, one)
    return replace(order, drawing=replace(order.drawing, pictures=pictures))


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_start_or_a_sent_picture_is_not_lost_to_that_of_a_style(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pipelines that take pictures to refer to would draw without the one to start from."""
    await busy.styles.save(ADA, StyleInput(name="look", words="on paper"), content())
    plain = compose(PromptInput(prompt="a fox --style look"), BEN, [SMALL], SMALL)
    monkeypatch.setattr(busy.studio.styles, "_abilities_of", {SMALL.name: KNOWN[FLUX2.name]}.get)
    assert [each.role for each in (await busy.studio.styles.applied(plain)).drawing.pictures] == [
        Role.REFERENCE
    ]
    found = await busy.studio.styles.applied(with_role(plain, SHOWN, Role.START))
    assert [each.role for each in found.drawing.pictures] == [Role.START]
    assert found.drawing.prompt.text == "a fox, on paper"
    assert found.notes == (Note(kind=NoteKind.STYLE_PICTURE),)

    monkeypatch.setattr(busy.studio.styles, "_models", (replace(SMALL, style_adapter="x.safetensors"),))
    sent = replace(with_role(plain, SHOWN, Role.STYLE), source=STYLED)
    [own] = (await busy.studio.styles.applied(sent)).drawing.pictures
    assert own.source == SHOWN
    [other] = (await busy.studio.styles.applied(replace(sent, source="remix 1"))).drawing.pictures
    assert other.source != SHOWN, "a remix takes another style"


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_the_picture_of_a_style_that_is_refused_later_opens_no_case_about_who_draws_with_it(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, alike = [(await busy.draw("show waves1", images=1)).job for _ in range(2)]
    await busy.styles.save(ADA, StyleInput(name="look", picture=Parent(job=job.id, image=0)))
    monkeypatch.setattr(busy.studio.styles, "_models", (replace(SMALL, style_adapter="x.safetensors"),))
    styled = [
        await busy.admit(compose(PromptInput(prompt="a fox --style look", images=1), actor, [SMALL], SMALL))
        for actor in (BEN, ADA)
    ]
    await busy.takedown.remove(alike.id, MIA, "spam")
    for each, has_case in zip(styled, (False, True), strict=True):
        with pytest.raises(GenerationFailed):
            await busy.fulfil(each)
        assert (await busy.records.cases.of_job(each.id) is not None) == has_case
    assert await busy.records.spending.since(BEN.member, 0.0) == []


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_variation_leaves_out_a_gallery_picture_that_was_removed(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted = replace(SMALL, style_adapter="ip-adapter.safetensors")
    first = (await busy.draw("show waves1", images=1)).job
    plain = compose(PromptInput(prompt="a fox", images=1), BEN, [SMALL], SMALL)
    job = (
        await busy.fulfil(await busy.admit(with_role(plain, Parent(job=first.id, image=0), Role.STYLE)))
    ).job
    variations = Variations(replace(busy.settings, models=(adapted, LARGE)), busy.records)
    await busy.takedown.remove(first.id, ADA, "")
    varied = await variations.variation(job.id, 0, BEN)
    assert [each.role for each in varied.drawing.pictures] == [Role.START]
    with pytest.raises(PictureGone):
        await variations.reroll(job.id, BEN)
