"""/server cards: the role that a new case mentions, the quiet hours, and the daily digest. For managers."""

from collections.abc import Callable

import discord
from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import ManagersGroup, manager_of
from bot.studio import QuietHoursUnclear, RoleSilent
from bot.ui import Language, command, say_in, say_to, text

Hour = app_commands.Range[int, 0, 23]


@command("command-server-cards-mention")
async def mention(interaction: Interaction, role: discord.Role | None = None) -> None:
    """Raises RoleSilent."""
    if role is not None:
        await _demand_mentionable(interaction, role)
    settings = interaction.client.parts.desk_settings
    await settings.set_case_role(manager_of(interaction), role.id if role else None)
    await _tell(interaction, lambda say: say("server-cards-mention", role=role and role.id))


@command("command-server-cards-quiet-hours", "quiet-hours")
async def quiet_hours(interaction: Interaction, begin: Hour | None = None, end: Hour | None = None) -> None:
    """Raises QuietHoursUnclear."""
    hours = None
    if begin is not None or end is not None:
        if begin is None or end is None or begin == end:
            raise QuietHoursUnclear
        hours = (begin, end)
    await interaction.client.parts.desk_settings.set_quiet_hours(manager_of(interaction), hours)
    await _tell(
        interaction, lambda say: say("server-cards-quiet", is_on=hours is not None, begin=begin, end=end)
    )


@command("command-server-cards-digest")
async def digest(interaction: Interaction, hour: Hour | None = None) -> None:
    await interaction.client.parts.desk_settings.set_digest(manager_of(interaction), hour)
    await _tell(interaction, lambda say: say("server-cards-digest", is_on=hour is not None, hour=hour))


async def _demand_mentionable(interaction: Interaction, role: discord.Role) -> None:
    """Raises RoleSilent for a role that the bot can't mention, or that every member has."""
    channel = await interaction.client.mod_channel.channels.of(interaction.guild_id)
    may_mention = False
    if channel is not None:
        may_mention = channel.permissions_for(channel.guild.me).mention_everyone
    if role.is_default() or not (role.mentionable or may_mention):
        raise RoleSilent(is_everyone=role.is_default())


async def _tell(interaction: Interaction, words: Callable[[Language], str]) -> None:
    """Reports the change to the manager who made it, and to the moderators."""
    await answer(interaction, words(say_to(interaction)))
    guild_id, say = interaction.guild_id or 0, say_in(interaction.client, interaction.guild_id)
    told = say("mod-done-by", text=words(say), member=interaction.user.id)
    await interaction.client.mod_channel.say(guild_id, told)


CARDS = ManagersGroup(name="cards", description=text("command-server-cards"))
for _each in (mention, quiet_hours, digest):
    CARDS.add_command(_each)
