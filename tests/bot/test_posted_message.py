"""A posted message is edited with its token while the token is valid, later with the bot's permission, and not at all after its
deletion."""

import asyncio
import io
import time
from dataclasses import replace

import discord
import pytest

from bot.client import Atelier
from bot.gallery import cards
from bot.gallery.progress import EditPace, show_progress
from bot.posted_message import MessageGone, PostedMessage, is_final
from bot.studio.screening.pictures import PreviewScreening
from bot.ui.components import note
from db.jobs import ReplyTarget
from generation.queue.ticket import JobCancelled, Running, Ticket
from generation.request import JobId
from moderation import DAY
from playground.server import Playground
from playground.world.guild import READ_MESSAGE_HISTORY, Overwrite
from playground.world.messages import Message
from tests.bot.cards import SAY, a_job
from tests.bot.conftest import until
from tests.bot.painter import png
from tests.openapi import Judge

JOB = JobId("22222aaaaa")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]


@pytest.fixture
def place(play: Playground, atelier: Atelier) -> ReplyTarget:
    [guild] = atelier.guilds
    return ReplyTarget(guild_id=guild.id, channel_id=play.channel("gallery").id)


def dead_token(place: ReplyTarget) -> ReplyTarget:
    return ReplyTarget(
        guild_id=place.guild_id,
        channel_id=place.channel_id,
        message_id=place.message_id,
        token="this token is no more",
        token_at=time.time(),
    )


def a_picture() -> discord.File:
    return discord.File(io.BytesIO(png()), "fox.png")


def shown(play: Playground, message_id: int) -> Message:
    return next(each for each in play.world.messages.of(play.channel("gallery").id) if each.id == message_id)


def says(message: Message, words: str) -> bool:
    return any(words in str(each.get("content")) for each in message.components)


async def test_a_message_that_was_never_posted_is_posted_once_and_edited_then(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    post = PostedMessage(atelier, place)
    first = await post.edit(note("one"), [])
    assert await post.edit(note("two"), []) == first
    assert says(shown(play, first), "two")
    assert len(await play.person("ada").sees("gallery")) == 1


async def test_where_the_token_is_dead_the_bot_goes_on_by_its_own_right_with_the_whole_file(
    play: Playground, atelier: Atelier, place: ReplyTarget, judge: Judge
) -> None:
    message_id = await PostedMessage(atelier, place).edit(note("one"), [])
    post = PostedMessage(
        atelier,
        dead_token(ReplyTarget(guild_id=place.guild_id, channel_id=place.channel_id, message_id=message_id)),
    )
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://fox.png")))
    assert await post.edit(view, [a_picture()]) == message_id
    assert await post.edit(note("three"), []) == message_id
    by_token = [each for each in judge.exchanges if each.path.startswith("/webhooks")]
    assert len(by_token) == 1, "a token that was refused is not tried again"
    uploads = [file for each in judge.exchanges for file in each.files if each.status == 200]
    assert [file.filename for file in uploads] == ["fox.png"]
    assert says(shown(play, message_id), "three")


async def test_an_answer_that_never_arrived_is_posted_by_the_bots_own_right(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    message_id = await PostedMessage(atelier, dead_token(place)).edit(note("here"), [])
    assert says(shown(play, message_id), "here")


async def test_a_message_that_is_not_the_interactions_is_edited_by_the_bots_own_right(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    """After a restart, the row may hold a living token beside the id of a message that the bot posted without it."""
    message_id = await PostedMessage(atelier, place).edit(note("one"), [])
    use = await play.person("ada").slash("gallery", "queue")
    await use.wait_for_message()
    token = use.interaction.token
    living = replace(place, message_id=message_id, token=token, token_at=time.time())
    assert await PostedMessage(atelier, living).edit(note("two"), []) == message_id
    assert says(shown(play, message_id), "two")
    play.world.delete(shown(play, message_id))
    with pytest.raises(MessageGone):
        await PostedMessage(atelier, living).edit(note("three"), [])


async def test_a_deleted_message_is_gone_and_can_be_deleted_again(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    post = PostedMessage(atelier, place)
    await post.edit(note("one"), [])
    await post.delete()
    await post.delete()
    assert await play.person("ada").sees("gallery") == []
    with pytest.raises(MessageGone):
        await post.edit(note("two"), [])


async def test_other_refusals_are_raised(play: Playground, atelier: Atelier, place: ReplyTarget) -> None:
    play.fail_next("POST", "/channels/…", status=403, code=50013)
    with pytest.raises(discord.Forbidden):
        await PostedMessage(atelier, place).edit(note("one"), [])


async def test_edits_arrive_in_their_order(play: Playground, atelier: Atelier, place: ReplyTarget) -> None:
    post = PostedMessage(atelier, place)
    await post.edit(note("0"), [])
    edits = [asyncio.create_task(post.edit(note(f"number {n}."), [])) for n in range(1, 5)]
    ids = {await edit for edit in edits}
    assert len(ids) == 1 and says(shown(play, ids.pop()), "number 4.")


async def test_previews_are_shown_until_the_job_is_over(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    job, ticket, post, pace = a_job(), Ticket(JobId("22222aaaaa")), PostedMessage(atelier, place), EditPace()
    previews = PreviewScreening(atelier.parts.picture_screening, job, is_flagged=False)
    following = asyncio.create_task(
        show_progress(
            SAY, job, ticket, post, pace, shown=ticket.progress, previews=previews, is_spoiler=False
        )
    )
    ticket.show(Running(done=1, total=4, preview=png()))
    message = await play.wait_for_message(lambda each: says(each, "25%"))
    ticket.show(Running(done=2, total=4, preview=png("green")))
    ticket.show(Running(done=3, total=4, preview=png("blue")))
    await play.wait_for_message(lambda each: says(each, "75%"))
    ticket.fail(JobCancelled(ticket.job))
    await following
    assert says(shown(play, message.id), "75%"), "the end is told by whoever carries the job"


async def test_nobody_is_shown_the_progress_of_a_deleted_message(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    ticket, post = Ticket(JobId("22222aaaaa")), PostedMessage(atelier, place)
    await post.edit(note("one"), [])
    await post.delete()
    ticket.show(Running(done=1, total=4, preview=None))
    job, pace = a_job(), EditPace()
    previews = PreviewScreening(atelier.parts.picture_screening, job, is_flagged=False)
    await show_progress(SAY, job, ticket, post, pace, shown=None, previews=previews, is_spoiler=False)
    assert not ticket.is_done


def test_a_channels_pace_is_shared_and_forgotten_with_its_last_job() -> None:
    pace = EditPace()
    first, second, other = pace.of(1), pace.of(1), pace.of(2)
    assert first is second is not other
    first.rate_limit = 1
    del first
    assert pace.of(1).rate_limit == 1, "a job still holds it"
    del second
    assert pace.of(1).rate_limit != 1


@pytest.mark.parametrize(("status", "is_final_refusal"), [(400, True), (403, True), (401, False)])
async def test_what_discord_refuses_for_good_is_told_from_what_may_pass(
    play: Playground, atelier: Atelier, place: ReplyTarget, status: int, is_final_refusal: bool
) -> None:
    play.fail_next("POST", "/channels/…", status=status)
    with pytest.raises(discord.HTTPException) as refusal:
        await PostedMessage(atelier, place).edit(note("x"), [])
    assert is_final(refusal.value) is is_final_refusal


# ---- posted once


async def test_a_post_whose_answer_is_lost_is_not_posted_twice(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    play.fail_next("POST", "/channels/…", status=502, is_after=True)
    message_id = await PostedMessage(atelier, place, JOB).edit(note("one"), [])
    assert [each.id for each in await play.person("ada").sees("gallery")] == [message_id]


@pytest.mark.parametrize("path", ["/channels/…", "/webhooks/…"])
async def test_a_mention_whose_answer_is_lost_notifies_once(
    play: Playground, atelier: Atelier, place: ReplyTarget, path: str
) -> None:
    ada = play.person("ada")
    use = await ada.slash("gallery", "queue")
    await use.wait_for_message()
    living = replace(place, token=use.interaction.token, token_at=time.time())
    play.fail_next("POST", path, status=502, is_after=True)
    await PostedMessage(atelier, living, JOB).mention(f"<@{ada.id}>: done", ada.id)
    assert [each.content for each in await ada.sees("gallery") if each.json["mentions"]] == [
        f"<@{ada.id}>: done"
    ]


async def test_where_the_bot_may_not_post_a_mention_goes_by_the_token(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    ada = play.person("ada")
    use = await ada.slash("gallery", "queue")
    await use.wait_for_message()
    play.fail_next("POST", "/channels/…", status=403, code=50013)
    living = replace(place, token=use.interaction.token, token_at=time.time())
    await PostedMessage(atelier, living, JOB).mention(f"<@{ada.id}>: done", ada.id)
    assert [each.content for each in await ada.sees("gallery") if each.json["mentions"]] == [
        f"<@{ada.id}>: done"
    ]


async def test_a_post_that_a_kill_forgot_is_found_again_and_shows_the_newest(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    first = await PostedMessage(atelier, place, JOB).edit(note("one"), [])
    assert await PostedMessage(atelier, place, JOB).edit(note("two"), []) == first
    assert says(shown(play, first), "two")
    other = await PostedMessage(atelier, place, JobId("22222bbbbb")).edit(note("three"), [])
    assert other != first


async def a_card(atelier: Atelier, place: ReplyTarget) -> int:
    """Posts a card whose id is not recorded, as a lost answer to an interaction does."""
    view = cards.first_card(SAY, replace(a_job(), id=JOB), 1, is_ready=True)
    return (await atelier.get_partial_messageable(place.channel_id).send(view=view)).id


async def test_a_card_whose_id_was_lost_with_its_token_is_found_and_not_posted_beside(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    card = await a_card(atelier, place)
    post = PostedMessage(atelier, dead_token(place), JOB)
    assert await post.edit(note("drawn"), []) == card
    assert [each.id for each in await play.person("ada").sees("gallery")] == [card]
    assert says(shown(play, card), "drawn")


@pytest.mark.parametrize("days", [-40, 40])
async def test_a_card_of_a_time_when_the_clock_was_wrong_is_found(
    play: Playground, atelier: Atelier, place: ReplyTarget, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.posted_message._SINCE", 1)  # others' messages are many since then
    channel = atelier.get_partial_messageable(place.channel_id)
    await channel.send("something else")
    card = await a_card(atelier, place)
    place = replace(dead_token(place), token_at=time.time() + days * DAY)
    assert await PostedMessage(atelier, place, JOB).edit(note("drawn"), []) == card


async def test_a_card_that_says_that_its_job_is_kept_is_found_too(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    channel = atelier.get_partial_messageable(place.channel_id)
    job = replace(a_job(), id=JOB)
    await channel.send(view=cards.kept_card(SAY, replace(job, id=JobId("22222bbbbb")), "kept"))
    card = (await channel.send(view=cards.kept_card(SAY, job, "kept"))).id
    await channel.send(view=note(f"A case about job {JOB} of ada"))
    assert await PostedMessage(atelier, dead_token(place), JOB).edit(note("drawn"), []) == card


def may_read(atelier: Atelier, place: ReplyTarget) -> bool:
    channel = atelier.get_channel(place.channel_id)
    assert isinstance(channel, discord.TextChannel)
    return channel.permissions_for(channel.guild.me).read_message_history


async def test_where_the_bot_may_not_read_the_history_a_new_message_is_posted(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    card = await a_card(atelier, place)
    play.fail_next("GET", "/channels/*/messages", status=403)
    with pytest.raises(discord.Forbidden):  # a refusal that passes, as the bot has the permission
        await PostedMessage(atelier, dead_token(place), JOB).edit(note("drawn"), [])
    world, gallery = play.world, play.channel("gallery")
    role = next(role for role in world.guild.roles.values() if role.bot_id is not None)
    world.set_overwrites(gallery, (Overwrite(role_id=role.id, deny=READ_MESSAGE_HISTORY),))
    await until(lambda: not may_read(atelier, place))
    assert await PostedMessage(atelier, dead_token(place), JOB).edit(note("drawn"), []) != card


async def test_the_id_of_a_new_message_is_recorded_before_anything_else(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    recorded = list[int]()

    async def record(message_id: int) -> None:
        recorded.append(message_id)
        raise InterruptedError("killed")

    with pytest.raises(InterruptedError):
        await PostedMessage(atelier, place, JOB, record).edit(note("one"), [])
    assert recorded == [each.id for each in await play.person("ada").sees("gallery")]


async def test_a_new_message_takes_the_place_of_one_that_takes_no_edits(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    recorded = list[int]()

    async def record(message_id: int) -> None:
        recorded.append(message_id)

    post = PostedMessage(atelier, place, JOB, record)
    await post.edit(note("one"), [])
    await post.repost(note("two"), [])
    await post.repost(note("three"), [])
    (message,) = await play.person("ada").sees("gallery")
    assert says(message, "three")
    assert len(set(recorded)) == 3 and recorded[-1] == message.id


@pytest.mark.parametrize("way", ["edit", "post"])
async def test_a_deleted_channel_is_final(
    play: Playground, atelier: Atelier, place: ReplyTarget, way: str
) -> None:
    post = PostedMessage(atelier, place)
    if way == "edit":
        await post.edit(note("one"), [])
    play.fail_next("POST" if way == "post" else "PATCH", "/channels/…", status=404, code=10003)
    with pytest.raises(MessageGone):
        await post.edit(note("two"), [])


async def test_a_server_that_the_bot_has_left_is_final(
    play: Playground, atelier: Atelier, place: ReplyTarget
) -> None:
    elsewhere = ReplyTarget(guild_id=1, channel_id=place.channel_id, message_id=2)
    play.fail_next("PATCH", "/channels/…", status=403, code=50001)
    with pytest.raises(MessageGone):
        await PostedMessage(atelier, elsewhere).edit(note("one"), [])
