"""The functions behind the buttons of a card or gallery, and behind the remix form."""

import contextlib
import logging
from typing import Any

import discord

from bot.cases.effects import Effects
from bot.cases.mod_channel import ModChannel
from bot.gallery import typed_cards
from bot.gallery.delivery import Delivery
from bot.gallery.intake import SURE_SECONDS, Confirmation
from bot.gallery.remix_form import RemixInput, form_of
from bot.gallery.results import FILE_LIMIT, gallery_result
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE, link_of
from bot.studio import (
    Gallery,
    GalleryAction,
    MessagesClosed,
    MessageStays,
    NotDone,
    NotRunning,
    NotYours,
    PictureGone,
    PromptRefused,
    demand_known,
)
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.parts import Parts
from bot.studio.screening.server_policies import DIRECT_MESSAGES, PolicyScope, policy_scope_of
from bot.ui import note, say_in, say_to
from db import Job, JobState
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
        self._confirmation = Confirmation()

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
        """Deletes all of the job's pictures at the second press. Raises NoSuchJob, NotYours, PictureGone, MessageStays."""
        actor = actor_of(interaction)
        is_sure = self._confirmation.is_given(actor.member, job)
        # Without pictures, only a message is left to delete.
        if not is_sure and await self._parts.takedown.has_removable(job, actor):
            self._confirmation.ask(actor.member, job)
            again = say_to(interaction)("gallery-delete-again", seconds=round(SURE_SECONDS))
            await interaction.response.send_message(view=note(again), ephemeral=True)
            return
        reason = say_in(self._client, interaction.guild_id)("gallery-deleted")
        removed = await self._parts.takedown.remove(job, actor, reason)
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
        """Gives a member pictures that could not be posted. Raises as `show_job`."""
        await self.show_job(interaction, await self._parts.records.jobs.get(job_id), job_id)

    async def show_job(self, interaction: Interaction, known: Job | None, named: str) -> None:
        """Gives a member a job's pictures with their buttons, privately: the channel may be another than theirs.

        `named`: what the member called it. Raises NoSuchJob, NotYours, NotDone, PictureGone, NotShownHere.
        """
        job = _demand_own_pictures(demand_known(known, named, actor_of(interaction)), interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        gallery = await self._parts.stored_pictures.gallery_of(job)
        is_spoiler = await self._is_hidden(gallery, policy_scope_of(actor_of(interaction)))
        render = await gallery_result(say_to(interaction), self._parts, gallery, is_spoiler=is_spoiler)
        view, files = await render(interaction.filesize_limit)
        await interaction.edit_original_response(view=view, attachments=files)
        if job.delivered_at is None:
            await self._parts.records.jobs.hand_out(job.id, self._parts.clock())

    async def toggle_ping(self, interaction: Interaction, job_id: JobId, image: int) -> None:
        """Turns the mention at the job's end on or off. Raises NoSuchJob, NotYours, NotRunning."""
        with self._delivery.intake.press(interaction) as is_new:
            if not is_new:
                await interaction.response.defer()
                return
            jobs = self._parts.records.jobs
            job = demand_known(await jobs.get(job_id), job_id, actor_of(interaction))
            if job.member != interaction.user.id:
                raise NotYours(is_picture=False)
            is_on = await jobs.toggle_ping(job_id)
            if is_on is None:
                raise NotRunning
            told = say_to(interaction)("gallery-ping-set", is_on=is_on)
            await interaction.response.send_message(view=note(told), ephemeral=True)

    async def send(self, interaction: Interaction, job_id: JobId, image: int) -> None:
        """Sends the pictures to the member's direct messages.

        Raises NoSuchJob, NotYours, NotDone, PictureGone, NotShownHere, MessagesClosed.
        """
        with self._delivery.intake.press(interaction) as is_new:
            if not is_new:
                await interaction.response.defer()
                return
            known = await self._parts.records.jobs.get(job_id)
            job = _demand_own_pictures(demand_known(known, job_id, actor_of(interaction)), interaction)
            await interaction.response.defer(ephemeral=True, thinking=True)
            gallery = await self._parts.stored_pictures.gallery_of(job)
            is_spoiler, say = await self._is_hidden(gallery, DIRECT_MESSAGES), say_to(interaction)
            render = await gallery_result(say, self._parts, gallery, is_spoiler=is_spoiler, has_buttons=False)
            view, files = await render(FILE_LIMIT)
            try:
                await (await self._client.create_dm(interaction.user)).send(view=view, files=files)
            except discord.Forbidden as error:
                raise MessagesClosed from error
            await interaction.edit_original_response(view=note(say("gallery-sent")))

    async def _is_hidden(self, gallery: Gallery, spot: PolicyScope) -> bool:
        """Returns whether the pictures are shown there as spoilers. Raises NotShownHere."""
        is_flagged = await self._parts.studio.picture_screening.demand_shown(gallery.images, spot)
        return is_flagged or await self._parts.studio.is_for_adults(gallery.job)


def _demand_own_pictures(job: Job, interaction: Interaction) -> Job:
    """Raises NotYours, NotDone."""
    if job.member != interaction.user.id:
        raise NotYours(is_picture=True)
    if job.state is not JobState.DONE:
        is_running = job.state in (JobState.QUEUED, JobState.RUNNING)
        raise NotDone(link_of(job.place), is_running=is_running)
    return job


async def _delete_pressed(interaction: Interaction) -> None:
    """Deletes the message of the pressed button, as the bot or by the press's own token. Raises MessageStays."""
    await interaction.response.defer()
    if (message := interaction.message) is None:
        return
    if message.flags.ephemeral:  # only the press's token reaches it
        await interaction.delete_original_response()
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
