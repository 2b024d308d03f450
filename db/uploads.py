"""Pictures that members supply: the file beside finished pictures, and a row with its owner."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from db.database import Database, Transaction, value_of
from db.errors import ImageGone
from db.ids import new_job_id
from db.images import Pictures
from db.jobs import UploadId
from db.styles import NEWEST
from generation import ImageSize, JobId, MemberId
from moderation import HOUR, Scores

UNUSED_SECONDS = HOUR
"""Seconds that an upload without an order is kept: its order was refused, or the bot was killed in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpload:
    id: UploadId
    member: MemberId  # its owner
    guild_id: int | None
    channel_id: int
    sha256: str  # of the file
    width: int  # pixels
    height: int
    bytes: int  # the file's length
    created_at: float  # unix seconds
    text: str = ""  # what was recognised as written in the picture
    parent: JobId | None = None  # whose finished picture it is
    scores: Scores = field(default_factory=dict)  # of a finished picture, from before it was marked
    removed_at: float | None = None

    @property
    def size(self) -> ImageSize:
        return ImageSize(width=self.width, height=self.height)

    @property
    def is_removed(self) -> bool:
        return self.removed_at is not None


STORE = """
INSERT INTO uploads (id, member, guild_id, channel_id, sha256, width, height, bytes, created_at, text, parent, scores)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
"""
GET = "SELECT * FROM uploads WHERE id = ?"
REMOVE = """
UPDATE uploads SET removed_at = :at, text = ''
WHERE id IN (SELECT value FROM json_each(:uploads)) AND removed_at IS NULL RETURNING sha256
"""
IS_ORDERED = "EXISTS (SELECT 1 FROM job_parents WHERE job_parents.upload = uploads.id)"
# An older version's picture goes like any other: all of them would leave no room for galleries.
IS_OF_A_STYLE = f"EXISTS (SELECT 1 FROM styles WHERE styles.upload = uploads.id AND {NEWEST})"
UNUSED = f"""
SELECT id FROM uploads WHERE removed_at IS NULL AND created_at < ? AND NOT {IS_ORDERED} AND NOT {IS_OF_A_STYLE}
ORDER BY created_at LIMIT ?
"""
OF_MEMBER = """
SELECT id FROM uploads WHERE member = ? AND created_at <= ? AND removed_at IS NULL LIMIT ?
"""
OF_GUILD = "SELECT id FROM uploads WHERE guild_id = ? AND removed_at IS NULL LIMIT ?"
OF_JOB = f"""
SELECT uploads.id FROM uploads JOIN job_parents ON job_parents.upload = uploads.id
WHERE job_parents.job = ? AND uploads.member = ? AND removed_at IS NULL AND NOT {IS_OF_A_STYLE}
"""
OF_JOB_ALONE = f"""{OF_JOB} AND NOT EXISTS (
    SELECT 1 FROM job_parents AS others WHERE others.upload = uploads.id AND others.job <> job_parents.job)
"""
OF_PARENT = "SELECT id FROM uploads WHERE parent = ? AND removed_at IS NULL"
FORGETTABLE = f"SELECT id FROM uploads WHERE removed_at IS NOT NULL AND NOT {IS_ORDERED} LIMIT ?"
FORGET = f"DELETE FROM uploads WHERE id IN ({FORGETTABLE}) RETURNING 1"


class Uploads:
    def __init__(self, db: Database, pictures: Pictures) -> None:
        self._db = db
        self._pictures = pictures

    async def store(
        self,
        *,
        member: MemberId,
        guild_id: int | None,
        channel_id: int,
        content: bytes,
        size: ImageSize,
        at: float,
        text: str = "",
        parent: JobId | None = None,
        scores: Scores | None = None,
    ) -> StoredUpload:
        """Writes the file (PNG), then the row. DiskFull leaves at most a file without a row.

        `text`: what is written in the picture. `parent`, `scores`: as in StoredUpload.
        """
        [sha256] = await self._pictures.put([content])
        async with self._db.transaction() as tx:
            whose = (UploadId(new_job_id()), member, guild_id, channel_id)
            file = (sha256, size.width, size.height, len(content), at)
            (row,) = await tx.all(STORE, (*whose, *file, text, parent, json.dumps(scores or {})))
        return _upload(row)

    async def get(self, upload: UploadId) -> StoredUpload | None:
        """Returns the row, also of a removed upload."""
        rows = await self._db.reader.all(GET, (upload,))
        return _upload(rows[0]) if rows else None

    async def read(self, upload: UploadId) -> bytes:
        """Returns the file. Raises ImageGone when the upload was removed or its file is lost."""
        row = await self.get(upload)
        if row is None or row.is_removed:
            raise ImageGone(job=JobId(upload), index=0)
        try:
            return await asyncio.to_thread(self._pictures.path_of(row.sha256).read_bytes)
        except FileNotFoundError as error:
            raise ImageGone(job=JobId(upload), index=0) from error

    async def remove(self, tx: Transaction, uploads: Iterable[UploadId], at: float) -> int:
        """Marks the rows as removed. After the commit their files go. Returns how many were there."""
        rows = await tx.all(REMOVE, {"at": at, "uploads": json.dumps(list(uploads))})
        self._pictures.forget_after(tx, [row["sha256"] for row in rows])
        return len(rows)

    async def unused(self, before: float, limit: int) -> list[UploadId]:
        """Returns uploads from before that time without any order or style."""
        return await self._ids(UNUSED, before, limit)

    async def of_member(self, member: MemberId, asked_at: float, limit: int) -> list[UploadId]:
        """Returns uploads of the member that are left."""
        return await self._ids(OF_MEMBER, member, asked_at, limit)

    async def sent_for(self, job: JobId, member: MemberId) -> list[UploadId]:
        """Returns the member's uploads that the job starts from, without pictures of styles."""
        return await self._ids(OF_JOB, job, member)

    async def needed_by_alone(self, job: JobId, member: MemberId) -> list[UploadId]:
        """Returns the member's uploads that the job, and no other one and no style, starts from."""
        return await self._ids(OF_JOB_ALONE, job, member)

    async def made_of(self, job: JobId) -> list[UploadId]:
        """Returns copies of the job's finished pictures."""
        return await self._ids(OF_PARENT, job)

    async def of_guild(self, guild_id: int, limit: int) -> list[UploadId]:
        return await self._ids(OF_GUILD, guild_id, limit)

    async def has_forgettable(self) -> bool:
        """Returns whether `forget` would delete rows."""
        return bool(await self._ids(FORGETTABLE, 1))

    async def forget(self, tx: Transaction, limit: int) -> int:
        """Deletes rows of removed uploads that no order names. Returns how many."""
        return len(await tx.all(FORGET, (limit,)))

    async def _ids(self, sql: str, *parameters: Any) -> list[UploadId]:
        return [UploadId(row["id"]) for row in await self._db.reader.all(sql, parameters)]


def _upload(row: sqlite3.Row) -> StoredUpload:
    return value_of(StoredUpload, row, scores=json.loads(row["scores"]))
