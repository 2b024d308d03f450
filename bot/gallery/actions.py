"""The functions behind the buttons of a card or gallery, and behind the remix form."""

import contextlib
import logging
from typing import Any

import discord

from bot.cases.effects import Effects
from bot.cases.mod_channel import ModChannel
from bot.gallery import typed_cards
from bot.gallery.delivery import Delivery
from bot.gallery.remix_form import RemixInput, form_of
from bot.gallery.results import gallery_result
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE
from bot.studio import (
    GalleryAction,
    MessageStays,
    NotRunning,
    NotYours,
    PictureGone,
    PromptRefused,
    demand_known,
)
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.parts import Parts
from bot.ui import say_in, say_to
from generation import JobId, ModelEntry

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]


class GalleryActions:
    def __init__(
        self,
        client: discord.Client,
        parts: Parts,
        delivery: Delivery,
        mod_channel: ModChannel,
        effects: Effects,
    ) -> None:
        self._client = client
        self._parts = parts
        self._delivery = delivery
        self._mod_channel = mod_channel
        self._effects = effects

    async def press(self, press: GalleryAction, interaction: Interaction, job: JobId, image: int) -> None:
        """Orders by a gallery button."""
        with self._delivery.intake.press(interaction) as is_new:
            if not is_new:
                await interaction.response.defer()
                return
            self._delivery.intake.demand_time(interaction)
            order = await self._parts.variations.pressed(press, job, image, actor_of(interaction))
            await self._delivery.deliver(interaction, order)

    async def surprise(self, interaction: Interaction, model: int) -> None:
        """Orders a random idea. `model`: as in `try_prompt`."""
        [prompt] = self._parts.studio.captions.ideas(self._model(model).name, 1)
        await self.try_prompt(interaction, prompt, model)

    async def try_prompt(self, interaction: Interaction, prompt: str, model: int) -> None:
        """Orders a prompt that was offered. `model`: its place in the settings, where it still has one."""
        with self._delivery.intake.press(interaction) as is_new:
            if not is_new:
                await interaction.response.defer()
                return
            self._delivery.intake.demand_time(interaction)
            models, entry = self._parts.settings.models, self._model(model)
            order = compose(PromptInput(prompt=prompt), actor_of(interaction), models, entry)
            await self._delivery.deliver(interaction, order)

    def _model(self, place: int) -> ModelEntry:
        settings = self._parts.settings
        return settings.models[place] if place < len(settings.models) else settings.default_model

    async def open_form(self, interaction: Interaction, job: JobId, image: int) -> None:
        # A form must be the first answer: no deferred answer may come before it.
        remixable = await self._parts.variations.remixable(job, actor_of(interaction))
        refused = typed_cards.blocks_in(interaction.message)  # only the answer to a refused remix has any
        await interaction.response.send_modal(form_of(say_to(interaction), remixable, image, refused))

    async def remix(self, interaction: Interaction, wanted: RemixInput) -> None:
        """Orders a remix from the submitted form. Raises refusals."""
        order = await self._parts.variations.remix(
            wanted.job, wanted.image, wanted.words, actor_of(interaction), wanted.change
        )
        try:
            await self._delivery.deliver(interaction, order)
        except PromptRefused as refused:
            words = wanted.words
            refused.remixed = wanted.job, wanted.image
            refused.texts = tuple(filter(None, [words.prompt, words.negative]))
            raise

    async def delete(self, interaction: Interaction, job: JobId, image: int) -> None:
        """Deletes all of the job's pictures. Raises NoSuchJob, NotYours, PictureGone, MessageStays."""
        reason = say_in(self._client, interaction.guild_id)("gallery-deleted")
        removed = await self._parts.takedown.remove(job, actor_of(interaction), reason)
        try:
            await self._effects.after(_delete_pressed(interaction), jobs=[job])
        except discord.NotFound as error:
            raise PictureGone from error  # another member deleted the message first
        finally:
            if removed.case is not None:
                await self._mod_channel.refresh_case(removed.case)

    async def cancel(self, interaction: Interaction, job_id: JobId) -> None:
        """Cancels a job. Its task updates the card. Raises NoSuchJob, NotYours, NotRunning."""
        try:
            await self._parts.takedown.cancel(job_id, actor_of(interaction))
        except NotRunning:
            await self._mend_card(interaction, job_id)
            raise

    async def _mend_card(self, interaction: Interaction, job_id: JobId) -> None:
        """Updates a card that still offers to cancel a job that has ended."""
        message, job = interaction.message, await self._parts.records.jobs.get(job_id)
        if job is None or message is None or message.flags.ephemeral:
            return
        if job.place.message_id != message.id and job.place.message_id is not None:
            # The bot was killed before it recorded this card, and posted another one.
            with contextlib.suppress(MessageStays, *UNREACHABLE):
                await _delete_pressed(interaction)
        elif job.delivered_at is None:
            self._delivery.try_at_once(job)

    async def show(self, interaction: Interaction, job_id: JobId, image: int) -> None:
        """Gives a member pictures that could not be posted. Raises NoSuchJob, NotYours, PictureGone."""
        job = demand_known(await self._parts.records.jobs.get(job_id), job_id, actor_of(interaction))
        if job.member != interaction.user.id:
            raise NotYours(is_picture=True)
        await interaction.response.defer(ephemeral=True, thinking=True)
        gallery = await self._parts.stored_pictures.gallery_of(job)
        is_spoiler = await self._parts.studio.is_for_adults(job)
        render = await gallery_result(say_to(interaction), self._parts, gallery, is_spoiler=is_spoiler)
        view, files = await render(interaction.filesize_limit)
        await interaction.edit_original_response(view=view, attachments=files)
        await self._parts.records.jobs.hand_out(job.id, self._parts.clock())


async def _delete_pressed(interaction: Interaction) -> None:
    """Deletes the message of the pressed button, as the bot or by the press's own token. Raises MessageStays."""
    await interaction.response.defer()
    if (message := interaction.message) is None:
        return
    try:
        await message.delete()
    except discord.NotFound:
        raise
    except UNREACHABLE as error:
        log.info("message %s is not deleted as the bot: %s", message.id, error)
        try:
            await interaction.delete_original_response()
        except UNREACHABLE as refused:
            log.warning("message %s can't be deleted: %s", message.id, refused)
            raise MessageStays(message.jump_url) from refused
