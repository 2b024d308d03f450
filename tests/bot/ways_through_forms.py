"""Ways in of words that are written in a form: what tests/bot/ways_in.py lists. Also a finished job to begin from."""

from dataclasses import replace
from typing import Any

from bot.gallery import region, typed_cards
from bot.gallery.remix_form import form_of, remix_input_in
from bot.gallery.typed_cards import typed_in
from bot.mask_page import drawn_regions
from bot.studio.orders.order import Order
from bot.studio.orders.several import compose_each
from bot.texts import ENGLISH, language
from db.images import StoredImage
from db.jobs import Job, ReplyTarget
from db.verdicts import VerdictRecord
from generation.request import ImageSize, Prompt, Region
from moderation.verdict import ALLOWED
from playground.content.modals import filled, read_modal
from tests.bot.conftest import ADA, CHANNEL, GUILD, SMALL, Shop, an_order
from tests.bot.painter import png
from tests.bot.ways_with_pictures import Way

WIDE = ImageSize(width=80, height=48)
"""Not a square: that can't be made square."""


async def kept(shop: Shop, prompt: Prompt, **changes: Any) -> Job:
    """Stores an old finished job with a picture, independent of the current rules."""
    job = shop.studio._job_of(  # pyright: ignore[reportPrivateUsage]  # the same row as the studio writes
        an_order(images=1, prompt=prompt, size=WIDE),
        ALLOWED,
        ReplyTarget(guild_id=GUILD, channel_id=CHANNEL, token="a token"),
        shop.clock.now,
    )
    job = replace(job, **changes)
    async with shop.records.database.transaction() as tx:
        await shop.records.jobs.record(tx, job)
        stored: StoredImage = await shop.records.pictures.store(
            tx,
            job=job.id,
            index=0,
            content=png(),
            size=ImageSize(width=16, height=16),
            seed=1,
            at=shop.clock.now,
        )
        assert stored
        await shop.records.jobs.finish(tx, job.id, shop.clock.now)
    return job


def written_in_a_form(form: str, *, negative: str = "{}") -> Way:
    """Remixes another member's picture with the text in the modal."""

    async def path(shop: Shop, text: str) -> Order:
        job = await kept(shop, Prompt(text="a quiet hill", negative="a fence"))
        modal = read_modal(form_of(language(ENGLISH), await shop.variations.remixable(job.id, ADA)).to_dict())
        entries = {"prompt": form.format(text), "negative": negative.format(text)}
        wanted = remix_input_in({"custom_id": modal["custom_id"], "components": filled(modal, entries)})
        assert wanted is not None
        return await shop.variations.remix(wanted.job, wanted.image, wanted.words, ADA, wanted.change)

    return path


def written_for_a_drawn_region(form: str, *, negative: str = "{}") -> Way:
    """Redraws a region that was drawn on the page, with the text in the modal."""

    async def path(shop: Shop, text: str) -> Order:
        job = await kept(shop, Prompt(text="a quiet hill", negative="a fence"))
        remixable, _ = await shop.variations.regional(job.id, 0, ADA)
        modal = read_modal(drawn_regions.form_of(language(ENGLISH), remixable, 0).to_dict())
        entries = {"prompt": form.format(text), "negative": negative.format(text)}
        wanted = drawn_regions.drawn_input_in(
            {"custom_id": modal["custom_id"], "components": filled(modal, entries)}
        )
        assert wanted is not None
        left = Region(rows=1, columns=2, cells=(0,))
        return await shop.variations.region(wanted.job, wanted.image, left, wanted.words, ADA)

    return path


def written_for_a_region(form: str, *, negative: str = "{}") -> Way:
    """Redraws a region of another member's picture with the text in the modal."""

    async def path(shop: Shop, text: str) -> Order:
        job = await kept(shop, Prompt(text="a quiet hill", negative="a fence"))
        remixable, _ = await shop.variations.regional(job.id, 0, ADA)
        modal = read_modal(region.form_of(language(ENGLISH), remixable, 0).to_dict())
        entries = {"cells": ["4"], "prompt": form.format(text), "negative": negative.format(text)}
        wanted = region.region_input_in(
            {"custom_id": modal["custom_id"], "components": filled(modal, entries)}
        )
        assert wanted is not None
        return await shop.variations.region(wanted.job, wanted.image, wanted.region, wanted.words, ADA)

    return path


def edited(form: str = "{}", *, negative: str = "{}") -> Way:
    """Sends the text in the form of a refused prompt."""

    async def path(shop: Shop, text: str) -> Order:
        refused = VerdictRecord(
            id=1,
            at=0.0,
            guild_id=GUILD,
            channel_id=CHANNEL,
            member=ADA.member,
            member_name="ada",
            job=None,
            message_id=None,
            source="/imagine",
            prompt="a quiet hill",
            negative="a fence",
            verdict=ALLOWED,
        )
        modal = read_modal(typed_cards.form_of(language(ENGLISH), refused, "").to_dict())
        entries = {"prompt": form.format(text), "negative": negative.format(text)}
        wanted = typed_in({"custom_id": modal["custom_id"], "components": filled(modal, entries)})
        assert wanted is not None
        return compose_each(wanted, ADA, [SMALL], SMALL)[0]

    return path
