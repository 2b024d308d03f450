"""/mod log-channel: chooses the channel for refusals, flags and cases. One that everybody reads needs a confirmation."""

from typing import Any

import discord
from discord import app_commands, ui

from bot.cases.buttons import LogChannelButton, LogChannelPress
from bot.cases.log_channels import NEEDED, is_public, keys_of, missing_in
from bot.client import Interaction
from bot.permissions import moderator_of
from bot.studio import LogChannelClosed, NotAModerator
from bot.ui import BLUE, card, command, note, row, say_to


class AnyTextChannel(app_commands.Transformer):
    """A text channel, also one that the bot can't see; discord.py's own option would not name the missing permission."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return [discord.ChannelType.text, discord.ChannelType.news]

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> int:
        return value.id


@command("command-mod-log-channel", "log-channel")
async def log_channel(interaction: Interaction, channel: app_commands.Transform[int, AnyTextChannel]) -> None:
    """Raises LogChannelClosed."""
    found, say = _usable(interaction, channel), say_to(interaction)
    if is_public(found):
        warning = ui.TextDisplay[Any](say("mod-log-channel-public", channel=found.id))
        confirm = LogChannelButton(
            LogChannelPress.CHOOSE,
            found.id,
            label=say("mod-log-channel-confirm"),
            style=discord.ButtonStyle.danger,
        )
        await interaction.response.send_message(view=card(warning, row(confirm), colour=BLUE), ephemeral=True)
        return
    await _choose(interaction, found)
    await interaction.response.send_message(
        view=note(say("mod-log-channel", channel=found.id)), ephemeral=True
    )


async def confirm(interaction: Interaction, channel: int) -> None:
    """Answers the press that chooses a channel which everybody reads. Raises LogChannelClosed."""
    found = _usable(interaction, channel)
    await _choose(interaction, found)
    await interaction.response.edit_message(
        view=note(say_to(interaction)("mod-log-channel", channel=found.id))
    )


def _usable(interaction: Interaction, channel: int) -> discord.TextChannel:
    """Returns the server's channel. Raises NotAModerator, LogChannelClosed."""
    moderator_of(interaction)
    if interaction.guild is None:
        raise NotAModerator
    found = interaction.guild.get_channel(channel)
    if not isinstance(found, discord.TextChannel):
        raise LogChannelClosed(channel, keys_of(NEEDED)[0])
    for missing in keys_of(missing_in(found)):
        raise LogChannelClosed(channel, missing)
    return found


async def _choose(interaction: Interaction, channel: discord.TextChannel) -> None:
    await interaction.client.parts.desk_settings.set_log_channel(moderator_of(interaction), channel.id)


COMMANDS = (log_channel,)
