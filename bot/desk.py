"""Acts on what there is: cancel, remove, block. By the owner of the thing or by a moderator, and logged."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.orders import Asker, NoSuchJob, NotRunning, NotYours
from bot.records import Records
from db.database import Transaction
from db.jobs import Job
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
        async with self._records.database.transaction() as tx:
            if not await self._cancel(tx, job_id):
                raise NotRunning
        # The row decides: a job that has not reached the line yet is never drawn.
        self._dispatch.cancel(job_id)
        return job

    async def remove(self, job_id: JobId, asker: Asker, reason: str) -> Job:
        """All of a job's pictures: rows marked, files gone. By their owner or, noted in the log of actions, a moderator.

        Raises NoSuchJob, NotYours.
        """
        job = await self._known(job_id)
        if job.member != asker.member and not asker.is_moderator:
            raise NotYours("picture")
        async with self._records.database.transaction() as tx:
            for image in await self._records.pictures.of_job(job_id):
                await self._records.pictures.remove(
                    tx, job_id, image.index, by=asker.member, reason=reason, at=self._clock()
                )
            if job.member != asker.member:
                await self._note(tx, asker, "remove", job.member, reason, job=job_id)
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
            await self._note(tx, by, "block", member, reason)
            cancelled = [
                job.id
                for job in await self._records.jobs.live_of_member(member, tx=tx)
                if job.place.guild_id == by.guild_id and await self._cancel(tx, job.id)
            ]
        for job_id in cancelled:
            self._dispatch.cancel(job_id)

    async def unblock(self, by: Asker, member: MemberId) -> bool:
        """False when they were not blocked."""
        assert by.guild_id is not None, "blocks belong to a server"
        async with self._records.database.transaction() as tx:
            was_blocked = await self._records.blocks.lift(
                tx, guild_id=by.guild_id, member=member, by=by.member, at=self._clock()
            )
            if was_blocked:
                await self._note(tx, by, "unblock", member, "")
        return was_blocked

    async def _cancel(self, tx: Transaction, job_id: JobId) -> bool:
        """Whether this call was the one that ended it; then what it cost is given back."""
        if not await self._records.jobs.cancel(tx, job_id, self._clock()):
            return False
        await self._records.spending.refund(tx, job_id)
        return True

    async def _note(
        self,
        tx: Transaction,
        by: Asker,
        action: str,
        member: MemberId,
        reason: str,
        *,
        job: JobId | None = None,
    ) -> None:
        assert by.guild_id is not None, "nobody is a moderator outside a server"
        await self._records.actions.add(
            tx,
            at=self._clock(),
            guild_id=by.guild_id,
            moderator=by.member,
            moderator_name=by.name,
            action=action,
            member=member,
            job=job,
            reason=reason,
        )

    async def _known(self, job_id: JobId) -> Job:
        job = await self._records.jobs.get(job_id)
        if job is None:
            raise NoSuchJob(job_id)
        return job
