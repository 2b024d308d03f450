"""/history: my pictures, page by page; each can be repeated or found again."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
from discord import app_commands, ui

from bot import texts
from bot.buttons import GalleryButton, row
from bot.client import Atelier
from bot.orders import PictureGone, Press
from bot.pages import PageButton
from db.jobs import Job, Parent
from generation import images
from generation.request import JobId, MemberId

PAGE = 4
"""Jobs a page: each takes six of a message's forty components."""
_THUMBNAIL = 160  # pixels

NEWEST = "0"


@app_commands.command(description="Your pictures, newest first")
async def history(interaction: discord.Interaction[Atelier]) -> None:
    view, files = await _page(interaction, NEWEST)
    await interaction.response.send_message(view=view, files=files, ephemeral=True)


async def turn(interaction: discord.Interaction[Atelier], cursor: str) -> None:
    view, files = await _page(interaction, cursor)
    await interaction.response.edit_message(view=view, attachments=files)


async def _page(
    interaction: discord.Interaction[Atelier], cursor: str
) -> tuple[ui.LayoutView, list[discord.File]]:
    """`cursor`: the id of the job that the page comes after, or NEWEST."""
    studio = interaction.client.studio
    before = None if cursor == NEWEST else JobId(cursor)
    jobs = await studio.records.jobs.of_member(MemberId(interaction.user.id), before=before, limit=PAGE + 1)
    shown, has_more = jobs[:PAGE], len(jobs) > PAGE
    view = ui.LayoutView(timeout=None)
    if not shown:
        view.add_item(ui.TextDisplay("No pictures yet. `/imagine` makes some."))
        return view, []
    items: list[ui.Item[Any]] = [ui.TextDisplay("### Your pictures")]
    files: list[discord.File] = []
    for job in shown:
        words = ui.TextDisplay[Any](_words(job))
        try:
            content = await interaction.client.archive.read_picture(Parent(job=job.id, image=0))
        except PictureGone:
            items.append(words)
        else:
            thumbnail = await asyncio.to_thread(images.thumbnail, content, _THUMBNAIL)
            name = f"{job.id}.jpg"
            files.append(discord.File(io.BytesIO(thumbnail), filename=name))
            items.append(ui.Section(words, accessory=ui.Thumbnail(f"attachment://{name}")))
        items.append(row(GalleryButton(Press.REROLL, job.id, label="Repeat", emoji="🔄")))
    view.add_item(ui.Container(*items))
    pager = row(
        PageButton("history", NEWEST, label="Newest", is_disabled=cursor == NEWEST),
        # A disabled button needs a custom_id of its own all the same.
        PageButton("history", shown[-1].id, label="Older", is_disabled=not has_more),
    )
    view.add_item(pager)
    return view, files


def _words(job: Job) -> str:
    place = job.place
    link = ""
    if place.message_id is not None:
        where = place.guild_id or "@me"
        link = f" · [message](https://discord.com/channels/{where}/{place.channel_id}/{place.message_id})"
    return (
        f"**{texts.short(texts.plain(job.prompt.text), 200)}**\n"
        f"-# {job.action} · {job.images} of {job.model} · seed {job.seed} · <t:{int(job.created_at)}:R>{link}"
    )
