"""Acts on what there is: cancel, remove, restore, unblock. By the owner of the thing or by a moderator, and logged."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.studio import Actor, Moderator, NoSuchJob, NothingToRestore, NotRunning, NotYours, OwnCase
from db import Act, Block, Case, EntryKind, Job, Looks, Repositories, Transaction
from generation import JobId, MemberId
from generation.queue.dispatcher import Dispatcher

NOTHING_KEPT_OUT = Looks(known=0, plain=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What became of a job's pictures, and of the job."""

    job: JobId
    looks: Looks  # that are kept from coming back, and that can't be
    case: int | None = None  # the id of the open case that says so now
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    pictures: int
    cases: tuple[int, ...]  # ids of those that say so now


class Takedown:
    def __init__(
        self, records: Repositories, dispatch: Dispatcher, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._records = records
        self._dispatch = dispatch
        self._clock = clock

    @property
    def now(self) -> float:
        return self._clock()

    async def cancel(self, job_id: JobId, actor: Actor) -> Job:
        """By its owner or a moderator. Raises NoSuchJob, NotYours, NotRunning."""
        job = await self._known(job_id)
        moderator = _acts_for_server(actor, job, is_picture=False)
        async with self._records.database.transaction() as tx:
            if not await self._cancel(tx, job_id):
                raise NotRunning
            if moderator is not None:
                await self.note(tx, moderator, Act.CANCEL, job.member, job=job_id)
        # The row decides: what a job that has not reached the line yet may come to is not kept.
        self._dispatch.cancel(job_id)
        return job

    async def remove(self, job_id: JobId, actor: Actor, reason: str) -> Removed:
        """All of a job's pictures: rows marked, files gone. By their owner or, noted in the log of actions, a moderator, and
        then pictures that look like them don't come back in that server.

        Raises NoSuchJob, NotYours.
        """
        job = await self._known(job_id)
        moderator = _acts_for_server(actor, job, is_picture=True)
        async with self._records.database.transaction() as tx:
            await self._remove_pictures(tx, job_id, actor, reason)
            looks = NOTHING_KEPT_OUT
            if moderator is not None:
                looks = await self._ban_pictures(tx, job_id, moderator, None)
                await self.note(tx, moderator, Act.REMOVE, job.member, reason, job=job_id)
            case = await self._note_on_case(tx, job_id, actor, reason)
        return Removed(job=job_id, looks=looks, case=case)

    async def restore(
        self,
        by: Moderator,
        reason: str,
        *,
        job_id: JobId | None = None,
        since: float | None = None,
        member: MemberId | None = None,
    ) -> Restored:
        """What looks like removed pictures may come back: like a job's, like those removed `since` then (unix seconds), a
        member's or everybody's. The pictures themselves are gone.

        Raises OwnCase, NothingToRestore.
        """
        async with self._records.database.transaction() as tx:
            job = await self._records.jobs.get(job_id) if job_id else None
            if by.member in (member, job and job.member):
                raise OwnCase
            jobs = [job_id] if job_id else []
            if since is not None:
                jobs += await self._records.banned.jobs_since(
                    by.guild_id, since, member=member, but_not=by.member
                )
            pictures, cases = 0, list[int]()
            for each in jobs:
                pictures += await self._records.banned.lift(tx, by.guild_id, each)
                case = await self._records.cases.of_job(each)
                if case is not None:
                    cases.append(case.id)
                    text = f"what looks like its pictures may come back: {reason}"
                    await self._enter(tx, case.id, by, EntryKind.NOTE, text)
            if not pictures:
                raise NothingToRestore
            await self.note(
                tx,
                by,
                Act.RESTORE,
                job.member if job else member,
                reason,
                job=job_id,
                details={"pictures": pictures, "since": since},
            )
        return Restored(pictures=pictures, cases=tuple(cases))

    # ---- parts of a larger act: the caller notes it, and takes the cancelled jobs out of line once it is committed

    async def take_down_in(
        self, tx: Transaction, job_id: JobId, by: Moderator, reason: str, *, case_id: int | None = None
    ) -> Removed:
        """The job's pictures go and don't come back; while it waits or runs, it is cancelled.

        `case_id`: the case that is decided by it; otherwise the job's open case gets a line.
        """
        await self._remove_pictures(tx, job_id, by, reason)
        looks = await self._ban_pictures(tx, job_id, by, case_id)
        case = await self._note_on_case(tx, job_id, by, reason) if case_id is None else None
        return Removed(job=job_id, looks=looks, case=case, is_cancelled=await self._cancel(tx, job_id))

    async def block_in(
        self, tx: Transaction, by: Moderator, member: MemberId, reason: str, expires_at: float | None
    ) -> tuple[Block, list[JobId]]:
        """The block, and what was cancelled by it."""
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
        self, tx: Transaction, member: MemberId, guild_id: int | None = None
    ) -> list[JobId]:
        """What the member has in line, in that server or everywhere; refunded."""
        return [
            job.id
            for job in await self._records.jobs.live_of_member(member)
            if guild_id in (None, job.place.guild_id) and await self._cancel(tx, job.id)
        ]

    def leave_line(self, jobs: Iterable[JobId]) -> None:
        """The row decides; this only spares the worker what nobody waits for."""
        for job_id in jobs:
            self._dispatch.cancel(job_id)

    async def unblock(self, by: Moderator, member: MemberId) -> bool:
        """Lifts all that blocks them; False when nothing did."""
        async with self._records.database.transaction() as tx:
            was_blocked = await self._records.blocks.lift_all(
                tx, guild_id=by.guild_id, member=member, by=by.member, at=self._clock()
            )
            if was_blocked:
                await self.note(tx, by, Act.UNBLOCK, member)
        return was_blocked

    async def in_force(self, guild_id: int, member: MemberId) -> list[Case]:
        """The member's cases that keep them from ordering now, the one that ends last first."""
        return await self._records.cases.in_force(guild_id, member, self._clock())

    async def _cancel(self, tx: Transaction, job_id: JobId) -> bool:
        """Whether this call was the one that ended it; then what it cost is given back."""
        if not await self._records.jobs.cancel(tx, job_id, self._clock()):
            return False
        await self._records.spending.refund(tx, job_id)
        return True

    async def _remove_pictures(self, tx: Transaction, job_id: JobId, by: Actor, reason: str) -> None:
        for image in await self._records.pictures.of_job(job_id):
            await self._records.pictures.remove(
                tx, job_id, image.index, by=by.member, reason=reason, at=self._clock()
            )

    async def _ban_pictures(
        self, tx: Transaction, job_id: JobId, by: Moderator, case_id: int | None
    ) -> Looks:
        return await self._records.banned.ban(tx, by.guild_id, job_id, self._clock(), case_id)

    async def _note_on_case(self, tx: Transaction, job_id: JobId, by: Actor, reason: str) -> int | None:
        """The id of the job's open case, which says from now on that its pictures are gone."""
        case = await self._records.cases.of_job(job_id)
        if case is None or not case.is_open:
            return None
        text = f"the pictures: {reason}".rstrip(": ")
        await self._enter(tx, case.id, by, EntryKind.REMOVED, text)
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
        """In the audit log, with the act itself: every act of a moderator passes here.

        `case`: its number. `details`: figures, ids of channels, names of choices; nothing that anybody wrote.
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
        """Discord's own timeout or ban, set or lifted: known only once Discord has answered."""
        async with self._records.database.transaction() as tx:
            await self.note(tx, by, act, member, case=case, details={"power": power})

    async def _known(self, job_id: JobId) -> Job:
        job = await self._records.jobs.get(job_id)
        if job is None:
            raise NoSuchJob(job_id)
        return job

    async def job_of_message(self, message_id: int) -> Job:
        """The job whose card or result the message is. Raises NoSuchJob."""
        job = await self._records.jobs.of_message(message_id)
        if job is None:
            raise NoSuchJob(str(message_id))
        return job


def _acts_for_server(actor: Actor, job: Job, *, is_picture: bool) -> Moderator | None:
    """The moderator who acts on another's job; None where it is their own. Raises NotYours."""
    if job.member == actor.member:
        return None
    if not isinstance(actor, Moderator):
        raise NotYours(is_picture=is_picture)
    return actor
