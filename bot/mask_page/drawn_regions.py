"""The buttons for a region that is drawn on the page: gives a member the link, asks for the words, and orders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.gallery.cards import GalleryButton
from bot.gallery.delivery import Delivery
from bot.gallery.region import ask_words, words_in
from bot.permissions import actor_of
from bot.studio import GalleryAction, PageClosed
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
from generation import JobId

_DRAWN = "drawnregion"
_CUSTOM_ID = re.compile(pattern([_DRAWN], PICTURE))

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnInput:
    """The request in a submitted form."""

    job: JobId
    image: int  # from 0
    words: PromptInput


class DrawnForm(ui.Modal):
    """`drawnregion:<job>:<image>`. It has a route, like the remix form."""


def link_card(say: Language, job: JobId, image: int, address: str, ends_at: float) -> View:
    link = ui.Button[Any](label=say("drawn-open"), url=address)
    go_on = GalleryButton(GalleryAction.DRAWN, job, image, label=say("drawn-go-on"))
    return card(ui.TextDisplay(say("drawn-link", ends=ends_at)), row(link, go_on), colour=BLUE)


def form_of(say: Language, remixable: Remixable, image: int) -> DrawnForm:
    job = remixable.job
    form = DrawnForm(
        title=say("region-title"), timeout=FORM_SECONDS, custom_id=custom_id(_DRAWN, job.id, image)
    )
    ask_words(form, say, remixable)
    return form


def drawn_input_in(sent: Mapping[str, Any]) -> DrawnInput | None:
    """Reads a form. `sent`: the submitted data from Discord. Returns None for another form. Raises UnreadablePress."""
    match = _CUSTOM_ID.fullmatch(str(sent.get("custom_id", "")))
    if match is None:
        return None
    words = words_in(choices_in(sent.get("components")))
    return DrawnInput(job=JobId(match[2]), image=int(match[3]), words=words)


class DrawnRegions:
    def __init__(self, parts: Parts, delivery: Delivery) -> None:
        self._parts = parts
        self._delivery = delivery

    async def give_link(self, interaction: Interaction, job: JobId, image: int) -> None:
        """Gives the member a link of their own. Raises NoSuchJob, PictureGone, ModelCannot, NotShownHere, PageClosed."""
        actor, links = actor_of(interaction), self._parts.region_links
        await self._parts.variations.regional(job, image, actor)
        if not links.is_offered:
            raise PageClosed
        stored = await self._parts.records.pictures.get(job, image)
        await self._parts.studio.picture_screening.demand_shown(
            [stored] if stored else [], policy_scope_of(actor)
        )
        address, ends_at = await links.make(actor.member, job, image, interaction.locale.value)
        view = link_card(say_to(interaction), job, image, address, ends_at)
        await interaction.response.send_message(view=view, ephemeral=True)

    async def open_form(self, interaction: Interaction, job: JobId, image: int) -> None:
        """Opens the form. Raises NoSuchJob, PictureGone, ModelCannot, RegionNotDrawn."""
        actor = actor_of(interaction)
        remixable, _ = await self._parts.variations.regional(job, image, actor)
        await self._parts.region_links.drawn(actor.member, job, image)
        await interaction.response.send_modal(form_of(say_to(interaction), remixable, image))

    async def order(self, interaction: Interaction, wanted: DrawnInput) -> None:
        """Orders from the submitted form. Raises refusals."""
        actor = actor_of(interaction)
        region = await self._parts.region_links.drawn(actor.member, wanted.job, wanted.image)
        order = await self._parts.variations.region(wanted.job, wanted.image, region, wanted.words, actor)
        await self._delivery.deliver(interaction, order)
