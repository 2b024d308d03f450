"""/queue: my jobs that wait or run; each can be cancelled."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui

from bot import texts
from bot.buttons import GalleryButton, row
from bot.client import Atelier
from bot.orders import Press
from generation.request import MemberId

_MOST = 10
"""Jobs shown: each takes three of a message's forty components."""


@app_commands.command(description="Your jobs in line; cancel one")
async def queue(interaction: discord.Interaction[Atelier]) -> None:
    await interaction.response.send_message(view=await _panel(interaction), ephemeral=True)


async def turn(interaction: discord.Interaction[Atelier], _: str) -> None:
    """The panel again, after a press on it."""
    await interaction.response.edit_message(view=await _panel(interaction))


async def _panel(interaction: discord.Interaction[Atelier]) -> ui.LayoutView:
    studio = interaction.client.studio
    jobs = await studio.records.jobs.live_of_member(MemberId(interaction.user.id))
    line = studio.dispatch.state
    items: list[ui.Item[Any]] = [
        ui.TextDisplay(
            f"### Your jobs\n-# {line.waiting} waiting and {line.running} running in all"
            if jobs
            else f"Nothing of yours is in line. {line.waiting} waiting and {line.running} running in all."
        )
    ]
    for job in jobs[:_MOST]:
        progress = studio.progress_of(job.id)
        state = texts.progress_line(progress) if progress else "about to start"
        items.append(ui.TextDisplay(f"**{texts.short(texts.plain(job.drawing.prompt.text), 150)}**\n{state}"))
        items.append(row(GalleryButton(Press.CANCEL, job.id, label="Cancel")))
    if len(jobs) > _MOST:
        items.append(ui.TextDisplay(f"-# and {len(jobs) - _MOST} more"))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items))
    return view
