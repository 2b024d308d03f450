"""Complete rows for tests. A test names only the values that it is about."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from db.database import Database, Transaction
from db.ids import new_job_id
from db.images import Pictures, StoredImage
from db.jobs import Job, JobAction, Jobs, ReplyTarget
from db.uploads import StoredUpload, Uploads
from db.verdicts import Verdicts
from generation.request import Drawing, ImageSize, JobId, MemberId
from moderation.verdict import ALLOWED, Fingerprint, Verdict
from tests.drawings import drawing

ALICE = MemberId(80351110224678912)
BOB = MemberId(80351110224678913)
MODERATOR = MemberId(53908232506183680)
GUILD = 197038439483310086
CHANNEL = 197038439483310087
NOW = 1_785_000_000.0
DRAWING = drawing(
    "a fox in the snow 🦊",
    "blurry",
    size=ImageSize(width=512, height=768),
    steps=25,
    guidance=7.5,
    seed=2**63 - 5,
    images=4,
)


def a_job(**changes: Any) -> Job:
    """Builds a job. `changes` holds fields of the job and of its drawing."""
    drawn = {field.name: changes.pop(field.name) for field in fields(Drawing) if field.name in changes}
    job = Job(
        id=new_job_id(),
        member=ALICE,
        member_name="alice",
        action=JobAction.IMAGINE,
        place=ReplyTarget(guild_id=GUILD, channel_id=CHANNEL, token="aW50ZXJhY3Rpb24", token_at=NOW),
        drawing=replace(DRAWING, **drawn),
        created_at=NOW,
    )
    return replace(job, **changes)


async def record(db: Database, **changes: Any) -> Job:
    job = a_job(**changes)
    async with db.transaction() as tx:
        await Jobs(db).record(tx, job)
    return job


async def record_done(db: Database, **changes: Any) -> Job:
    job = await record(db, **changes)
    async with db.transaction() as tx:
        await Jobs(db).finish(tx, job.id, NOW + 10)
    return job


async def note(
    db: Database, tx: Transaction, prompt: str = "a fox", *, at: float = NOW, verdict: Verdict = ALLOWED
) -> None:
    """Records a prompt of Alice and the filter's verdict."""
    await Verdicts(db).add(
        tx,
        at=at,
        guild_id=GUILD,
        channel_id=CHANNEL,
        member=ALICE,
        member_name="alice",
        source="/imagine",
        prompt=prompt,
        verdict=verdict,
    )


async def stored_upload(
    db: Database, folder: Path, *, member: MemberId = ALICE, content: bytes = b"an upload", at: float = NOW
) -> StoredUpload:
    return await Uploads(db, Pictures(db, folder)).store(
        member=member,
        guild_id=GUILD,
        channel_id=CHANNEL,
        content=content,
        size=ImageSize(width=64, height=48),
        at=at,
    )


async def store(
    pictures: Pictures,
    tx: Transaction,
    job: JobId,
    index: int = 0,
    content: bytes = b"a picture",
    fingerprint: Fingerprint | None = None,
) -> StoredImage:
    size = ImageSize(width=512, height=768)
    return await pictures.store(
        tx, job=job, index=index, content=content, size=size, seed=7 + index, at=NOW, fingerprint=fingerprint
    )
