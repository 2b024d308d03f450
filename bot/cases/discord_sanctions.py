"""Discord's own timeouts and bans, beside the bot's: used only where bot and moderator both have the permission."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import discord

from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE
from bot.studio.cases.takedown import Takedown
from db.audit import Act
from db.cases import Case, Outcome
from generation.request import MemberId
from moderation.duration import DAY

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

LONGEST_TIMEOUT = 28 * DAY
"""Seconds: Discord's own limit."""
_MOST_REASON = 512  # characters of an audit log entry


@dataclass(frozen=True, slots=True)
class SanctionOutcome:
    """`power`: "timeout" or "ban" where Discord's own was used; otherwise `why_not` says why the bot's stands alone."""

    power: str = ""
    why_not: str = ""


NOTHING = SanctionOutcome()


async def apply(interaction: Interaction, takedown: Takedown, case: Case) -> SanctionOutcome:
    """Discord's counterpart of what was decided; nothing for what has none. Of several timeouts the one that ends last holds."""
    match case.outcome:
        case Outcome.TIMEOUT:
            name, needed = "Timeout Members", discord.Permissions(moderate_members=True)
        case Outcome.BAN:
            name, needed = "Ban Members", discord.Permissions(ban_members=True)
        case _:
            return NOTHING
    if obstacle := await _obstacle(interaction, case.member, name, needed):
        return SanctionOutcome(why_not=obstacle)
    assert interaction.guild is not None
    target, reason = discord.Object(case.member), _reason(case)
    try:
        if case.outcome is Outcome.BAN:
            await interaction.guild.ban(target, reason=reason, delete_message_seconds=0)
            return SanctionOutcome("ban")
        member = await interaction.guild.fetch_member(case.member)
        await member.timeout(
            _end([case, *await _holding(interaction, takedown, case.member, "timeout")]), reason=reason
        )
        return SanctionOutcome("timeout")
    except discord.NotFound:
        return SanctionOutcome(why_not="they are not in this server any more")
    except discord.Forbidden:
        return SanctionOutcome(why_not="Discord does not let me: their role is as high as mine")
    except UNREACHABLE as error:
        log.warning("Discord's own %s in case %s failed: %s", case.outcome, case.id, error)
        return SanctionOutcome(why_not="Discord did not answer")


async def lift(
    interaction: Interaction,
    takedown: Takedown,
    member: MemberId,
    power: str,
    reason: str,
    *,
    case: int | None,
) -> SanctionOutcome:
    """Takes back what `apply` did, as far as no other case needs it, and notes it; `power` as it said. `case`: its number."""
    used = await _lift(interaction, takedown, member, power, reason)
    if used.power:
        await takedown.note_power(Act.DISCORD_LIFTED, actor_of(interaction), member, used.power, case=case)
    return used


async def _lift(
    interaction: Interaction, takedown: Takedown, member: MemberId, power: str, reason: str
) -> SanctionOutcome:
    if power not in ("timeout", "ban"):
        return NOTHING
    is_ban = power == "ban"
    name = "Ban Members" if is_ban else "Timeout Members"
    needed = discord.Permissions(ban_members=True) if is_ban else discord.Permissions(moderate_members=True)
    if obstacle := _missing(interaction, name, needed):
        return SanctionOutcome(why_not=obstacle)
    assert interaction.guild is not None
    holding = await _holding(interaction, takedown, member, power)
    try:
        if not is_ban:
            found = await interaction.guild.fetch_member(member)
            await found.timeout(_end(holding) if holding else None, reason=reason[:_MOST_REASON])
        elif not holding:
            await interaction.guild.unban(discord.Object(member), reason=reason[:_MOST_REASON])
        return (
            SanctionOutcome(why_not=f"case {holding[0].number} is still in force")
            if holding
            else SanctionOutcome(power)
        )
    except discord.NotFound:
        return SanctionOutcome(why_not="there was none any more")
    except discord.Forbidden:
        return SanctionOutcome(why_not="Discord does not let me: their role is as high as mine")
    except UNREACHABLE as error:
        log.warning("Discord's own %s of %s was not lifted: %s", power, member, error)
        return SanctionOutcome(why_not="Discord did not answer")


async def _holding(interaction: Interaction, takedown: Takedown, member: MemberId, power: str) -> list[Case]:
    """The member's cases in force with that power, the one that ends last first."""
    assert interaction.guild is not None
    return [each for each in await takedown.in_force(interaction.guild.id, member) if each.power == power]


async def _obstacle(
    interaction: Interaction, member: MemberId, name: str, needed: discord.Permissions
) -> str:
    """Why Discord's own is not used; empty where it may be. The bot lends nobody a power that they lack."""
    if missing := _missing(interaction, name, needed):
        return missing
    guild, moderator = interaction.guild, interaction.user
    assert guild is not None
    if member == guild.owner_id:
        return "they own this server"
    if moderator.id == guild.owner_id or not isinstance(moderator, discord.Member):
        return ""
    try:
        target = await guild.fetch_member(member)
    except discord.NotFound:
        # Somebody who has left can still be banned, by anybody who may ban.
        return "" if needed.ban_members else "they are not in this server any more"
    except UNREACHABLE:
        return "Discord did not answer"
    return "their role is as high as yours" if target.top_role >= moderator.top_role else ""


def _missing(interaction: Interaction, name: str, needed: discord.Permissions) -> str:
    if interaction.guild is None:
        return "this is no server"
    if not interaction.permissions.is_superset(needed):
        return f"you lack the {name} permission"
    if not interaction.app_permissions.is_superset(needed):
        return f"I lack the {name} permission"
    return ""


def _end(cases: Iterable[Case]) -> datetime.datetime:
    """The latest of theirs that Discord takes."""
    longest = discord.utils.utcnow() + datetime.timedelta(seconds=LONGEST_TIMEOUT - 60)
    return max(
        longest
        if case.expires_at is None
        else min(longest, datetime.datetime.fromtimestamp(case.expires_at, datetime.UTC))
        for case in cases
    )


def _reason(case: Case) -> str:
    return f"Case {case.number} by {case.acted_name}: {case.reason}".rstrip(": ")[:_MOST_REASON]
