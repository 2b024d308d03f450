"""No message of the bot mentions a user, in any way of sending: the client's setting covers all of them.

The exception is the member who asked to be mentioned.
"""

import asyncio
import time
from typing import Any

import discord
import pytest

from bot.client import Atelier
from bot.posted_message import PostedMessage
from bot.privacy.cards import ForgetButton, PrivacyPress
from bot.ui.components import note, row
from db.jobs import ReplyTarget
from playground.server import Playground

pytestmark = pytest.mark.timeout(30)


async def test_words_of_a_member_on_a_card_ping_nobody(play: Playground, atelier: Atelier) -> None:
    ada, channel, [guild] = play.person("ada"), play.channel("gallery"), atelier.guilds
    words = f"@everyone <@{ada.id}> <@&{guild.id}>"
    place = ReplyTarget(guild_id=guild.id, channel_id=channel.id)
    answered = asyncio.Event()

    async def answer(interaction: discord.Interaction[Any], member: int) -> None:
        sent = await interaction.response.send_message(view=note(f"answer {words}"))
        await interaction.followup.send(view=note(f"follow-up {words}"))
        by_token = ReplyTarget(
            guild_id=guild.id,
            channel_id=channel.id,
            message_id=sent.message_id,
            token=interaction.token,
            token_at=time.time(),
        )
        await PostedMessage(atelier, by_token).edit(note(f"by token {words}"), [])
        answered.set()

    atelier.routes.add(PrivacyPress.FORGET, answer)
    await atelier.get_partial_messageable(channel.id).send(view=note(f"sent {words}"))
    posted = PostedMessage(atelier, place)
    await posted.edit(note(f"posted {words}"), [])
    await posted.edit(note(f"by the bot's own right {words}"), [])
    view = note(f"button {words}")
    view.add_item(row(ForgetButton(PrivacyPress.FORGET, ada.id, label="Press")))
    await posted.edit(view, [])
    [with_button] = [each for each in await ada.sees("gallery") if "button" in each.texts]
    await ada.click(with_button, label="Press")
    await asyncio.wait_for(answered.wait(), 10)
    messages = await ada.sees("gallery")
    assert len(messages) == 4 and all(words in each.texts for each in messages)
    for message in messages:
        pinged = (message.json["mentions"], message.json["mention_roles"], message.json["mention_everyone"])
        assert pinged == ([], [], False), message.texts


async def test_a_member_who_asked_for_a_mention_is_the_only_one_mentioned(
    play: Playground, atelier: Atelier
) -> None:
    ada, channel, [guild] = play.person("ada"), play.channel("gallery"), atelier.guilds
    post = PostedMessage(atelier, ReplyTarget(guild_id=guild.id, channel_id=channel.id))
    await post.mention(f"<@{ada.id}> @everyone <@{play.person('ben').id}> <@&{guild.id}>", ada.id)
    [message] = await ada.sees("gallery")
    assert [each["id"] for each in message.json["mentions"]] == [str(ada.id)]
    assert (message.json["mention_roles"], message.json["mention_everyone"]) == ([], False)


async def test_such_words_would_ping_where_mentions_are_allowed(play: Playground, atelier: Atelier) -> None:
    everyone = discord.AllowedMentions(everyone=True)
    channel = atelier.get_partial_messageable(play.channel("gallery").id)
    await channel.send(view=note("@everyone"), allowed_mentions=everyone)
    [message] = await play.person("ada").sees("gallery")
    assert message.json["mention_everyone"]
