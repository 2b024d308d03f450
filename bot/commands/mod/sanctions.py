"""/mod strike, warn, timeout, ban, unban, unblock, purge: acts without a card."""

import logging

import discord
from discord import app_commands

from bot.cases import discord_sanctions
from bot.client import Interaction, answer
from bot.permissions import demand_below, moderator_of, seconds_of
from bot.posted_message import UNREACHABLE, PostedMessage
from bot.studio import NotSenior
from bot.studio.cases.cases import Decision, Done
from bot.ui import command, markdown, say_to
from db import Act, Job, Outcome

log = logging.getLogger(__name__)

Reason = app_commands.Range[str, 1, 300]

MOST_PURGED = 100  # orders per command


@command("command-mod-strike")
async def strike(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    casework, whom = interaction.client.parts.casework, await demand_below(interaction, member)
    done = await casework.strike(moderator_of(interaction), whom, member.display_name, reason)
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
    was_blocked, cases = await atelier.parts.casework.unban(moderator_of(interaction), whom, reason, act)
    await interaction.response.defer(ephemeral=True)
    parts = [say("mod-may-order", member=whom) if was_blocked else say("mod-not-blocked-by-me")]
    powers: dict[str, int | None] = {case.power: case.number for case in reversed(cases) if case.power}
    is_ours = bool(powers)
    if not powers and act is Act.UNBAN:
        powers = {"ban": cases[0].number if cases else None}
    for power, number in powers.items():
        lifted = await discord_sanctions.lift(
            interaction, atelier.parts.takedown, whom, power, reason, case=number
        )
        if lifted.is_done or is_ours:
            parts.append(discord_sanctions.lift_text(say, lifted))
    for case in cases:
        await atelier.mod_channel.refresh_case(case.id)
    await answer(interaction, " ".join(parts))


@command("command-mod-purge")
async def purge(
    interaction: Interaction, since: str, reason: Reason, member: discord.User | None = None
) -> None:
    atelier, by = interaction.client, moderator_of(interaction)
    if member is None and not by.is_senior:
        raise NotSenior
    begin = atelier.parts.clock() - seconds_of(since)
    whom = await demand_below(interaction, member) if member else None
    purged = await atelier.parts.casework.purge(by, begin, reason, member=whom, most=MOST_PURGED)
    jobs = purged.jobs
    await interaction.response.defer(ephemeral=True)
    left = 0
    for job in jobs:
        left += not await _delete(atelier, job)
    say = say_to(interaction)
    parts = [say("mod-purged", orders=len(jobs)), say("case-too-plain", pictures=purged.plain)]
    if len(jobs) == MOST_PURGED:
        parts.append(say("mod-purge-more"))
    parts.append(say("mod-purge-left", messages=left))
    await answer(interaction, " ".join(part for part in parts if part))
    for case_id in purged.cases:
        await atelier.mod_channel.refresh_case(case_id)


async def _delete(client: discord.Client, job: Job) -> bool:
    try:
        await PostedMessage(client, job.place).delete()
    except UNREACHABLE as error:
        log.warning("the message of job %s was not deleted: %s", job.id, error)
        return False
    return True


async def _sanction(interaction: Interaction, member: discord.User, decision: Decision) -> None:
    by, whom = moderator_of(interaction), await demand_below(interaction, member)
    done = await interaction.client.parts.casework.sanction(by, whom, member.display_name, decision)
    await _finish(interaction, done)


async def _finish(interaction: Interaction, done: Done) -> None:
    await interaction.response.defer(ephemeral=True)
    summary = await interaction.client.case_actions.carry_out(interaction, done)
    reason = f"\n-# {markdown.plain(done.case.reason)}" if done.case.reason else ""
    await answer(interaction, summary + reason)


COMMANDS = (strike, warn, timeout, ban, unban, unblock, purge)
