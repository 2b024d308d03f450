"""/queue: the member's waiting and running jobs, each with a cancel button."""

from typing import Any

from discord import ui

from bot.client import Interaction
from bot.gallery.cards import GalleryButton, progress_line
from bot.studio import GalleryAction
from bot.ui import card, command, markdown, row, say_to
from generation import JobId, MemberId

_MOST = 10
"""Jobs shown: each takes three of a message's forty components."""


@command("command-queue")
async def queue(interaction: Interaction) -> None:
    await interaction.response.send_message(view=await _panel(interaction), ephemeral=True)


async def cancel(interaction: Interaction, job: JobId, image: int) -> None:
    """Answers the cancel button of the panel or of a job's card. The job's task updates the card."""
    await interaction.client.gallery_actions.cancel(interaction, job)
    if interaction.message is not None and interaction.message.flags.ephemeral:
        await interaction.response.edit_message(view=await _panel(interaction))
    else:
        await interaction.response.defer()


async def _panel(interaction: Interaction) -> ui.LayoutView:
    parts, say = interaction.client.parts, say_to(interaction)
    jobs = await parts.records.jobs.live_of_member(MemberId(interaction.user.id))
    line = parts.dispatch.state
    if jobs:
        title = say("queue-title", waiting=line.waiting, running=line.running)
    else:
        title = say("queue-none", waiting=line.waiting, running=line.running)
    items: list[ui.Item[Any]] = [ui.TextDisplay(title)]
    for job in jobs[:_MOST]:
        progress = parts.dispatch.progress_of(job.id)
        state = progress_line(say, progress) if progress else say("queue-starting")
        items.append(
            ui.TextDisplay(
                f"**{markdown.short(markdown.plain(job.drawing.prompt.text or markdown.NO_WORDS), 150)}**\n{state}"
            )
        )
        items.append(row(GalleryButton(GalleryAction.CANCEL, job.id, 0, label=say("gallery-cancel"))))
    if len(jobs) > _MOST:
        items.append(ui.TextDisplay(say("queue-more", count=len(jobs) - _MOST)))
    return card(*items)
