"""The cards of running and finished jobs, and their buttons. Components V2; no logic."""

import io
from collections.abc import Collection
from typing import Any

import discord
from discord import ui

from bot.studio import FACTORS, Gallery, GalleryAction, is_enlarged, pictures_of_style
from bot.ui import BLUE, PICTURE, Button, Language, View, card, markdown, row
from db import Job, JobAction, Note, NoteKind, Parent, Upload
from generation import Abilities, Download, LicenceClass, LoraSet, Progress, Role, Running, Waiting

PROMPT_SHOWN = 1000
_BOLD = 200  # characters; longer prompts are not bold
_BAR = 12  # characters
_ALT = 200  # characters
_DONE = discord.Colour(0x3BA55D)
_FAILED = discord.Colour(0x99545A)


class GalleryButton(Button, actions=GalleryAction, of=PICTURE):
    """`<action>:<job>:<image>`. Holds no data that the database has."""


def _head(say: Language, job: Job) -> ui.TextDisplay[Any]:
    prompt = markdown.short(markdown.plain(job.drawing.prompt.text or markdown.NO_WORDS), PROMPT_SHOWN)
    # A long prompt in bold would be too heavy above its picture.
    shown = prompt if len(prompt) > _BOLD else f"**{prompt}**"
    styles = pictures_of_style(job.drawing)
    shown_pictures = [each for each in job.drawing.pictures if all(each is not style for style in styles)]
    control = next((each.control.kind for each in job.drawing.pictures if each.control), None)
    parents = (each.source for each in shown_pictures)
    first = next((each.image + 1 for each in parents if isinstance(each, Parent)), None)
    is_edit = job.action in (JobAction.IMAGINE, JobAction.REMIX) and any(
        each.role is Role.REFERENCE for each in shown_pictures
    )
    head = say(
        "gallery-head",
        prompt=shown,
        member=job.member,
        action="edit" if is_edit else job.action,
        picture=first,
        supplied=sum(
            isinstance(each.source, Upload) and each.role is not Role.MASK for each in shown_pictures
        ),
        blended=max((each.blended for each in job.drawing.pictures), default=0),
        control=control,
    )
    styled = [say("gallery-styled")] if styles else []
    return ui.TextDisplay("\n".join([head, *styled, *(_note(say, note) for note in job.notes)]))


def _note(say: Language, note: Note) -> str:
    if note.kind in (NoteKind.CUT, NoteKind.NEGATIVE_CUT):
        read, tokens = note.names
        is_negative = note.kind is NoteKind.NEGATIVE_CUT
        return say("gallery-note-cut", read=int(read), tokens=int(tokens), is_negative=is_negative)
    if note.kind in (NoteKind.DRAWN, NoteKind.DRAWN_PARTLY, NoteKind.GROUND):
        names = " · ".join(map(markdown.plain, note.names))
    elif note.kind is NoteKind.DEFAULTS:
        names = ", ".join(note.names)
    elif note.kind is NoteKind.FLAGGED:
        names = ", ".join(say("server-category", category=category) for category in note.names)
    else:
        names = ", ".join(name if name.isdecimal() else f"`--{name}`" for name in note.names)
    limit = ""
    if note.kind is NoteKind.CLAMPED:
        name, limit = note.names
        names = f"`--{name}`"
    return say("gallery-note", kind=note.kind, names=names, count=len(note.names), limit=limit)


def _described(job: Job) -> str:
    """Returns the alt text: the words that were screened and drawn."""
    return markdown.short(markdown.one_line(job.drawing.prompt.text or markdown.NO_WORDS), _ALT)


def _foot(say: Language, gallery: Gallery, licence: LicenceClass, *, is_guided: bool) -> ui.TextDisplay[Any]:
    job, drawing = gallery.job, gallery.job.drawing
    # The stored pictures' size: a job's own size is that of its latents, before enlargement.
    picture = gallery.images[0]
    control = drawing.picture(Role.CONTROL)
    return ui.TextDisplay(
        say(
            "gallery-foot",
            seed=drawing.seed,
            model=drawing.model,
            licence=say("licence-class", kind=licence or None),
            width=picture.width,
            height=picture.height,
            action=job.action,
            steps=drawing.steps,
            guidance=f"{drawing.guidance:g}" if is_guided else None,
            scheduler=drawing.scheduler,
            loras=loras_told(say, drawing.loras),
            kind=control.control.kind if control and control.control else None,
            strength=f"{control.strength:g}" if control else "",
            has_negative=bool(drawing.prompt.negative),
            negative=drawing.prompt.negative,
            job=job.id,
        )
    )


def loras_told(say: Language, loras: LoraSet) -> str:
    return " · ".join(say("gallery-lora", name=lora.name, weight=f"{lora.weight:g}") for lora in loras)


def progress_line(say: Language, progress: Progress) -> str:
    match progress:
        case Waiting(download=Download(done=done, total=total)):
            return _download_line(say, done, total)
        case Waiting(place=place, seconds=seconds):
            return say("gallery-waiting", place=place, seconds=seconds)
        case Running(done=done, total=total, seconds=seconds):
            share = min(1.0, done / total) if total else 0.0
            filled = round(share * _BAR)
            bar = "█" * filled + "░" * (_BAR - filled)
            return say("gallery-running", bar=bar, share=share, seconds=seconds)


def _download_line(say: Language, done: int, total: int) -> str:
    is_large = total >= 10**9
    unit = 10**9 if is_large else 10**6
    return say("gallery-downloading", done=done / unit, total=total / unit, is_large=is_large)


def progress_card(
    say: Language, job: Job, progress: Progress, number: int, *, is_spoiler: bool
) -> tuple[View, list[discord.File]]:
    """Builds the card of a running job. `number` makes each preview's file name new, so that no client shows a cached one."""
    media: list[ui.Item[Any]] = []
    files: list[discord.File] = []
    if isinstance(progress, Running) and progress.preview:
        name = f"preview-{number}.jpg"
        files.append(discord.File(io.BytesIO(progress.preview), filename=name))
        media.append(_media(name, is_spoiler=is_spoiler, description=say("gallery-preview")))
    return _running_card(say, job, media, progress_line(say, progress)), files


def _running_card(say: Language, job: Job, media: list[ui.Item[Any]], line: str) -> View:
    cancel = GalleryButton(GalleryAction.CANCEL, job.id, 0, label=say("gallery-cancel"))
    ping = GalleryButton(GalleryAction.PING, job.id, 0, label=say("gallery-ping"), emoji="🔔")
    return card(_head(say, job), *media, ui.TextDisplay(line), row(cancel, ping), colour=BLUE)


def first_card(
    say: Language, job: Job, place: int, *, is_ready: bool, download: Download | None = None
) -> View:
    """Builds a new job's card. `is_ready`: whether a worker takes jobs; False while its model loads. `download`: of the job's
    model.
    """
    waiting = Waiting(place=place, seconds=None, download=download)
    line = progress_line(say, waiting) if is_ready else say("gallery-loading")
    return _running_card(say, job, [], line)


def gallery_card(
    say: Language,
    gallery: Gallery,
    name: str,
    abilities: Abilities | None = None,
    licence: LicenceClass = "",
    factors: Collection[int] = (),
    *,
    is_spoiler: bool,
    is_creative: bool = False,
    has_buttons: bool = True,
) -> View:
    """Builds a finished job's card. `name`: the file name of the attachment with the pictures. `abilities`: of the job's model;
    None while they are not known. `licence`: of the job's model. `factors`: by which a single picture can be enlarged.
    `is_creative`: whether its details can be drawn anew then.
    `has_buttons`: not in a member's direct messages, where another policy applies.
    """
    job = gallery.job
    items: list[ui.Item[Any]] = [
        _head(say, job),
        _media(name, is_spoiler=is_spoiler, description=_described(job)),
    ]
    if withheld := job.drawing.images - len(gallery.images):
        items.append(ui.TextDisplay(say("gallery-withheld", count=withheld, of=job.drawing.images)))
    items.append(_foot(say, gallery, licence, is_guided=abilities is None or abilities.is_guided))
    if not has_buttons:
        return card(*items, colour=_DONE)
    delete = GalleryButton(GalleryAction.DELETE, job.id, 0, emoji="🗑️")
    reroll = GalleryButton(GalleryAction.REROLL, job.id, 0, emoji="🔄")
    numbers = [image.index for image in gallery.images]
    starts = abilities is None or abilities.starts
    remix = GalleryButton(GalleryAction.REMIX, job.id, numbers[0], label=say("gallery-remix"), emoji="✏️")
    vary = [
        GalleryButton(GalleryAction.VARY, job.id, i, label=say("gallery-vary", picture=i + 1))
        for i in numbers
        if starts
    ]
    up = [
        GalleryButton(GalleryAction.UPSCALE, job.id, i, label=say("gallery-upscale", picture=i + 1))
        for i in numbers
    ]
    up = [] if is_enlarged(job) else up
    above = [] if job.action is JobAction.UPSCALE else [*up, reroll]
    below = [*vary, delete]
    # A single picture has many more buttons below.
    items += [row(*each) for each in ([above + below] if job.drawing.images == 1 else [above, below]) if each]
    # A row of its own: with four pictures the rows above are full.
    last = [remix] if starts else []
    if job.place.guild_id is not None:
        last.append(GalleryButton(GalleryAction.SEND, job.id, 0, label=say("gallery-send"), emoji="📨"))
    if last:
        items.append(row(*last))
    if job.drawing.images == 1:
        items += _rows_of_single(say, gallery, abilities, factors, is_creative=is_creative)
    return card(*items, colour=_DONE)


_PANS = {
    GalleryAction.PAN_LEFT: "⬅️",
    GalleryAction.PAN_RIGHT: "➡️",
    GalleryAction.PAN_UP: "⬆️",
    GalleryAction.PAN_DOWN: "⬇️",
}


def _rows_of_single(
    say: Language,
    gallery: Gallery,
    abilities: Abilities | None,
    factors: Collection[int],
    *,
    is_creative: bool,
) -> list[ui.ActionRow[Any]]:
    """Builds the buttons that go on from a single picture: those that its model can answer. The rest: as in `gallery_card`."""
    (picture,) = gallery.images
    job = gallery.job.id

    def button(press: GalleryAction) -> GalleryButton:
        if emoji := _PANS.get(press):
            return GalleryButton(press, job, picture.index, emoji=emoji)
        return GalleryButton(press, job, picture.index, label=say("gallery-on", press=press))

    rows: list[list[GalleryAction]] = []
    starts = abilities is None or abilities.starts
    masks = abilities is None or abilities.masks
    vary = [GalleryAction.SUBTLE, GalleryAction.STRONG] * starts + [GalleryAction.REGION] * masks
    rows += [vary] * bool(vary)
    if masks:
        zooms = [GalleryAction.ZOOM_LITTLE, GalleryAction.ZOOM_MUCH]
        rows += [[*zooms, GalleryAction.SQUARE] if picture.width != picture.height else zooms, [*_PANS]]
    larger = [press for press, factor in FACTORS.items() if factor in factors]
    larger += [GalleryAction.CREATIVE] * is_creative
    rows += [larger] * bool(larger)
    return [row(*map(button, each)) for each in rows]


def kept_card(say: Language, job: Job, sentence: str) -> View:
    """Builds the card of a job that the bot continues later. It has no button: trying again would make a second job.

    It names the job, as the buttons of the other cards do: a card whose id was lost is found by that.
    """
    named = ui.TextDisplay[Any](say("gallery-kept", job=job.id))
    return card(_head(say, job), ui.TextDisplay(sentence), named, colour=_FAILED)


def ended_card(say: Language, job: Job, sentence: str) -> View:
    """Builds the card of a job that ended without pictures. Its re-roll button tries again."""
    items: list[ui.Item[Any]] = [_head(say, job), ui.TextDisplay(sentence)]
    if job.action is not JobAction.UPSCALE:
        label = say("gallery-try-again")
        items.append(row(GalleryButton(GalleryAction.REROLL, job.id, 0, label=label, emoji="🔄")))
    return card(*items, colour=_FAILED)


def _media(name: str, *, is_spoiler: bool, description: str) -> ui.MediaGallery[Any]:
    return ui.MediaGallery(
        discord.MediaGalleryItem(f"attachment://{name}", description=description, spoiler=is_spoiler)
    )
