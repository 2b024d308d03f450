"""Edits through the shipped bot: a tiny FLUX.2 klein takes up to ten pictures, a tiny instruct-pix2pix takes one."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from sqlite3 import Row
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import expect

from playground.people.person import Person, Use
from playground.world.messages import Message
from tests.e2e.page.test_own_pictures import send_with_picture
from tests.e2e.page.test_page_with_bot import LONG, card
from tests.e2e.stage import Options, Stage, is_gallery, job_of, on_stage, picture_of, seed_of
from tests.openapi import needs_openapi
from tests.pictures import REFUSED, blobs, png, waves
from tests.playground.page.conftest import Visit
from tests.tiny_models import edit_json, tiny_klein, tiny_sd
from tests.tiny_styles import tiny_style_adapter

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

WORDS = ("picture", "second", "third", "fourth")
FIRST = png(waves(1, 250, 150))  # FLUX.2 takes multiples of 16: 80 × 48


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, model: Path) -> AsyncGenerator[Stage]:
    folder = tmp_path_factory.mktemp("edit")
    pix2pix = shutil.copytree(model, folder / "pix2pix")
    shutil.copytree(tiny_sd(folder / "wide", in_channels=8) / "unet", pix2pix / "unet", dirs_exist_ok=True)
    edit_json(pix2pix / "model_index.json", _class_name="StableDiffusionInstructPix2PixPipeline")
    more = {"klein": tiny_klein(folder / "klein"), "pix2pix": pix2pix, "inky": model}
    adapters = {"inky": tiny_style_adapter(model, folder / "style")}
    async with on_stage(folder, model, Options(more=more, adapters=adapters)) as stage:
        await stage.until(lambda: "the worker is ready" in stage.log.read_text("utf-8"), timeout=60)
        yield stage


async def ask(person: Person, text: str, *pictures: bytes, **options: Any) -> Use:
    files = {word: person.upload(f"{word}.png", each) for word, each in zip(WORDS, pictures, strict=False)}
    return await person.slash("gallery", "edit", instruction=text, **files, **options)


def is_drawn(message: Message) -> bool:
    return message.component(label="U1") is not None


async def drawn_for(person: Person, seen: set[int]) -> Message:
    """Waits for a new gallery of the person."""
    return await person.wait_for_message(
        lambda each: each.id not in seen and is_drawn(each) and f"<@{person.id}>" in each.texts,
        "gallery",
        timeout=90,
    )


async def edited(person: Person, text: str, *pictures: bytes, **options: Any) -> Message:
    seen = {each.id for each in await person.sees("gallery")}
    await ask(person, text, *pictures, **options)
    return await drawn_for(person, seen)


def row_of(stage: Stage, message: Message) -> Row:
    return stage.row("SELECT * FROM jobs WHERE id = ?", job_of(message))


def inputs(stage: Stage, message: Message) -> list[tuple[str, str | None, str | None]]:
    rows = stage.rows(
        "SELECT role, upload, parent FROM job_parents WHERE job = ? ORDER BY position", job_of(message)
    )
    return [(row["role"], row["upload"], row["parent"]) for row in rows]


@needs_openapi
async def test_an_instruction_changes_three_pictures_and_its_order_is_like_any_other(stage: Stage) -> None:
    ada = stage.guest()
    stage.judge.exchanges.clear()
    pictures = (FIRST, png(waves(2, 64, 64)), png(waves(3).resize((1600, 1200))))
    gallery = await edited(ada, "put image 2 on image 1 --seed 5", *pictures, images=2)
    job = row_of(stage, gallery)
    assert (job["model"], job["action"], job["prompt"]) == ("klein", "imagine", "put image 2 on image 1")
    assert (job["width"], job["height"], job["images"]) == (80, 48, 2)
    assert "edited from 3 supplied pictures" in gallery.texts
    found = inputs(stage, gallery)
    assert [role for role, *_ in found] == ["reference"] * 3
    rows = [stage.row("SELECT * FROM uploads WHERE id = ?", upload) for _, upload, _ in found]
    assert [row["member"] for row in rows] == [ada.id] * 3
    assert (rows[0]["width"], rows[0]["height"]) == (250, 150)
    assert rows[2]["width"] * rows[2]["height"] < 1.6e6, "no model sees more"
    with Image.open(stage.files(job["id"])[0]) as picture:
        parameters = picture.info["parameters"]
    assert parameters.startswith("put image 2 on image 1") and "Model: klein" in parameters
    again = await stage.card(await stage.press(ada, gallery, "🔄"), is_drawn)
    assert inputs(stage, again) == found and seed_of(again) != seed_of(gallery)
    # It starts from no picture, so there is nothing that varies one.
    assert not any(gallery.component(label=label) for label in ("V1", "Remix"))
    assert "**put image 2 on image 1**" in await stage.private(await ada.slash("gallery", "history"))
    stage.verify()


async def test_one_picture_is_changed_by_a_model_that_edits_one(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await edited(ada, "make it red", FIRST, model="pix2pix", images=1)
    assert stage.job(gallery)["model"] == "pix2pix" and [role for role, *_ in inputs(stage, gallery)] == [
        "start"
    ]
    assert "from a supplied picture" in gallery.texts
    varied = await stage.gallery(await stage.press(ada, gallery, "V1"))
    assert stage.job(varied)["prompt"] == "make it red" and stage.job(varied)["parent"] == job_of(gallery)
    one = await edited(ada, "make it red", FIRST, images=1)
    assert [role for role, *_ in inputs(stage, one)] == ["reference"]


async def test_models_that_can_edit_are_offered_alone(stage: Stage) -> None:
    ada = stage.guest()
    choices = await ada.autocomplete("gallery", "edit", instruction="x", focused="model", model="")
    assert [each["value"] for each in choices] == ["klein", "pix2pix"]
    for options, said in (
        (
            {"model": "tiny"},
            "The model `tiny` can't change 2 pictures by an instruction. These can: `klein`.",
        ),
        ({"model": "emoji"}, "These can: `klein`."),
        ({"model": "pix2pix"}, "These can: `klein`."),
        ({"model": "none"}, "There is no model"),
    ):
        assert said in await stage.private(await ask(ada, "make it red", FIRST, FIRST, **options)), said
    assert stage.spent(ada) == 0
    assert not stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id), "none was fetched"


async def test_a_refused_edit_costs_nothing_and_keeps_no_picture(stage: Stage) -> None:
    ada = stage.guest()
    adult = png(blobs(REFUSED))
    assert "shows content that is not allowed here" in await stage.private(
        await ask(ada, "make it red", FIRST, FIRST, adult)
    )
    assert "no picture that I can read" in await stage.private(
        await ask(ada, "make it red", FIRST, b"no picture")
    )
    assert "nudity" in await stage.private(await ask(ada, "make the woman nude", FIRST))
    assert stage.spent(ada) == 0
    assert not stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id)
    assert not stage.rows("SELECT id FROM jobs WHERE member = ?", ada.id)
    verdict, text = stage.rows("SELECT source, prompt FROM verdicts WHERE member = ? ORDER BY id", ada.id)
    assert tuple(verdict) == ("upload", "make it red") and tuple(text) == ("edit", "make the woman nude")


async def test_the_panel_edits_a_picture_of_any_message(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    message = await ada.say("gallery", "look", {"a.png": FIRST})
    form = await (await stage.in_panel(ben, message, "Edit…")).wait_for_modal()
    seen = {each.id for each in await ben.sees("gallery")}
    files = [ben.upload(f"{number}.png", png(waves(number))) for number in (1, 2)]
    await ben.submit(form, {"prompt": "put image 2 on it --images 1", "files": files})
    gallery = await drawn_for(ben, seen)
    assert (row_of(stage, gallery)["model"], row_of(stage, gallery)["width"]) == ("klein", 80)
    assert [role for role, *_ in inputs(stage, gallery)] == ["reference"] * 3
    assert len(stage.rows("SELECT id FROM uploads WHERE member = ?", ben.id)) == 3
    form = await (await stage.in_panel(ben, message, "Edit…")).wait_for_modal()
    await ada.delete(message)
    said = await stage.private(await ben.submit(form, {"prompt": "make it red"}))
    assert "removed or deleted" in said


async def test_the_panel_edits_a_picture_of_a_gallery_itself(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    gallery = await stage.draw(ada, "a lamp", images=2)
    form = await (await stage.in_panel(ben, gallery, "Edit…")).wait_for_modal()
    use = await ben.submit(form, {"prompt": "make it red --images 1", "image": ["1"]})
    found = await stage.card(use, is_drawn)
    assert inputs(stage, found) == [("reference", None, job_of(gallery))]
    assert stage.job(found)["parent_image"] == 1
    assert "edited from picture 2" in found.texts
    form = await (await stage.in_panel(ben, gallery, "Edit…")).wait_for_modal()
    seen = {each.id for each in await ben.sees("gallery")}
    await ben.submit(form, {"prompt": "put image 2 on it --images 1", "files": [ben.upload("a.png", FIRST)]})
    both = await drawn_for(ben, seen)
    assert [parent for *_, parent in inputs(stage, both)] == [job_of(gallery), None]
    await stage.delete(ada, gallery)
    said = await stage.private(await ben.submit(form, {"prompt": "make it blue"}))
    assert "removed or deleted" in said


async def test_an_edit_goes_on_after_the_bot_was_killed(stage: Stage) -> None:
    ada = stage.guest()
    seen = {each.id for each in await ada.sees("gallery")}
    await ask(ada, "make it red --steps 40", FIRST, png(waves(2)), images=1)
    await stage.until(lambda: stage.rows("SELECT id FROM jobs WHERE member = ?", ada.id))
    await stage.kill()
    assert stage.row("SELECT state FROM jobs WHERE member = ?", ada.id)["state"] in ("queued", "running")
    await stage.start()
    gallery = await drawn_for(ada, seen)
    assert [role for role, *_ in inputs(stage, gallery)] == ["reference"] * 2
    assert stage.spent(ada) == 1 and not is_gallery(gallery)


async def test_a_member_edits_and_uses_a_style_on_the_page(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    line = "/edit instruction: make it green --images 1"
    await send_with_picture(page, line, "picture", "second", size=(250, 150))
    edited = card(page, "make it green", "edited from 2 supplied pictures")
    await expect(edited.get_by_role("button", name="🔄")).to_be_visible(timeout=LONG)
    await send_with_picture(page, "/style reference prompt: a lamp on the page --images 1 model: inky")
    styled = card(page, "a lamp on the page", "In the style of a picture.")
    await expect(styled.get_by_role("button", name="V1")).to_be_visible(timeout=LONG)


async def in_style(person: Person, prompt: str, picture: bytes, **options: Any) -> Message:
    seen = {each.id for each in await person.sees("gallery")}
    shown = person.upload("style.png", picture)
    await person.slash("gallery", "style reference", picture=shown, prompt=prompt, **options)
    return await drawn_for(person, seen)


@needs_openapi
async def test_pictures_are_drawn_in_the_style_of_another_by_a_model_with_an_adapter(stage: Stage) -> None:
    ada = stage.guest()
    stage.judge.exchanges.clear()
    plain = await picture_of(await stage.draw(ada, "a lamp --seed 5 --model inky", images=1))
    gallery = await in_style(ada, "a lamp --seed 5", FIRST, model="inky", images=1, strength=1.0)
    assert "In the style of a picture." in gallery.texts and "supplied" not in gallery.texts
    job = row_of(stage, gallery)
    assert (job["model"], job["prompt"], job["width"], job["height"]) == ("inky", "a lamp", 64, 64)
    [(role, upload, _)] = inputs(stage, gallery)
    assert (
        role == "style" and stage.row("SELECT member FROM uploads WHERE id = ?", upload)["member"] == ada.id
    )
    apart = np.abs(np.asarray(plain, float) - np.asarray(await picture_of(gallery), float)).mean()
    assert apart > 2, "of 255"
    varied = await stage.card(await stage.press(ada, gallery, "V1"), is_drawn)
    assert [(role, own) for role, own, _ in inputs(stage, varied)] == [("start", None), ("style", upload)]
    again = await stage.card(await stage.press(ada, gallery, "🔄"), is_drawn)
    assert inputs(stage, again) == inputs(stage, gallery)
    stage.verify()


async def test_a_model_that_takes_references_is_told_what_the_picture_is_for(stage: Stage) -> None:
    gallery = await in_style(stage.guest(), "a lamp", FIRST, model="klein", images=1)
    assert row_of(stage, gallery)["prompt"] == "a lamp, in the style of image 1"
    assert [role for role, *_ in inputs(stage, gallery)] == ["reference"]


async def test_a_saved_styles_picture_is_used_where_the_model_can(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    shown = ada.upload("a.png", FIRST)
    await stage.private(
        await ada.slash("gallery", "style save", name="look", words="on paper", picture=shown)
    )
    gallery = await stage.draw(ben, "a lamp --style look --model inky", images=1)
    upload = stage.row("SELECT upload FROM styles WHERE name = 'look'")["upload"]
    assert inputs(stage, gallery) == [("style", upload, None)]
    other = await stage.draw(ben, "a lamp --style look", images=1)
    assert inputs(stage, other) == [] and stage.job(other)["prompt"] == "a lamp, on paper"
    assert "This model can't use the style's picture" in other.texts


async def test_the_panel_uses_a_picture_as_a_style_and_others_are_named_where_a_model_cant(
    stage: Stage,
) -> None:
    ada, ben = stage.guest(), stage.guest()
    refused = await ada.slash(
        "gallery", "style reference", picture=ada.upload("a.png", FIRST), prompt="a lamp", model="tiny"
    )
    assert "These can: `klein`, `inky`." in await stage.private(refused)
    assert not stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id)
    choices = await ada.autocomplete("gallery", "style reference", prompt="x", focused="model", model="")
    assert [each["value"] for each in choices] == ["klein", "inky"]
    message = await ada.say("gallery", "look", {"a.png": FIRST})
    form = await (await stage.in_panel(ben, message, "Use as style")).wait_for_modal()
    seen = {each.id for each in await ben.sees("gallery")}
    await ben.submit(form, {"prompt": "a lamp --images 1 --model inky"})
    gallery = await drawn_for(ben, seen)
    assert [role for role, *_ in inputs(stage, gallery)] == ["style"]
    form = await (await stage.in_panel(ben, gallery, "Use as style")).wait_for_modal()
    await ben.submit(form, {"prompt": "a hat --images 1 --model inky"})
    seen |= {gallery.id}
    from_gallery = await drawn_for(ben, seen)
    assert inputs(stage, from_gallery) == [("style", None, job_of(gallery))]
