"""Sketches through the shipped bot: a tiny Stable Diffusion with ControlNets follows scribbles, edges and depth maps."""

import io
from sqlite3 import Row
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from playground.people.person import Person, Use
from playground.world.messages import Message
from tests.e2e.stage import Stage, is_gallery, job_of
from tests.openapi import needs_openapi
from tests.pictures import REFUSED, blobs, png, waves

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


def drawing(width: int = 250, height: int = 150) -> bytes:
    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).line([(10, 10), (width - 10, height - 10)], fill="black", width=9)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def ask(person: Person, text: str, picture: bytes, **options: Any) -> Use:
    file = person.upload("a.png", picture)
    return await person.slash("gallery", "sketch", picture=file, prompt=text, **options)


async def sketched(person: Person, text: str, picture: bytes, **options: Any) -> Message:
    seen = {each.id for each in await person.sees("gallery")}
    await ask(person, text, picture, **options)
    return await person.wait_for_message(
        lambda each: each.id not in seen and is_gallery(each) and f"<@{person.id}>" in each.texts,
        "gallery",
        timeout=90,
    )


def pixels(stage: Stage, message: Message) -> npt.NDArray[np.float64]:
    with Image.open(stage.files(job_of(message))[0]) as picture:
        return np.asarray(picture, np.float64)


def inputs(stage: Stage, message: Message) -> list[Row]:
    return stage.rows("SELECT * FROM job_parents WHERE job = ? ORDER BY position", job_of(message))


@needs_openapi
async def test_a_scribble_is_followed_and_its_order_is_like_any_other(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    stage.judge.exchanges.clear()
    gallery = await sketched(ada, "a fox --seed 5", drawing(), images=2, strength=0.5)
    job = stage.row("SELECT * FROM jobs WHERE id = ?", job_of(gallery))
    assert (job["model"], job["action"], job["prompt"]) == ("tiny", "imagine", "a fox")
    assert (job["width"], job["height"]) == (80, 48)
    assert "from a supplied scribble" in gallery.texts and "scribble 0.5" in gallery.texts
    [control] = inputs(stage, gallery)
    assert (control["role"], control["strength"]) == ("control", 0.5)
    assert control["control"] == '{"kind": "scribble", "is_prepared": false}'
    row = stage.row("SELECT * FROM uploads WHERE id = ?", control["upload"])
    assert (row["member"], row["width"], row["height"]) == (ada.id, 250, 150)
    with Image.open(stage.files(job["id"])[0]) as first:
        assert 'ControlNet 0: "Module: scribble' in first.info["parameters"]
    # What goes on from it follows the same picture.
    again = await stage.gallery(await stage.press(ben, gallery, "🔄"))
    assert [each["upload"] for each in inputs(stage, again)] == [control["upload"]]
    varied = await stage.gallery(await stage.press(ben, gallery, "V1"))
    start, kept = inputs(stage, varied)
    assert (start["parent"], kept["upload"]) == (job["id"], control["upload"])
    assert "variations of picture 1" in varied.texts and "scribble 0.5" in varied.texts
    form = await (await stage.press(ada, gallery, "Remix")).wait_for_modal()
    remixed = await stage.gallery(await ada.submit(form, {"prompt": "a house"}))
    assert [each["role"] for each in inputs(stage, remixed)] == ["start", "control"]
    # The same seed without the scribble gives another picture.
    free = await stage.draw(ada, "a fox --seed 5 --ar 5:3", images=2)
    ours, theirs = (pixels(stage, each) for each in (gallery, free))
    assert ours.shape == theirs.shape
    assert 10 * np.log10(255**2 / ((ours - theirs) ** 2).mean()) < 30, "the scribble is seen"
    stage.verify()


async def test_edges_and_prepared_maps_are_followed_too(stage: Stage) -> None:
    ada = stage.guest()
    edges = await sketched(ada, "a fox --images 1", png(waves(1)), kind="edges")
    assert "picture's edges" in edges.texts and "edges 0.8" in edges.texts
    depths = await sketched(ada, "a fox --images 1", png(waves(1)), kind="depth", prepared=True)
    assert "picture's depths" in depths.texts
    assert inputs(stage, depths)[0]["control"] == '{"kind": "depth", "is_prepared": true}'
    said = await stage.private(await ask(ada, "a fox", png(waves(1)), kind="depth"))
    assert "The model `tiny` makes no depth map of a picture." in said


async def test_models_that_follow_the_kind_are_offered_alone(stage: Stage) -> None:
    ada = stage.guest()
    for kind, names in (("scribble", ["tiny"]), ("depth", ["tiny"]), ("pose", [])):
        given: dict[str, Any] = {"prompt": "x", "kind": kind, "model": ""}
        choices = await ada.autocomplete("gallery", "sketch", focused="model", **given)
        assert [each["value"] for each in choices] == names
    for options, said in (
        ({"model": "twin"}, "The model `twin` can't draw from a scribble. These can: `tiny`."),
        ({"kind": "pose"}, "No model here draws with the pose of a picture."),
    ):
        assert said in await stage.private(await ask(ada, "a fox", drawing(), **options)), said
    assert stage.spent(ada) == 0
    assert not stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id), "none was fetched"


async def test_a_refused_sketch_costs_nothing_and_keeps_no_picture(stage: Stage) -> None:
    ada = stage.guest()
    assert "shows content that is not allowed here" in await stage.private(
        await ask(ada, "a fox", png(blobs(REFUSED)))
    )
    assert "no picture that I can read" in await stage.private(await ask(ada, "a fox", b"no picture"))
    assert "nudity" in await stage.private(await ask(ada, "a nude woman", drawing()))
    assert stage.spent(ada) == 0
    assert not stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id)
    assert not stage.rows("SELECT id FROM jobs WHERE member = ?", ada.id)
    picture, text = stage.rows("SELECT source, prompt FROM verdicts WHERE member = ? ORDER BY id", ada.id)
    assert tuple(picture) == ("upload", "a fox") and tuple(text) == ("sketch", "a nude woman")
