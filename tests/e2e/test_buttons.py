"""Every button under a gallery or a card."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.studio.settings import BUNDLED_MODEL
from playground.world.messages import Message
from tests.e2e.stage import Stage, copy, job_of, picture_of, seed_of
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_u_enlarges_that_picture_and_answers_with_a_message_of_its_own(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a tin robot", seed=100)
    use = await stage.press(stage.ben, gallery, "U3")
    large = await stage.gallery(use)
    assert large.id != gallery.id
    assert "picture 3, upscaled" in large.texts
    assert f"<@{stage.ben.id}>" in large.texts
    assert seed_of(large) == 102
    picture = await picture_of(large)
    assert picture.size == (128, 128)
    original = Image.open(stage.files(job_of(gallery))[2]).convert("RGB")
    others = [Image.open(file).convert("RGB") for file in stage.files(job_of(gallery))[:2]]
    halved = picture.convert("RGB").resize((64, 64))
    assert distance(halved, original) < min(distance(halved, other) for other in others) / 2
    job = stage.job(large)
    assert (job["action"], job["parent"], job["parent_image"]) == ("upscale", job_of(gallery), 2)
    assert is_still_there(stage, gallery)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Returns the mean absolute difference of the channels, 0 to 255."""
    a, b = (np.asarray(each.convert("RGB"), dtype=np.float32) for each in (one, other))
    return float(np.abs(a - b).mean())


def is_still_there(stage: Stage, message: Message) -> bool:
    return stage.play.world.messages.get(message.channel_id, message.id) is not None


async def test_v_draws_four_that_differ_from_the_picture(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a paper boat")
    variations = await stage.gallery(await stage.press(stage.ben, gallery, "V2"))
    assert "variations of picture 2" in variations.texts
    job = stage.job(variations)
    assert (job["action"], job["parent"], job["parent_image"]) == ("variation", job_of(gallery), 1)
    assert job["strength"] == 0.6
    files = [file.read_bytes() for file in stage.files(job["id"])]
    assert len(set(files)) == 4
    assert stage.files(job_of(gallery))[1].read_bytes() not in files


@pytest.mark.skipif(
    not (BUNDLED_MODEL / "model_index.json").is_file(), reason="the bundled model is not there"
)
async def test_variations_are_nearer_to_their_picture_than_an_unrelated_one(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a red apple", model="emoji", images=1, seed=1)
    unrelated = await stage.imagine(stage.guest(), "a blue car", model="emoji", images=2, seed=77)
    variations = await stage.gallery(await stage.press(stage.ben, gallery, "V1"))
    original = picture(stage.files(job_of(gallery))[0])
    near = [distance(original, picture(file)) for file in stage.files(job_of(variations))]
    far = [distance(original, picture(file)) for file in stage.files(job_of(await stage.gallery(unrelated)))]
    assert min(near) > 0
    assert max(near) < min(far), (near, far)


def picture(file: Path) -> Image.Image:
    return Image.open(file).convert("RGB")


async def test_reroll_draws_the_same_prompt_with_another_seed(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), "a glass bird --ar 3:2 --no cage", seed=3, images=2)
    again = await stage.gallery(await stage.press(stage.ben, gallery, "🔄"))
    assert again.id != gallery.id
    old, new = stage.job(gallery), stage.job(again)
    assert new["seed"] != old["seed"]
    for column in ("prompt", "negative", "width", "height", "steps", "guidance", "images", "model"):
        assert new[column] == old[column]
    assert "re-roll" in again.texts
    assert new["member"] == stage.ben.id


async def test_the_seed_of_a_variation_draws_its_upscale_and_so_on(stage: Stage) -> None:
    """A gallery can be made from any gallery: every kind has working buttons."""
    gallery = await stage.draw(stage.guest(), "a seed", images=1)
    variations = await stage.gallery(await stage.press(stage.ben, gallery, "V1"))
    large = await stage.gallery(await stage.press(stage.ben, variations, "U4"))
    assert large.component(label="U1") is None
    assert (await picture_of(await stage.gallery(await stage.press(stage.ben, large, "V1")))).size == (
        130,
        130,
    )
    again = await stage.gallery(await stage.press(stage.ben, variations, "🔄"))
    assert stage.job(again)["parent"] == job_of(gallery)


async def test_only_owner_and_moderator_may_delete(stage: Stage) -> None:
    ada = stage.guest()
    first, second = await stage.draw(ada, "mine", images=1), await stage.draw(ada, "mine too", images=1)
    refusal = await stage.press(stage.ben, first, "🗑️")
    assert "another member" in await stage.private(refusal)
    assert is_still_there(stage, first)

    for person, message, by in ((ada, first, ada.id), (stage.mia, second, stage.mia.id)):
        job = job_of(message)
        (file,) = stage.files(job)
        await stage.delete(person, message)
        await stage.until(lambda m=message: not is_still_there(stage, m))
        assert not file.exists()
        row = stage.row("SELECT * FROM images WHERE job = ?", job)
        assert row["removed_by"] == by
    acts = [(each["action"], each["actor"], each["subject"]) for each in stage.acts_about(ada)]
    assert acts == [("remove", stage.mia.id, f"job {job_of(second)}")]


async def test_each_of_two_members_is_asked_before_pictures_are_deleted(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "asked first", images=1)
    for person in (ada, stage.mia):
        asked = await stage.private(await stage.press(person, gallery, "🗑️"))
        assert "Press 🗑️ again within 10 seconds" in asked
    assert is_still_there(stage, gallery)
    assert stage.files(job_of(gallery))[0].exists()
    await stage.press(ada, gallery, "🗑️")
    await stage.until(lambda: not is_still_there(stage, gallery))


async def test_cancel_while_it_runs_gives_everything_back(stage: Stage) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "never finished", steps=900)
    await stage.card(use, lambda message: "%" in message.texts)
    assert stage.spent(ada) == 4
    assert use.message is not None
    refusal = await stage.press(stage.ben, use.message, "Cancel")
    assert "another member" in await stage.private(refusal)
    await stage.press(ada, use.message, "Cancel")
    card = await stage.card(use, lambda message: "Cancelled. Nothing was charged." in message.texts)
    assert card.component(label="Cancel") is None
    assert stage.spent(ada) == 0
    assert stage.job(card)["state"] == "cancelled"
    # Its "Try again" button is a re-roll.
    assert card.component(label="Try again")


async def test_cancel_while_it_waits_gives_everything_back_and_by_a_moderator_too(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    # more than the four slots and the one extra picture of the window
    running = [await stage.imagine(ada, "in front", steps=900) for _ in range(2)]
    waiting = await stage.imagine(ben, "behind", steps=900)
    assert waiting.message is not None
    assert "in the queue" in waiting.message.texts or "Next" in waiting.message.texts
    await stage.press(ben, waiting.message, "Cancel")
    await stage.card(waiting, lambda message: "Cancelled" in message.texts)
    assert stage.spent(ben) == 0
    for use in running:
        assert use.message is not None
        await stage.press(stage.mia, use.message, "Cancel")
    for use in running:
        await stage.card(use, lambda message: "Cancelled" in message.texts)
    assert stage.spent(ada) == 0


async def test_cancel_comes_too_late_for_what_is_done(stage: Stage) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "quick", steps=60, images=1)
    assert use.message is not None
    card = copy(use.message)
    await stage.gallery(use)
    late = await stage.press_late(ada, card, stage.custom_id(card, "cancel"))
    assert "not waiting or running any more" in await stage.private(late)
    assert stage.spent(ada) == 1


async def test_a_press_under_a_removed_picture_says_that_it_is_gone(stage: Stage) -> None:
    ada = stage.guest()
    gallery = copy(await stage.draw(ada, "soon gone", images=1))
    await stage.delete(ada, gallery)
    await stage.until(lambda: not is_still_there(stage, gallery))
    for person, press in ((stage.ben, "up"), (stage.ben, "vary"), (ada, "delete")):
        late = await stage.press_late(person, gallery, stage.custom_id(gallery, press))
        assert "That picture was removed or deleted" in await stage.private(late)
    jobs = stage.rows("SELECT job FROM job_parents WHERE parent = ?", job_of(gallery))
    assert jobs == []


async def test_a_variation_of_a_picture_whose_file_is_lost_costs_nothing(stage: Stage) -> None:
    ben = stage.guest()
    gallery = await stage.draw(stage.guest(), "lost on the disk", images=1)
    stage.files(job_of(gallery))[0].unlink()
    use = await stage.press(ben, gallery, "V1")
    card = await stage.card(use, lambda message: "No picture was made" in message.texts)
    assert "Nothing was charged" in card.texts
    assert stage.spent(ben) == 0


async def test_a_button_of_a_job_that_nobody_knows_says_so(stage: Stage) -> None:
    gallery = copy(await stage.draw(stage.guest(), "from elsewhere", images=1))
    button = gallery.component(label="V1")
    assert button is not None
    button["custom_id"] = "atelier:1:vary:aaaaaaaaaa:0"
    use = await stage.press_late(stage.ben, gallery, button["custom_id"])
    assert "I don't know the job `aaaaaaaaaa`" in await stage.private(use)


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
