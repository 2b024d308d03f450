"""/mod: the log, blocks, removal and its undoing, the log channel. Every command checks the permission when it runs.

The rest of the group stands in mod_cases, mod_sanctions, mod_gate and mod_rules.
"""

from __future__ import annotations

import re

import discord
from discord import app_commands

from bot.client import Interaction, say
from bot.commands.mod import log as mod_log
from bot.permissions import ModeratorsGroup, actor_of, demand_moderator
from bot.posted_message import PostedMessage
from bot.studio.cases.cases import Decision
from bot.studio.errors import NoSuchJob, NothingSaid, NotSenior
from bot.texts import markdown
from bot.texts import members as texts
from bot.texts import moderators as mod_texts
from db.cases import Outcome
from db.jobs import Job
from generation.request import JobId, MemberId
from moderation.verdict import Ruling

_JOB = re.compile(r"[a-z2-7]{10}")
_LINK = re.compile(r"/channels/(?:\d+|@me)/(?P<channel>\d+)/(?P<message>\d+)")


class Mod(ModeratorsGroup):
    def __init__(self) -> None:
        super().__init__(
            name="mod",
            description="For moderators",
            guild_only=True,
            # Advice to Discord only: admins can override it, so interaction_check asks again.
            default_permissions=discord.Permissions(manage_messages=True),
        )

    @app_commands.command(description="What was asked, what was refused and why")
    @app_commands.describe(
        member="Only this member's prompts",
        channel="Only prompts in this channel",
        ruling="Only what was ruled so",
        since="Only the last 30m, 12h, 7d or 2w",
    )
    @app_commands.choices(
        ruling=[app_commands.Choice(name=ruling.word, value=ruling.word) for ruling in Ruling]
    )
    async def log(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        channel: discord.TextChannel | None = None,
        ruling: str | None = None,
        since: str | None = None,
    ) -> None:
        question = mod_log.Question(
            member=member.id if member else 0,
            channel=channel.id if channel else 0,
            ruling=ruling or "",
            since=int(interaction.client.parts.clock() - mod_texts.seconds_of(since)) if since else 0,
        )
        view = await mod_log.page(interaction.client.parts.records.verdicts, interaction.guild_id, question)
        await interaction.response.send_message(view=view, ephemeral=True)

    @app_commands.command(description="Keep a member from making pictures, for a while or until lifted")
    @app_commands.describe(
        member="Whom to block",
        reason="Shown to the member",
        duration="30m, 12h, 7d or 2w; left out: until lifted",
    )
    async def block(
        self,
        interaction: Interaction,
        member: discord.User,
        reason: app_commands.Range[str, 1, 300],
        duration: str | None = None,
    ) -> None:
        decision = Decision(
            outcome=Outcome.BLOCK, reason=reason, seconds=mod_texts.seconds_of(duration) if duration else None
        )
        done = await interaction.client.parts.casework.sanction(
            actor_of(interaction), MemberId(member.id), member.display_name, decision
        )
        expires_at = done.case.expires_at
        until = f" until {texts.moment(expires_at)}" if expires_at else ""
        lines = [
            f"<@{member.id}> is blocked{until}: {markdown.plain(reason)}",
            mod_texts.earlier(done.earlier),
            f"-# Case {done.case.number}",
        ]
        await say(interaction, "\n".join(line for line in lines if line))

    @app_commands.command(description="Lift a member's block")
    @app_commands.describe(member="Who may make pictures again")
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        was_blocked = await interaction.client.parts.takedown.unblock(
            actor_of(interaction), MemberId(member.id)
        )
        await say(
            interaction,
            f"<@{member.id}> may make pictures again." if was_blocked else "They are not blocked.",
        )

    @app_commands.command(description="Take pictures down: the message, and the files behind it")
    @app_commands.describe(picture="A job's id, or a link to its message", reason="For the log")
    async def remove(
        self,
        interaction: Interaction,
        picture: str,
        reason: app_commands.Range[str, 1, 300] = "no reason given",
    ) -> None:
        job = await _job_of(interaction, picture)
        await take_down(interaction, job, reason)

    @app_commands.command(description="Let pictures that look like removed ones be made again")
    @app_commands.describe(
        reason="For the log",
        picture="A job's id, or a link to where its message was",
        since="Or all that were removed in the last 30m, 12h, 7d",
        member="Of these, only this member's; left out: everybody's (takes Manage Server)",
    )
    async def restore(
        self,
        interaction: Interaction,
        reason: app_commands.Range[str, 1, 300],
        picture: str | None = None,
        since: str | None = None,
        member: discord.User | None = None,
    ) -> None:
        atelier, by = interaction.client, actor_of(interaction)
        if picture is None and since is None:
            raise NothingSaid("`picture` and `since`")
        if since is not None and member is None and not by.is_senior:
            raise NotSenior
        restored = await atelier.parts.takedown.restore(
            by,
            reason,
            job_id=await _job_id_of(interaction, picture) if picture else None,
            since=atelier.parts.clock() - mod_texts.seconds_of(since) if since else None,
            member=MemberId(member.id) if member else None,
        )
        await say(
            interaction,
            f"What looks like {mod_texts.count(restored.pictures, 'removed picture')} may be made here again. "
            "The pictures themselves are deleted and don't come back.",
        )
        for case_id in restored.cases:
            await atelier.mod_channel.refresh_case(case_id)

    @app_commands.command(name="log-channel", description="Where refusals and flags are posted")
    @app_commands.describe(channel="One that only moderators can read")
    async def log_channel(self, interaction: Interaction, channel: discord.TextChannel) -> None:
        await interaction.client.parts.casework.set_log_channel(actor_of(interaction), channel.id)
        await say(interaction, f"Refusals and flags go to {channel.mention} from now on.")


@app_commands.context_menu(name="Remove picture")
@app_commands.default_permissions(manage_messages=True)
@app_commands.guild_only()
async def remove_picture(interaction: Interaction, message: discord.Message) -> None:
    demand_moderator(interaction)
    job = await interaction.client.parts.takedown.job_of_message(message.id)
    await take_down(interaction, job, "removed with the message menu")


async def take_down(interaction: Interaction, job: Job, reason: str) -> None:
    takedown = interaction.client.parts.takedown
    actor = actor_of(interaction)
    if job.place.guild_id != interaction.guild_id:
        raise NoSuchJob(job.id)
    removed = await takedown.remove(job.id, actor, reason)
    await PostedMessage(interaction.client, job.place).delete()
    parts = [f"Removed: job {job.id} of <@{job.member}>."]
    if removed.looks.known:
        parts.append("What looks like it does not come back here; `/mod restore` takes that back.")
    if removed.looks.plain:
        parts.append(mod_texts.can_return(removed.looks.plain))
    await say(interaction, " ".join(parts))
    if removed.case is not None:
        await interaction.client.mod_channel.refresh_case(removed.case)


async def _job_id_of(interaction: Interaction, text: str) -> JobId:
    """Also of a job that is forgotten. Raises NoSuchJob."""
    if _JOB.fullmatch(text.strip()):
        return JobId(text.strip())
    return (await _job_of(interaction, text)).id


async def _job_of(interaction: Interaction, text: str) -> Job:
    """From an id or a message link. Raises NoSuchJob."""
    jobs = interaction.client.parts.records.jobs
    job: Job | None = None
    if link := _LINK.search(text):
        job = await jobs.of_message(int(link["message"]))
    elif _JOB.fullmatch(text.strip()):
        job = await jobs.get(JobId(text.strip()))
    if job is None:
        raise NoSuchJob(text)
    return job
