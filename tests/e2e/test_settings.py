"""/settings, from the command that keeps a default to the picture drawn with it."""

import pytest

from playground.people.person import Modal
from playground.world.values import as_dict, as_dicts
from tests.e2e.stage import Stage, job_of
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_a_default_is_kept_shown_used_and_forgotten(stage: Stage) -> None:
    ada = stage.guest()
    shown = await stage.private(await ada.slash("gallery", "settings"))
    assert "Your defaults" in shown and "- images: —" in shown
    saved = await stage.private(
        await ada.slash(
            "gallery", "settings", aspect="3:2", images=1, model="twin", scheduler="DDIM", suffix="film grain"
        )
    )
    assert "- aspect: `3:2`" in saved and "- suffix: `film grain`" in saved and "Saved." in saved
    job = stage.job(await stage.draw(ada, "a fox"))
    assert (job["prompt"], job["model"], job["images"]) == ("a fox, film grain", "twin", 1)
    assert (job["width"], job["height"], job["scheduler"]) == (72, 48, "DDIM")

    # What is typed wins, and a default that the model lacks is a note.
    gallery = await stage.draw(ada, "a fox --ar 1:1", model="tiny", images=2)
    job = stage.job(gallery)
    assert (job["model"], job["images"], job["width"], job["height"]) == ("tiny", 2, 64, 64)
    assert "Left out of your own defaults, because it can't be used here: scheduler." in gallery.texts

    left = await stage.private(await ada.slash("gallery", "settings", forget="all"))
    assert "- suffix: —" in left and "- model: —" in left
    assert stage.rows("SELECT 1 FROM member_settings WHERE member = ?", ada.id) == []
    assert stage.job(await stage.draw(ada, "a fox", images=1))["prompt"] == "a fox"


async def test_v_and_remix_mean_what_a_member_chose(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "a paper boat", images=1)
    saved = await stage.private(await ada.slash("gallery", "settings", vary="far", remix="near"))
    assert "- V1–V4: far: only a rough outline stays" in saved and "- Remix: near: details change" in saved
    variations = await stage.gallery(await stage.press(ada, gallery, "V1"))
    assert stage.job(variations)["strength"] == pytest.approx(0.9)
    assert stage.job(variations)["parent"] == job_of(gallery)
    form = await (await stage.press(ada, gallery, "Remix")).wait_for_modal()
    assert chosen(form) == ["details"]
    form = await (await stage.press(stage.ben, gallery, "Remix")).wait_for_modal()
    assert chosen(form) == ["much"]


def chosen(form: Modal) -> list[str]:
    """Returns the values that the form's menus have from the beginning."""
    fields = [as_dict(each.get("component")) for each in form.components]
    options = [option for field in fields for option in as_dicts(field.get("options"))]
    return [option["value"] for option in options if option.get("default")]


async def test_a_default_that_means_nothing_here_is_a_sentence(stage: Stage) -> None:
    ada = stage.guest()
    assert "Did you mean" in await stage.private(await ada.slash("gallery", "settings", model="twinn"))
    refusal = await stage.private(await ada.slash("gallery", "settings", suffix="a nude woman"))
    assert "it reads as nudity" in refusal
    assert stage.rows("SELECT 1 FROM member_settings WHERE member = ?", ada.id) == []
    names = await ada.autocomplete("gallery", "settings", focused="model", model="tw")
    assert [each["value"] for each in names] == ["twin"]


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
