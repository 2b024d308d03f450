"""Accepted orders and what became of them. A row is committed before anybody is told; a job ends once.

queued → running → done | failed | cancelled → delivered
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from db.database import Database, Reader, Transaction
from generation.request import ImageSize, JobId, Lora, LoraName, LoraSet, MemberId, ModelName, Prompt


class JobAction(StrEnum):
    IMAGINE = "imagine"
    VARIATION = "variation"
    UPSCALE = "upscale"
    REROLL = "reroll"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the result goes: the interaction's answer while its token lives, the message or channel after."""

    guild_id: int | None  # None in a direct message
    channel_id: int
    message_id: int | None = None
    token: str = ""  # of the interaction; a secret; empty once the result is delivered
    token_at: float = 0.0  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The picture that a job grew from."""

    job: JobId
    image: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row. Times are unix seconds."""

    id: JobId
    member: MemberId
    member_name: str
    action: JobAction
    place: Place
    parent: Parent | None = None
    model: ModelName
    prompt: Prompt
    size: ImageSize
    steps: int
    guidance: float
    seed: int
    images: int
    strength: float | None = None
    loras: LoraSet = ()
    is_remix: bool = False  # a variation with words of its own
    is_age_restricted: bool = False  # whether the channel was, when it was asked
    policy_channel_id: int | None = None  # whose policy holds; None: that of the place
    state: JobState = JobState.QUEUED
    failure: str | None = None  # the kind, when failed
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None  # done, failed or cancelled
    delivered_at: float | None = None  # the member has been told


RECORD = """
INSERT INTO jobs (
    id, member, member_name, action, guild_id, channel_id, message_id, token, token_at,
    parent, parent_image, model, prompt, negative, width, height,
    steps, guidance, seed, images, strength, loras, is_remix, is_age_restricted, policy_channel_id,
    state, failure, created_at, started_at, finished_at, delivered_at
) VALUES (
    :id, :member, :member_name, :action, :guild_id, :channel_id, :message_id, :token, :token_at,
    :parent, :parent_image, :model, :prompt, :negative, :width, :height,
    :steps, :guidance, :seed, :images, :strength, :loras, :is_remix, :is_age_restricted, :policy_channel_id,
    :state, :failure, :created_at, :started_at, :finished_at, :delivered_at
)
"""
GET = "SELECT * FROM jobs WHERE id = ?"
SET_MESSAGE = "UPDATE jobs SET message_id = ? WHERE id = ? RETURNING id"
START = "UPDATE jobs SET state = 'running', started_at = ? WHERE id = ? AND state = 'queued' RETURNING id"
END = """
UPDATE jobs SET state = :state, failure = :failure, finished_at = :at
WHERE id = :id AND state IN ('queued', 'running') RETURNING id
"""
DELIVERED = """
UPDATE jobs SET delivered_at = ?, token = ''
WHERE id = ? AND finished_at IS NOT NULL AND delivered_at IS NULL RETURNING id
"""
UNFINISHED = "SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY created_at, id"
UNDELIVERED = """
SELECT * FROM jobs WHERE finished_at IS NOT NULL AND delivered_at IS NULL ORDER BY finished_at, id
"""
IN_LINE = "SELECT count(*) FROM jobs WHERE member = ? AND state IN ('queued', 'running')"
OF_MESSAGE = "SELECT * FROM jobs WHERE message_id = ? ORDER BY id DESC LIMIT 1"
LIVE_OF_MEMBER = """
SELECT * FROM jobs WHERE member = ? AND state IN ('queued', 'running') ORDER BY created_at, id
"""
OF_MEMBER = """
SELECT * FROM jobs WHERE member = :member AND state = 'done' AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
"""
OF_GUILD_SINCE = """
SELECT * FROM jobs
WHERE guild_id = :guild_id AND (:member IS NULL OR member = :member) AND created_at >= :since
  AND (state IN ('queued', 'running')
       OR EXISTS (SELECT 1 FROM images WHERE images.job = jobs.id AND images.removed_at IS NULL))
ORDER BY created_at DESC, id DESC LIMIT :limit
"""


class Jobs:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, tx: Transaction, job: Job) -> None:
        """The moment of acceptance. An id that exists or a parent that does not: sqlite3.IntegrityError."""
        await tx.all(RECORD, _parameters(job))

    async def get(self, job_id: JobId, *, tx: Reader | None = None) -> Job | None:
        row = await (tx or self._db.reader).one(GET, (job_id,))
        return _job(row) if row else None

    async def of_message(self, message_id: int) -> Job | None:
        """The job whose card or result the message is."""
        row = await self._db.reader.one(OF_MESSAGE, (message_id,))
        return _job(row) if row else None

    async def set_message(self, tx: Transaction, job_id: JobId, message_id: int) -> bool:
        """The message that shows the job; False when there is no such job."""
        return await tx.one(SET_MESSAGE, (message_id, job_id)) is not None

    async def start(self, job_id: JobId, at: float) -> bool:
        """queued → running. Every change of state returns whether this call was the one that made it."""
        async with self._db.transaction() as tx:
            return await tx.one(START, (at, job_id)) is not None

    async def finish(self, tx: Transaction, job_id: JobId, at: float) -> bool:
        """queued or running → done."""
        return await self._end(tx, job_id, JobState.DONE, at)

    async def fail(self, tx: Transaction, job_id: JobId, kind: str, at: float) -> bool:
        """queued or running → failed."""
        return await self._end(tx, job_id, JobState.FAILED, at, failure=kind)

    async def cancel(self, tx: Transaction, job_id: JobId, at: float) -> bool:
        """queued or running → cancelled."""
        return await self._end(tx, job_id, JobState.CANCELLED, at)

    async def _end(
        self, tx: Transaction, job_id: JobId, state: JobState, at: float, failure: str | None = None
    ) -> bool:
        row = await tx.one(END, {"state": state, "failure": failure, "at": at, "id": job_id})
        return row is not None

    async def delivered(self, job_id: JobId, at: float) -> bool:
        """The member has the result, or the sentence that says why there is none. Forgets the token."""
        async with self._db.transaction() as tx:
            return await tx.one(DELIVERED, (at, job_id)) is not None

    async def unfinished(self) -> list[Job]:
        """Queued or running, oldest first."""
        return [_job(row) for row in await self._db.reader.all(UNFINISHED)]

    async def undelivered(self) -> list[Job]:
        """Ended, but nobody was told; the one that ended first comes first."""
        return [_job(row) for row in await self._db.reader.all(UNDELIVERED)]

    async def in_line(self, member: MemberId, *, tx: Reader | None = None) -> int:
        """How many jobs the member has queued or running."""
        return await (tx or self._db.reader).value(IN_LINE, (member,))

    async def live_of_member(self, member: MemberId, *, tx: Reader | None = None) -> list[Job]:
        """The member's queued or running jobs, oldest first."""
        return [_job(row) for row in await (tx or self._db.reader).all(LIVE_OF_MEMBER, (member,))]

    async def of_member(self, member: MemberId, *, before: JobId | None = None, limit: int = 10) -> list[Job]:
        """The member's done jobs, newest first, older than `before`."""
        parameters = {"member": member, "before": before, "limit": limit}
        return [_job(row) for row in await self._db.reader.all(OF_MEMBER, parameters)]

    async def of_guild_since(
        self, guild_id: int, since: float, *, member: MemberId | None = None, limit: int
    ) -> list[Job]:
        """What is in line or still has pictures, newest first; `since` in unix seconds."""
        parameters = {"guild_id": guild_id, "member": member, "since": since, "limit": limit}
        return [_job(row) for row in await self._db.reader.all(OF_GUILD_SINCE, parameters)]


def _parameters(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "member": job.member,
        "member_name": job.member_name,
        "action": job.action,
        "guild_id": job.place.guild_id,
        "channel_id": job.place.channel_id,
        "message_id": job.place.message_id,
        "token": job.place.token,
        "token_at": job.place.token_at,
        "parent": job.parent.job if job.parent else None,
        "parent_image": job.parent.image if job.parent else None,
        "model": job.model,
        "prompt": job.prompt.text,
        "negative": job.prompt.negative,
        "width": job.size.width,
        "height": job.size.height,
        "steps": job.steps,
        "guidance": job.guidance,
        "seed": job.seed,
        "images": job.images,
        "strength": job.strength,
        "loras": json.dumps({lora.name: lora.weight for lora in job.loras}),
        "is_remix": job.is_remix,
        "is_age_restricted": job.is_age_restricted,
        "policy_channel_id": job.policy_channel_id,
        "state": job.state,
        "failure": job.failure,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "delivered_at": job.delivered_at,
    }


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=JobId(row["id"]),
        member=MemberId(row["member"]),
        member_name=row["member_name"],
        action=JobAction(row["action"]),
        place=Place(
            guild_id=row["guild_id"],
            channel_id=row["channel_id"],
            message_id=row["message_id"],
            token=row["token"],
            token_at=row["token_at"],
        ),
        parent=Parent(job=JobId(row["parent"]), image=row["parent_image"]) if row["parent"] else None,
        model=ModelName(row["model"]),
        prompt=Prompt(text=row["prompt"], negative=row["negative"]),
        size=ImageSize(width=row["width"], height=row["height"]),
        steps=row["steps"],
        guidance=row["guidance"],
        seed=row["seed"],
        images=row["images"],
        strength=row["strength"],
        loras=tuple(
            Lora(name=LoraName(name), weight=float(weight))
            for name, weight in sorted(json.loads(row["loras"]).items())
        ),
        is_remix=bool(row["is_remix"]),
        is_age_restricted=bool(row["is_age_restricted"]),
        policy_channel_id=row["policy_channel_id"],
        state=JobState(row["state"]),
        failure=row["failure"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        delivered_at=row["delivered_at"],
    )
