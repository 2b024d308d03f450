"""A mention at a job's end, and pictures sent to direct messages: only where their member asked."""

import pytest

from playground.people.person import Person
from playground.world.messages import Message
from tests.e2e.stage import Stage, copy, picture_urls
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


def mentions_of(stage: Stage, person: Person) -> list[Message]:
    """Returns the messages that notified the person."""
    messages = stage.play.world.messages.of(stage.play.channel("gallery").id)
    return [each for each in messages if str(person.id) in {who["id"] for who in each.json["mentions"]}]


async def test_the_member_is_mentioned_once_when_they_asked_for_it(stage: Stage) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "worth a ping", steps=250, images=1)
    assert use.message is not None
    card = copy(use.message)
    refusal = await stage.private(await stage.press(stage.ben, use.message, "Ping me"))
    assert "belongs to another member" in refusal
    asked = await stage.private(await stage.press(ada, use.message, "Ping me"))
    assert "You are mentioned here when this job ends" in asked
    gallery = await stage.gallery(use)
    await stage.until(lambda: mentions_of(stage, ada))
    [ping] = mentions_of(stage, ada)
    assert "Your pictures are done" in ping.texts and f"/{gallery.channel_id}/{gallery.id}" in ping.texts
    assert [each["id"] for each in ping.json["mentions"]] == [str(ada.id)]
    assert stage.job(gallery)["is_pinging"] == 0
    late = await stage.press_late(ada, card, stage.custom_id(card, "ping"))
    assert "not waiting or running any more" in await stage.private(late)


async def test_a_member_who_did_not_ask_is_not_mentioned(stage: Stage) -> None:
    ada = stage.guest()
    await stage.draw(ada, "no ping", images=1)
    await stage.private(await ada.slash("gallery", "settings", ping=True))
    use = await stage.imagine(ada, "no ping any more", steps=900, images=1)
    assert use.message is not None
    assert stage.job(use.message)["is_pinging"] == 1
    assert "are not mentioned" in await stage.private(await stage.press(ada, use.message, "Ping me"))
    await stage.press(ada, use.message, "Cancel")
    await stage.card(use, lambda message: "Cancelled" in message.texts)
    # The end of a later order is mentioned by the default; the ends before it were not.
    last = await stage.draw(ada, "a ping by default", images=1)
    await stage.until(lambda: mentions_of(stage, ada))
    assert [str(last.id) in each.texts for each in mentions_of(stage, ada)] == [True]


async def test_a_gallery_is_sent_to_direct_messages(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "worth keeping", images=2)
    other = await stage.private(await stage.press(stage.ben, gallery, "Send to my DMs"))
    assert "belongs to another member" in other
    told = await stage.press(ada, gallery, "Send to my DMs")
    await stage.card(told, lambda message: "Sent to your direct messages" in message.texts)
    sent = await ada.wait_for_message(lambda message: "worth keeping" in message.texts, ada.dm(), 60)
    assert len(picture_urls(sent)) == 1
    assert [each for each in sent.components if "custom_id" in each] == []


async def test_closed_direct_messages_are_a_sentence(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "not to be sent", images=1)
    ada.close_dm()
    told = await stage.press(ada, gallery, "Send to my DMs")
    await stage.card(told, lambda message: "I can't send you a direct message" in message.texts)


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
