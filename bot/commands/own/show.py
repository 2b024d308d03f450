"""/show: brings a job of the member's back with its buttons, for that member alone."""

import re

from discord import app_commands

from bot.client import Interaction
from bot.ui import command, markdown, say_to
from db import Job
from generation import JobId, MemberId

_JOB = re.compile(r"[a-z2-7]{10}")
_LINK = re.compile(r"/channels/(?:\d+|@me)/\d+/(?P<message>[0-9]{1,20})(?![0-9])")
_MOST = 25
"""Discord shows at most that many choices."""
_READ = 100
"""The newest jobs, among which a typed text is looked for."""


@command("command-show")
async def show(interaction: Interaction, job: str) -> None:
    jobs, named = interaction.client.parts.records.jobs, job.strip(" `")
    known: Job | None = None
    if link := _LINK.search(named):
        known = await jobs.of_message(int(link["message"]))
    elif _JOB.fullmatch(named.casefold()):
        known = await jobs.get(JobId(named.casefold()))
    await interaction.client.gallery_actions.show_job(interaction, known, named)


@show.autocomplete("job")
async def jobs_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Offers the member's newest jobs whose prompt or id contains the typed text."""
    typed, say = current.strip(" `").casefold(), say_to(interaction)
    jobs = await interaction.client.parts.records.jobs.of_member(MemberId(interaction.user.id), limit=_READ)
    found = [job for job in jobs if typed in job.id or typed in job.drawing.prompt.text.casefold()]
    return [
        app_commands.Choice(
            name=say(
                "show-choice",
                prompt=markdown.short(markdown.one_line(job.drawing.prompt.text), 60),
                action=job.action,
                images=job.drawing.images,
            ),
            value=job.id,
        )
        for job in found[:_MOST]
    ]
