"""The greeting when the bot joins a server: how to begin, and what is missing."""

import logging

import discord

from bot.cases.log_channels import NEEDED, LogChannels, is_public, missing_in, names_of
from bot.posted_message import UNREACHABLE
from bot.ui import Language, note, say_in

log = logging.getLogger(__name__)

INVITED = NEEDED | discord.Permissions(read_message_history=True)
"""What the invitation asks for. By the history a job's card is found again whose id was lost."""


async def greet(client: discord.Client, guild: discord.Guild, channels: LogChannels) -> None:
    """Posts the greeting in the system channel or the first one where the bot may write; otherwise sends it to the owner."""
    text = greeting(say_in(client, guild.id), guild, channels.by_name(guild))
    try:
        channel = _first_writable(guild) or await client.create_dm(discord.Object(guild.owner_id or 0))
        await channel.send(view=note(text))
    except UNREACHABLE as error:
        log.warning("server %s was not greeted: %s", guild.id, error)


def greeting(say: Language, guild: discord.Guild, log_channel: discord.TextChannel | None) -> str:
    lines, held = [say("greeting")], guild.me.guild_permissions
    if missing := discord.Permissions(INVITED.value & ~held.value):
        lines.append(say("greeting-permissions", missing=names_of(say, missing)))
    if not guild.default_role.permissions.use_application_commands:
        lines.append(say("greeting-commands"))
    # What it lacks everywhere is said already.
    closed = log_channel and discord.Permissions(missing_in(log_channel).value & held.value)
    if log_channel is not None and closed:
        lines.append(say("greeting-log-closed", channel=log_channel.id, missing=names_of(say, closed)))
    elif log_channel is None or is_public(log_channel):
        lines.append(say("greeting-log-channel", channel=log_channel and log_channel.id))
    return "\n".join(lines)


def _first_writable(guild: discord.Guild) -> discord.TextChannel | None:
    for channel in (guild.system_channel, *guild.text_channels):
        if channel is not None:
            held = channel.permissions_for(guild.me)
            if held.view_channel and held.send_messages:
                return channel
    return None
