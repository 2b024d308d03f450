"""A strict client that is independent of discord.py works in the playground too."""

import asyncio
from collections.abc import AsyncGenerator

import hikari
import pytest
from hikari.impl import GatewayBot

from playground.server import Playground
from tests.openapi import DESCRIPTION, Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]


@pytest.fixture
async def play(judge: Judge) -> AsyncGenerator[Playground, None]:
    async with Playground.open(observer=judge.observer) as play:
        yield play
    if DESCRIPTION.is_file():
        # hikari requests applications, commands and guilds in its own forms; only Discord's answers are checked.
        assert [each for each in judge.violations() if ": answer" in each] == []


@pytest.fixture
async def bot(play: Playground) -> AsyncGenerator[GatewayBot, None]:
    bot = GatewayBot(
        play.token,
        banner=None,
        logs=None,
        intents=hikari.Intents.GUILDS,
        rest_url=play.api_url,
    )

    @bot.listen()
    async def register(event: hikari.StartingEvent) -> None:
        command = bot.rest.slash_command_builder("paint", "Paints").add_option(
            hikari.CommandOption(
                type=hikari.OptionType.STRING, name="prompt", description="What", is_required=True
            )
        )
        await bot.rest.set_application_commands(play.world.application_id, [command])

    @bot.listen()
    async def answer(event: hikari.CommandInteractionCreateEvent) -> None:
        interaction = event.interaction
        prompt = interaction.options[0].value if interaction.options else ""
        row = bot.rest.build_message_action_row()
        row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "more", label="More")
        await interaction.create_initial_response(
            hikari.ResponseType.MESSAGE_CREATE, f"painting {prompt}", component=row
        )

    @bot.listen()
    async def pressed(event: hikari.ComponentInteractionCreateEvent) -> None:
        await event.interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
        await event.interaction.edit_initial_response("more", attachment=hikari.Bytes(b"abc", "a.txt"))

    await bot.start(check_for_updates=False)
    await play.wait_for_bot(10)
    yield bot
    await bot.close()


async def test_hikari_logs_in_registers_and_answers(play: Playground, bot: GatewayBot) -> None:
    ada = play.person("ada")
    me = bot.get_me()
    assert me is not None and me.id == play.world.application_id
    message = await (await ada.slash("gallery", "paint", prompt="a fox")).wait_for_message(5)
    assert message.content == "painting a fox"
    more = await (await ada.click(message, label="More")).wait_for_message(5)
    assert more.content == "more" and more.json["attachments"][0]["filename"] == "a.txt"
    fetched = await bot.rest.fetch_message(message.channel_id, message.id)
    assert fetched.interaction_metadata is not None
    guild = await bot.rest.fetch_guild(play.world.guild.id)
    assert guild.name == play.world.guild.name
    assert len(await bot.rest.fetch_roles(guild)) == 3


async def test_hikari_resumes(play: Playground, bot: GatewayBot) -> None:
    resumed = asyncio.Event()

    @bot.listen()
    async def again(event: hikari.ShardResumedEvent) -> None:
        resumed.set()

    await play.drop_gateway()
    await play.wait_until_offline(5)
    use = await play.person("ada").slash("gallery", "paint", prompt="while away")
    assert (await use.wait_for_message(10)).content == "painting while away"
    await asyncio.wait_for(resumed.wait(), 5)
