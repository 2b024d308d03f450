"""Remix: the modal with a picture's prompt, and the picture drawn from it."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import Stage, copy, job_of, on_stage
from tests.e2e.test_buttons import is_still_there
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


def presets(components: list[dict[str, Any]]) -> dict[str, str | None]:
    """Returns the preset value of each field of a modal."""
    return {each["component"]["custom_id"]: each["component"].get("value") for each in components}


async def test_anybody_remixes_a_picture_and_its_lineage_is_kept(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a paper boat --no people", steps=3, seed=5)
    ben = stage.guest()
    use = await stage.press(ben, gallery, "Remix")
    form = await use.wait_for_modal()
    assert presets(form.components) == {
        "prompt": "a paper boat",
        "negative": "people",
        "image": None,
        "change": None,
    }
    entries = {
        "prompt": "a paper boat in a storm --steps 2 --images 2",
        "image": ["2"],
        "change": ["details"],
    }
    remix = await stage.gallery(await ben.submit(form, entries))
    assert "remixed from picture 3" in remix.texts and "a paper boat in a storm" in remix.texts
    job = stage.job(remix)
    assert (job["action"], job["parent"], job["parent_image"]) == ("remix", job_of(gallery), 2)
    assert (job["prompt"], job["negative"]) == ("a paper boat in a storm", "people")
    assert (job["steps"], job["images"], job["member"]) == (2, 2, ben.id)
    assert job["strength"] == 0.6
    assert stage.spent(ben) == 2
    row = stage.row("SELECT source, prompt FROM verdicts WHERE job = ?", job_of(remix))
    assert tuple(row) == ("remix 3", "a paper boat in a storm")
    # A remix can be remixed again. A single picture has no choice of pictures.
    large = await stage.gallery(await stage.press(ben, remix, "U1"))
    form = await (await stage.press(ben, large, "Remix")).wait_for_modal()
    assert list(presets(form.components)) == ["prompt", "negative", "change"]
    last = stage.job(await stage.gallery(await ben.submit(form)))
    assert (last["parent"], round(last["strength"], 6)) == (job_of(large), 0.8)


async def test_a_refused_remix_is_told_privately_and_costs_nothing(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a quiet hill", images=1)
    ben = stage.guest()
    form = await (await stage.press(ben, gallery, "Remix")).wait_for_modal()
    refusal = await stage.private(await ben.submit(form, {"prompt": "a nude woman on a quiet hill"}))
    assert "it reads as nudity" in refusal and "Nothing was charged" in refusal
    unknown = await stage.private(await ben.submit(form, {"prompt": "a hill --stepz 3"}))
    assert "Did you mean `--steps`?" in unknown
    assert stage.spent(ben) == 0
    typed = await stage.private(await ben.slash("gallery", "imagine", prompt="a nude woman on a quiet hill"))
    assert refusal.partition(" The first time")[0] == typed.partition(" Nothing was")[0]


async def test_a_refused_remix_comes_back_in_its_form_and_is_a_remix_again(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a quiet hill", images=1)
    ben = stage.guest()
    form = await (await stage.press(ben, gallery, "Remix")).wait_for_modal()
    entries = {"prompt": "a nude `woman`", "negative": "rain"}
    answer = await (await ben.submit(form, entries)).wait_for_message()
    again = await (await stage.press(ben, answer, "Edit")).wait_for_modal()
    kept = presets(again.components)
    assert (kept["prompt"], kept["negative"]) == ("a nude `woman`", "rain")
    remix = await stage.gallery(await ben.submit(again, {"prompt": "a quiet pond", "negative": ""}))
    job = stage.job(remix)
    assert (job["action"], job["parent"], job["negative"]) == ("remix", job_of(gallery), "")


async def test_of_a_picture_that_is_gone_there_is_no_remix(stage: Stage) -> None:
    ada = stage.guest()
    gallery = copy(await stage.draw(ada, "soon gone", images=1))
    form = await (await stage.press(ada, gallery, "Remix")).wait_for_modal()
    await stage.delete(ada, gallery)
    await stage.until(lambda: not is_still_there(stage, gallery))
    assert "removed or deleted" in await stage.private(await ada.submit(form, {"prompt": "too late"}))
    late = await stage.press_late(stage.ben, gallery, stage.custom_id(gallery, "remix"))
    assert "removed or deleted" in await stage.private(late)


@needs_openapi
async def test_the_form_is_one_that_discord_takes(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "🦊" * 500 + " --no " + "x" * 400)
    stage.judge.exchanges.clear()
    form = await (await stage.press(stage.guest(), gallery, "Remix")).wait_for_modal()
    assert presets(form.components)["prompt"] == "🦊" * 500
    stage.verify()


async def test_a_form_that_was_open_while_the_bot_was_killed_is_answered(tmp_path: Path, model: Path) -> None:
    async with on_stage(tmp_path, model) as stage:
        gallery = await stage.draw(stage.ada, "a lamp", images=1)
        form = await (await stage.press(stage.ben, gallery, "Remix")).wait_for_modal()
        await stage.kill()
        await stage.start()
        remix = await stage.gallery(await stage.ben.submit(form, {"prompt": "a lamp at night"}))
        assert stage.job(remix)["prompt"] == "a lamp at night"
