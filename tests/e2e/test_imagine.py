"""/imagine, from the typed command to the pictures in the channel."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageChops

from playground.world.messages import Message
from tests.e2e.stage import Stage, job_of, picture_of, picture_urls
from tests.e2e.test_files import saved
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_a_prompt_becomes_four_pictures_in_one_message(stage: Stage) -> None:
    ada = stage.ada
    use = await ada.slash("gallery", "imagine", prompt="a red fox in the snow", seed=7)
    card = await use.wait_for_message()
    assert "a red fox in the snow" in card.texts
    assert f"<@{ada.id}>" in card.texts
    assert "in the queue" in card.texts
    assert card.component(label="Cancel")
    assert not card.is_ephemeral

    gallery = await stage.gallery(use)
    assert gallery.id == card.id
    for words in ("a red fox in the snow", f"<@{ada.id}>", "seed 7", "tiny", "64×64", job_of(gallery)):
        assert words in gallery.texts
    buttons = [each for each in gallery.components if each["type"] == 2]
    assert [each.get("label") or each["emoji"]["name"] for each in buttons] == [
        *("U1", "U2", "U3", "U4", "🔄"),
        *("V1", "V2", "V3", "V4", "🗑️"),
        *("Remix", "Send to my DMs"),
    ]
    assert (await picture_of(gallery)).size == (130, 130)  # two by two
    await stage.until(lambda: stage.job(gallery)["delivered_at"])
    job = stage.job(gallery)
    assert (job["state"], job["message_id"], job["token"]) == ("done", gallery.id, "")
    assert len(stage.files(job["id"])) == 4


async def test_while_it_runs_the_card_shows_the_share_done_and_a_preview(stage: Stage) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "a slow fox", steps=900)
    card = await stage.card(use, lambda message: "%" in message.texts)
    assert card.component(label="Cancel")
    card = await stage.card(use, lambda message: "preview" in addresses(message))
    assert (await picture_of(card)).format == "JPEG"
    await stage.press(ada, card, "Cancel")
    card = await stage.card(use, lambda message: "Cancelled" in message.texts)
    assert "preview" not in addresses(card)


async def test_nothing_overtakes_the_result(stage: Stage) -> None:
    uses = [await stage.imagine(stage.guest(), f"runner {i}", steps=40, images=1) for i in range(3)]
    for gallery in [await stage.gallery(use) for use in uses]:
        edits = [each for each in stage.edits(gallery) if each.answer["id"] == str(gallery.id)]
        is_result = ["atelier:1:vary" in json.dumps(each.body) for each in edits]
        assert is_result == [False] * (len(edits) - 1) + [True]


def addresses(message: Message) -> str:
    return " ".join(picture_urls(message))


async def test_a_single_picture_is_posted_as_the_png_that_holds_its_parameters(stage: Stage) -> None:
    gallery = await stage.draw(stage.ada, "one lantern", images=1, seed=11)
    picture = await picture_of(gallery)
    assert picture.format == "PNG"
    assert "one lantern" in str(picture.info)
    assert "11" in str(picture.info)


async def test_the_same_seed_and_prompt_give_the_same_picture_again(stage: Stage) -> None:
    first = await stage.draw(stage.ada, "twice the same", images=1, seed=5)
    second = await stage.draw(stage.ben, "twice the same", images=1, seed=5)
    other = await stage.draw(stage.ben, "twice the same", images=1, seed=6)
    once, again, another = [open_picture(stage.files(job_of(each))[0]) for each in (first, second, other)]
    # The worker draws identical pictures; only the invisible mark differs between jobs.
    assert furthest(once, again) < 24 < furthest(once, another)


def open_picture(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def furthest(first: Image.Image, second: Image.Image) -> int:
    """Returns the largest difference between two values of a pixel, 0 to 255."""
    extrema = cast("list[tuple[int, int]]", ImageChops.difference(first, second).getextrema())
    return max(most for _, most in extrema)


async def test_parameters_inside_the_prompt_count_and_leave_the_prompt(stage: Stage) -> None:
    prompt = "a harbour at dawn --ar 3:2 --seed 42 --no boats, people --steps 3 --cfg 5.5 --model twin"
    gallery = await stage.draw(stage.guest(), prompt, images=2)
    job = stage.job(gallery)
    assert job["prompt"] == "a harbour at dawn"
    assert job["negative"] == "boats, people"
    assert (job["width"], job["height"]) == (72, 48)
    assert (job["seed"], job["steps"], job["guidance"], job["model"]) == (42, 3, 5.5, "twin")
    assert "--" not in gallery.texts
    assert (await picture_of(gallery)).size == (146, 48)


async def test_options_and_what_is_typed_inside_go_together_and_the_typed_wins(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a boat --seed 8", seed=9, images=1, aspect="16:9")
    job = stage.job(gallery)
    assert job["seed"] == 8
    assert job["width"] > job["height"]


async def test_models_are_offered_while_one_types(stage: Stage) -> None:
    async def offered(text: str) -> list[str]:
        choices = await stage.ada.autocomplete("gallery", "imagine", prompt="x", focused="model", model=text)
        return [each["value"] for each in choices]

    assert await offered("") == ["tiny", "twin", "emoji"]
    assert await offered("TWI") == ["twin"]
    assert await offered("milliseconds") == ["tiny"]
    assert await offered("nothing like it") == []


async def test_a_scheduler_is_offered_drawn_with_shown_and_read_back(stage: Stage) -> None:
    choices = await stage.ada.autocomplete(
        "gallery", "imagine", prompt="x", focused="scheduler", scheduler="eu", model="twin"
    )
    assert [each["value"] for each in choices] == ["Euler a"]
    ada = stage.guest()
    own, chosen = [
        await stage.draw(ada, f"a fox --model twin --seed 5{more}", images=1)
        for more in ("", " --scheduler euler a")
    ]
    assert "· DDIM" in own.texts and "· Euler a" in chosen.texts
    assert stage.job(chosen)["scheduler"] == "Euler a"
    again = await stage.draw(ada, ".", file=ada.upload("fox.png", await saved(chosen)))
    assert stage.job(again)["scheduler"] == "Euler a"
    first, second, third = [(await picture_of(each)).convert("RGB") for each in (own, chosen, again)]
    # Each picture has a mark of its own, which changes a pixel a little.
    assert furthest(second, third) < 24 < furthest(first, second)
    refused = await ada.slash("gallery", "imagine", prompt="a fox --model twin --scheduler LCM")
    assert "There is no scheduler" in await stage.private(refused)


async def test_a_lora_is_offered_drawn_with_shown_and_kept_with_the_job(stage: Stage) -> None:
    async def offered(text: str, **options: Any) -> list[str]:
        choices = await stage.ada.autocomplete(
            "gallery", "imagine", prompt="x", focused="lora", lora=text, **options
        )
        return [each["value"] for each in choices]

    assert await offered("") == ["pixel", "lost"]
    assert await offered("lost:1 pix:0.5") == ["lost:1 pixel:0.5"]
    assert await offered("", model="twin") == []
    gallery = await stage.draw(stage.guest(), "a fox --lora pixel", images=1, seed=5)
    assert "pixel art, a fox" in gallery.texts
    assert "LoRA pixel 0.8" in gallery.texts
    assert json.loads(stage.job(gallery)["loras"]) == {"pixel": 0.8}
    plain = await stage.draw(stage.guest(), "pixel art, a fox", images=1, seed=5)
    assert (await picture_of(plain)).tobytes() != (await picture_of(gallery)).tobytes()


async def test_words_of_a_member_are_shown_as_they_were_typed(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "**loud** @everyone `code` <@1>", images=1)
    assert gallery.json["mentions"] == []
    assert not gallery.json["mention_everyone"]
    assert r"\*\*loud\*\*" in gallery.texts
    assert stage.job(gallery)["prompt"] == "**loud** @everyone `code` <@1>"


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
