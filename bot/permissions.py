"""Permissions, checked when a command runs: admins can override the defaults that Discord stores.

A moderator's powers reach the whole server, so they come from the member's roles. A channel's overwrites neither give nor take
them.
"""

from typing import Any, TypedDict

import discord
from discord import app_commands

from bot.posted_message import UNREACHABLE
from bot.studio import (
    AboveYou,
    Actor,
    BadDuration,
    Moderator,
    NoSuchMember,
    NotAModerator,
    NotSenior,
    OnlyInServers,
    OwnCase,
    Refusal,
    RolesUnknown,
)
from generation import MemberId
from moderation import seconds_in

Interaction = discord.Interaction[Any]


def held_by(interaction: Interaction) -> discord.Permissions:
    """Returns the member's permissions in the whole server; none in a direct message."""
    user = interaction.user
    return user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions.none()


def is_moderator(interaction: Interaction) -> bool:
    """Whether the member has Manage Messages in the server. Always False in a direct message."""
    return interaction.guild_id is not None and held_by(interaction).manage_messages


def demand_server(interaction: Interaction) -> None:
    """Raises OnlyInServers. Discord does not offer the commands in direct messages; this is the second wall."""
    if interaction.guild_id is None:
        raise OnlyInServers


def demand_moderator(interaction: Interaction) -> int:
    """Returns the server's id. Raises NotAModerator."""
    if interaction.guild_id is None or not is_moderator(interaction):
        raise NotAModerator
    return interaction.guild_id


def demand_manager(interaction: Interaction) -> int:
    """Returns the server's id when the member has Manage Server, needed for server-wide settings. Raises NotSenior."""
    if interaction.guild_id is None or not held_by(interaction).manage_guild:
        raise NotSenior
    return interaction.guild_id


async def demand_below(
    interaction: Interaction, member: discord.User | discord.Member | MemberId
) -> MemberId:
    """Returns the id of a member on whom this moderator may act.

    Raises OwnCase; NoSuchMember for a bot; AboveYou for the owner and for members with a role above the moderator's own;
    RolesUnknown. Members who left have no role.
    """
    guild, moderator = interaction.guild, interaction.user
    member_id = MemberId(member if isinstance(member, int) else member.id)
    if member_id == moderator.id:
        raise OwnCase
    if guild is None or not isinstance(moderator, discord.Member):
        raise NotAModerator
    if member_id == guild.owner_id:
        raise AboveYou(is_owner=True)
    if isinstance(member, int):
        try:
            member = await guild.fetch_member(member)
        except discord.NotFound:
            return member_id
        except UNREACHABLE as error:
            raise RolesUnknown from error
    if member.bot:
        raise NoSuchMember
    is_owner = moderator.id == guild.owner_id
    if isinstance(member, discord.Member) and member.top_role > moderator.top_role and not is_owner:
        raise AboveYou(is_owner=False)
    return member_id


class ModeratorsGroup(app_commands.Group):
    """Base of the groups of moderators' commands. discord.py runs the check of a command's own group only."""

    demand = staticmethod(demand_moderator)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        try:
            self.demand(interaction)
        except Refusal as error:
            # Only an AppCommandError raised by a check reaches the tree's error boundary.
            raise app_commands.CheckFailure from error
        return True


class ManagersGroup(ModeratorsGroup):
    """Base of the groups of the server's settings commands."""

    demand = staticmethod(demand_manager)


def actor_of(interaction: Interaction) -> Actor:
    """Returns the member who acts; a Moderator when they are one."""
    if is_moderator(interaction):
        return moderator_of(interaction)
    return Actor(guild_id=interaction.guild_id, **_seen_in(interaction))


def moderator_of(interaction: Interaction) -> Moderator:
    """Returns the moderator who acts. Raises NotAModerator."""
    guild_id, is_senior = demand_moderator(interaction), held_by(interaction).manage_guild
    return Moderator(guild_id=guild_id, is_senior=is_senior, **_seen_in(interaction))


def manager_of(interaction: Interaction) -> Moderator:
    """Returns the manager who acts. Raises NotSenior."""
    return Moderator(guild_id=demand_manager(interaction), is_senior=True, **_seen_in(interaction))


class _Seen(TypedDict):
    """The fields of an Actor that every interaction has."""

    member: MemberId
    name: str
    channel_id: int
    parent_id: int | None
    is_age_restricted: bool
    account_at: float | None
    joined_at: float | None


def _seen_in(interaction: Interaction) -> _Seen:
    channel = interaction.channel
    is_nsfw = getattr(channel, "is_nsfw", None)
    joined = getattr(interaction.user, "joined_at", None)
    return _Seen(
        member=MemberId(interaction.user.id),
        name=interaction.user.display_name,
        channel_id=interaction.channel_id or 0,
        parent_id=getattr(channel, "parent_id", None),
        is_age_restricted=bool(is_nsfw and is_nsfw()),
        account_at=interaction.user.created_at.timestamp(),
        joined_at=joined.timestamp() if joined else None,
    )


def seconds_of(text: str) -> float:
    """Reads seconds from "30m", "12h", "7d" or "2w". Raises BadDuration."""
    seconds = seconds_in(text)
    if seconds is None:
        raise BadDuration(text)
    return seconds
