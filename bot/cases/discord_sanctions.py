"""Sets and lifts Discord's own timeout or ban, in addition to the bot's block.

Acts only when both the bot and the moderator have Discord's permission.
"""

import datetime
from collections.abc import Sequence
from enum import StrEnum

import discord

from bot.studio.cases.sanction_rules import LONGEST_TIMEOUT
from db import Case
from generation import MemberId

_LONGEST_REASON = 512  # characters; Discord's limit for a reason in its audit log
_PERMISSIONS = {
    "timeout": discord.Permissions(moderate_members=True),
    "ban": discord.Permissions(ban_members=True),
}


class Obstacle(StrEnum):
    """The reason that something is not done in Discord."""

    NO_SERVER = "no-server"
    YOU_LACK_IT = "you-lack-it"  # the permission
    I_LACK_IT = "i-lack-it"
    OWNER = "owner"
    ABOVE_YOU = "above-you"  # the member's role is as high as the moderator's
    ABOVE_ME = "above-me"  # Discord forbade it; usually the member's role is as high as the bot's
    NOT_HERE = "not-here"  # the member has left
    NONE_TO_LIFT = "nothing"  # Discord has no such ban, or the member has left
    NOT_OURS = "not-ours"  # the ban that is there now was set by hand
    IN_FORCE = "in-force"  # another case still needs it
    REFUSED = "refused"  # by Discord, for any other reason
    NO_ANSWER = "no-answer"  # Discord failed or could not be reached: it is tried again


def missing(guild: discord.Guild | None, by: object, power: str) -> Obstacle | None:
    """Returns the permission that the moderator or the bot lacks for Discord's own timeout or ban.

    `by`: the moderator; a user who is not in the server has no permission. None: the bot acts by itself.
    """
    if power not in _PERMISSIONS:
        return Obstacle.NONE_TO_LIFT
    if guild is None:
        return Obstacle.NO_SERVER
    needed = _PERMISSIONS[power]
    if by is not None and not (isinstance(by, discord.Member) and by.guild_permissions.is_superset(needed)):
        return Obstacle.YOU_LACK_IT
    return None if guild.me.guild_permissions.is_superset(needed) else Obstacle.I_LACK_IT


async def apply(
    guild: discord.Guild, by: discord.Member, case: Case, holding: Sequence[Case], reason: str
) -> Obstacle | None:
    """Sets the timeout or ban of the case's decision. Returns None when it is set.

    Adds Discord's rule about roles to `missing`: the bot does nothing that the moderator could not do alone.
    `holding`: the member's cases with that timeout or ban; a timeout gets the latest end that any of them needs.
    Raises one of UNREACHABLE, except discord.Forbidden.
    """
    power, is_owner = str(case.outcome), by.id == guild.owner_id
    if lacking := missing(guild, by, power):
        return lacking
    if case.member == guild.owner_id:
        return Obstacle.OWNER
    try:
        try:
            target = await guild.fetch_member(case.member)
        except discord.NotFound:
            if power == "timeout":
                return Obstacle.NOT_HERE
            target = discord.Object(case.member)  # a member who has left can still be banned
        if isinstance(target, discord.Member) and not is_owner and target.top_role >= by.top_role:
            return Obstacle.ABOVE_YOU
        if isinstance(target, discord.Member) and power == "timeout":
            await target.timeout(_end([case, *holding]), reason=reason[:_LONGEST_REASON])
        else:
            await guild.ban(target, reason=reason[:_LONGEST_REASON], delete_message_seconds=0)
    except discord.NotFound:
        return Obstacle.NOT_HERE
    except discord.Forbidden:
        return Obstacle.ABOVE_ME
    return None


async def lift(
    guild: discord.Guild,
    by: discord.Member | None,
    member: MemberId,
    power: str,
    holding: Sequence[Case],
    reason: str,
) -> Obstacle | None:
    """Lifts the member's Discord timeout or ban. Returns None when it is lifted. Roles are not compared.

    A ban that another case needs stays; a timeout gets the latest end that other cases need. Both return IN_FORCE.
    `by`: as in `missing`. `holding`: those cases. Raises like `apply`.
    """
    if obstacle := missing(guild, by, power):
        return obstacle
    try:
        if power == "timeout":
            found = await guild.fetch_member(member)
            await found.timeout(_end(holding) if holding else None, reason=reason[:_LONGEST_REASON])
        elif not holding:
            await guild.unban(discord.Object(member), reason=reason[:_LONGEST_REASON])
    except discord.NotFound:
        return Obstacle.NONE_TO_LIFT
    except discord.Forbidden:
        return Obstacle.ABOVE_ME
    return Obstacle.IN_FORCE if holding else None


def _end(cases: Sequence[Case]) -> datetime.datetime:
    """Returns the latest end of the cases, at most Discord's limit. A case without an end counts as the limit."""
    # One minute less, because Discord's clock may be behind.
    longest = discord.utils.utcnow() + datetime.timedelta(seconds=LONGEST_TIMEOUT - 60)
    return max(
        longest
        if case.expires_at is None
        else min(longest, datetime.datetime.fromtimestamp(case.expires_at, datetime.UTC))
        for case in cases
    )
