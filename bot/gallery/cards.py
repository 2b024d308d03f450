"""What is posted: the card of a running job, the gallery. Components V2; no logic."""

from __future__ import annotations

import io
from typing import Any

import discord
from discord import ui

from bot.gallery.buttons import GalleryButton
from bot.studio.orders.order import Gallery, GalleryAction
from bot.texts import markdown
from bot.texts import members as texts
from bot.ui.components import BLUE, View, card, row
from db.jobs import Job, JobAction
from generation.queue.ticket import Progress, Running, Waiting

PROMPT_SHOWN = 1000
_BOLD = 200  # characters
_DONE = discord.Colour(0x3BA55D)
_FAILED = discord.Colour(0x99545A)

File = discord.File


def _head(job: Job) -> ui.TextDisplay[Any]:
    prompt = markdown.short(markdown.plain(job.drawing.prompt.text), PROMPT_SHOWN)
    # A long prompt in bold would be a wall above its picture.
    shown = prompt if len(prompt) > _BOLD else f"**{prompt}**"
    return ui.TextDisplay(f"{shown} · <@{job.member}>{_what(job)}")


def _what(job: Job) -> str:
    match job.action, job.drawing.pictures:
        case JobAction.VARIATION, (first, *_):
            return f" · variations of picture {first.source.image + 1}"
        case JobAction.REMIX, (first, *_):
            return f" · remixed from picture {first.source.image + 1}"
        case JobAction.UPSCALE, (first, *_):
            return f" · picture {first.source.image + 1}, upscaled"
        case JobAction.REROLL, _:
            return " · re-roll"
        case _:
            return ""


def _foot(gallery: Gallery) -> ui.TextDisplay[Any]:
    job, drawing = gallery.job, gallery.job.drawing
    # The size of the pictures that are there: a job's own is that of its latents, before anything enlarges them.
    parts = [
        f"seed {drawing.seed}",
        drawing.model,
        *(f"{image.width}×{image.height}" for image in gallery.images[:1]),
    ]
    if job.action is not JobAction.UPSCALE:
        parts += [f"{drawing.steps} steps", f"cfg {drawing.guidance:g}"]
        parts += [f"LoRA {lora.name} {lora.weight:g}" for lora in drawing.loras]
    if drawing.prompt.negative:
        parts.append(f"no {markdown.short(markdown.plain(drawing.prompt.negative), 200)}")
    parts.append(f"job {job.id}")
    return ui.TextDisplay("-# " + " · ".join(parts))


def progress_card(job: Job, progress: Progress, number: int, *, is_spoiler: bool) -> tuple[View, list[File]]:
    """`number` makes each preview's file name new, so that no client shows an old one from its cache."""
    media: list[ui.Item[Any]] = []
    files: list[File] = []
    if isinstance(progress, Running) and progress.preview:
        name = f"preview-{number}.jpg"
        files.append(discord.File(io.BytesIO(progress.preview), filename=name))
        media.append(_media(name, is_spoiler=is_spoiler, description="preview"))
    return _running_card(job, media, texts.progress_line(progress)), files


def _running_card(job: Job, media: list[ui.Item[Any]], line: str) -> View:
    cancel = GalleryButton(GalleryAction.CANCEL, job.id, 0, label="Cancel")
    return card(_head(job), *media, ui.TextDisplay(line), row(cancel), colour=BLUE)


def first_card(job: Job, place: int, *, is_ready: bool) -> View:
    """`is_ready`: whether a worker takes jobs; it does not while its model loads."""
    return _running_card(job, [], texts.progress_line(Waiting(place=place, seconds=None), is_ready=is_ready))


def gallery_card(gallery: Gallery, name: str, *, is_spoiler: bool) -> View:
    """`name`: the file name of the attachment that holds the pictures."""
    job = gallery.job
    items: list[ui.Item[Any]] = [
        _head(job),
        _media(name, is_spoiler=is_spoiler, description=markdown.short(job.drawing.prompt.text, 200)),
        _foot(gallery),
    ]
    if withheld := job.drawing.images - len(gallery.images):
        items.insert(-1, ui.TextDisplay[Any](texts.withheld(withheld, job.drawing.images)))
    delete = GalleryButton(GalleryAction.DELETE, job.id, 0, emoji="🗑️")
    reroll = GalleryButton(GalleryAction.REROLL, job.id, 0, emoji="🔄")
    numbers = [image.index for image in gallery.images]
    remix = GalleryButton(GalleryAction.REMIX, job.id, numbers[0], label="Remix", emoji="✏️")
    vary = [GalleryButton(GalleryAction.VARY, job.id, i, label=f"V{i + 1}") for i in numbers]
    if job.action is not JobAction.UPSCALE:
        up = [GalleryButton(GalleryAction.UPSCALE, job.id, i, label=f"U{i + 1}") for i in numbers]
        items.append(row(*up, reroll))
    items.append(row(*vary, delete))
    items.append(row(remix))  # with four pictures the rows above are full
    return card(*items, colour=_DONE)


def kept_card(job: Job, sentence: str) -> View:
    """A job that waits for better times. No button: trying again would make a second one."""
    return card(_head(job), ui.TextDisplay(sentence), colour=_FAILED)


def ended_card(job: Job, sentence: str) -> View:
    """A job that ended without pictures; re-roll is the way to try again."""
    again = GalleryButton(GalleryAction.REROLL, job.id, 0, label="Try again", emoji="🔄")
    items: list[ui.Item[Any]] = [_head(job), ui.TextDisplay(sentence)]
    if job.action is not JobAction.UPSCALE:
        items.append(row(again))
    return card(*items, colour=_FAILED)


def _media(name: str, *, is_spoiler: bool, description: str) -> ui.MediaGallery[Any]:
    return ui.MediaGallery(
        discord.MediaGalleryItem(f"attachment://{name}", description=description, spoiler=is_spoiler)
    )
