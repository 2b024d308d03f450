"""/mod strike, warn, timeout, ban, unban, unblock, purge: acts without a card. A helper's first four are proposals."""

import logging

import discord
from discord import app_commands

from bot.cases import discord_sanctions
from bot.client import Interaction, answer
from bot.permissions import demand_below, helper_of, moderator_of, seconds_of
from bot.posted_message import UNREACHABLE
from bot.studio import Moderator, NotSenior
from bot.studio.cases.cases import Decision, Done
from bot.ui import command, markdown, say_to
from db import Act, Outcome
from generation import MemberId

log = logging.getLogger(__name__)

Reason = app_commands.Range[str, 1, 300]

MOST_PURGED = 100  # orders per command
MOST_STYLES = 10  # names of styles
MOST_LINKS = 10  # to messages that Discord did not let the bot delete


@command("command-mod-strike")
async def strike(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    casework, whom = interaction.client.parts.casework, await demand_below(interaction, member)
    done = await casework.strike(helper_of(interaction), whom, member.display_name, reason)
    await _finish(interaction, done)


@command("command-mod-warn")
async def warn(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    await _sanction(interaction, member, Decision(outcome=Outcome.WARN, reason=reason))


@command("command-mod-timeout")
async def timeout(interaction: Interaction, member: discord.User, duration: str, reason: Reason) -> None:
    seconds = seconds_of(duration)
    await _sanction(interaction, member, Decision(outcome=Outcome.TIMEOUT, reason=reason, seconds=seconds))


@command("command-mod-ban")
async def ban(
    interaction: Interaction, member: discord.User, reason: Reason, duration: str | None = None
) -> None:
    seconds = seconds_of(duration) if duration else None
    await _sanction(interaction, member, Decision(outcome=Outcome.BAN, reason=reason, seconds=seconds))


@command("command-mod-unban")
async def unban(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    await _lift(interaction, member, reason, Act.UNBAN)


@command("command-mod-unblock")
async def unblock(interaction: Interaction, member: discord.User) -> None:
    await _lift(interaction, member, "", Act.UNBLOCK)


async def _lift(interaction: Interaction, member: discord.User, reason: str, act: Act) -> None:
    """Lifts the member's blocks, and the timeout and ban that the bot set in Discord. UNBAN also lifts another ban there."""
    atelier, say, whom = interaction.client, say_to(interaction), await demand_below(interaction, member)
    by = moderator_of(interaction)
    was_blocked, cases = await atelier.parts.casework.unban(by, whom, reason, act)
    deferred = interaction.response.defer(ephemeral=True)
    results = await atelier.effects.after(deferred, cases=[case.id for case in cases])
    parts = [say("mod-may-order", member=whom) if was_blocked else say("mod-not-blocked-by-me")]
    parts += await atelier.effects.told(say, results)
    if act is Act.UNBAN and not any(case.power for case in cases):
        number = cases[0].number if cases else None
        parts += await _lift_other_ban(interaction, by, whom, reason, number)
    for case in cases:
        await atelier.mod_channel.refresh_case(case.id)
    await answer(interaction, " ".join(parts))


async def _lift_other_ban(
    interaction: Interaction, by: Moderator, member: MemberId, reason: str, case: int | None
) -> list[str]:
    """Lifts a ban that the bot did not set. Returns a sentence if there was one."""
    guild, moderator = interaction.guild, interaction.user
    if guild is None or discord_sanctions.missing(guild, moderator, "ban"):
        return []
    try:
        obstacle = await discord_sanctions.lift(guild, None, member, "ban", (), reason)
    except UNREACHABLE as error:
        log.warning("the ban of %s was not lifted: %s", member, error)
        return []
    if obstacle is not None:
        return []
    await interaction.client.parts.takedown.note_power(Act.DISCORD_LIFTED, by, member, "ban", case=case)
    return [say_to(interaction)("case-power-lifted", power="ban", obstacle=None, case=0)]


@command("command-mod-purge")
async def purge(
    interaction: Interaction, since: str, reason: Reason, member: discord.User | None = None
) -> None:
    atelier, by = interaction.client, moderator_of(interaction)
    if member is None and not by.is_senior:
        raise NotSenior
    begin = atelier.parts.clock() - seconds_of(since)
    whom = await demand_below(interaction, member) if member else None
    purged = await atelier.parts.takedown.purge(by, begin, reason, member=whom, most=MOST_PURGED)
    jobs = [job.id for job in purged.jobs]
    results = await atelier.effects.after(interaction.response.defer(ephemeral=True), jobs=jobs)
    left = [each.link for each in results if each.link and not each.is_tried_again]
    say = say_to(interaction)
    parts = [say("mod-purged", orders=len(jobs)), say("case-too-plain", pictures=purged.plain)]
    if len(jobs) == MOST_PURGED:
        parts.append(say("mod-purge-more"))
    if purged.styles:
        names = " ".join(f"`{name}`" for name in purged.styles[:MOST_STYLES])
        more = max(0, len(purged.styles) - MOST_STYLES)
        parts.append(say("mod-purge-styles", styles=len(purged.styles), names=names, more=more))
    if left:
        links, more = " ".join(left[:MOST_LINKS]), max(0, len(left) - MOST_LINKS)
        parts.append(say("mod-purge-left", messages=len(left), links=links, more=more))
    await answer(interaction, " ".join(part for part in parts if part))
    for case_id in purged.cases:
        await atelier.mod_channel.refresh_case(case_id)


async def _sanction(interaction: Interaction, member: discord.User, decision: Decision) -> None:
    by, whom = helper_of(interaction), await demand_below(interaction, member)
    done = await interaction.client.parts.casework.sanction(by, whom, member.display_name, decision)
    await _finish(interaction, done)


async def _finish(interaction: Interaction, done: Done) -> None:
    deferred = interaction.response.defer(ephemeral=True)
    summary = await interaction.client.case_actions.carry_out(interaction, done, deferred)
    reason = f"\n-# {markdown.plain(done.case.reason)}" if done.case.reason else ""
    await answer(interaction, summary + reason)


COMMANDS = (strike, warn, timeout, ban, unban, unblock, purge)
