"""/history: my pictures, page by page; each can be repeated or found again."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
from discord import app_commands, ui

from bot.client import Interaction
from bot.gallery.buttons import GalleryButton
from bot.studio.errors import PictureGone
from bot.studio.orders.order import GalleryAction
from bot.studio.pictures.stored import StoredPictures
from bot.texts import markdown
from bot.ui.components import row
from bot.ui.pagination import Page, pager
from db.jobs import Job, JobAction, Jobs
from generation.files import images
from generation.request import JobId, MemberId

PAGE = 4
"""Jobs a page: each takes six of a message's forty components."""
_THUMBNAIL = 160  # pixels

NEWEST = "0"

_ACTION = {
    JobAction.IMAGINE: "imagine",
    JobAction.VARIATION: "variations",
    JobAction.REMIX: "remix",
    JobAction.UPSCALE: "upscaled",
    JobAction.REROLL: "re-roll",
}


@app_commands.command(description="Your pictures, newest first")
async def history(interaction: Interaction) -> None:
    view, files = await page(*_shelves(interaction), NEWEST)
    await interaction.response.send_message(view=view, files=files, ephemeral=True)


async def turn(interaction: Interaction, cursor: str) -> None:
    view, files = await page(*_shelves(interaction), cursor)
    await interaction.response.edit_message(view=view, attachments=files)


def _shelves(interaction: Interaction) -> tuple[Jobs, StoredPictures, MemberId]:
    parts = interaction.client.parts
    return parts.records.jobs, parts.stored_pictures, MemberId(interaction.user.id)


async def page(
    jobs: Jobs, archive: StoredPictures, member: MemberId, cursor: str
) -> tuple[ui.LayoutView, list[discord.File]]:
    """`cursor`: the id of the job that the page comes after, or NEWEST."""
    before = None if cursor == NEWEST else JobId(cursor)
    found = await jobs.of_member(member, before=before, limit=PAGE + 1)
    shown, has_more = found[:PAGE], len(found) > PAGE
    view = ui.LayoutView(timeout=None)
    if not shown:
        view.add_item(ui.TextDisplay("No pictures yet. `/imagine` makes some."))
        return view, []
    items: list[ui.Item[Any]] = [ui.TextDisplay("### Your pictures")]
    files: list[discord.File] = []
    for job in shown:
        items.append(ui.Separator())
        try:
            content = await archive.read_first(job.id)
        except PictureGone:
            items.append(ui.TextDisplay[Any](_words(job, "removed")))
        else:
            thumbnail = await asyncio.to_thread(images.thumbnail, content, _THUMBNAIL)
            name = f"{job.id}.jpg"
            files.append(discord.File(io.BytesIO(thumbnail), filename=name))
            items.append(
                ui.Section(
                    ui.TextDisplay[Any](_words(job, _link(job))),
                    accessory=ui.Thumbnail(f"attachment://{name}"),
                )
            )
        items.append(row(GalleryButton(GalleryAction.REROLL, job.id, 0, label="Repeat", emoji="🔄")))
    view.add_item(ui.Container(*items))
    view.add_item(pager(Page.HISTORY, NEWEST, shown[-1].id, is_newest=cursor == NEWEST, has_more=has_more))
    return view, files


def _words(job: Job, end: str) -> str:
    drawing, done = job.drawing, _ACTION[job.action]
    count = f"{drawing.images} picture{'s' if drawing.images > 1 else ''}"
    parts = [done, count, drawing.model, f"seed {drawing.seed}", f"<t:{int(job.created_at)}:R>", end]
    prompt = markdown.short(markdown.plain(drawing.prompt.text), 200)
    return f"**{prompt}**\n-# {' · '.join(part for part in parts if part)}"


def _link(job: Job) -> str:
    place = job.place
    if place.message_id is None:
        return ""
    where = place.guild_id or "@me"
    return f"[message](https://discord.com/channels/{where}/{place.channel_id}/{place.message_id})"
