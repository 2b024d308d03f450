"""Delivery of orders: from the interaction to the posted gallery."""

import asyncio
import io
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import discord

from bot import errors
from bot.cases.direct_messages import DirectMessages
from bot.cases.mod_channel import ModChannel
from bot.gallery import cards
from bot.gallery.progress import EditPace, show_progress
from bot.gallery.remix_form import RemixInput, form_of
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE, MessageGone, PostedMessage, is_final
from bot.studio import Gallery, GalleryAction, Order, PictureGone
from bot.studio.parts import Parts
from bot.studio.pictures.provenance import Provenance
from bot.studio.screening.pictures import PreviewScreening
from bot.ui import Language, say_in, say_to
from db import DiskFull, Job, JobAction, ReplyTarget
from db.verdicts import PICTURE
from generation import GenerationFailed, JobCancelled, JobId, JobParked, Ticket, Waiting
from generation.files import images
from generation.logs import of_job

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Spawn = Callable[[Coroutine[Any, Any, None]], object]

FILE_LIMIT = 10 * 2**20
"""Bytes: the upload limit of every server. Grids stay below it by their format; single PNGs are checked."""


class Delivery:
    """Delivers jobs. `spawn` starts a task in the bot's task group: a job outlives the interaction that ordered it."""

    def __init__(
        self,
        client: discord.Client,
        parts: Parts,
        mod_channel: ModChannel,
        direct_messages: DirectMessages,
        spawn: Spawn,
    ) -> None:
        self._client = client
        self._parts = parts
        self._studio = parts.studio
        self._mod_channel = mod_channel
        self._direct_messages = direct_messages
        self._spawn = spawn
        self._pace = EditPace()
        self._carried: set[JobId] = set()

    async def deliver(self, interaction: Interaction, order: Order) -> None:
        """Accepts the order, answers with its card, and starts the job's task. Raises refusals."""
        place = ReplyTarget(
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            message_id=None,
            token=interaction.token,
            token_at=time.time(),
        )
        job = await self._studio.admit(order, place)
        self._carried.add(job.id)
        with of_job(job.id, job.drawing.prompt):
            images, model = job.drawing.images, job.drawing.model
            log.info("accepted: %s, %d pictures with %s", job.action.value, images, model)
            await self._answer(interaction, job, place)

    async def _answer(self, interaction: Interaction, job: Job, place: ReplyTarget) -> None:
        line = self._parts.dispatch.state
        # The row is committed, so the job goes on even when the answer fails.
        try:
            answer = await interaction.response.send_message(
                view=cards.first_card(self._say(job), job, line.waiting + 1, is_ready=line.is_ready)
            )
            place = await self._studio.place_of_answer(job, answer.message_id)
            self._spawn(self._direct_messages.tell_pending(interaction))
        except UNREACHABLE as error:
            log.warning("accepted, but its answer failed: %s", error)
        finally:
            # The new task inherits the job's context for log lines.
            self._spawn(self._carry(job, PostedMessage(self._client, place)))

    def take_up(self, job: Job) -> bool:
        """Takes up a job from the database: unfinished, or finished but not delivered.

        Returns False when a task has it already.
        """
        if job.id in self._carried:
            return False
        self._carried.add(job.id)
        with of_job(job.id, job.drawing.prompt):
            self._spawn(self._carry(job, PostedMessage(self._client, job.place)))
        return True

    async def _carry(self, job: Job, post: PostedMessage) -> None:
        """Runs an accepted job until its result is posted. Errors are shown in the same message."""
        try:
            recorded = post.place.message_id
            is_spoiler = await self._studio.is_for_adults(job)
            view, files = await self._outcome(job, post, is_spoiler)
            message_id = await post.edit(view, files)
            if message_id != recorded:
                await self._studio.place_of_answer(job, message_id)
            await self._parts.records.jobs.delivered(job.id, self._parts.clock())
            log.info("delivered")
            await self._show_moderators(job)
        except MessageGone:
            log.info("the message was deleted: nobody to deliver to")
            await self._parts.records.jobs.delivered(job.id, self._parts.clock())
        except UNREACHABLE as error:
            if is_final(error):
                log.error("can't be delivered, ever: %s", error)
                await self._parts.records.jobs.delivered(job.id, self._parts.clock())
            else:
                # Not marked as delivered: the sweep tries again.
                log.warning("could not be delivered: %s", error)
        except DiskFull:
            # The row stays: the sweep takes the job up again when there is room.
            log.error("the disk is full: it waits for room")
            say = self._say(job)
            await post.edit(cards.kept_card(say, job, say("gallery-kept-until-room")), [])
        except JobParked as parked:
            log.info("parked: the next start goes on with it")
            say = self._say(job)
            await post.edit(cards.kept_card(say, job, say.sentence(parked) or ""), [])
        except Exception as error:
            say = self._say(job)
            text = errors.told(error, say, "while carrying it")
            await self._studio.abandon(job)
            await post.edit(cards.ended_card(say, job, text), [])
        finally:
            self._carried.discard(job.id)

    def _say(self, job: Job) -> Language:
        """Returns the server's language: the whole channel sees a job's card."""
        return say_in(self._client, job.place.guild_id)

    async def _show_moderators(self, job: Job) -> None:
        """Shows the pictures on the card of the job's case, if it has one. An error here does not fail the job."""
        try:
            await self._mod_channel.show_picture(job.id)
        except Exception:
            log.exception("the case's card has no picture")

    async def _outcome(
        self, job: Job, post: PostedMessage, is_spoiler: bool
    ) -> tuple[discord.ui.LayoutView, list[discord.File]]:
        follower: asyncio.Task[None] | None = None
        say = self._say(job)
        previews = PreviewScreening(self._parts.picture_screening, job, is_flagged=is_spoiler)

        def watch(ticket: Ticket) -> None:
            nonlocal follower
            follower = asyncio.create_task(
                show_progress(
                    say,
                    job,
                    ticket,
                    post,
                    self._pace,
                    shown=Waiting(place=1, seconds=None),
                    previews=previews,
                    is_spoiler=is_spoiler,
                )
            )

        try:
            gallery = await self._studio.fulfil(job, watch)
        except (GenerationFailed, JobCancelled, PictureGone) as error:
            return cards.ended_card(say, job, say.sentence(error) or ""), []
        finally:
            if follower is not None:
                # While the lock is held, no edit of the follower is under way, so none can arrive after the result.
                async with post.lock:
                    follower.cancel()
                await asyncio.wait([follower])
        is_spoiler = is_spoiler or await self._parts.records.verdicts.has_flagged(job.id, PICTURE)
        name, content = await asyncio.to_thread(_attachment, gallery, self._parts.provenance)
        return (
            cards.gallery_card(say, gallery, name, is_spoiler=is_spoiler),
            [discord.File(io.BytesIO(content), filename=name)],
        )

    async def press(self, press: GalleryAction, interaction: Interaction, job: JobId, image: int) -> None:
        """Orders by a gallery button."""
        order = await self._parts.variations.pressed(press, job, image, actor_of(interaction))
        await self.deliver(interaction, order)

    async def open_form(self, interaction: Interaction, job: JobId, image: int) -> None:
        # A form must be the first answer: no deferred answer may come before it.
        remixable = await self._parts.variations.remixable(job)
        await interaction.response.send_modal(form_of(say_to(interaction), remixable))

    async def remix(self, interaction: Interaction, wanted: RemixInput) -> None:
        """Orders a remix from the submitted form. Raises refusals."""
        order = await self._parts.variations.remix(
            wanted.job, wanted.image, wanted.words, actor_of(interaction), wanted.change
        )
        await self.deliver(interaction, order)

    async def delete(self, interaction: Interaction, job: JobId, image: int) -> None:
        """Deletes all of the job's pictures. Raises NoSuchJob, NotYours, PictureGone."""
        reason = say_in(self._client, interaction.guild_id)("gallery-deleted")
        removed = await self._parts.takedown.remove(job, actor_of(interaction), reason)
        try:
            await interaction.response.defer()
            if interaction.message is not None:
                await interaction.message.delete()
        except discord.NotFound as error:
            raise PictureGone from error  # another member deleted the message first
        finally:
            if removed.case is not None:
                await self._mod_channel.refresh_case(removed.case)


def _attachment(gallery: Gallery, provenance: Provenance) -> tuple[str, bytes]:
    """Returns the file to post: a single picture as the PNG with its parameters when it fits, otherwise the grid."""
    job = gallery.job
    if gallery.single is not None and len(gallery.single) <= FILE_LIMIT:
        return f"atelier-{job.id}.png", gallery.single
    content, form = gallery.grid, gallery.grid_format
    if len(content) > FILE_LIMIT:
        content, form = images.encode_grid(images.open_picture(content), FILE_LIMIT)
    content = provenance.signed(content, form, job, None)
    suffix = "jpg" if form == "jpeg" else form
    kind = "upscaled" if job.action is JobAction.UPSCALE else "grid"
    return f"atelier-{job.id}-{kind}.{suffix}", content
