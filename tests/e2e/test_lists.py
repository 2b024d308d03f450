"""/history and /queue: lists that only the asker sees."""

import pytest

from playground.world.messages import Message
from tests.e2e.stage import Stage, job_of, picture_urls
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_history_shows_nothing_but_the_way_to_begin(stage: Stage) -> None:
    text = await stage.private(await stage.guest().slash("gallery", "history"))
    assert "No pictures yet" in text
    assert "/imagine" in text


async def test_history_has_pages_newest_first_and_repeats(stage: Stage) -> None:
    ada = stage.guest()
    galleries = [await stage.draw(ada, f"number {i}", images=1, steps=1) for i in range(6)]
    use = await ada.slash("gallery", "history")
    page = await use.wait_for_message()
    assert page.is_ephemeral
    assert [f"number {i}" for i in range(6) if f"number {i}" in page.texts] == [
        f"number {i}" for i in (2, 3, 4, 5)
    ]
    assert page.texts.index("number 5") < page.texts.index("number 2")
    assert f"/{galleries[5].channel_id}/{galleries[5].id}" in page.texts
    thumbnails = [each["media"]["url"] for each in page.components if each["type"] == 11]
    assert len(thumbnails) == 4

    older = await stage.press(ada, page, "Older")
    assert older.message is not None
    assert older.message.id == page.id
    assert "number 1" in older.message.texts
    assert "number 0" in older.message.texts
    assert "number 2" not in older.message.texts
    newest = await stage.press(ada, older.message, "Newest")
    assert newest.message is not None
    assert "number 5" in newest.message.texts

    # "Repeat" posts in the channel, visible to all members.
    again = await stage.gallery(await stage.press(ada, newest.message, "Repeat"))
    assert not again.is_ephemeral
    assert stage.job(again)["prompt"] == "number 5"
    assert stage.job(again)["seed"] != stage.job(galleries[5])["seed"]


async def test_history_is_everybodys_own_and_leaves_out_what_was_removed(stage: Stage) -> None:
    ada = stage.guest()
    kept = await stage.draw(ada, "kept", images=1)
    gone = await stage.draw(ada, "gone", images=1)
    await stage.delete(ada, gone)
    page = await (await ada.slash("gallery", "history")).wait_for_message()
    assert "kept" in page.texts
    thumbnails = [each["media"]["url"] for each in page.components if each["type"] == 11]
    assert [job_of(kept) in url for url in thumbnails] == [True]
    assert "No pictures" in await stage.private(await stage.guest().slash("gallery", "history"))


async def test_the_queue_shows_my_jobs_and_cancels_one(stage: Stage) -> None:
    ada = stage.guest()
    assert "0 waiting and 0 running" in await stage.private(await ada.slash("gallery", "queue"))
    first = await stage.imagine(ada, "long one", steps=900)
    await stage.card(first, lambda message: "%" in message.texts)
    second = await stage.imagine(ada, "long two", steps=900)
    page = await (await ada.slash("gallery", "queue")).wait_for_message()
    assert page.is_ephemeral
    assert page.texts.index("long one") < page.texts.index("long two")
    assert "%" in page.texts

    assert second.message is not None
    assert first.message is not None
    await stage.press(ada, page, "Cancel")  # cancels the first one
    await stage.card(first, lambda message: "Cancelled" in message.texts)
    use = await ada.click(page, custom_id=stage.custom_id(second.message, "cancel"))
    await use.wait_for_answer()
    await stage.card(second, lambda message: "Cancelled" in message.texts)
    assert stage.spent(ada) == 0
    await stage.until(lambda: not stage.rows("SELECT 1 FROM jobs WHERE state IN ('queued', 'running')"))
    assert "long" not in await stage.private(await ada.slash("gallery", "queue"))
    assert picture_urls(first.message) == []


async def test_show_brings_a_job_back_with_its_buttons(stage: Stage) -> None:
    ada = stage.guest()
    posted = await stage.draw(ada, "a lost lamp", images=2)
    offered = await ada.autocomplete("gallery", "show", focused="job", job="lost")
    assert [each["value"] for each in offered] == [job_of(posted)]
    assert "a lost lamp" in offered[0]["name"]
    for named in (job_of(posted), f"https://discord.com/channels/1/{posted.channel_id}/{posted.id}"):
        again = await stage.gallery(await ada.slash("gallery", "show", job=named))
        assert again.is_ephemeral
        assert job_of(again) == job_of(posted)
    variations = await stage.gallery(await stage.press(ada, again, "V2"))
    assert not variations.is_ephemeral
    assert stage.job(variations)["parent_image"] == 1

    # Another member's, an unknown one, and one without pictures are a sentence each.
    other = await stage.private(await stage.ben.slash("gallery", "show", job=job_of(posted)))
    assert "belongs to another member" in other
    assert await stage.ben.autocomplete("gallery", "show", focused="job", job="lost") == []
    assert "I don't know the job" in await stage.private(await ada.slash("gallery", "show", job="nothing"))
    running = await stage.imagine(ada, "shown too early", steps=900)
    assert running.message is not None
    early = await stage.private(await ada.slash("gallery", "show", job=job_of(running.message)))
    assert "not done yet" in early
    await stage.press(ada, running.message, "Cancel")
    await stage.card(running, lambda message: "Cancelled" in message.texts)
    late = await stage.private(await ada.slash("gallery", "show", job=job_of(running.message)))
    assert "failed or was cancelled" in late

    # Deleted from the private copy, the posted message goes too.
    await stage.delete(ada, again)
    await stage.until(lambda: stage.play.world.messages.find(posted.id) is None)
    gone = await stage.private(await ada.slash("gallery", "show", job=job_of(posted)))
    assert "removed or deleted" in gone


async def test_ideas_are_other_ones_each_time_and_a_press_orders_one(stage: Stage) -> None:
    ada = stage.guest()

    def offered(message: Message) -> list[str]:
        ids = [each.get("custom_id", "").split(":") for each in message.components]
        return [of[3] for of in ids if of[2:3] == ["try"]]

    card = await (await ada.slash("gallery", "ideas")).wait_for_message()
    assert card.is_ephemeral
    assert "Ideas for tiny" in card.texts
    first = offered(card)
    assert len(set(first)) == 5
    gallery = await stage.gallery(await stage.press(ada, card, first[0]))
    assert stage.job(gallery)["prompt"] == first[0]
    surprise = await stage.gallery(await stage.press(ada, card, "Surprise me"))
    assert stage.job(surprise)["model"] == "tiny"
    assert not surprise.is_ephemeral
    await stage.press(ada, card, "Other ideas")
    await stage.until(lambda: offered(stage.play.world.messages.find(card.id) or card) != first)


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
