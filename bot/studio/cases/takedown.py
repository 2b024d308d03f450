"""Acts on jobs and members: cancel, remove, restore, block. Moderators' acts are logged."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

from bot.studio import (
    Actor,
    Moderator,
    NothingToRestore,
    NotRunning,
    NotYours,
    OwnCase,
    demand_known,
)
from bot.studio.cases.removed_styles import RemovedStyles
from db import Act, Block, Case, EffectKind, EntryKind, Job, Looks, Repositories, Style, Transaction
from generation import JobId, MemberId, Running
from generation.queue.dispatcher import Dispatcher

NOTHING_KEPT_OUT = Looks(known=0, plain=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The result of removing a job's pictures."""

    job: JobId
    looks: Looks  # pictures with a hash, which are now banned, and pictures too plain for one
    case: int | None = None  # id of the open case that got an entry
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    pictures: int
    cases: tuple[int, ...]  # ids of the cases that got an entry
    styles: tuple[str, ...] = ()  # names


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    jobs: list[Job]
    plain: int  # pictures that can't be recognised when generated again
    cases: list[int]  # ids of the open cases that got an entry
    styles: list[str]  # names of the removed styles, newest first


class Takedown:
    def __init__(
        self,
        records: Repositories,
        dispatch: Dispatcher,
        *,
        free_cancels: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`free_cancels`: started jobs that a member may cancel in a day for free."""
        self._records = records
        self._free_cancels = free_cancels
        self._dispatch = dispatch
        self._clock = clock
        self.removed_styles = RemovedStyles(records, clock)

    @property
    def now(self) -> float:
        return self._clock()

    async def cancel(self, job_id: JobId, actor: Actor) -> Job:
        """Cancels a job, for its member or a moderator. Raises NoSuchJob, NotYours, NotRunning.

        A member's own cancel of a started job costs the pictures drawn until then, after the day's free ones.
        """
        job = demand_known(await self._records.jobs.get(job_id), job_id, actor)
        moderator = _acts_for_server(actor, job, is_picture=False)
        async with self._records.database.transaction() as tx:
            kept = 0 if moderator is not None else await self._drawn_and_not_free(job)
            if not await self._cancel(tx, job_id, refunded=job.drawing.images - kept):
                raise NotRunning
            if moderator is not None:
                await self.note(tx, moderator, Act.CANCEL, job.member, job=job_id)
        # The row decides: when a job that is not in the queue yet produces pictures later, they are not kept.
        self._dispatch.cancel(job_id)
        return job

    async def has_removable(self, job_id: JobId, actor: Actor) -> bool:
        """Returns whether the job still has pictures. Raises as `remove`."""
        job = demand_known(await self._records.jobs.get(job_id), job_id, actor)
        _acts_for_server(actor, job, is_picture=True)
        return not all(picture.is_removed for picture in await self._records.pictures.of_job(job_id))

    async def remove(self, job_id: JobId, actor: Actor, reason: str) -> Removed:
        """Removes all of a job's pictures: marks the rows and deletes the files. For the job's member or a moderator.

        A moderator's removal is logged, cancels the job while it waits or runs, and similar pictures are then refused in that
        server. Styles lose the pictures too.
        Raises NoSuchJob, NotYours.
        """
        job = demand_known(await self._records.jobs.get(job_id), job_id, actor)
        moderator = _acts_for_server(actor, job, is_picture=True)
        async with self._records.database.transaction() as tx:
            await self._remove_pictures(tx, job, actor, reason)
            looks, is_cancelled = NOTHING_KEPT_OUT, False
            if moderator is not None:
                looks = await self._ban_pictures(tx, job_id, moderator, None)
                is_cancelled = await self._cancel(tx, job_id)
                await self.note(tx, moderator, Act.REMOVE, job.member, reason, job=job_id)
            case = await self._note_on_case(tx, job_id, actor, EntryKind.TAKEN_DOWN, reason)
        if is_cancelled:
            self.leave_line([job_id])
        return Removed(job=job_id, looks=looks, case=case, is_cancelled=is_cancelled)

    async def restore(
        self,
        by: Moderator,
        reason: str,
        *,
        job_id: JobId | None = None,
        since: float | None = None,
        member: MemberId | None = None,
        style: str = "",
    ) -> Restored:
        """Allows pictures similar to removed ones again: those of a job, or those removed since `since` (unix seconds).

        `member`: only that member's; None: every member's. The removed pictures themselves stay deleted.
        Brings removed styles back: those removed since then, and the one named `style` (folded).
        Raises NoSuchJob, OwnCase, NothingToRestore, NoRemovedStyle, StyleIsThere.
        """
        async with self._records.database.transaction() as tx:
            job = await self._records.jobs.get(job_id) if job_id else None
            if job is not None:  # a deleted job's pictures can be restored too
                demand_known(job, job.id, by)
            if by.member in (member, job and job.member):
                raise OwnCase
            jobs, styles = [job_id] if job_id else [], list[Style]()
            if style:
                styles.append(await self.removed_styles.restore(tx, by.guild_id, style, by.member))
            if since is not None:
                styles += await self.removed_styles.restore_since(
                    tx, by.guild_id, since, member=member, but_not=by.member
                )
                jobs += await self._records.banned.jobs_since(
                    by.guild_id, since, member=member, but_not=by.member
                )
            pictures, cases = 0, list[int]()
            for each in jobs:
                pictures += await self._records.banned.lift(tx, by.guild_id, each)
                case = await self._records.cases.of_job(each)
                if case is not None and case.guild_id == by.guild_id:
                    cases.append(case.id)
                    await self._enter(tx, case.id, by, EntryKind.RESTORED, reason)
            if not pictures and not styles:
                raise NothingToRestore
            owner = styles[0].member if style else member
            await self.note(
                tx,
                by,
                Act.RESTORE,
                job.member if job else owner,
                reason,
                job=job_id,
                details={"pictures": pictures, "since": since, "styles": len(styles) or None},
            )
        return Restored(pictures=pictures, cases=tuple(cases), styles=tuple(each.name for each in styles))

    async def purge(
        self, by: Moderator, since: float, reason: str, *, member: MemberId | None, most: int
    ) -> Purged:
        """Takes down orders made since `since` (unix seconds) and styles saved since then: at most `most` each, newest first."""
        async with self._records.database.transaction() as tx:
            jobs = await self._records.jobs.of_guild_since(by.guild_id, since, member=member, limit=most)
            removed = [await self.take_down_in(tx, job.id, by, reason) for job in jobs]
            styles = await self._records.styles.saved_since(by.guild_id, since, member=member, limit=most)
            await self.removed_styles.remove(tx, styles)
            details = {"orders": len(jobs), "since": since, "styles": len(styles) or None}
            await self.note(tx, by, Act.PURGE, member, reason, details=details)
        self.leave_line(each.job for each in removed if each.is_cancelled)
        return Purged(
            jobs=jobs,
            plain=sum(each.looks.plain for each in removed),
            cases=[each.case for each in removed if each.case is not None],
            styles=[each.name for each in styles],
        )

    # ---- parts of larger acts: the caller logs the act, and after the commit removes the cancelled jobs from the queue

    async def take_down_in(
        self, tx: Transaction, job_id: JobId, by: Moderator, reason: str, *, case_id: int | None = None
    ) -> Removed:
        """Removes and bans the job's pictures; cancels the job while it waits or runs.

        `case_id`: the case whose decision this is. None: a purge, of which the job's open case gets an entry.
        """
        if (job := await self._records.jobs.get(job_id)) is not None:
            await self._remove_pictures(tx, job, by, reason, case_id)
        looks = await self._ban_pictures(tx, job_id, by, case_id)
        case = None
        if case_id is None:
            case = await self._note_on_case(tx, job_id, by, EntryKind.PURGED, reason)
        return Removed(job=job_id, looks=looks, case=case, is_cancelled=await self._cancel(tx, job_id))

    async def block_in(
        self, tx: Transaction, by: Moderator, member: MemberId, reason: str, expires_at: float | None
    ) -> tuple[Block, list[JobId]]:
        """Blocks the member. Returns the block and the jobs that it cancelled."""
        block = await self._records.blocks.block(
            tx,
            guild_id=by.guild_id,
            member=member,
            by=by.member,
            reason=reason,
            at=self._clock(),
            expires_at=expires_at,
        )
        return block, await self.cancel_all_in(tx, member, by.guild_id)

    async def cancel_all_in(
        self, tx: Transaction, member: MemberId, guild_id: int | None = None, *, before: float = inf
    ) -> list[JobId]:
        """Cancels and refunds the member's waiting and running jobs, in that server or everywhere. Returns their ids.

        `before`: only those made until then (unix seconds).
        """
        return [
            job.id
            for job in await self._records.jobs.live_of_member(member)
            if guild_id in (None, job.place.guild_id) and job.created_at <= before
            if await self._cancel(tx, job.id)
        ]

    async def cancel_server(self, guild_id: int) -> int:
        """Cancels and refunds all waiting and running jobs of a server. Returns their number."""
        async with self._records.database.transaction() as tx:
            cancelled = [
                job.id
                for job in await self._records.jobs.unfinished()
                if job.place.guild_id == guild_id and await self._cancel(tx, job.id)
            ]
        self.leave_line(cancelled)
        return len(cancelled)

    def leave_line(self, jobs: Iterable[JobId]) -> None:
        """Removes jobs from the queue. Their rows are cancelled already; this saves the worker useless work."""
        for job_id in jobs:
            self._dispatch.cancel(job_id)

    async def in_force(self, guild_id: int, member: MemberId) -> list[Case]:
        """Returns the member's cases with a live block; the one that ends last comes first."""
        return await self._records.cases.in_force(guild_id, member, self._clock())

    async def _cancel(self, tx: Transaction, job_id: JobId, *, refunded: int | None = None) -> bool:
        """Cancels the job and refunds so many of its pictures; None: all. Returns whether this call ended it."""
        if not await self._records.jobs.cancel(tx, job_id, self._clock()):
            return False
        await self._records.spending.refund(tx, job_id, refunded)
        return True

    async def _drawn_and_not_free(self, job: Job) -> int:
        """Returns the number of pictures that a cancel now costs: the share of steps that were drawn, rounded up."""
        progress = self._dispatch.progress_of(job.id)
        if not isinstance(progress, Running) or not progress.total:
            return 0
        drawn = math.ceil(job.drawing.images * progress.done / progress.total)
        # The running job itself is not counted yet.
        cancelled = await self._records.jobs.cancelled_in_a_day(job.member, self._clock())
        return 0 if cancelled < self._free_cancels else drawn

    async def _remove_pictures(
        self, tx: Transaction, job: Job, by: Actor, reason: str, case_id: int | None = None
    ) -> None:
        """Removes the rows and files now, and the message by an effect.

        The pictures that a member sent for it go too, unless a style has them, or another order of theirs needs them and they
        removed it themselves. Copies in styles stay only if the member removed it.
        """
        for image in await self._records.pictures.of_job(job.id):
            await self._records.pictures.remove(
                tx, job.id, image.index, by=by.member, reason=reason, at=self._clock()
            )
        sent = await self._records.uploads.sent_for(job.id, job.member)
        if by.member == job.member:
            sent = await self._records.uploads.needed_by_alone(job.id, job.member)
        else:
            await self.removed_styles.remove_pictures_of(tx, job.id)
        await self._records.uploads.remove(tx, sent, self._clock())
        await self._records.effects.add(
            tx,
            EffectKind.MESSAGE,
            job.place.guild_id or 0,
            case_id=case_id,
            job=job.id,
            at=self._clock(),
        )

    async def _ban_pictures(
        self, tx: Transaction, job_id: JobId, by: Moderator, case_id: int | None
    ) -> Looks:
        return await self._records.banned.ban(tx, by.guild_id, job_id, self._clock(), case_id)

    async def _note_on_case(
        self, tx: Transaction, job_id: JobId, by: Actor, kind: EntryKind, reason: str
    ) -> int | None:
        """Notes on the job's open case that its pictures were removed. Returns the case's id, or None."""
        case = await self._records.cases.of_job(job_id)
        if case is None or not case.is_open:
            return None
        await self._enter(tx, case.id, by, kind, reason)
        return case.id

    async def _enter(self, tx: Transaction, case_id: int, by: Actor, kind: EntryKind, text: str) -> None:
        await self._records.entries.add(
            tx, case_id, at=self._clock(), by=by.member, name=by.name, kind=kind, text=text
        )

    async def note(
        self,
        tx: Transaction,
        by: Moderator,
        act: Act,
        member: MemberId | None = None,
        reason: str = "",
        *,
        case: int | None = None,
        job: JobId | None = None,
        rule: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Adds an entry to the audit log, in the transaction of the act. Every moderator's act is logged here.

        `case`: its number. `rule`: its id, because the log can forget a name in the `reason`, but not here. `details`: numbers,
        channel ids, names of choices; no text that a member wrote.
        """
        subjects = (
            f"case {case}" if case is not None else "",
            f"job {job}" if job is not None else "",
            f"rule {rule}" if rule else "",
        )
        await self._records.audit.append(
            tx,
            at=self._clock(),
            guild_id=by.guild_id,
            actor=by.member,
            actor_name=by.name,
            act=act,
            member=member,
            subject=", ".join(each for each in subjects if each),
            reason=reason,
            details={name: value for name, value in (details or {}).items() if value is not None},
        )

    async def note_power(
        self, act: Act, by: Moderator, member: MemberId, power: str, *, case: int | None
    ) -> None:
        """Logs Discord's own timeout or ban, set or lifted, after Discord has answered."""
        async with self._records.database.transaction() as tx:
            if act is Act.DISCORD_LIFTED and power == "ban":
                await self._records.effects.drop_ends(tx, by.guild_id, member)
            await self.note(tx, by, act, member, case=case, details={"power": power})

    async def note_reading(self, by: Moderator, member: MemberId | None) -> None:
        """Logs that a moderator reads members' prompts, of one member or of all."""
        async with self._records.database.transaction() as tx:
            await self.note(tx, by, Act.READ_LOG, member)

    async def job_of_message(self, message_id: int, actor: Actor) -> Job:
        """Returns the job whose card or result the message is. Raises NoSuchJob."""
        job = await self._records.jobs.of_message(message_id)
        return demand_known(job, str(message_id), actor)


def _acts_for_server(actor: Actor, job: Job, *, is_picture: bool) -> Moderator | None:
    """Returns the moderator who acts on another member's job; None for their own job. Raises NotYours."""
    if job.member == actor.member:
        return None
    if not isinstance(actor, Moderator):
        raise NotYours(is_picture=is_picture)
    return actor
