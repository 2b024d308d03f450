"""Admits orders and fulfils jobs, without Discord. Commands and buttons both end here."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn
from weakref import WeakValueDictionary

from bot.studio import (
    Actor,
    Gallery,
    MemberBlocked,
    Order,
    PictureGone,
    PromptRefused,
    PromptTooLong,
    Refusal,
    Settings,
    TooManyRefused,
    UploadRefused,
)
from bot.studio.metrics import Metrics
from bot.studio.orders.abilities import fitted
from bot.studio.orders.captions import Captions
from bot.studio.orders.offered_models import OfferedModels
from bot.studio.orders.parameters import TYPED, draft, is_blank, one_line
from bot.studio.orders.reading import noted
from bot.studio.orders.several import REPEATED
from bot.studio.pictures.postprocess import Postprocess
from bot.studio.pictures.stored import StoredPictures
from bot.studio.screening.lockdown import Lockdown
from bot.studio.screening.pictures import BANNED, ScreenedPicture
from bot.studio.screening.prompts import PromptScreening, notes_of
from bot.studio.screening.server_rules import PREFIX
from bot.studio.styles.applied import AppliedStyles
from db import (
    Job,
    JobAction,
    JobState,
    Parent,
    ReplyTarget,
    Repositories,
    StorageError,
    Upload,
    VerdictRecord,
    new_job_id,
)
from db.verdicts import PICTURE, UPLOAD
from generation import (
    DIRECT,
    Drawing,
    GenerationFailed,
    GenerationRequest,
    GuildId,
    JobCancelled,
    JobId,
    MemberId,
    Pictures,
    Request,
    Ticket,
    UpscaleRequest,
)
from generation.canvas.compose import composed
from generation.canvas.tiles import tiles_of
from generation.files.images import PictureError
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import LineFull
from moderation import DAY, HOUR, Ruling, Spend, Verdict, admit
from moderation.rate_limits import RateLimited, TooManyJobs

log = logging.getLogger(__name__)

_MOST_UNSTORED = 32
"""Jobs whose pictures are kept in memory while they can't be stored. Those of further jobs are drawn again."""


class Studio:
    """The studio. `report` is called with every refusal and flag, for the moderators' channel."""

    def __init__(
        self,
        settings: Settings,
        records: Repositories,
        dispatch: Dispatcher,
        stored_pictures: StoredPictures,
        lockdown: Lockdown,
        prompt_screening: PromptScreening,
        captions: Captions,
        postprocess: Postprocess,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        report: Callable[[VerdictRecord], None],
    ) -> None:
        self.settings = settings
        self.records = records
        self.dispatch = dispatch
        self.clock = clock
        self.offered = OfferedModels(settings, records)
        self.styles = AppliedStyles(settings.models, records, captions.demand_known, dispatch.abilities_of)
        self._stored_pictures = stored_pictures
        self._lockdown = lockdown
        self._prompt_screening = prompt_screening
        self.captions = captions
        self.picture_screening = postprocess.picture_screening
        self._postprocess = postprocess
        self._metrics = metrics
        self._report = report
        self._tickets: dict[JobId, Ticket] = {}
        self._unstored: dict[JobId, Pictures] = {}
        self._turns = WeakValueDictionary[MemberId, asyncio.Lock]()
        # Members with a refused prompt or an order beyond the limits: only they are checked before the screen.
        self._watched = set[MemberId]()

    # ---- orders

    async def admit(
        self, order: Order, place: ReplyTarget, demand_answer: Callable[[], None] = lambda: None
    ) -> Job:
        """Screens, charges and records the order in one transaction. After that, the job survives a restart.

        `demand_answer` is called after the screen, and raises when it is too late for an answer.
        Raises ModelCannot, CannotEdit, CannotSketch, PaidAccess, UnknownStyle, MemberBlocked, Paused, RaidHolds, KnownOnly,
        TooManyRefused, PromptRefused, UnknownWords, RateLimited, TooManyJobs, LineFull, QueueClosed. Then only the verdict was
        written.
        """
        now = self.clock()
        actor = order.actor
        order = self.captions.adapted(await self.fit(order))
        verdict, hits = await self.judge(order, is_charged=True)
        self.captions.demand_known(order)
        own = await self.records.member_settings.of(actor.member)
        job = replace(self._job_of(order, verdict, place, now), is_pinging=own.pings or False)
        self.dispatch.check_room()
        demand_answer()
        async with self.records.database.transaction() as tx:
            # Checked again: a block set since then has cancelled every job but this one, and a lockdown lets no more in.
            await self._demand_unblocked(actor, now)
            await self._lockdown.let_in(actor)
            await self._charge(order, now)
            await self.records.jobs.record(tx, job)
            await self.records.spending.spend(
                tx,
                member=actor.member,
                guild_id=actor.guild_id,
                job=job.id,
                images=order.drawing.images,
                at=now,
            )
            record = await self._prompt_screening.note(tx, order, verdict, now, job=job.id, hits=hits)
        if verdict.ruling is Ruling.FLAG:
            self._report(record)
        return job

    async def fit(self, order: Order) -> Order:
        """Returns the order with its style, and with a note about what its model ignores.

        Raises ModelCannot, CannotEdit, CannotSketch, PaidAccess, UnknownStyle and the refusals of the prompt with its style.
        """
        order = await self.styles.applied(order)
        await self.offered.demand(order)
        model = self.settings.model(order.drawing.model)
        known = [
            (entry.name, can)
            for entry in await self.offered.of(order.actor.guild_id)
            if (can := self.dispatch.abilities_of(entry.name)) is not None
        ]
        return fitted(order, self.dispatch.abilities_of(model.name), model.guidance, known)

    async def refuse_upload(self, order: Order, screened: ScreenedPicture) -> NoReturn:
        """Records and reports a refused upload with its prompt, as a refused prompt is. Raises UploadRefused."""
        verdict = replace(screened.verdict, field=PICTURE)
        order = replace(order, source=UPLOAD)
        async with self.records.database.transaction() as tx:
            record = await self._prompt_screening.note(tx, order, verdict, self.clock(), job=None, hits=())
            is_first = await self.records.verdicts.is_first_refusal(record.id)
        self._report(record)
        self._watched.add(order.actor.member)
        raise UploadRefused(verdict.rule == BANNED, is_first)

    async def fitting(
        self, orders: Sequence[Order]
    ) -> tuple[int, RateLimited | TooManyJobs | LineFull | None]:
        """Returns how many orders of one member the limits take now, one after the other; and what the next one meets."""
        now, member = self.clock(), orders[0].actor.member
        spent = [
            Spend(at=row.at, images=row.images)
            for row in await self.records.spending.since(member, now - DAY)
        ]
        in_line = await self.records.jobs.in_line(member)
        for taken, order in enumerate(orders):
            try:
                self.dispatch.check_room(taken)
                admit(self.settings.limits, spent, in_line + taken, order.drawing.images, now)
            except (RateLimited, TooManyJobs, LineFull) as error:
                return taken, error
            spent.append(Spend(at=now, images=order.drawing.images))
        return len(orders), None

    async def left_today(self, member: MemberId) -> int:
        """Returns the pictures that the member may still order today."""
        rows = await self.records.spending.since(member, self.clock() - DAY)
        return max(0, self.settings.limits.images_a_day - sum(row.images for row in rows))

    async def judge(self, order: Order, *, is_charged: bool = False) -> tuple[Verdict, tuple[int, ...]]:
        """Screens an order. Returns the verdict and the ids of the server's rules that matched.

        A refusal is recorded and reported to the moderators. All servers share the thread that screens: one prompt of a member is
        screened at a time, and none of a member who has just exceeded a limit (`is_charged`: those of pictures too).
        Raises MemberBlocked, Paused, RaidHolds, KnownOnly, TooManyRefused, PromptRefused, RateLimited, TooManyJobs.
        """
        async with self._turns.setdefault(order.actor.member, asyncio.Lock()):
            return await self._judge(order, is_charged=is_charged)

    async def judge_words(
        self, actor: Actor, written: str, *, source: str, what: str, most: int, empty: type[Refusal]
    ) -> str:
        """Returns words that a member saves for later prompts, on one line, after they were judged as an order of them alone.

        `source`: of the verdict. `what`: as in PromptTooLong. `most`: characters. `empty`: raised for a text of signs alone.
        Raises PromptTooLong, NestedPreset, and as `judge`.
        """
        text = one_line(written)
        if is_blank(text):
            raise empty
        if len(text) > most:
            raise PromptTooLong(len(text), most, what)
        order = draft(text, actor, self.settings.models, self.settings.default_model)
        await self.judge(replace(order, source=source))
        return text

    async def _judge(self, order: Order, *, is_charged: bool) -> tuple[Verdict, tuple[int, ...]]:
        now = self.clock()
        await self._demand_unblocked(order.actor, now)
        mode = await self._lockdown.let_in(order.actor)
        if order.actor.member in self._watched:
            await self._demand_within_limits(order, now, is_charged=is_charged)
        verdict, hits = await self._prompt_screening.judge(order, mode, now)
        self._metrics.judged(verdict)
        if verdict.ruling is Ruling.REFUSE:
            async with self.records.database.transaction() as tx:
                record = await self._prompt_screening.note(tx, order, verdict, now, job=None, hits=hits)
                is_first = await self.records.verdicts.is_first_refusal(record.id)
            self._report(record)
            self._watched.add(order.actor.member)
            is_own = verdict.rule.startswith(PREFIX)
            raise PromptRefused(
                "server-rule" if is_own else verdict.category,
                verdict.field,
                is_first,
                verdict=record.id if order.source in (TYPED, REPEATED) else 0,
                options=order.typed,
            )
        return verdict, hits

    async def _demand_unblocked(self, actor: Actor, now: float) -> None:
        if actor.guild_id is None:
            return
        block = await self.records.blocks.live(actor.guild_id, actor.member, now)
        if block is not None:
            raise MemberBlocked(block.expires_at, block.reason)

    async def _demand_within_limits(self, order: Order, now: float, *, is_charged: bool) -> None:
        limit = self.settings.limits.refusals_an_hour
        times = await self.records.verdicts.refusals_since(order.actor.member, now - HOUR)
        if len(times) >= limit:
            raise TooManyRefused(limit, min(times[-limit] + HOUR - now, HOUR))
        if is_charged:
            await self._charge(order, now)
            if not times:
                self._watched.discard(order.actor.member)

    async def _charge(self, order: Order, now: float) -> None:
        member = order.actor.member
        spent = await self.records.spending.since(member, now - DAY)
        try:
            admit(
                self.settings.limits,
                [Spend(at=row.at, images=row.images) for row in spent],
                await self.records.jobs.in_line(member),
                order.drawing.images,
                now,
            )
        except (RateLimited, TooManyJobs):
            self._watched.add(member)
            raise

    def _job_of(self, order: Order, verdict: Verdict, place: ReplyTarget, now: float) -> Job:
        return Job(
            id=new_job_id(),
            member=order.actor.member,
            member_name=order.actor.name,
            action=order.action,
            place=place,
            drawing=order.drawing,
            notes=notes_of(order, verdict),
            is_age_restricted=order.actor.is_age_restricted,
            policy_channel_id=order.actor.parent_id,
            created_at=now,
        )

    async def is_for_adults(self, job: Job) -> bool:
        """Returns whether a channel without age restriction would flag or refuse the prompt.

        Its pictures are then posted as spoilers.
        """
        drawn = self.captions.described(job)
        text = await self._prompt_screening.text_in(job.drawing)
        return await self._prompt_screening.is_for_adults(job.place.guild_id, job.drawing.prompt, drawn, text)

    async def fulfil(self, job: Job, watch: Callable[[Ticket], None]) -> Gallery:
        """Runs the job to its end and stores the pictures. Works for new jobs and for jobs found at start.

        A job that has ended is not drawn again: its pictures are read, or its error is raised, again.
        Raises GenerationFailed or JobCancelled after the refund; JobParked at a stop, when the job is kept; PictureGone when the
        pictures were removed.
        """
        known = await self.records.jobs.get(job.id)
        state = known and known.state
        if state not in (JobState.QUEUED, JobState.RUNNING):
            self._unstored.pop(job.id, None)
        match state:
            case JobState.DONE:
                return await self._stored_pictures.gallery_of(job)
            case JobState.FAILED:
                raise GenerationFailed(job.id, (known and known.failure) or "bug", "")
            case JobState.QUEUED | JobState.RUNNING:
                # `_draw` returns None when the job ended in the meantime, usually by a cancel: then that end is returned.
                return await self._draw(job, watch) or await self.fulfil(job, watch)
            case _:
                raise JobCancelled(job.id)

    async def _draw(self, job: Job, watch: Callable[[Ticket], None]) -> Gallery | None:
        if (made := self._unstored.get(job.id)) is not None:
            return await self._store(job, made)
        try:
            drawing = await self._drawing_of(job)
            if not await self._may_start_from(job, drawing):
                return None
            request = await self._request_of(job, drawing)
        except (PictureGone, PictureError) as error:
            await self._give_back(job, "input")
            raise GenerationFailed(job.id, "input", "the picture that it starts from is gone") from error
        ticket = self.dispatch.submit(request, force=True)
        watch(ticket)
        try:
            with self._metrics.job(job.action.value, ticket) as clock:
                await ticket.wait_for_start()
                clock.started()
                await self.records.jobs.start(job.id, self.clock())
                job = await self._noted(job, ticket)
                return await self._store(job, await ticket.wait_for_pictures())
        except JobCancelled:
            async with self.records.database.transaction() as tx:
                if await self.records.jobs.cancel(tx, job.id, self.clock()):
                    await self.records.spending.refund(tx, job.id)
            raise
        except GenerationFailed as error:
            log.warning("failed: %s: %s", error.kind, error.reason)
            await self._give_back(job, error.kind)
            raise
        finally:
            self.dispatch.release(job.id)

    async def _noted(self, job: Job, ticket: Ticket) -> Job:
        """Records how the model reads the prompt. The job's cards tell it, also after a restart."""
        told = noted(job, ticket.reading)
        if told.notes != job.notes:
            async with self.records.database.transaction() as tx:
                await self.records.jobs.set_notes(tx, told)
        return told

    async def _store(self, job: Job, made: Pictures) -> Gallery | None:
        """Finishes the job. Pictures that can't be stored now, such as on a full disk, are kept for the next `fulfil`."""
        try:
            gallery = await self._postprocess.finish(job, made)
        except StorageError:
            if len(self._unstored) < _MOST_UNSTORED:
                self._unstored[job.id] = made
            raise
        self._unstored.pop(job.id, None)
        return gallery

    async def _may_start_from(self, job: Job, drawing: Drawing[bytes]) -> bool:
        """Checks a job's source pictures like finished ones. Returns False when the job ended in the meantime.

        Raises GenerationFailed when a source picture is refused.
        """
        contents = [each.source for each in drawing.pictures]
        if not contents:
            return True
        judged = await self.picture_screening.judge(
            contents, job, await self.picture_screening.seen_in_parents(job)
        )
        if is_refused := any(each.is_refused for each in judged):
            if all([await self._is_anothers(job, n) for n, each in enumerate(judged) if each.is_refused]):
                # Of a style, which was fit to be shown when it was saved: no case about the member who draws with it.
                await self._give_back(job, "picture-input")
                raise GenerationFailed(
                    job.id, "picture-input", "the picture check refused another member's picture"
                )
            await self._postprocess.refuse(job, judged, is_input=True)
        return not is_refused

    async def _is_anothers(self, job: Job, number: int) -> bool:
        """Returns whether another member sent that source picture."""
        source = job.drawing.pictures[number].source
        row = await self.records.uploads.get(source.id) if isinstance(source, Upload) else None
        return row is not None and row.member != job.member

    async def place_of_answer(self, job: Job, message_id: int | None) -> ReplyTarget:
        """Records the message of the answer, so that the result reaches it after a restart too."""
        if message_id is None:
            return job.place
        async with self.records.database.transaction() as tx:
            await self.records.jobs.set_message(tx, job.id, message_id)
            await self.records.verdicts.link(tx, job.id, message_id)
        return replace(job.place, message_id=message_id)

    async def abandon(self, job: Job) -> None:
        """Ends a job after a bug, whether or not the pictures are stored, and refunds it."""
        async with self.records.database.transaction() as tx:
            await self.records.jobs.fail(tx, job.id, "bug", self.clock())
            await self.records.spending.refund(tx, job.id)

    async def retract(self, job: Job) -> None:
        """Ends and refunds a job whose member was never told that it was accepted."""
        async with self.records.database.transaction() as tx:
            if await self.records.jobs.cancel(tx, job.id, self.clock()):
                await self.records.spending.refund(tx, job.id)
                await self.records.jobs.give_up(tx, job.id, self.clock())

    async def give_up(self, job: Job) -> None:
        """Records that an ended job's result can't be posted, and refunds pictures that the member did not get."""
        async with self.records.database.transaction() as tx:
            known = await self.records.jobs.get(job.id)
            if known is None or not await self.records.jobs.give_up(tx, job.id, self.clock()):
                return
            # A failed or cancelled job was refunded when it ended.
            if known.state is JobState.DONE and known.handed_out_at is None:
                await self.records.spending.refund(tx, job.id)

    async def _give_back(self, job: Job, kind: str) -> None:
        async with self.records.database.transaction() as tx:
            if await self.records.jobs.fail(tx, job.id, kind, self.clock()):
                await self.records.spending.refund(tx, job.id)

    async def _drawing_of(self, job: Job) -> Drawing[bytes]:
        """Returns the job's drawing with its source pictures as they are stored. Raises PictureGone."""
        contents = [await self._stored_pictures.read_picture(each.source) for each in job.drawing.pictures]
        return job.drawing.with_contents(contents)

    async def _request_of(self, job: Job, drawing: Drawing[bytes]) -> Request:
        """Raises PictureError."""
        guild = guild_of(job.place)
        if job.action is JobAction.UPSCALE:
            [small] = job.drawing.pictures
            stored = None
            if isinstance(small.source, Parent):
                stored = await self.records.pictures.get(small.source.job, small.source.image)
            return UpscaleRequest(
                job=job.id,
                member=job.member,
                guild=guild,
                drawing=drawing,
                factor=drawing.pictures[0].factor or self.settings.generation.upscale_factor,
                pixels=stored.width * stored.height if stored else 1,
            )
        is_supplied = any(isinstance(each.source, Upload) for each in job.drawing.pictures)
        plan = await asyncio.to_thread(self.captions.drawn, drawing, job.action, is_supplied=is_supplied)
        enlarge = self.settings.model(drawing.model).enlarge
        drawing = await asyncio.to_thread(composed, drawing, enlarge)
        tiles = await asyncio.to_thread(tiles_of, drawing, enlarge)
        return GenerationRequest(
            job=job.id, member=job.member, guild=guild, drawing=drawing, plan=plan, tiles=tiles
        )


def guild_of(place: ReplyTarget) -> GuildId:
    """Returns the server whose share of the device the job uses."""
    return DIRECT if place.guild_id is None else GuildId(place.guild_id)
