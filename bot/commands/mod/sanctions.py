"""/mod strike, warn, timeout, ban, unban, purge: acts without a card."""

import logging

import discord
from discord import app_commands

from bot.cases import discord_sanctions
from bot.client import Interaction, answer
from bot.permissions import moderator_of, seconds_of
from bot.posted_message import UNREACHABLE, PostedMessage
from bot.studio import NoSuchMember, NotSenior
from bot.studio.cases.cases import Decision, Done
from bot.ui import command, markdown, say_to
from db import Job, Outcome
from generation import MemberId

log = logging.getLogger(__name__)

Reason = app_commands.Range[str, 1, 300]

MOST_PURGED = 100  # orders per command


@command("command-mod-strike")
async def strike(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    casework = interaction.client.parts.casework
    await _finish(
        interaction,
        await casework.strike(moderator_of(interaction), _person(member), member.display_name, reason),
    )


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
    atelier, say = interaction.client, say_to(interaction)
    was_blocked, cases = await atelier.parts.casework.unban(
        moderator_of(interaction), _person(member), reason
    )
    await interaction.response.defer(ephemeral=True)
    parts = [say("mod-may-order", member=member.id) if was_blocked else say("mod-not-blocked-by-me")]
    numbers = {case.power: case.number for case in reversed(cases) if case.power}
    for power, number in (numbers or {"ban": cases[0].number if cases else None}).items():
        lifted = await discord_sanctions.lift(
            interaction, atelier.parts.takedown, MemberId(member.id), power, reason, case=number
        )
        if lifted.is_done or numbers:
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
    whom = MemberId(member.id) if member else None
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
    by = moderator_of(interaction)
    done = await interaction.client.parts.casework.sanction(
        by, _person(member), member.display_name, decision
    )
    await _finish(interaction, done)


async def _finish(interaction: Interaction, done: Done) -> None:
    await interaction.response.defer(ephemeral=True)
    summary = await interaction.client.case_actions.carry_out(interaction, done)
    reason = f"\n-# {markdown.plain(done.case.reason)}" if done.case.reason else ""
    await answer(interaction, summary + reason)


def _person(member: discord.User) -> MemberId:
    """Returns the member's id. Raises NoSuchMember for a bot."""
    if member.bot:
        raise NoSuchMember
    return MemberId(member.id)


COMMANDS = (strike, warn, timeout, ban, unban, purge)
