"""Ways in of words beside pictures that a member supplies: what tests/bot/ways_in.py lists."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from PIL import Image

from bot.commands.picture_forms import (
    instruction_form,
    instruction_in,
    remix_form,
    remix_in,
    style_form,
    style_in,
)
from bot.studio.orders.control.sketches import Sketchers, SketchOrder, compose_sketch
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.orders.supplied import (
    EditOrder,
    Editors,
    Level,
    PictureOrder,
    compose_blend,
    compose_edit,
    compose_from_picture,
    compose_variation,
)
from bot.studio.pictures.uploaded_picture import read_upload
from bot.studio.styles.applied import AppliedStyles
from bot.studio.styles.reference import StyleModels, StyleOrder, compose_style
from bot.texts import ENGLISH, language
from db.jobs import Upload
from generation.abilities import Abilities
from generation.control.kinds import Control, ControlKind
from generation.files.images import to_png
from generation.request import ImageSize, Prompt
from playground.content.modals import filled, read_modal
from tests.bot.conftest import ADA, CHANNEL, GUILD, SMALL, Shop

Way = Callable[[Shop, str], Awaitable[Order]]
"""Sends a text one way, and returns the order that is screened."""
WITH_ADAPTER = replace(SMALL, style_adapter="ip-adapter.safetensors")


def varied(wish: PromptInput) -> PictureOrder:
    return compose_variation(wish, Level.STRONG, ADA, [SMALL], SMALL)


def blended(wish: PromptInput) -> PictureOrder:
    return compose_blend(wish, ADA, [SMALL], SMALL)


def started(wish: PromptInput) -> PictureOrder:
    return compose_from_picture(wish, ADA, [SMALL], SMALL)


def edited_by(wish: PromptInput) -> EditOrder:
    can = Abilities(pipeline="Flux2KleinPipeline", references=10)
    editors = Editors(offered=[SMALL], default=SMALL, abilities_of=lambda _: can)
    return compose_edit(wish, ADA, [SMALL], editors, supplied=1)


def sketched(wish: PromptInput) -> SketchOrder:
    can = Abilities(pipeline="StableDiffusionPipeline", control_kinds=(ControlKind.SCRIBBLE,))
    sketchers = Sketchers(offered=[SMALL], default=SMALL, abilities_of=lambda _: can)
    return compose_sketch(wish, Control(kind=ControlKind.SCRIBBLE), 0.8, ADA, [SMALL], sketchers)


def in_the_style(wish: PromptInput) -> StyleOrder:
    able = StyleModels(offered=[WITH_ADAPTER], default=WITH_ADAPTER, abilities_of=lambda _: None)
    return compose_style(wish, ADA, [WITH_ADAPTER], able)


def used_as_style_in_the_panel(wish: PromptInput) -> StyleOrder:
    """Sends the text in the form "Use as style" of the menu Picture…"""
    modal = read_modal(style_form(language(ENGLISH), 1, 0, [0, 1]).to_dict())
    sent = {"custom_id": modal["custom_id"], "components": filled(modal, {"prompt": wish.prompt})}
    wanted = style_in(sent)
    assert wanted is not None
    return in_the_style(wanted.words)


def instructed_in_the_panel(wish: PromptInput) -> EditOrder:
    """Sends the text in the form for an edit of the menu Picture…"""
    modal = read_modal(instruction_form(language(ENGLISH), 1, 0, [0, 1], 9).to_dict())
    sent = {"custom_id": modal["custom_id"], "components": filled(modal, {"prompt": wish.prompt})}
    wanted = instruction_in(sent)
    assert wanted is not None
    return edited_by(wanted.words)


def sent_in_the_panel(wish: PromptInput) -> PictureOrder:
    """Sends the text in the form of the menu Picture…"""
    modal = read_modal(remix_form(language(ENGLISH), 1, 0).to_dict())
    sent = {"custom_id": modal["custom_id"], "components": filled(modal, {"prompt": wish.prompt})}
    wanted = remix_in(sent)
    assert wanted is not None
    return started(wanted.words)


def written_in_a_picture(
    kind: Callable[[PromptInput], PictureOrder | EditOrder | SketchOrder | StyleOrder],
) -> Way:
    """Sends a picture in which the text is written, and no words with it."""

    async def path(shop: Shop, text: str) -> Order:
        row = await shop.records.uploads.store(
            member=ADA.member,
            guild_id=GUILD,
            channel_id=CHANNEL,
            content=to_png(Image.new("RGB", (16, 16))),
            size=ImageSize(width=16, height=16),
            at=shop.clock.now,
            text=text,
        )
        wanted = kind(PromptInput(prompt="a quiet hill"))
        order = (
            wanted.with_uploads(row, None) if isinstance(wanted, PictureOrder) else wanted.with_uploads([row])
        )
        return replace(order, drawing=replace(order.drawing, prompt=Prompt(text="")))

    return path


async def written_in_a_styles_picture(shop: Shop, text: str) -> Order:
    """Draws with a style whose picture has the text."""
    order = await written_in_a_picture(in_the_style)(shop, text)
    (reference,) = order.drawing.pictures
    assert isinstance(reference.source, Upload)
    async with shop.records.database.transaction() as tx:
        await shop.records.styles.add(
            tx,
            guild_id=GUILD,
            name="written",
            member=ADA.member,
            words="",
            loras="",
            upload=reference.source.id,
            at=shop.clock.now,
        )
    wish = compose(PromptInput(prompt="a quiet hill", style="written"), ADA, [WITH_ADAPTER], WITH_ADAPTER)
    order = await AppliedStyles([WITH_ADAPTER], shop.records, lambda _: None, lambda _: None).applied(wish)
    return replace(order, drawing=replace(order.drawing, prompt=Prompt(text="")))


def beside_a_picture(
    form: str,
    compose: Callable[[PromptInput], PictureOrder | EditOrder | SketchOrder | StyleOrder] = started,
    negative: str | None = None,
) -> Way:
    """Types the text and sends a picture with it. A PNG with other words in its metadata changes nothing."""

    async def path(shop: Shop, text: str) -> Order:
        left_out = None if negative is None else negative.format(text)
        wanted = compose(PromptInput(prompt=form.format(text), negative=left_out))
        picture = read_upload(to_png(Image.new("RGB", (16, 16)), "a naked child"))
        row = await shop.records.uploads.store(
            member=ADA.member,
            guild_id=GUILD,
            channel_id=CHANNEL,
            content=picture.content,
            size=picture.size,
            at=shop.clock.now,
        )
        if not isinstance(wanted, PictureOrder):
            return wanted.with_uploads([row])
        return wanted.with_uploads(row, None)

    return path
