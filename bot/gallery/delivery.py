"""Delivery of orders: from the interaction to the posted gallery."""

import asyncio
import contextlib
import io
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord

from bot import errors
from bot.cases.direct_messages import DirectMessages
from bot.cases.mod_channel import ModChannel
from bot.gallery import cards
from bot.gallery.intake import Intake
from bot.gallery.progress import EditPace, show_progress
from bot.gallery.results import FILE_LIMIT, Render, ended_result, gallery_result
from bot.gallery.tries import tries_card
from bot.posted_message import (
    LONGEST_PAUSE,
    UNREACHABLE,
    MessageGone,
    PostedMessage,
    is_final,
    is_too_large,
    link_of,
    needs_repost,
    pause_after,
)
from bot.studio import Order, PictureGone, UnknownWords
from bot.studio.parts import Parts
from bot.studio.screening.pictures import PreviewScreening
from bot.ui import Language, say_in, say_to
from db import DiskFull, Job, JobAction, JobState, ReplyTarget, StorageError
from generation import GenerationFailed, JobCancelled, JobId, JobParked, QueueClosed, Ticket, Waiting
from generation.logs import of_job
from moderation import DAY

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Spawn = Callable[[Coroutine[Any, Any, None]], object]

_SMALLEST_LIMIT = 2**18
"""Bytes. A file that Discord calls too large is halved down to this."""
_TOO_LATE = 10062
"""Discord's code for an interaction that it no longer lets the bot answer."""
_HURRIED = 10
"""Failed tries after which a job keeps its pauses, although other results get through: something is wrong with itself."""
_LONGEST_STORAGE_PAUSE = 60.0
"""Seconds between two tries when the disk is full or the database is busy."""
_PATIENCE = DAY
"""Seconds since a job's end after which its result is given up, if this run of the bot has tried it `_REPOSTED_FROM` times."""
_REPOSTED_FROM = 3
"""Failed tries after which a message whose edit Discord refuses is posted anew."""


@dataclass(slots=True, kw_only=True)
class _Tries:
    channel_id: int
    failed: int = 0
    next_at: float = 0.0  # by the event loop's clock
    is_refused: bool = False  # by Discord, which otherwise could not be reached


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
        self.intake = Intake()
        self._carried: set[JobId] = set()
        # Of jobs whose result could not be posted. Lost at a restart, which tries each of them at once.
        self._tries: dict[JobId, _Tries] = {}

    async def deliver(self, interaction: Interaction, order: Order) -> None:
        """Accepts the order, answers with its card, and starts the job's task. Raises refusals; that of unknown words is answered
        here, with buttons.

        An interaction that has an answer gets the card as one more message, and may be as old as its token. It raises all.
        """
        if self._client.is_closed():
            raise QueueClosed  # the answer could not be sent
        is_answered = interaction.response.is_done()
        place = ReplyTarget(
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            message_id=None,
            # The token would name the first answer after a kill, and not this job's card.
            token="" if is_answered else interaction.token,
            token_at=time.time(),
        )
        try:
            if is_answered:
                job, began = await self._studio.admit(order, place), None
                self._carried.add(job.id)
            else:
                async with self.intake.admission(interaction) as began:
                    in_time = partial(self.intake.demand_answer, interaction)
                    job = await self._studio.admit(order, place, in_time)
                    self._carried.add(job.id)
        except UnknownWords as error:
            if is_answered:
                raise
            names = [entry.name for entry in self._parts.settings.models]
            view = tries_card(say_to(interaction), error, names.index(order.drawing.model))
            await interaction.response.send_message(view=view, ephemeral=True)
            return
        with of_job(job.id, job.drawing.prompt):
            images, model = job.drawing.images, job.drawing.model
            log.info("accepted: %s, %d pictures with %s", job.action.value, images, model)
            await self._answer(interaction, job, place, began)

    async def _answer(
        self, interaction: Interaction, job: Job, place: ReplyTarget, began: float | None
    ) -> None:
        """`began`: when the order's turn began; None if the interaction has an answer."""
        line = self._parts.dispatch.state
        is_told = True
        # The row is committed, so the job goes on even when the answer fails.
        try:
            download = self._parts.dispatch.download_of(job.drawing.model)
            if job.action is JobAction.UPSCALE:  # no model draws it
                download = None
            card = cards.first_card(
                self._say(job), job, line.waiting + 1, is_ready=line.is_ready, download=download
            )
            if began is None:
                message_id = (await interaction.followup.send(view=card, wait=True)).id
            else:
                message_id = (await interaction.response.send_message(view=card)).message_id
                self.intake.answered(began)
            place = await self._studio.place_of_answer(job, message_id)
            self._spawn(self._direct_messages.tell_pending(interaction))
        except UNREACHABLE as error:
            is_told = not (isinstance(error, discord.HTTPException) and error.code == _TOO_LATE)
            log.warning("accepted, but its answer failed: %s", error)
        finally:
            # The new task inherits the job's context for log lines.
            post, limit = self._posted(job, place), interaction.filesize_limit
            self._spawn(self._carry(job, post, limit) if is_told else self._retract(job))

    async def _retract(self, job: Job) -> None:
        """Takes back an order whose answer came too late: its member sees that the bot did not respond, and orders again."""
        try:
            log.warning("not taken: its answer came too late")
            await self._studio.retract(job)
        finally:
            self._carried.discard(job.id)

    @property
    def is_idle(self) -> bool:
        """Whether no task carries a job."""
        return not self._carried

    def try_at_once(self, job: Job) -> bool:
        """Takes up a job before its next try is due. Returns False when a task has it already."""
        if (tries := self._tries.get(job.id)) is not None:
            tries.next_at = 0.0
        return self.take_up(job)

    def take_up(self, job: Job) -> bool:
        """Takes up a job from the database: unfinished, or finished but not delivered.

        Returns False when a task has it already, or when its next try is not due.
        """
        tries = self._tries.get(job.id)
        if job.id in self._carried or (tries and asyncio.get_running_loop().time() < tries.next_at):
            return False
        self._carried.add(job.id)
        with of_job(job.id, job.drawing.prompt):
            self._spawn(self._carry(job, self._posted(job, job.place)))
        return True

    def _posted(self, job: Job, place: ReplyTarget) -> PostedMessage:
        return PostedMessage(self._client, place, job.id, partial(self._studio.place_of_answer, job))

    async def _carry(self, job: Job, post: PostedMessage, limit: int = FILE_LIMIT) -> None:
        """Runs an accepted job until its result is posted. Errors are shown in the same message.

        `limit`: bytes of a file that the channel takes.
        """
        try:
            try:
                await self._finish(job, post, await self._outcome(job, post), limit)
                await self._ping(job, post)
                await self._show_moderators(job)
            except (MessageGone, JobParked, StorageError, *UNREACHABLE):
                raise
            except Exception as error:
                if self._client.is_closed():
                    # discord.py raises RuntimeError then. The job is no worse for it: the next start takes it up.
                    raise
                text = errors.told(error, self._say(job), "while carrying it")
                await self._studio.abandon(job)
                await self._finish(job, post, ended_result(self._say(job), job, text))
        except MessageGone:
            log.info("the message was deleted: nobody to deliver to")
            self._tries.pop(job.id, None)
            await self._studio.give_up(job)
        except DiskFull:
            # The row stays: the sweep takes the job up again when there is room.
            log.error("the disk is full: it waits for room")
            self._pause(job, None)
            with contextlib.suppress(MessageGone, *UNREACHABLE):
                say = self._say(job)
                await post.edit(cards.kept_card(say, job, say("gallery-kept-until-room")), [])
        except JobParked as parked:
            log.info("parked: the next start goes on with it")
            with contextlib.suppress(MessageGone, *UNREACHABLE):
                say = self._say(job)
                await post.edit(cards.kept_card(say, job, say.sentence(parked) or ""), [])
        except (StorageError, *UNREACHABLE) as error:
            # Not marked as delivered: the sweep tries again.
            log.warning("could not be delivered: %s", error)
            self._pause(job, error)
            await self._give_up_after_hours(job)
        else:
            self._tries.pop(job.id, None)
            self._shorten_pauses(job.place.channel_id)
        finally:
            self._carried.discard(job.id)

    async def _finish(self, job: Job, post: PostedMessage, render: Render, limit: int = FILE_LIMIT) -> None:
        """Posts a job's result and records that. Raises MessageGone, StorageError, or one of UNREACHABLE."""
        while True:
            view, files = await render(limit)
            try:
                await self._show(job, post, view, files)
                break
            except discord.HTTPException as error:
                if not is_too_large(error) or limit <= _SMALLEST_LIMIT or not files:
                    raise
                limit = max(_SMALLEST_LIMIT, min(limit, files[0].fp.seek(0, io.SEEK_END)) // 2)
                log.info("the file is too large here: encoded again with at most %d bytes", limit)
        await self._parts.records.jobs.delivered(job.id, self._parts.clock())
        log.info("delivered")

    async def _show(
        self, job: Job, post: PostedMessage, view: discord.ui.LayoutView, files: list[discord.File]
    ) -> None:
        try:
            await post.edit(view, files)
        except discord.HTTPException as error:
            tries = self._tries.get(job.id)
            is_stuck = tries is not None and tries.failed >= _REPOSTED_FROM and is_final(error)
            if is_too_large(error) or not (needs_repost(error) or is_stuck):
                raise
            log.info("posted anew, as the edit is refused: %s", error)
            await post.repost(view, files)

    def _pause(self, job: Job, error: Exception | None) -> None:
        """Sets the time of the next try. `error`: None when storage failed."""
        tries = self._tries.setdefault(job.id, _Tries(channel_id=job.place.channel_id))
        longest = LONGEST_PAUSE if isinstance(error, UNREACHABLE) else _LONGEST_STORAGE_PAUSE
        tries.is_refused = error is not None and is_final(error)
        tries.next_at = asyncio.get_running_loop().time() + pause_after(tries.failed, longest)
        tries.failed += 1

    def _shorten_pauses(self, channel_id: int) -> None:
        """Ends the pauses that a success has made useless: Discord can be reached, and takes messages in that channel."""
        for tries in self._tries.values():
            is_affected = not tries.is_refused or tries.channel_id == channel_id
            if is_affected and tries.failed <= _HURRIED:
                tries.next_at = 0.0

    async def _give_up_after_hours(self, job: Job) -> None:
        if self._tries[job.id].failed < _REPOSTED_FROM:
            # The clock may be wrong for a moment.
            return
        known = await self._parts.records.jobs.get(job.id)
        if known is None:  # its member is forgotten
            self._tries.pop(job.id, None)
        elif known.finished_at is not None and self._parts.clock() - known.finished_at > _PATIENCE:
            log.error("given up: Discord did not take its result for hours")
            await self._studio.give_up(known)
            self._tries.pop(job.id, None)

    def _say(self, job: Job) -> Language:
        """Returns the server's language: the whole channel sees a job's card."""
        return say_in(self._client, job.place.guild_id)

    async def _ping(self, job: Job, post: PostedMessage) -> None:
        """Mentions the member once, if they asked for it: an edit sends no notification.

        The mention is due until Discord has it: after a kill in between, the next start looks for it and posts it.
        """
        known = await self._parts.records.jobs.get(job.id)
        if known is None or not known.is_pinging:
            return
        if known.state in (JobState.DONE, JobState.FAILED):  # a member who cancelled knows
            link, is_done = link_of(post.place), known.state is JobState.DONE
            text = self._say(job)("gallery-pinged", member=job.member, is_done=is_done, link=link)
            try:
                if not (job.delivered_at and await post.has_mention(text)):
                    await post.mention(text, job.member)
            except discord.HTTPException as error:
                log.info("the member is not mentioned: %s", error)
            except UNREACHABLE as error:
                log.info("the member is not mentioned yet: %s", error)
                return
        await self._parts.records.jobs.pinged(job.id)

    def ping_late(self, job: Job) -> None:
        """Posts a mention that is due for a delivered job, unless a task has the job."""
        if job.id in self._carried:
            return
        self._carried.add(job.id)
        with of_job(job.id, job.drawing.prompt):
            self._spawn(self._ping_late(job))

    async def _ping_late(self, job: Job) -> None:
        try:
            await self._ping(job, self._posted(job, job.place))
        except StorageError as error:
            log.warning("a mention waits for the database: %s", error)
        finally:
            self._carried.discard(job.id)

    async def _show_moderators(self, job: Job) -> None:
        """Shows the pictures on the card of the job's case, if it has one. An error here does not fail the job."""
        try:
            await self._mod_channel.show_picture(job.id)
        except Exception:
            log.exception("the case's card has no picture")

    async def _outcome(self, job: Job, post: PostedMessage) -> Render:
        """Runs the job to its end while its card shows the progress."""
        follower: asyncio.Task[None] | None = None
        say, is_spoiler = self._say(job), await self._studio.is_for_adults(job)
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
        except JobCancelled:
            charged = await self._parts.records.spending.charged(job.id)
            return ended_result(say, job, say("gallery-cancelled", charged=charged, of=job.drawing.images))
        except (GenerationFailed, PictureGone) as error:
            return ended_result(say, job, say.sentence(error) or "")
        finally:
            if follower is not None:
                # While the lock is held, no edit of the follower is under way, so none can arrive after the result.
                async with post.lock:
                    follower.cancel()
                await asyncio.wait([follower])
                # Read also when it is not logged, or asyncio logs it.
                bug = None if follower.cancelled() else follower.exception()
                if bug is not None and not self._client.is_closed():
                    log.error("the progress was not shown to its end", exc_info=bug)
        return await gallery_result(say, self._parts, gallery, is_spoiler=is_spoiler)
