"""Presets, from the command that saves one to the picture drawn with it."""

import pytest

from bot.studio.presets import MOST
from tests.e2e.stage import Stage
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_a_preset_is_kept_listed_drawn_with_and_deleted(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    text = "golden hour, film grain --ar 3:2 --no people --images 1"
    saved = await stage.private(await ada.slash("gallery", "preset save", name="Golden", text=text))
    assert "Saved" in saved and "--preset golden" in saved
    assert "1 of 25" in (listed := await stage.private(await ada.slash("gallery", "preset list")))
    assert text in listed
    choices = await ada.autocomplete("gallery", "imagine", focused="preset", prompt="a fox")
    assert [each["value"] for each in choices] == ["golden"]
    assert await ben.autocomplete("gallery", "imagine", focused="preset", prompt="a fox") == []

    for gallery in (
        await stage.draw(ada, "a fox", preset="golden"),
        await stage.draw(ada, "a fox --preset golden"),
    ):
        job = stage.job(gallery)
        assert (job["prompt"], job["negative"]) == ("a fox, golden hour, film grain", "people")
        assert job["width"] > job["height"] and job["images"] == 1
    unknown = await stage.private(await ben.slash("gallery", "imagine", prompt="a fox", preset="golden"))
    assert "You have no preset `golden`" in unknown

    assert "is deleted" in await stage.private(await ada.slash("gallery", "preset delete", name="golden"))
    assert "no presets" in await stage.private(await ada.slash("gallery", "preset list"))


async def test_a_preset_with_refused_words_is_not_kept(stage: Stage) -> None:
    ada = stage.guest()
    refusal = await stage.private(await ada.slash("gallery", "preset save", name="x", text="a nude woman"))
    typed = await stage.private(await stage.guest().slash("gallery", "imagine", prompt="a nude woman"))
    assert typed.startswith(refusal) and "it reads as nudity" in refusal  # a typed prompt can be edited
    assert "no presets" in await stage.private(await ada.slash("gallery", "preset list"))


async def test_presets_are_forgotten_with_their_member(stage: Stage) -> None:
    ada = stage.guest()
    await stage.private(await ada.slash("gallery", "preset save", name="dusk", text="at dusk"))
    use = await ada.slash("gallery", "privacy delete")
    question = await use.wait_for_message()
    assert "presets" in question.texts
    await ada.click(question, label="Delete my data")
    await stage.until(lambda: not stage.rows("SELECT 1 FROM presets WHERE member = ?", ada.id))


@needs_openapi
async def test_the_longest_list_is_a_message(stage: Stage) -> None:
    ada = stage.guest()
    stage.judge.exchanges.clear()
    for number in range(MOST):
        name = f"{number:02}" + "_" * 30
        await stage.private(
            await ada.slash("gallery", "preset save", name=name, text="*`fog`* " + f"{number} " * 160)
        )
    listed = await stage.private(await ada.slash("gallery", "preset list"))
    assert "25 of 25" in listed and f"`24{'_' * 30}`" in listed
    one_more = await stage.private(await ada.slash("gallery", "preset save", name="more", text="fog"))
    assert "25 presets already" in one_more
    assert len(await ada.autocomplete("gallery", "preset delete", focused="name")) == MOST
    stage.verify()
