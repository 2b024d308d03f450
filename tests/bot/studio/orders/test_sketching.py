"""Sketches: a model that follows such a picture is chosen, and what is made of the pictures follows it again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.errors import CannotSketch, UnknownModel
from bot.studio.orders.abilities import fitted
from bot.studio.orders.control.sketches import Sketchers, SketchOrder, compose_sketch
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.variations import Variations
from bot.texts import ENGLISH, language
from db.jobs import Note, NoteKind, Parent, Upload, UploadId
from db.uploads import StoredUpload
from generation.abilities import Abilities
from generation.control.kinds import Control, ControlEntry, ControlKind
from generation.files.images import parameters_of
from generation.files.infotext import read_infotext
from generation.request import Drawing, ImageSize, InputPicture, ModelEntry, ModelName, Role
from tests.bot.conftest import ADA, BEN, LARGE, SMALL, Shop
from tests.drawings import drawing, grown_from
from tests.pictures import png, waves

SCRIBBLE, DEPTH = (Control(kind=kind) for kind in (ControlKind.SCRIBBLE, ControlKind.DEPTH))
MAP = Control(kind=ControlKind.DEPTH, is_prepared=True)
PLAIN = Abilities(pipeline="StableDiffusionPipeline", starts_by="x")
LINES = replace(PLAIN, control_kinds=(ControlKind.SCRIBBLE, ControlKind.EDGES))
MAPS = replace(
    PLAIN, control_kinds=(ControlKind.SCRIBBLE, ControlKind.DEPTH), prepared_only=(ControlKind.DEPTH,)
)
ALL = replace(PLAIN, control_kinds=tuple(ControlKind))
CAN = {"plain": PLAIN, "lines": LINES, "maps": MAPS, "all": ALL}


def entry(name: str, **more: Any) -> ModelEntry:
    return replace(SMALL, name=ModelName(name), **more)


ENTRIES: Mapping[str, ModelEntry] = {name: entry(name) for name in CAN} | {
    # Their abilities are not known yet: what their settings name counts.
    "new": entry("new", controls=ControlEntry(depth="owner/net")),
    "blank": entry("blank"),
}


def sketchers(*names: str) -> Sketchers:
    """The first is the default."""
    offered = [ENTRIES[name] for name in names]
    return Sketchers(offered=offered, default=offered[0], abilities_of=CAN.get)


def wanted(
    among: Sketchers, control: Control = SCRIBBLE, text: str = "a fox", strength: float = 0.8
) -> SketchOrder:
    return compose_sketch(PromptInput(prompt=text), control, strength, ADA, [*ENTRIES.values()], among)


def said(error: Exception) -> str:
    return language(ENGLISH).sentence(error) or ""


def upload(width: int = 96, height: int = 64) -> StoredUpload:
    return StoredUpload(
        id=UploadId("upload1"),
        member=ADA.member,
        guild_id=None,
        channel_id=1,
        sha256="0" * 64,
        width=width,
        height=height,
        bytes=1,
        created_at=0.0,
    )


@pytest.mark.parametrize(
    ("names", "control", "text", "chosen"),
    [
        (("all", "lines"), SCRIBBLE, "", "all"),
        (("plain", "lines", "all"), SCRIBBLE, "", "lines"),
        (("lines", "maps", "all"), DEPTH, "", "all"),
        (("lines", "maps", "all"), MAP, "", "maps"),
        (("all", "lines"), SCRIBBLE, "--model lines", "lines"),
        (("blank", "new"), MAP, "", "new"),
    ],
)
def test_the_default_follows_if_it_can_and_otherwise_the_first_that_can(
    names: tuple[str, ...], control: Control, text: str, chosen: str
) -> None:
    found = wanted(sketchers(*names), control, f"a fox {text}", strength=0.4)
    drawing = found.preliminary.drawing
    assert (drawing.model, drawing.prompt.text) == (chosen, "a fox")
    [picture] = drawing.pictures
    assert (picture.role, picture.strength, picture.control) == (Role.CONTROL, 0.4, control)


@pytest.mark.parametrize(
    ("names", "control", "text", "sentence"),
    [
        (
            ("plain",),
            SCRIBBLE,
            "",
            "No model here draws from a scribble. The bot's owner adds one with `[models.controls]` in its configuration.",
        ),
        (("lines",), MAP, "", "No model here draws with the depths of a picture. The bot's owner adds one"),
        (("lines",), DEPTH, "--model lines", "No model here draws with the depths of a picture."),
        (
            ("plain", "lines", "all"),
            SCRIBBLE,
            "--model plain",
            "The model `plain` can't draw from a scribble. These can: `lines`, `all`. Choose one with `--model`.",
        ),
        (
            ("plain", "maps"),
            DEPTH,
            "",
            "The model `maps` makes no depth map of a picture. Draw it in another program, and send it with `prepared: True`.",
        ),
        (
            ("maps", "all"),
            DEPTH,
            "--model maps",
            "The model `maps` makes no depth map of a picture. Send one with `prepared: True`, or choose another model: `all`.",
        ),
        (("blank", "new"), DEPTH, "", "The model `new` makes no depth map of a picture."),
    ],
)
def test_what_no_model_follows_is_a_sentence(
    names: tuple[str, ...], control: Control, text: str, sentence: str
) -> None:
    with pytest.raises(CannotSketch) as refused:
        wanted(sketchers(*names), control, f"a fox {text}")
    assert said(refused.value).startswith(sentence)


def test_another_models_name_is_told_as_everywhere() -> None:
    with pytest.raises(UnknownModel):
        wanted(sketchers("all"), text="a fox --model nothing")


def test_models_are_offered_by_kind() -> None:
    among = sketchers("plain", "lines", "maps", "new", "blank")
    names = {kind: [each.name for each in among.able(kind)] for kind in (None, *ControlKind)}
    assert names == {
        None: ["lines", "maps", "new"],
        ControlKind.SCRIBBLE: ["lines", "maps"],
        ControlKind.EDGES: ["lines"],
        ControlKind.DEPTH: ["maps", "new"],
        ControlKind.POSE: [],
    }


def test_the_pictures_proportions_count_unless_others_are_asked_for() -> None:
    found = wanted(sketchers("all"), text="a fox --iw 2").with_uploads([upload(96, 48)])
    assert found.drawing.size == SMALL.size_for((2, 1))
    assert found.drawing.pictures[0].source == Upload(id=UploadId("upload1"))
    assert found.notes == (Note(kind=NoteKind.IGNORED, names=("iw",)),)
    shaped = wanted(sketchers("all"), text="a fox --ar 1:1").with_uploads([upload(96, 48)])
    assert shaped.drawing.size == SMALL.size_for((1, 1))


def test_an_order_is_compared_with_what_its_model_follows_now() -> None:
    order = wanted(sketchers("all"), DEPTH).preliminary
    assert fitted(order, ALL, SMALL.guidance).drawing == order.drawing
    with pytest.raises(CannotSketch) as refused:
        fitted(order, LINES, SMALL.guidance, [(ModelName("maps"), MAPS), (ModelName("all"), ALL)])
    assert (refused.value.able, refused.value.needs_map) == (("all",), False)
    with pytest.raises(CannotSketch) as refused:
        fitted(order, MAPS, SMALL.guidance)
    assert refused.value.needs_map


def test_a_pictures_parameters_tell_what_it_followed() -> None:
    def told(control: Control) -> str:
        picture = InputPicture(source=b"", role=Role.CONTROL, strength=0.5, control=control)
        asked: Drawing[bytes] = drawing("a fox, red", pictures=(picture,))
        return parameters_of(asked, 0, "Euler")

    assert 'ControlNet 0: "Module: scribble, Model: scribble, Weight: 0.5"' in told(SCRIBBLE)
    assert 'ControlNet 0: "Module: none, Model: depth, Weight: 0.5"' in told(MAP)
    read = read_infotext(told(SCRIBBLE))
    assert read.prompt == "a fox, red" and read.fields["ControlNet 0"].startswith("Module: scribble")
    assert "ControlNet" not in parameters_of(drawing(), 0, "Euler")


# ---- what goes on from a sketch


async def sketched(shop: Shop) -> tuple[Any, InputPicture[Upload]]:
    """Draws a picture that follows an upload. Returns its job and its control picture."""
    found = png(waves(1, 64, 64))
    size = ImageSize(width=64, height=64)
    row = await shop.records.uploads.store(
        member=ADA.member, guild_id=1, channel_id=1, content=found, size=size, at=shop.clock.now
    )
    control = InputPicture(
        source=Upload(id=row.id), role=Role.CONTROL, strength=0.5, control=Control(kind=ControlKind.EDGES)
    )
    return (await shop.draw(pictures=(control,), images=1)).job, control


@pytest.mark.slow
async def test_variations_remixes_and_rerolls_follow_the_same_picture(busy: Shop) -> None:
    job, control = await sketched(busy)
    assert (await busy.job(job)).drawing.pictures == (control,)
    able = Variations(busy.settings, busy.records, lambda _: ALL)
    varied = await able.variation(job.id, 0, BEN)
    assert varied.drawing.pictures == (*grown_from(job.id, strength=SMALL.variation_strength), control)
    again = await able.reroll(job.id, BEN)
    assert again.drawing.pictures == (control,) and again.drawing.seed != job.drawing.seed
    start, kept = (await able.remix(job.id, 0, PromptInput(prompt="an owl"), BEN)).drawing.pictures
    assert isinstance(start.source, Parent) and kept == control
    upscaled = await able.upscale(job.id, 0, BEN)
    assert [each.role for each in upscaled.drawing.pictures] == [Role.UPSCALE]


@pytest.mark.slow
async def test_what_is_made_of_an_upscale_follows_the_picture_that_the_upscaled_one_followed(
    busy: Shop,
) -> None:
    job, control = await sketched(busy)
    large = (await busy.fulfil(await busy.admit(await busy.variations.upscale(job.id, 0, BEN)))).job
    larger = (await busy.fulfil(await busy.admit(await busy.variations.upscale(large.id, 0, BEN)))).job
    able = Variations(busy.settings, busy.records, lambda _: ALL)
    for upscaled in (large, larger):
        start, kept = (await able.variation(upscaled.id, 0, BEN)).drawing.pictures
        assert (start.source, kept) == (Parent(job=upscaled.id, image=0), control)
        assert (await able.remix(upscaled.id, 0, PromptInput(prompt="an owl"), BEN)).drawing.pictures[1:] == (
            control,
        )
        assert (await able.reroll(upscaled.id, BEN)).drawing.pictures == (control,)
    varied = (await busy.fulfil(await busy.admit(await able.variation(job.id, 0, BEN)))).job
    of_varied = (await busy.fulfil(await busy.admit(await busy.variations.upscale(varied.id, 0, BEN)))).job
    assert (await able.reroll(of_varied.id, BEN)).drawing.pictures == (control,), "no start picture"


@pytest.mark.slow
async def test_what_cannot_be_followed_any_more_is_left_out(busy: Shop) -> None:
    job, control = await sketched(busy)
    can = {SMALL.name: ALL, LARGE.name: PLAIN}
    variations = Variations(busy.settings, busy.records, can.get)
    (start,) = (
        await variations.remix(job.id, 0, PromptInput(prompt=f"an owl --model {LARGE.name}"), ADA)
    ).drawing.pictures
    assert start.role is Role.START
    assert len((await variations.variation(job.id, 0, ADA)).drawing.pictures) == 2
    async with busy.records.database.transaction() as tx:
        await busy.records.uploads.remove(tx, [control.source.id], busy.clock.now)
    assert len((await variations.variation(job.id, 0, ADA)).drawing.pictures) == 1
