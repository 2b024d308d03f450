"""/mod strike, warn, timeout, ban, unban, purge: to act without a card."""

from __future__ import annotations

import logging

import discord
from discord import app_commands

from bot.cases import discord_sanctions
from bot.client import Interaction, say
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE, PostedMessage
from bot.studio.cases.cases import Decision, Done
from bot.studio.errors import NobodyThere, NotSenior
from bot.studio.orders.order import Actor
from bot.texts import markdown
from bot.texts import moderators as mod_texts
from db.cases import Outcome
from db.jobs import Job
from generation.request import MemberId

log = logging.getLogger(__name__)

Interaction = Interaction
Reason = app_commands.Range[str, 1, 300]

MOST_PURGED = 100  # orders at once


@app_commands.command(description="A strike, and what the ladder says for it")
@app_commands.describe(member="Whom", reason="Shown to the member")
async def strike(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    casework = interaction.client.parts.casework
    await _finish(
        interaction,
        await casework.strike(actor_of(interaction), _person(member), member.display_name, reason),
    )


@app_commands.command(description="A warning; it counts as a strike")
@app_commands.describe(member="Whom", reason="Shown to the member")
async def warn(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    await _sanction(interaction, member, Decision(outcome=Outcome.WARN, reason=reason))


@app_commands.command(description="No pictures for a while, and Discord's own timeout where you may set it")
@app_commands.describe(member="Whom", duration="30m, 12h, 7d or 2w", reason="Shown to the member")
async def timeout(interaction: Interaction, member: discord.User, duration: str, reason: Reason) -> None:
    seconds = mod_texts.seconds_of(duration)
    await _sanction(interaction, member, Decision(outcome=Outcome.TIMEOUT, reason=reason, seconds=seconds))


@app_commands.command(description="No pictures any more, and Discord's own ban where you may set it")
@app_commands.describe(
    member="Whom", reason="Shown to the member", duration="30m, 12h, 7d or 2w; left out: until lifted"
)
async def ban(
    interaction: Interaction, member: discord.User, reason: Reason, duration: str | None = None
) -> None:
    seconds = mod_texts.seconds_of(duration) if duration else None
    await _sanction(interaction, member, Decision(outcome=Outcome.BAN, reason=reason, seconds=seconds))


@app_commands.command(description="Lift a timeout or ban, the bot's and Discord's; the strike stays")
@app_commands.describe(member="Who may make pictures again", reason="For the log")
async def unban(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    atelier = interaction.client
    was_blocked, cases = await atelier.parts.amendments.unban(actor_of(interaction), _person(member), reason)
    await interaction.response.defer(ephemeral=True)
    parts = [f"<@{member.id}> may make pictures again." if was_blocked else "They are not blocked by me."]
    numbers = {case.power: case.number for case in reversed(cases) if case.power}
    for power, number in (numbers or {"ban": cases[0].number if cases else None}).items():
        lifted = await discord_sanctions.lift(
            interaction, atelier.parts.takedown, MemberId(member.id), power, reason, case=number
        )
        if lifted.power:
            parts.append(f"Discord's own {power} is lifted too.")
        elif numbers:
            parts.append(f"Discord's own {power} stands: {lifted.why_not}.")
    for case in cases:
        await atelier.mod_channel.refresh_case(case.id)
    await say(interaction, " ".join(parts))


@app_commands.command(description="Take down all pictures of a member, or of everybody, of the last while")
@app_commands.describe(
    since="The last 30m, 12h, 7d", reason="For the log", member="Left out: everybody (takes Manage Server)"
)
async def purge(
    interaction: Interaction, since: str, reason: Reason, member: discord.User | None = None
) -> None:
    atelier, by = interaction.client, actor_of(interaction)
    if member is None and not by.is_senior:
        raise NotSenior
    begin = atelier.parts.clock() - mod_texts.seconds_of(since)
    whom = MemberId(member.id) if member else None
    purged = await atelier.parts.casework.purge(by, begin, reason, member=whom, most=MOST_PURGED)
    jobs = purged.jobs
    await interaction.response.defer(ephemeral=True)
    left = 0
    for job in jobs:
        left += not await _delete(atelier, job)
    parts = [
        f"{mod_texts.count(len(jobs), 'order')} taken down; `/mod restore` lets what looks like them be made again."
    ]
    if purged.plain:
        parts.append(mod_texts.can_return(purged.plain))
    if len(jobs) == MOST_PURGED:
        parts.append("There may be more: use it again.")
    if left:
        parts.append(f"{mod_texts.count(left, 'message')} Discord did not let me delete.")
    await say(interaction, " ".join(parts))
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
    by: Actor = actor_of(interaction)
    done = await interaction.client.parts.casework.sanction(
        by, _person(member), member.display_name, decision
    )
    await _finish(interaction, done)


async def _finish(interaction: Interaction, done: Done) -> None:
    await interaction.response.defer(ephemeral=True)
    summary = await interaction.client.case_actions.carry_out(interaction, done)
    reason = f"\n-# {markdown.plain(done.case.reason)}" if done.case.reason else ""
    await say(interaction, summary + reason)


def _person(member: discord.User) -> MemberId:
    """Raises NobodyThere."""
    if member.bot:
        raise NobodyThere
    return MemberId(member.id)


COMMANDS = (strike, warn, timeout, ban, unban, purge)
