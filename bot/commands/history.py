"""/history: the member's pictures in pages, each with a repeat button and a link. Hands out those that could not be posted."""

import asyncio
import io
from typing import Any

import discord
from discord import ui

from bot.client import Interaction
from bot.gallery.cards import GalleryButton
from bot.posted_message import link_of
from bot.studio import GalleryAction, PictureGone
from bot.studio.pictures.stored import StoredPictures
from bot.ui import Language, Page, card, command, markdown, pager, row, say_to
from db import Job, Jobs
from generation import JobId, MemberId
from generation.files import images

PAGE = 4
"""Jobs per page: each takes seven of a message's forty components."""
_THUMBNAIL = 160  # pixels

NEWEST = "0"


@command("command-history")
async def history(interaction: Interaction) -> None:
    view, files = await _page(interaction, NEWEST)
    await interaction.response.send_message(view=view, files=files, ephemeral=True)


async def turn(interaction: Interaction, cursor: str) -> None:
    view, files = await _page(interaction, cursor)
    await interaction.response.edit_message(view=view, attachments=files)


async def _page(interaction: Interaction, cursor: str) -> tuple[ui.LayoutView, list[discord.File]]:
    parts, member = interaction.client.parts, MemberId(interaction.user.id)
    return await page(say_to(interaction), parts.records.jobs, parts.stored_pictures, member, cursor)


async def page(
    say: Language, jobs: Jobs, stored: StoredPictures, member: MemberId, cursor: str
) -> tuple[ui.LayoutView, list[discord.File]]:
    """Builds a page. `cursor`: the id of the job before the page, or NEWEST."""
    before = None if cursor == NEWEST else JobId(cursor)
    found = await jobs.of_member(member, before=before, limit=PAGE + 1)
    shown, has_more = found[:PAGE], len(found) > PAGE
    if not shown:
        return ui.LayoutView(timeout=None).add_item(ui.TextDisplay(say("history-none"))), []
    items: list[ui.Item[Any]] = [ui.TextDisplay(say("history-title"))]
    files: list[discord.File] = []
    for job in shown:
        items.append(ui.Separator())
        buttons = [GalleryButton(GalleryAction.REROLL, job.id, 0, label=say("history-repeat"), emoji="🔄")]
        try:
            content = await stored.read_first(job.id)
        except PictureGone:
            items.append(ui.TextDisplay[Any](_words(say, job, is_removed=True)))
        else:
            thumbnail = await asyncio.to_thread(images.thumbnail, content, _THUMBNAIL)
            name = f"{job.id}.jpg"
            files.append(discord.File(io.BytesIO(thumbnail), filename=name))
            words = ui.TextDisplay[Any](_words(say, job, is_removed=False))
            items.append(ui.Section(words, accessory=ui.Thumbnail(f"attachment://{name}")))
            if job.delivered_at is None:
                buttons.append(GalleryButton(GalleryAction.SHOW, job.id, 0, label=say("history-show")))
        items.append(row(*buttons))
    view = card(*items)
    is_newest = cursor == NEWEST
    view.add_item(pager(say, Page.HISTORY, NEWEST, shown[-1].id, is_newest=is_newest, has_more=has_more))
    return view, files


def _words(say: Language, job: Job, *, is_removed: bool) -> str:
    drawing = job.drawing
    about = say(
        "history-job",
        action=job.action,
        images=drawing.images,
        model=drawing.model,
        seed=drawing.seed,
        at=job.created_at,
        is_removed=is_removed,
        link=link_of(job.place),
    )
    if not (job.delivered_at or is_removed):
        about = f"{about}\n{say('history-not-posted')}"
    return f"**{markdown.short(markdown.plain(drawing.prompt.text or markdown.NO_WORDS), 200)}**\n{about}"
