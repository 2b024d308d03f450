"""Redraws a region of a picture: shows its numbered cells, asks for some of them in a form, and orders."""

import asyncio
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.gallery.cards import GalleryButton
from bot.gallery.delivery import Delivery
from bot.gallery.remix_form import paragraph_of
from bot.permissions import actor_of
from bot.studio import GalleryAction, UnreadablePress
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.variations import Remixable
from bot.studio.parts import Parts
from bot.studio.screening.server_policies import policy_scope_of
from bot.ui import (
    BLUE,
    FORM_SECONDS,
    PICTURE,
    Language,
    View,
    card,
    choices_in,
    custom_id,
    pattern,
    row,
    say_to,
)
from db.verdicts import PICTURE as OF_PICTURE
from generation import JobId, Region
from generation.canvas.numbered import numbered

ROWS = COLUMNS = 3
_CELLS, _PROMPT, _NEGATIVE = "cells", "prompt", "negative"
_REGIONED = "regioned"
_CUSTOM_ID = re.compile(pattern([_REGIONED], PICTURE))
_FILE = "cells.jpg"

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionInput:
    """The request in a submitted form."""

    job: JobId
    image: int  # from 0
    region: Region
    words: PromptInput


class RegionForm(ui.Modal):
    """`regioned:<job>:<image>`. It has a route, like the remix form."""


def cells_card(say: Language, job: JobId, image: int, *, is_spoiler: bool, has_page: bool = False) -> View:
    picture = discord.MediaGalleryItem(f"attachment://{_FILE}", spoiler=is_spoiler)
    choose = GalleryButton(GalleryAction.CELLS, job, image, label=say("region-choose"))
    draw = [GalleryButton(GalleryAction.DRAW, job, image, label=say("region-draw"))] * has_page
    return card(
        ui.TextDisplay(say("region-numbers")), ui.MediaGallery(picture), row(choose, *draw), colour=BLUE
    )


def form_of(say: Language, remixable: Remixable, image: int) -> RegionForm:
    job = remixable.job
    form = RegionForm(
        title=say("region-title"), timeout=FORM_SECONDS, custom_id=custom_id(_REGIONED, job.id, image)
    )
    options = [
        discord.SelectOption(label=say("region-cell", cell=cell + 1, place=cell), value=str(cell))
        for cell in range(ROWS * COLUMNS)
    ]
    cells = ui.Select[Any](custom_id=_CELLS, options=options, max_values=len(options))
    form.add_item(ui.Label(text=say("region-cells"), description=say("region-cells.hint"), component=cells))
    ask_words(form, say, remixable)
    return form


def ask_words(form: ui.Modal, say: Language, remixable: Remixable) -> None:
    """Asks for the words of a region, with those of the picture to begin with."""
    prompt = paragraph_of(_PROMPT, remixable.job.drawing.prompt.text, is_required=True)
    form.add_item(ui.Label(text=say("remix-prompt"), component=prompt))
    if remixable.takes_negative:
        negative = paragraph_of(_NEGATIVE, remixable.job.drawing.prompt.negative, is_required=False)
        form.add_item(ui.Label(text=say("remix-negative"), component=negative))


def words_in(entries: Mapping[str, Sequence[str]]) -> PromptInput:
    """Returns what was written there. `entries`: as from `choices_in`."""
    return PromptInput(
        prompt="".join(entries.get(_PROMPT, [])), negative="".join(entries.get(_NEGATIVE, [])) or None
    )


def region_input_in(sent: Mapping[str, Any]) -> RegionInput | None:
    """Reads a form. `sent`: the submitted data from Discord. Returns None for another form. Raises UnreadablePress."""
    match = _CUSTOM_ID.fullmatch(str(sent.get("custom_id", "")))
    if match is None:
        return None
    entries = choices_in(sent.get("components"))
    chosen = {int(cell) for cell in entries.get(_CELLS, []) if re.fullmatch("[0-8]", cell)}
    if not chosen:  # the menu demands one; a forged form need not
        raise UnreadablePress
    return RegionInput(
        job=JobId(match[2]),
        image=int(match[3]),
        region=Region(rows=ROWS, columns=COLUMNS, cells=tuple(sorted(chosen))),
        words=words_in(entries),
    )


class Regions:
    def __init__(self, parts: Parts, delivery: Delivery) -> None:
        self._parts = parts
        self._delivery = delivery

    async def show(self, interaction: Interaction, job: JobId, image: int) -> None:
        """Shows the member the picture with numbers. Raises NoSuchJob, PictureGone, ModelCannot, NotShownHere."""
        actor = actor_of(interaction)
        remixable, source = await self._parts.variations.regional(job, image, actor)
        await interaction.response.defer(ephemeral=True, thinking=True)
        stored = await self._parts.records.pictures.get(source.job, source.image)
        is_flagged = await self._parts.studio.picture_screening.demand_shown(
            [stored] if stored else [], policy_scope_of(actor)
        )
        content = await self._parts.stored_pictures.read_picture(source)
        shown = await asyncio.to_thread(numbered, content, ROWS, COLUMNS)
        is_spoiler = (
            is_flagged
            or await self._parts.studio.is_for_adults(remixable.job)
            or await self._parts.records.verdicts.has_flagged(job, OF_PICTURE)
        )
        has_page = self._parts.region_links.is_offered
        view = cells_card(say_to(interaction), job, image, is_spoiler=is_spoiler, has_page=has_page)
        file = discord.File(io.BytesIO(shown), filename=_FILE)
        await interaction.edit_original_response(view=view, attachments=[file])

    async def open_form(self, interaction: Interaction, job: JobId, image: int) -> None:
        """Opens the form. Raises NoSuchJob, PictureGone, ModelCannot."""
        remixable, _ = await self._parts.variations.regional(job, image, actor_of(interaction))
        await interaction.response.send_modal(form_of(say_to(interaction), remixable, image))

    async def order(self, interaction: Interaction, wanted: RegionInput) -> None:
        """Orders from the submitted form. Raises refusals."""
        order = await self._parts.variations.region(
            wanted.job, wanted.image, wanted.region, wanted.words, actor_of(interaction)
        )
        await self._delivery.deliver(interaction, order)
