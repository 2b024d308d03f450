"""Who may do what, and who asks. Checked when a command runs: Discord's own defaults are advice that admins override."""

from typing import Any

import discord
from discord import app_commands

from bot.studio import Actor, BadDuration, Moderator, NotAModerator, NotSenior, Refusal
from generation import MemberId
from moderation import seconds_in

Interaction = discord.Interaction[Any]


def is_moderator(interaction: Interaction) -> bool:
    """Manage Messages in the channel where it happens; nobody is a moderator in a direct message."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def demand_moderator(interaction: Interaction) -> None:
    if not is_moderator(interaction):
        raise NotAModerator


def demand_manager(interaction: Interaction) -> None:
    """Manage Server: what a server chooses for everybody in it."""
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise NotSenior


class ModeratorsGroup(app_commands.Group):
    """discord.py asks the group that a command stands in and no other: every group of moderators' commands is one of these."""

    demand = staticmethod(demand_moderator)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        try:
            self.demand(interaction)
        except Refusal as error:
            # Only an AppCommandError raised by a check reaches the tree's error boundary.
            raise app_commands.CheckFailure from error
        return True


class ManagersGroup(ModeratorsGroup):
    """As every group of the server's commands is one of these."""

    demand = staticmethod(demand_manager)


def actor_of(interaction: Interaction) -> Actor:
    """Who asks; a Moderator where they are one."""
    return moderator_of(interaction) if is_moderator(interaction) else Actor(**_seen_in(interaction))


def moderator_of(interaction: Interaction) -> Moderator:
    """Raises NotAModerator."""
    demand_moderator(interaction)
    return Moderator(**_seen_in(interaction), is_senior=interaction.permissions.manage_guild)


def manager_of(interaction: Interaction) -> Moderator:
    """Raises NotSenior."""
    demand_manager(interaction)
    return Moderator(**_seen_in(interaction), is_senior=True)


def _seen_in(interaction: Interaction) -> dict[str, Any]:
    channel = interaction.channel
    is_nsfw = getattr(channel, "is_nsfw", None)
    joined = getattr(interaction.user, "joined_at", None)
    return {
        "member": MemberId(interaction.user.id),
        "name": interaction.user.display_name,
        "guild_id": interaction.guild_id,
        "channel_id": interaction.channel_id or 0,
        "parent_id": getattr(channel, "parent_id", None),
        "is_age_restricted": bool(is_nsfw and is_nsfw()),
        "account_at": interaction.user.created_at.timestamp(),
        "joined_at": joined.timestamp() if joined else None,
    }


def seconds_of(text: str) -> float:
    """Seconds in "30m", "12h", "7d" or "2w". Raises BadDuration."""
    seconds = seconds_in(text)
    if seconds is None:
        raise BadDuration(text)
    return seconds
