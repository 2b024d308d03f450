"""Sets and lifts Discord's own timeout or ban, in addition to the bot's block.

Acts only when both the bot and the moderator have Discord's permission.
"""

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

_LONGEST_REASON = 512  # characters; Discord's limit for a reason in its audit log
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
    ABOVE_ME = "above-me"  # Discord forbade it; usually the member's role is as high as the bot's
    NOT_HERE = "not-here"  # the member has left
    NONE_TO_LIFT = "nothing"  # Discord has no such ban, or the member has left
    IN_FORCE = "in-force"  # another case still needs it, see SanctionOutcome.case
    NO_ANSWER = "no-answer"  # Discord failed or could not be reached


@dataclass(frozen=True, slots=True)
class SanctionOutcome:
    """The result of setting or lifting Discord's own timeout or ban."""

    power: str = ""  # "timeout" or "ban"; empty: neither applies
    obstacle: Obstacle | None = None  # None: set or lifted
    case: int = 0  # number of the case that keeps it in force; 0: none

    @property
    def is_done(self) -> bool:
        return bool(self.power) and self.obstacle is None


NOT_APPLICABLE = SanctionOutcome()


def lift_text(say: Language, lifted: SanctionOutcome) -> str:
    """Returns the sentence for the moderator."""
    return say("case-power-lifted", power=lifted.power, obstacle=lifted.obstacle, case=lifted.case)


async def apply(interaction: Interaction, takedown: Takedown, case: Case) -> SanctionOutcome:
    """Sets Discord's timeout or ban for the case's decision; returns NOT_APPLICABLE when the decision is neither.

    A timeout gets the latest end that any of the member's cases needs. It is called again when that end changes.
    Discord's errors become an Obstacle. The caller logs the act and stores the `power` on the case.
    """
    power = str(case.outcome or "")
    if power not in _PERMISSIONS:
        return NOT_APPLICABLE
    if obstacle := await _obstacle(interaction, case.member, power):
        return SanctionOutcome(power, obstacle)
    assert interaction.guild is not None
    target, say = discord.Object(case.member), say_in(interaction.client, case.guild_id)
    said = {"has_reason": bool(case.reason), "reason": case.reason}
    reason = say("case-audit-reason", number=case.number, name=case.acted_name, **said)
    reason = reason[:_LONGEST_REASON]
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
    """Lifts the member's Discord timeout or ban, and logs it.

    A ban that another case needs stays; a timeout gets the latest end that other cases need. Both return IN_FORCE, and are not
    logged. Roles are not compared. `power`: "timeout" or "ban"; empty returns NOT_APPLICABLE. `reason`: for Discord's audit log.
    `case`: its number, for the bot's audit log; None: no case.
    """
    lifted = await _lift(interaction, takedown, member, power, reason)
    if lifted.is_done:
        await takedown.note_power(
            Act.DISCORD_LIFTED, moderator_of(interaction), member, lifted.power, case=case
        )
    return lifted


async def _lift(
    interaction: Interaction, takedown: Takedown, member: MemberId, power: str, reason: str
) -> SanctionOutcome:
    if power not in _PERMISSIONS:
        return NOT_APPLICABLE
    if obstacle := missing(interaction, power):
        return SanctionOutcome(power, obstacle)
    assert interaction.guild is not None
    holding = await _holding(interaction, takedown, member, power)
    try:
        if power == "timeout":
            found = await interaction.guild.fetch_member(member)
            await found.timeout(_end(holding) if holding else None, reason=reason[:_LONGEST_REASON])
        elif not holding:
            await interaction.guild.unban(discord.Object(member), reason=reason[:_LONGEST_REASON])
        if holding:
            return SanctionOutcome(power, Obstacle.IN_FORCE, holding[0].number)
        return SanctionOutcome(power)
    except discord.NotFound:
        return SanctionOutcome(power, Obstacle.NONE_TO_LIFT)
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
    """Returns the reason that Discord's own sanction can't be set; None if it can.

    Adds Discord's rule about roles to `_missing`: the bot does nothing that the moderator could not do alone.
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
        return Obstacle.NONE_TO_LIFT
    if interaction.guild is None:
        return Obstacle.NO_SERVER
    if not held_by(interaction).is_superset(needed):
        return Obstacle.YOU_LACK_IT
    return None if interaction.guild.me.guild_permissions.is_superset(needed) else Obstacle.I_LACK_IT


def _end(cases: Iterable[Case]) -> datetime.datetime:
    """Returns the latest end of the cases, at most Discord's limit. A case without an end counts as the limit."""
    # One minute less, because Discord's clock may be behind.
    longest = discord.utils.utcnow() + datetime.timedelta(seconds=LONGEST_TIMEOUT - 60)
    return max(
        longest
        if case.expires_at is None
        else min(longest, datetime.datetime.fromtimestamp(case.expires_at, datetime.UTC))
        for case in cases
    )
