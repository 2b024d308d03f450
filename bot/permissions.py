"""Permissions and moderators' levels, checked when a command runs: admins can override the defaults that Discord stores.

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
    HeadNeeded,
    HelpersPropose,
    Moderator,
    NoSuchMember,
    NotAModerator,
    NotSenior,
    OnlyInServers,
    OwnCase,
    Refusal,
    RolesUnknown,
)
from db import Level
from generation import MemberId
from moderation import seconds_in

Interaction = discord.Interaction[Any]
_CHOSEN = "levels"  # the key in an interaction's extras


def held_by(interaction: Interaction) -> discord.Permissions:
    """Returns the member's permissions in the whole server; none in a direct message."""
    user = interaction.user
    return user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions.none()


async def read_levels(interaction: Interaction) -> None:
    """Reads which roles of the server make moderators, for `level_of`. Runs before each command, press and form."""
    if interaction.guild_id is not None:
        chosen = await interaction.client.parts.levels.of_server(interaction.guild_id)
        interaction.extras[_CHOSEN] = chosen


def level_of(interaction: Interaction, member: object = None) -> Level:
    """Returns the level of a member of this server, by default of the one who acts: the highest that anything gives them.

    Manage Server makes a head, Manage Messages a moderator, and a chosen role its level. NONE in a direct message.
    """
    who = interaction.user if member is None else member
    if interaction.guild_id is None or not isinstance(who, discord.Member):
        return Level.NONE
    chosen, held = _chosen_in(interaction), who.guild_permissions
    by_permission = (
        Level.HEAD if held.manage_guild else Level.MODERATOR if held.manage_messages else Level.NONE
    )
    return max([by_permission, *(chosen.get(role.id, Level.NONE) for role in who.roles)])


def _chosen_in(interaction: Interaction) -> dict[int, Level]:
    """Returns the levels of the chosen roles that the server still has."""
    guild, chosen = interaction.guild, interaction.extras.get(_CHOSEN, {})
    return {role: level for role, level in chosen.items() if guild is not None and guild.get_role(role)}


def is_moderator(interaction: Interaction) -> bool:
    """Whether the member may decide about others in this server. Always False in a direct message."""
    return level_of(interaction) >= Level.MODERATOR


def demand_server(interaction: Interaction) -> None:
    """Raises OnlyInServers. Discord does not offer the commands in direct messages; this is the second wall."""
    if interaction.guild_id is None:
        raise OnlyInServers


def demand_moderator(interaction: Interaction) -> int:
    """Returns the server's id. Raises NotAModerator; HelpersPropose for a helper."""
    guild_id = demand_helper(interaction)
    if not is_moderator(interaction):
        raise HelpersPropose
    return guild_id


def demand_helper(interaction: Interaction) -> int:
    """Returns the server's id when the member may see what moderators see. Raises NotAModerator."""
    if interaction.guild_id is None or level_of(interaction) < Level.HELPER:
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

    Raises OwnCase; NoSuchMember for a bot; AboveYou for the owner, and for members with a role or a level above the
    moderator's own; RolesUnknown. Members who left have no role.
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
    if isinstance(member, discord.Member) and not is_owner:
        if member.top_role > moderator.top_role:
            raise AboveYou(is_owner=False)
        if level_of(interaction, member) > level_of(interaction):
            raise AboveYou(is_owner=False, is_level=True)
    return member_id


class ModeratorsGroup(app_commands.Group):
    """Base of the groups of moderators' commands. discord.py runs the check of a command's own group only."""

    demand = staticmethod(
        demand_helper
    )  # each command that does more than show something asks for more itself

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
    """Returns the moderator who acts. Raises NotAModerator; HelpersPropose for a helper."""
    demand_moderator(interaction)
    return helper_of(interaction)


def helper_of(interaction: Interaction) -> Moderator:
    """Returns the moderator or the helper, whose decisions are proposals. Raises NotAModerator."""
    guild_id, level = demand_helper(interaction), level_of(interaction)
    # A deleted role counts: its deletion must not let every moderator ban again.
    has_heads = Level.HEAD in interaction.extras.get(_CHOSEN, {}).values()
    return Moderator(
        guild_id=guild_id,
        is_senior=level is Level.HEAD,
        is_helper=level is Level.HELPER,
        may_ban=level is Level.HEAD or not has_heads,
        **_seen_in(interaction),
    )


def head_of(interaction: Interaction) -> Moderator:
    """Returns the moderator who changes the server's rules. Raises as `moderator_of`; HeadNeeded."""
    by = moderator_of(interaction)
    if not by.may_ban:
        raise HeadNeeded
    return by


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
