"""Acts on what there is: cancel, remove, block. By the owner of the thing or by a moderator, and logged."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.orders import Asker, NoSuchJob, NotRunning, NotYours
from bot.records import Records
from db.database import Transaction
from db.jobs import Job, JobState
from generation.dispatch import Dispatch
from generation.request import JobId, MemberId


class Desk:
    def __init__(
        self, records: Records, dispatch: Dispatch, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._records = records
        self._dispatch = dispatch
        self._clock = clock

    async def cancel(self, job_id: JobId, asker: Asker) -> Job:
        """By its owner or a moderator. Raises NoSuchJob, NotYours, NotRunning."""
        job = await self._known(job_id)
        if job.member != asker.member and not asker.is_moderator:
            raise NotYours("job")
        if job.state not in (JobState.QUEUED, JobState.RUNNING) or not self._dispatch.cancel(job_id):
            raise NotRunning
        return job

    async def remove(self, job_id: JobId, asker: Asker, reason: str) -> Job:
        """All of a job's pictures: rows marked, files gone. By their owner or a moderator. Raises NoSuchJob, NotYours."""
        job = await self._known(job_id)
        if job.member != asker.member and not asker.is_moderator:
            raise NotYours("picture")
        async with self._records.database.transaction() as tx:
            for image in await self._records.pictures.of_job(job_id):
                await self._records.pictures.remove(
                    tx, job_id, image.index, by=asker.member, reason=reason, at=self._clock()
                )
        return job

    async def block(self, by: Asker, member: MemberId, reason: str, expires_at: float | None) -> None:
        """In the moderator's server; their jobs in line are cancelled."""
        assert by.guild_id is not None, "blocks belong to a server"
        now = self._clock()
        async with self._records.database.transaction() as tx:
            await self._records.blocks.block(
                tx,
                guild_id=by.guild_id,
                member=member,
                by=by.member,
                reason=reason,
                at=now,
                expires_at=expires_at,
            )
            await self._note_block(tx, by, "block", member, reason)
        for job in await self._records.jobs.live_of_member(member):
            if job.place.guild_id == by.guild_id:
                self._dispatch.cancel(job.id)

    async def unblock(self, by: Asker, member: MemberId) -> bool:
        """False when they were not blocked."""
        assert by.guild_id is not None, "blocks belong to a server"
        async with self._records.database.transaction() as tx:
            was_blocked = await self._records.blocks.lift(
                tx, guild_id=by.guild_id, member=member, by=by.member, at=self._clock()
            )
            if was_blocked:
                await self._note_block(tx, by, "unblock", member, "")
        return was_blocked

    async def _note_block(
        self, tx: Transaction, by: Asker, action: str, member: MemberId, reason: str
    ) -> None:
        assert by.guild_id is not None
        await self._records.actions.add(
            tx,
            at=self._clock(),
            guild_id=by.guild_id,
            moderator=by.member,
            moderator_name=by.name,
            action=action,
            member=member,
            reason=reason,
        )

    async def note_action(self, by: Asker, action: str, job: Job, reason: str) -> None:
        """A moderator's act on somebody else's job, in the log of actions."""
        if by.guild_id is None:
            return
        async with self._records.database.transaction() as tx:
            await self._records.actions.add(
                tx,
                at=self._clock(),
                guild_id=by.guild_id,
                moderator=by.member,
                moderator_name=by.name,
                action=action,
                member=job.member,
                job=job.id,
                reason=reason,
            )

    async def _known(self, job_id: JobId) -> Job:
        job = await self._records.jobs.get(job_id)
        if job is None:
            raise NoSuchJob(job_id)
        return job
