"""Discord's own timeouts and bans, beside the bot's. Used only when bot and moderator both have the permission."""

import datetime
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import discord

from bot.permissions import held_by, moderator_of
from bot.posted_message import UNREACHABLE
from bot.studio.cases.cases import LONGEST_TIMEOUT
from bot.studio.cases.takedown import Takedown
from bot.ui import Language, say_in
from db import Act, Case
from generation import MemberId

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

_MOST_REASON = 512  # characters of an audit log entry
_PERMISSIONS = {
    "timeout": discord.Permissions(moderate_members=True),
    "ban": discord.Permissions(ban_members=True),
}


class Obstacle(StrEnum):
    """The reason that Discord's own timeout or ban is neither set nor lifted."""

    NO_SERVER = "no-server"
    YOU_LACK_IT = "you-lack-it"  # the permission
    I_LACK_IT = "i-lack-it"
    OWNER = "owner"
    ABOVE_YOU = "above-you"  # the member's role is as high as the moderator's
    ABOVE_ME = "above-me"
    NOT_HERE = "not-here"
    NOTHING = "nothing"
    IN_FORCE = "in-force"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True)
class SanctionOutcome:
    """The result of setting or lifting Discord's own timeout or ban."""

    power: str = ""  # "timeout" or "ban"; empty: neither applies
    obstacle: Obstacle | None = None  # None: set or lifted
    case: int = 0  # number of the case that keeps it in force

    @property
    def is_done(self) -> bool:
        return bool(self.power) and self.obstacle is None


NOTHING = SanctionOutcome()


def lift_told(say: Language, lifted: SanctionOutcome) -> str:
    return say("case-power-lifted", power=lifted.power, obstacle=lifted.obstacle, case=lifted.case)


async def apply(interaction: Interaction, takedown: Takedown, case: Case) -> SanctionOutcome:
    """Sets Discord's timeout or ban for a decision that has one. Of several timeouts the one that ends last holds."""
    power = str(case.outcome or "")
    if power not in _PERMISSIONS:
        return NOTHING
    if obstacle := await _obstacle(interaction, case.member, power):
        return SanctionOutcome(power, obstacle)
    assert interaction.guild is not None
    target, say = discord.Object(case.member), say_in(interaction.client, case.guild_id)
    said = {"has_reason": bool(case.reason), "reason": case.reason}
    reason = say("case-audit-reason", number=case.number, name=case.acted_name, **said)
    reason = reason[:_MOST_REASON]
    try:
        if power == "ban":
            await interaction.guild.ban(target, reason=reason, delete_message_seconds=0)
        else:
            member = await interaction.guild.fetch_member(case.member)
            holding = await _holding(interaction, takedown, case.member, power)
            await member.timeout(_end([case, *holding]), reason=reason)
        return SanctionOutcome(power)
    except discord.NotFound:
        return SanctionOutcome(power, Obstacle.NOT_HERE)
    except discord.Forbidden:
        return SanctionOutcome(power, Obstacle.ABOVE_ME)
    except UNREACHABLE as error:
        log.warning("Discord's own %s in case %s failed: %s", power, case.id, error)
        return SanctionOutcome(power, Obstacle.NO_ANSWER)


async def lift(
    interaction: Interaction,
    takedown: Takedown,
    member: MemberId,
    power: str,
    reason: str,
    *,
    case: int | None,
) -> SanctionOutcome:
    """Lifts what `apply` set, unless another case still needs it, and logs it.

    `power`: as `apply` reported. `case`: its number.
    """
    used = await _lift(interaction, takedown, member, power, reason)
    if used.is_done:
        await takedown.note_power(
            Act.DISCORD_LIFTED, moderator_of(interaction), member, used.power, case=case
        )
    return used


async def _lift(
    interaction: Interaction, takedown: Takedown, member: MemberId, power: str, reason: str
) -> SanctionOutcome:
    if power not in _PERMISSIONS:
        return NOTHING
    if obstacle := missing(interaction, power):
        return SanctionOutcome(power, obstacle)
    assert interaction.guild is not None
    holding = await _holding(interaction, takedown, member, power)
    try:
        if power == "timeout":
            found = await interaction.guild.fetch_member(member)
            await found.timeout(_end(holding) if holding else None, reason=reason[:_MOST_REASON])
        elif not holding:
            await interaction.guild.unban(discord.Object(member), reason=reason[:_MOST_REASON])
        if holding:
            return SanctionOutcome(power, Obstacle.IN_FORCE, holding[0].number)
        return SanctionOutcome(power)
    except discord.NotFound:
        return SanctionOutcome(power, Obstacle.NOTHING)
    except discord.Forbidden:
        return SanctionOutcome(power, Obstacle.ABOVE_ME)
    except UNREACHABLE as error:
        log.warning("Discord's own %s of %s was not lifted: %s", power, member, error)
        return SanctionOutcome(power, Obstacle.NO_ANSWER)


async def _holding(interaction: Interaction, takedown: Takedown, member: MemberId, power: str) -> list[Case]:
    """Returns the member's cases in force with that power; the one that ends last comes first."""
    assert interaction.guild is not None
    return [each for each in await takedown.in_force(interaction.guild.id, member) if each.power == power]


async def _obstacle(interaction: Interaction, member: MemberId, power: str) -> Obstacle | None:
    """Returns the reason that Discord's own sanction is not used; None when it may be.

    The bot does not act for a moderator who lacks the permission.
    """
    if lacking := missing(interaction, power):
        return lacking
    guild, moderator = interaction.guild, interaction.user
    assert guild is not None
    if member == guild.owner_id:
        return Obstacle.OWNER
    if moderator.id == guild.owner_id or not isinstance(moderator, discord.Member):
        return None
    try:
        target = await guild.fetch_member(member)
    except discord.NotFound:
        # A member who has left can still be banned by any moderator with the permission.
        return None if power == "ban" else Obstacle.NOT_HERE
    except UNREACHABLE:
        return Obstacle.NO_ANSWER
    return Obstacle.ABOVE_YOU if target.top_role >= moderator.top_role else None


def missing(interaction: Interaction, power: str) -> Obstacle | None:
    """Returns the permission that the moderator or the bot lacks for Discord's own timeout or ban."""
    needed = _PERMISSIONS.get(power)
    if needed is None:
        return Obstacle.NOTHING
    if interaction.guild is None:
        return Obstacle.NO_SERVER
    if not held_by(interaction).is_superset(needed):
        return Obstacle.YOU_LACK_IT
    return None if interaction.guild.me.guild_permissions.is_superset(needed) else Obstacle.I_LACK_IT


def _end(cases: Iterable[Case]) -> datetime.datetime:
    """Returns the latest end of the cases, cut to Discord's limit."""
    longest = discord.utils.utcnow() + datetime.timedelta(seconds=LONGEST_TIMEOUT - 60)
    return max(
        longest
        if case.expires_at is None
        else min(longest, datetime.datetime.fromtimestamp(case.expires_at, datetime.UTC))
        for case in cases
    )
