"""/queue: my jobs that wait or run; each can be cancelled."""

from __future__ import annotations

from typing import Any

from discord import app_commands, ui

from bot.client import Interaction
from bot.gallery.buttons import GalleryButton
from bot.permissions import actor_of
from bot.studio.orders.order import GalleryAction
from bot.texts import markdown
from bot.texts import members as texts
from bot.ui.components import row
from generation.request import JobId, MemberId

_MOST = 10
"""Jobs shown: each takes three of a message's forty components."""


@app_commands.command(description="Your jobs in line; cancel one")
async def queue(interaction: Interaction) -> None:
    await interaction.response.send_message(view=await _panel(interaction), ephemeral=True)


async def cancel(interaction: Interaction, job: JobId, image: int) -> None:
    """Pressed on the panel, or on the job's card, which is changed by the task that carries the job."""
    await interaction.client.parts.takedown.cancel(job, actor_of(interaction))
    if interaction.message is not None and interaction.message.flags.ephemeral:
        await interaction.response.edit_message(view=await _panel(interaction))
    else:
        await interaction.response.defer()


async def _panel(interaction: Interaction) -> ui.LayoutView:
    parts = interaction.client.parts
    jobs = await parts.records.jobs.live_of_member(MemberId(interaction.user.id))
    line = parts.dispatch.state
    items: list[ui.Item[Any]] = [
        ui.TextDisplay(
            f"### Your jobs\n-# {line.waiting} waiting and {line.running} running in all"
            if jobs
            else f"Nothing of yours is in line. {line.waiting} waiting and {line.running} running in all."
        )
    ]
    for job in jobs[:_MOST]:
        progress = parts.studio.progress_of(job.id)
        state = texts.progress_line(progress) if progress else "about to start"
        items.append(
            ui.TextDisplay(f"**{markdown.short(markdown.plain(job.drawing.prompt.text), 150)}**\n{state}")
        )
        items.append(row(GalleryButton(GalleryAction.CANCEL, job.id, 0, label="Cancel")))
    if len(jobs) > _MOST:
        items.append(ui.TextDisplay(f"-# and {len(jobs) - _MOST} more"))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items))
    return view
