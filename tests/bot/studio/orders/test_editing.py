"""Edits: the model that takes so many pictures is chosen, and the order has them in the role that the model knows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.errors import CannotEdit, UnknownModel
from bot.studio.orders.abilities import fitted
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import MAX_EDITED, EditOrder, Editors, compose_edit
from bot.texts import ENGLISH, language
from db.images import StoredImage
from db.jobs import JobAction, Note, NoteKind, Parent, Upload
from db.uploads import StoredUpload, UploadId
from generation.abilities import Abilities
from generation.request import ImageSize, JobId, ModelEntry, ModelName, Role
from tests.bot.conftest import ADA, SMALL

PLAIN = Abilities(pipeline="StableDiffusionPipeline", starts_by="x", masks_by="y")
PIX2PIX = Abilities(pipeline="Pix2Pix", draws_text=False, starts_by="Pix2Pix", has_strength=False)
QWEN = replace(PIX2PIX, references=3)
KLEIN = Abilities(pipeline="Flux2KleinPipeline", references=10)


def entry(name: str, **more: Any) -> ModelEntry:
    return replace(SMALL, name=ModelName(name), **more)


ENTRIES = {name: entry(name) for name in ("plain", "pix2pix", "qwen", "klein", "new")}
CAN = {"plain": PLAIN, "pix2pix": PIX2PIX, "qwen": QWEN, "klein": KLEIN}


def editors(*names: str, entries: Mapping[str, ModelEntry] = ENTRIES) -> Editors:
    """The first is the default."""
    offered = [entries[name] for name in names]
    return Editors(offered=offered, default=offered[0], abilities_of=CAN.get)


def wanted(
    among: Editors, text: str = "make the sky red", supplied: int = 1, first: StoredImage | None = None
) -> EditOrder:
    wish = PromptInput(prompt=text)
    return compose_edit(wish, ADA, [*ENTRIES.values()], among, supplied=supplied, first=first)


def said(error: Exception) -> str:
    return language(ENGLISH).sentence(error) or ""


def upload(number: int, width: int = 96, height: int = 64) -> StoredUpload:
    return StoredUpload(
        id=UploadId(f"upload{number}"),
        member=ADA.member,
        guild_id=None,
        channel_id=1,
        sha256="0" * 64,
        width=width,
        height=height,
        bytes=1,
        created_at=0.0,
    )


PICTURE = StoredImage(
    job=JobId("aaaaabbbbb"),
    index=2,
    sha256="0" * 64,
    width=64,
    height=128,
    seed=1,
    bytes=1,
    created_at=0.0,
)


@pytest.mark.parametrize(
    ("names", "text", "supplied", "chosen", "role"),
    [
        (("klein", "pix2pix"), "", 1, "klein", Role.REFERENCE),
        (("pix2pix", "klein"), "", 1, "pix2pix", Role.START),
        (("pix2pix", "klein"), "", 2, "klein", Role.REFERENCE),
        (("plain", "qwen", "klein"), "", 1, "qwen", Role.REFERENCE),
        (("plain", "qwen", "klein"), "", 4, "klein", Role.REFERENCE),
        (("klein", "pix2pix"), "--model pix2pix", 1, "pix2pix", Role.START),
        # What is not known yet is trusted, but what is known comes first.
        (("new", "pix2pix"), "", 1, "pix2pix", Role.START),
        (("plain", "new"), "", 1, "new", Role.REFERENCE),
        (("plain", "new"), "--model new", MAX_EDITED, "new", Role.REFERENCE),
    ],
)
def test_the_default_edits_if_it_can_and_otherwise_the_first_that_can(
    names: tuple[str, ...], text: str, supplied: int, chosen: str, role: Role
) -> None:
    found = wanted(editors(*names), f"make it red {text}", supplied)
    assert (found.model.name, found.role) == (chosen, role)
    drawing = found.preliminary.drawing
    assert drawing.model == chosen and [each.role for each in drawing.pictures] == [role] * supplied
    assert drawing.prompt.text == "make it red"


@pytest.mark.parametrize(
    ("names", "text", "supplied", "sentence"),
    [
        (("plain",), "", 1, "No model here can change a picture by an instruction."),
        (("plain",), "--model plain", 1, "No model here can change a picture by an instruction."),
        (
            ("plain", "klein", "pix2pix"),
            "--model plain",
            1,
            "The model `plain` can't change a picture by an instruction. These can: `klein`, `pix2pix`."
            " Choose one with `--model`.",
        ),
        (
            ("plain", "klein", "pix2pix"),
            "--model pix2pix",
            2,
            "The model `pix2pix` can't change 2 pictures by an instruction. These can: `klein`."
            " Choose one with `--model`.",
        ),
        (
            ("plain", "pix2pix", "qwen"),
            "",
            4,
            "No model here takes 4 pictures. The most is 3, with `qwen`.",
        ),
    ],
)
def test_a_refusal_names_models_that_are_there_alone(
    names: tuple[str, ...], text: str, supplied: int, sentence: str
) -> None:
    with pytest.raises(CannotEdit) as refused:
        wanted(editors(*names), f"make it red {text}", supplied)
    assert said(refused.value) == sentence


def test_a_name_that_is_no_models_is_told() -> None:
    with pytest.raises(UnknownModel):
        wanted(editors("klein"), "make it red --model clein")


@pytest.mark.parametrize("name", ["klein", "new"])
def test_a_model_with_tables_of_words_never_sees_an_instruction(name: str) -> None:
    entries = {**ENTRIES, name: entry(name, adapts_prompts=True)}
    with pytest.raises(CannotEdit):
        wanted(editors(name, "plain", entries=entries))
    assert editors(name, entries=entries).known == []


def test_the_first_picture_gives_the_proportions_and_the_pictures_keep_their_order() -> None:
    uploads = [upload(1), upload(2, 64, 96), upload(3)]
    order = wanted(editors("klein"), supplied=3).with_uploads(uploads)
    drawing = order.drawing
    assert drawing.size == SMALL.size_for((3, 2))
    assert [each.source for each in drawing.pictures] == [Upload(id=each.id) for each in uploads]
    assert [each.role for each in drawing.pictures] == [Role.REFERENCE] * 3
    assert (order.source, order.action) == ("edit", JobAction.IMAGINE)
    square = wanted(editors("klein"), "make it red --ar 1:1", 3).with_uploads(uploads)
    assert square.drawing.size == ImageSize(width=64, height=64)


def test_a_gallerys_picture_comes_before_the_supplied_ones() -> None:
    alone = wanted(editors("klein"), supplied=0, first=PICTURE).preliminary
    assert [each.source for each in alone.drawing.pictures] == [Parent(job=PICTURE.job, image=2)]
    assert alone.drawing.size == SMALL.size_for((1, 2)) and alone.action is JobAction.REMIX
    both = wanted(editors("klein"), supplied=1, first=PICTURE).with_uploads([upload(1)])
    assert [type(each.source) for each in both.drawing.pictures] == [Parent, Upload]
    assert both.drawing.size == alone.drawing.size
    with pytest.raises(CannotEdit):
        wanted(editors("pix2pix"), supplied=1, first=PICTURE)


def test_a_weight_of_the_picture_means_nothing_and_the_card_says_so() -> None:
    order = wanted(editors("klein"), "make it red --iw 2 --seed 7").preliminary
    assert order.notes == (Note(kind=NoteKind.IGNORED, names=("iw",)),) and order.drawing.seed == 7


def test_a_re_roll_by_a_model_that_takes_fewer_pictures_is_refused() -> None:
    order = wanted(editors("klein"), supplied=4).preliminary
    assert fitted(order, KLEIN, 7.0).drawing == order.drawing
    known = [(ModelName(name), CAN[name]) for name in ("plain", "qwen", "klein")]
    for can in (PLAIN, PIX2PIX, QWEN):
        with pytest.raises(CannotEdit) as refused:
            fitted(order, can, 7.0, known)
        assert "These can: `klein`." in said(refused.value)
