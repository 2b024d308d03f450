"""/mod strike, warn, timeout, ban, unban, unblock, purge: acts without a card. A helper's first four are proposals."""

import logging
from dataclasses import replace

import discord
from discord import app_commands

from bot.cases import discord_sanctions
from bot.cases.deciding.reasons import reasons_like
from bot.client import Interaction, answer
from bot.permissions import demand_below, helper_of, moderator_of, seconds_of
from bot.posted_message import UNREACHABLE
from bot.studio import Moderator, NoDiscordBan, NotSenior
from bot.studio.cases.cases import Decision, Done
from bot.studio.cases.sanction_rules import demand_senior
from bot.ui import command, markdown, say_to, text
from db import Act, Outcome
from generation import MemberId

log = logging.getLogger(__name__)

Reason = app_commands.Range[str, 1, 300]

_BOT, _BOTH, _DISCORD = "bot", "both", "discord"
_OWN_OR_BOTH = [app_commands.Choice(name=text("mod-whose", whose=each), value=each) for each in (_BOT, _BOTH)]
_OWN_OR_DISCORDS = [
    app_commands.Choice(name=text("mod-whose", whose=each), value=each) for each in (_BOT, _DISCORD)
]

MOST_PURGED = 100  # orders per command
MOST_STYLES = 10  # names of styles
MOST_LINKS = 10  # to messages that Discord did not let the bot delete


@command("command-mod-strike")
async def strike(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    casework, whom = interaction.client.parts.casework, await demand_below(interaction, member)
    by = helper_of(interaction)
    reason, _ = await interaction.client.reasons.read(by.guild_id, reason)
    done = await casework.strike(by, whom, member.display_name, reason)
    await _finish(interaction, done)


@command("command-mod-warn")
async def warn(interaction: Interaction, member: discord.User, reason: Reason) -> None:
    await _sanction(interaction, member, Decision(outcome=Outcome.WARN, reason=reason))


@command("command-mod-timeout")
async def timeout(interaction: Interaction, member: discord.User, duration: str, reason: Reason) -> None:
    seconds = seconds_of(duration)
    await _sanction(interaction, member, Decision(outcome=Outcome.TIMEOUT, reason=reason, seconds=seconds))


@command("command-mod-ban")
@app_commands.choices(whose=[*_OWN_OR_BOTH])
async def ban(
    interaction: Interaction,
    member: discord.User,
    reason: Reason,
    duration: str | None = None,
    whose: str | None = None,
) -> None:
    """`whose`: None for as proposed, or else for Discord's own too where it can be set. Raises NoDiscordBan."""
    seconds = seconds_of(duration) if duration else None
    if whose == _BOTH:
        _demand_discord_ban(interaction)
    is_bot_ban = None if whose is None else whose == _BOT
    decision = Decision(outcome=Outcome.BAN, reason=reason, seconds=seconds, is_bot_ban=is_bot_ban)
    await _sanction(interaction, member, decision)


def _demand_discord_ban(interaction: Interaction) -> None:
    """Raises NoDiscordBan when the moderator or the bot may not set or lift Discord's own ban."""
    if lacking := discord_sanctions.missing(interaction.guild, interaction.user, "ban"):
        raise NoDiscordBan(lacking)


@command("command-mod-unban")
@app_commands.choices(whose=[*_OWN_OR_DISCORDS])
async def unban(
    interaction: Interaction, member: discord.User, reason: Reason, whose: str | None = None
) -> None:
    """`whose`: None for both. Raises NoDiscordBan."""
    if whose == _DISCORD:
        await _lift_discords_alone(interaction, member, reason)
    else:
        await _lift(interaction, member, reason, Act.UNBAN, is_discord_too=whose != _BOT)


@command("command-mod-unblock")
async def unblock(interaction: Interaction, member: discord.User) -> None:
    await _lift(interaction, member, "", Act.UNBLOCK)


async def _lift_discords_alone(interaction: Interaction, member: discord.User, reason: str) -> None:
    """Lifts Discord's own ban. The bot's goes on. Raises NoDiscordBan."""
    by, whom = moderator_of(interaction), await demand_below(interaction, member)
    _demand_discord_ban(interaction)
    cases = await interaction.client.parts.takedown.in_force(by.guild_id, whom)
    for case in cases:
        demand_senior(case, by)
    await interaction.response.defer(ephemeral=True)
    number = cases[0].number if cases else None
    told = await _lift_other_ban(interaction, by, whom, reason, number)
    say = say_to(interaction)
    if not told:
        told = [say("mod-no-discord-ban")]
    elif cases:
        told.append(say("mod-bot-ban-stays", until=cases[0].expires_at))
    for case in cases:
        await interaction.client.mod_channel.refresh_case(case.id)
    await answer(interaction, " ".join(told))


async def _lift(
    interaction: Interaction, member: discord.User, reason: str, act: Act, *, is_discord_too: bool = True
) -> None:
    """Lifts the member's blocks, and the timeout and ban that the bot set in Discord. UNBAN also lifts another ban there."""
    atelier, say, whom = interaction.client, say_to(interaction), await demand_below(interaction, member)
    by = moderator_of(interaction)
    was_blocked, cases = await atelier.parts.casework.unban(
        by, whom, reason, act, is_discord_too=is_discord_too
    )
    deferred = interaction.response.defer(ephemeral=True)
    results = await atelier.effects.after(deferred, cases=[case.id for case in cases])
    parts = [say("mod-may-order", member=whom) if was_blocked else say("mod-not-blocked-by-me")]
    parts += await atelier.effects.told(say, results)
    if not is_discord_too:
        parts.append(say("mod-discords-stays"))
    elif act is Act.UNBAN and not any(case.power for case in cases):
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
        raise NotSenior(or_head=True)
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
    reason, kept = await interaction.client.reasons.read(by.guild_id, decision.reason)
    decision = replace(decision, reason=reason, kept_reason=kept)
    done = await interaction.client.parts.casework.sanction(by, whom, member.display_name, decision)
    await _finish(interaction, done)


async def _finish(interaction: Interaction, done: Done) -> None:
    deferred = interaction.response.defer(ephemeral=True)
    summary = await interaction.client.case_actions.carry_out(interaction, done, deferred)
    reason = f"\n-# {markdown.plain(done.case.reason)}" if done.case.reason else ""
    await answer(interaction, summary + reason)


for _each in (strike, warn, timeout, ban):
    _each.autocomplete("reason")(reasons_like)

COMMANDS = (strike, warn, timeout, ban, unban, unblock, purge)
