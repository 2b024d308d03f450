"""/mod: the log, blocks, removal and restoring. Every command checks the permission when it runs.

The rest of the group is in this folder: audit, cases, the log channel, lockdown, rules and sanctions.
"""

import re

import discord
from discord import app_commands

from bot.client import Interaction, answer
from bot.commands.mod import log as mod_log
from bot.commands.style_choices import removed_styles_like
from bot.permissions import (
    ModeratorsGroup,
    demand_below,
    demand_moderator,
    helper_of,
    moderator_of,
    seconds_of,
)
from bot.studio import NoSuchJob, NothingSaid, NotSenior
from bot.studio.cases.cases import Decision
from bot.studio.styles.applied import folded
from bot.ui import command, say_in, say_to, text
from db import LONGEST_STYLE_NAME, Job, Outcome
from generation import JobId, MemberId
from moderation import Ruling

_JOB = re.compile(r"[a-z2-7]{10}")
_LINK = re.compile(r"/channels/(?:\d+|@me)/(?P<channel>\d+)/(?P<message>\d+)")


class Mod(ModeratorsGroup):
    def __init__(self) -> None:
        super().__init__(
            name="mod",
            description=text("command-mod"),
            guild_only=True,
            # Only a default in Discord: admins can override it, so interaction_check checks again.
            default_permissions=discord.Permissions(manage_messages=True),
        )

    @command("command-mod-log")
    @app_commands.choices(
        ruling=[
            app_commands.Choice(name=text("mod-choice-allow"), value=Ruling.ALLOW.word),
            app_commands.Choice(name=text("mod-choice-flag"), value=Ruling.FLAG.word),
            app_commands.Choice(name=text("mod-choice-refuse"), value=Ruling.REFUSE.word),
        ],
        category=[
            app_commands.Choice(name=text("server-category", category=each), value=each)
            for each in mod_log.CATEGORIES
        ],
    )
    async def log(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        channel: discord.TextChannel | None = None,
        ruling: str | None = None,
        since: str | None = None,
        words: app_commands.Range[str, 1, mod_log.MOST_WORDS] | None = None,
        category: str | None = None,
        rule: app_commands.Range[str, 1, mod_log.MOST_RULE] | None = None,
    ) -> None:
        question = mod_log.Question(
            member=member.id if member else 0,
            channel=channel.id if channel else 0,
            ruling=ruling or "",
            since=int(interaction.client.parts.clock() - seconds_of(since)) if since else 0,
            words=(words or "").strip(),
            category=category or "",
            rule=(rule or "").strip(),
        )
        verdicts = interaction.client.parts.records.verdicts
        view = await mod_log.page(say_to(interaction), verdicts, interaction.guild_id, question)
        await interaction.client.parts.takedown.note_reading(
            helper_of(interaction), MemberId(member.id) if member else None
        )
        await interaction.response.send_message(view=view, ephemeral=True)

    @command("command-mod-block")
    async def block(
        self,
        interaction: Interaction,
        member: discord.User,
        reason: app_commands.Range[str, 1, 300],
        duration: str | None = None,
    ) -> None:
        decision = Decision(
            outcome=Outcome.BLOCK, reason=reason, seconds=seconds_of(duration) if duration else None
        )
        whom = await demand_below(interaction, member)
        done = await interaction.client.parts.casework.sanction(
            moderator_of(interaction), whom, member.display_name, decision
        )
        say, case = say_to(interaction), done.case
        lines = [say("mod-blocked", member=member.id, until=case.expires_at, reason=reason)]
        if done.earlier is not None:
            lines.append(say("case-earlier-sanction", until=done.earlier.expires_at))
        lines.append(say("mod-case-number", number=case.number))
        await answer(interaction, "\n".join(lines))

    @command("command-mod-remove")
    async def remove(
        self,
        interaction: Interaction,
        picture: str,
        reason: app_commands.Range[str, 1, 300] | None = None,
    ) -> None:
        demand_moderator(interaction)
        job = await _job_of(interaction, picture)
        await take_down(
            interaction, job, reason or say_in(interaction.client, interaction.guild_id)("mod-no-reason")
        )

    @command("command-mod-restore")
    async def restore(
        self,
        interaction: Interaction,
        reason: app_commands.Range[str, 1, 300],
        picture: str | None = None,
        since: str | None = None,
        member: discord.User | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE_NAME] | None = None,
    ) -> None:
        atelier, by = interaction.client, moderator_of(interaction)
        if picture is None and since is None and style is None:
            raise NothingSaid("mod-restore")
        if since is not None and member is None and not by.is_senior:
            raise NotSenior(or_head=True)
        restored = await atelier.parts.takedown.restore(
            by,
            reason,
            job_id=await _job_id_of(interaction, picture) if picture else None,
            since=atelier.parts.clock() - seconds_of(since) if since else None,
            member=MemberId(member.id) if member else None,
            style=folded(style or ""),
        )
        say, names = say_to(interaction), [f"`{each}`" for each in restored.styles]
        parts = [say("mod-restored", pictures=restored.pictures)] if restored.pictures else []
        parts += [say("mod-restored-styles", styles=len(names), names=" ".join(names))] if names else []
        await answer(interaction, " ".join(parts))
        for case_id in restored.cases:
            await atelier.mod_channel.refresh_case(case_id)

    restore.autocomplete("style")(removed_styles_like)


async def remove_picture(interaction: Interaction, message: int) -> None:
    """Answers Remove of the menu "Picture…". Raises NotAModerator, NoSuchJob."""
    by = moderator_of(interaction)
    job = await interaction.client.parts.takedown.job_of_message(message, by)
    say = say_in(interaction.client, interaction.guild_id)
    await take_down(interaction, job, say("mod-menu-reason"))


async def take_down(interaction: Interaction, job: Job, reason: str) -> None:
    takedown = interaction.client.parts.takedown
    actor = moderator_of(interaction)
    if job.place.guild_id != interaction.guild_id:
        raise NoSuchJob(job.id)
    removed = await takedown.remove(job.id, actor, reason)
    say = say_to(interaction)
    parts = [say("mod-removed", job=job.id, member=job.member)]
    deferred = interaction.response.defer(ephemeral=True, thinking=True)
    results = await interaction.client.effects.after(deferred, jobs=[job.id])
    parts += await interaction.client.effects.told(say, results)
    if removed.looks.known:
        parts.append(say("mod-removed-looks"))
    if removed.looks.plain:
        parts.append(say("case-too-plain", pictures=removed.looks.plain))
    await answer(interaction, " ".join(parts))
    if removed.case is not None:
        await interaction.client.mod_channel.refresh_case(removed.case)


async def _job_id_of(interaction: Interaction, text: str) -> JobId:
    """Reads a job's id, also of a deleted job. Raises NoSuchJob."""
    if _JOB.fullmatch(text.strip()):
        return JobId(text.strip())
    return (await _job_of(interaction, text)).id


async def _job_of(interaction: Interaction, text: str) -> Job:
    """Finds a job by an id or a message link. Raises NoSuchJob."""
    jobs = interaction.client.parts.records.jobs
    job: Job | None = None
    if link := _LINK.search(text):
        job = await jobs.of_message(int(link["message"]))
    elif _JOB.fullmatch(text.strip()):
        job = await jobs.get(JobId(text.strip()))
    if job is None:
        raise NoSuchJob(text)
    return job
