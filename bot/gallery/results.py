"""What a job ends in: a card and its file, which is encoded again where Discord accepts only smaller ones."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from typing import Any

import discord

from bot.gallery import cards
from bot.studio import Gallery, is_enlarged
from bot.studio.orders.enlarging.creative import CREATIVE_FACTOR, can_be_creative
from bot.studio.orders.variations import MAX_SIDE
from bot.studio.parts import Parts
from bot.studio.pictures.provenance import Provenance
from bot.ui import Language, View
from db import Job
from db.verdicts import PICTURE
from generation.files import images

FILE_LIMIT = 10 * 2**20
"""Bytes that every server takes: for results after a restart, when the limit that came with the order is not known."""

Render = Callable[[int], Coroutine[Any, Any, tuple[View, list[discord.File]]]]
"""Builds the card, with a file of at most so many bytes."""


async def gallery_result(
    say: Language, parts: Parts, gallery: Gallery, *, is_spoiler: bool, has_buttons: bool = True
) -> Render:
    is_hidden = is_spoiler or await parts.records.verdicts.has_flagged(gallery.job.id, PICTURE)

    async def render(limit: int) -> tuple[View, list[discord.File]]:
        name, content = await asyncio.to_thread(attachment, gallery, parts.provenance, limit)
        abilities = parts.dispatch.abilities_of(gallery.job.drawing.model)
        licence = parts.settings.licence_class(gallery.job.drawing.model)
        factors = factors_of(gallery, parts.settings.generation.upscale_factor)
        view = cards.gallery_card(
            say,
            gallery,
            name,
            abilities,
            licence,
            factors,
            is_spoiler=is_hidden,
            is_creative=is_creative_offered(parts, gallery),
            has_buttons=has_buttons,
        )
        return view, [discord.File(io.BytesIO(content), filename=name)]

    return render


def factors_of(gallery: Gallery, usual: int) -> list[int]:
    """Returns the factors by which the first picture can be enlarged. `usual`: that of U1, which a drawn picture has."""
    others = (2, 4) if is_enlarged(gallery.job) else {2, 4} - {usual}
    return [factor for factor in others if _has_room(gallery, factor)]


def is_creative_offered(parts: Parts, gallery: Gallery) -> bool:
    """Returns whether the first picture can be enlarged with new details."""
    model = parts.settings.model(gallery.job.drawing.model)
    can = parts.dispatch.abilities_of(model.name)
    return can_be_creative(model, can) and _has_room(gallery, CREATIVE_FACTOR)


def _has_room(gallery: Gallery, factor: int) -> bool:
    picture = gallery.images[0]
    return max(picture.width, picture.height) * factor <= MAX_SIDE


def ended_result(say: Language, job: Job, sentence: str) -> Render:
    async def render(limit: int) -> tuple[View, list[discord.File]]:
        return cards.ended_card(say, job, sentence), []

    return render


def attachment(gallery: Gallery, provenance: Provenance, limit: int) -> tuple[str, bytes]:
    """Returns the file to post: a single picture as the PNG with its parameters when it fits, otherwise the grid."""
    job = gallery.job
    if gallery.single is not None and len(gallery.single) <= limit:
        return f"atelier-{job.id}.png", gallery.single
    content, form = gallery.grid, gallery.grid_format
    if len(content) > limit:
        content, form = images.encode_grid(images.open_picture(content), limit)
    content = provenance.signed(content, form, job, None)
    suffix = "jpg" if form == "jpeg" else form
    kind = "upscaled" if is_enlarged(job) else "grid"
    return f"atelier-{job.id}-{kind}.{suffix}", content
