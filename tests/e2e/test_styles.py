"""Styles of a server, from the command that saves one to the picture drawn with it."""

from typing import Any

import numpy as np
import pytest

from playground.people.person import Person
from playground.world.messages import Message
from tests.e2e.stage import Stage, picture_of
from tests.openapi import needs_openapi
from tests.pictures import REFUSED, blobs, png, waves

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def saved(stage: Stage, person: Person, **options: Any) -> str:
    return await stage.private(await person.slash("gallery", "style save", **options))


def thumbnails(message: Message) -> int:
    return sum(each["type"] == 11 for each in message.components)


@needs_openapi
async def test_a_style_is_saved_listed_drawn_with_by_others_edited_and_deleted(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    stage.judge.exchanges.clear()
    said = await saved(
        stage, ada, name="Ink", words="in black ink", picture=ada.upload("a.png", png(waves(5)))
    )
    assert "Saved." in said and "--style ink" in said
    choices = await ben.autocomplete("gallery", "imagine", focused="style", prompt="a fox")
    assert [each["value"] for each in choices] == ["ink"]
    page = await (await ben.slash("gallery", "style list")).wait_for_message()
    assert "in black ink" in page.texts and f"<@{ada.id}>" in page.texts
    assert thumbnails(page) == 1

    jobs = [
        stage.job(await stage.draw(ben, "a fox", style="ink", images=1)),
        stage.job(await stage.draw(ben, "a fox --style INK", images=1)),
    ]
    assert {job["prompt"] for job in jobs} == {"a fox, in black ink"}
    first = stage.row("SELECT id FROM styles WHERE name = 'ink'")["id"]
    assert {job["style"] for job in jobs} == {first}

    assert "Saved as version 2." in await saved(stage, ada, name="ink", words="in blue ink")
    assert "another member's" in await saved(stage, ben, name="ink", words="in oil")
    gallery = await stage.draw(ben, "a fox", style="ink", images=1)
    assert stage.job(gallery)["prompt"] == "a fox, in blue ink"
    shown = await (await ben.slash("gallery", "style show", name="ink")).wait_for_message()
    assert "version 2" in shown.texts and thumbnails(shown) == 1

    assert "another member's" in await stage.private(await ben.slash("gallery", "style delete", name="ink"))
    assert "is deleted" in await stage.private(await ada.slash("gallery", "style delete", name="ink"))
    again = stage.job(await stage.gallery(await stage.press(ben, gallery, "🔄")))
    assert again["prompt"] == "a fox, in blue ink"
    unknown = await stage.private(await ben.slash("gallery", "imagine", prompt="a fox", style="ink"))
    assert "This server has no style `ink`" in unknown
    stage.verify()


async def test_a_default_style_is_used_and_a_gallery_picture_shows_it(stage: Stage) -> None:
    ada = stage.guest()
    job = stage.job(await stage.draw(ada, "a lamp", images=1))
    choices = await ada.autocomplete("gallery", "style save", focused="job", name="mine")
    assert [each["value"] for each in choices] == [job["id"]]
    await saved(stage, ada, name="mine", words="on paper", job=job["id"])
    row = stage.row("SELECT member FROM uploads WHERE id = (SELECT upload FROM styles WHERE name = 'mine')")
    assert row["member"] == ada.id
    assert "- style: `mine`" in await stage.private(await ada.slash("gallery", "settings", style="mine"))
    assert stage.job(await stage.draw(ada, "a fox", images=1))["prompt"] == "a fox, on paper"
    await stage.private(await ada.slash("gallery", "style delete", name="mine"))
    left_out = await stage.draw(ada, "a fox", images=1)
    assert stage.job(left_out)["prompt"] == "a fox"
    assert "Left out of your own defaults, because it can't be used here: style." in left_out.texts


async def test_refused_words_and_pictures_are_not_kept_and_moderators_remove_what_is(stage: Stage) -> None:
    ada = stage.guest()
    assert "it reads as nudity" in await saved(stage, ada, name="x", words="a nude woman")
    refused = ada.upload("a.png", png(blobs(REFUSED)))
    assert "not allowed here" in await saved(stage, ada, name="x", words="on paper", picture=refused)
    assert stage.rows("SELECT 1 FROM styles WHERE name = 'x'") == []
    await saved(stage, ada, name="x", words="on paper")
    said = await stage.private(await stage.mia.slash("gallery", "style delete", name="x", reason="ugly"))
    assert "is deleted" in said and "`/mod restore` brings its words and LoRAs back for 30 days." in said
    assert [each["action"] for each in stage.acts_about(ada)] == ["style-remove"]
    choices = await stage.mia.autocomplete("gallery", "mod restore", focused="style", reason="a mistake")
    assert [each["value"] for each in choices] == ["x"]
    back = await stage.private(await stage.mia.slash("gallery", "mod restore", style="x", reason="a mistake"))
    assert back == "Back is the style `x`, without its picture."
    assert "on paper" in await stage.private(await ada.slash("gallery", "style show", name="x"))
    again = await stage.private(await stage.mia.slash("gallery", "mod restore", style="x", reason="again"))
    assert again == "No moderator removed a style `x` in the last 30 days."
    purged = await stage.private(
        await stage.mia.slash("gallery", "mod purge", since="1h", reason="spam", member=ada.id)
    )
    assert "1 style that was saved since then is removed too: `x`." in purged


@needs_openapi
async def test_the_list_has_pages(stage: Stage) -> None:
    ada = stage.guest()
    stage.judge.exchanges.clear()
    names = [f"z{number}{'_' * 30}" for number in range(6)]
    for name in names:
        await saved(stage, ada, name=name, words="*`fog`* " * 60)
    page = await (await ada.slash("gallery", "style list")).wait_for_message()
    found = set[str]()
    while True:
        found |= {name for name in names if name.replace("_", "\\_") in page.texts}
        older = page.component(label="Older")
        if older is None or older.get("disabled"):
            break
        pressed = await stage.press(ada, page, "Older")
        assert pressed.message is not None
        page = pressed.message
    assert found == set(names)
    await stage.until(lambda: len(stage.rows("SELECT 1 FROM styles WHERE member = ?", ada.id)) == 6)
    stage.verify()


async def test_the_bundled_model_draws_with_a_styles_words(stage: Stage) -> None:
    ada = stage.guest()
    await saved(stage, ada, name="sea", words="on a blue background")
    plain, blue = [
        np.asarray(await picture_of(await stage.draw(ada, prompt, model="emoji", images=1)), float)
        for prompt in ("a red apple --seed 3", "a red apple --seed 3 --style sea")
    ]
    border = np.ones(plain.shape[:2], bool)
    border[8:-8, 8:-8] = False
    red, _, blueness = (blue[border] - plain[border]).mean(axis=0)
    assert blueness - red > 20, "of 255: the ground became bluer"
