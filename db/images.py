"""Finished pictures: the bytes in a folder under the hash of their content, the facts in a row.

A file is there before its row is committed and goes after its row was marked as removed, so that a crash in between
leaves at most a file without a row. Such files may also belong to a newer database, of which this one is an old copy:
`sweep()` moves them at start to `trash/<day>/` in the same folder. They come back when a row refers to them again, and
are deleted `TRASH_DAYS` later.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path

from db.database import Database, Transaction, value_of
from db.errors import ImageGone, storage_errors
from generation import ImageSize, JobId, MemberId
from moderation import Fingerprint, Scores

TRASH_DAYS = 14
_DAY = 86_400.0  # seconds
_AT_ONCE = 50  # files: other writers wait until so many are moved


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    job: JobId
    index: int  # from 0, the place in the job's gallery
    sha256: str  # of the file
    width: int  # pixels
    height: int
    seed: int
    bytes: int  # the file's length
    created_at: float  # unix seconds
    fingerprint: Fingerprint | None = None  # PDQ; None for what is too plain
    mark: int | None = None  # the number in its invisible mark
    scores: Scores = field(default_factory=dict)  # what the picture check saw before it was marked
    removed_at: float | None = None
    removed_by: MemberId | None = None  # None: the bot itself
    removed_reason: str = ""

    @property
    def is_removed(self) -> bool:
        return self.removed_at is not None


@dataclass(slots=True)
class Swept:
    """Files that were not where their rows say."""

    restored: int = 0  # from the trash: a live row refers to them
    trashed: int = 0  # no row knows them
    deleted: int = 0  # their picture was removed


STORE = """
INSERT INTO images (job, image_index, sha256, width, height, seed, bytes, created_at, pdq, mark, scores)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
"""
GET = "SELECT * FROM images WHERE job = ? AND image_index = ?"
OF_JOB = "SELECT * FROM images WHERE job = ? ORDER BY image_index"
REMOVE = """
UPDATE images SET removed_at = :at, removed_by = :by, removed_reason = :reason
WHERE job = :job AND image_index = :index AND removed_at IS NULL RETURNING sha256
"""
OF_MARK = "SELECT * FROM images WHERE mark = ? ORDER BY job, image_index"
FINGERPRINTS = "SELECT job, image_index, pdq FROM images WHERE pdq IS NOT NULL ORDER BY job, image_index"
IS_LIVE = "SELECT 1 FROM images WHERE sha256 = ? AND removed_at IS NULL LIMIT 1"
KNOWN = """
SELECT sha256, max(removed_at IS NULL) AS is_live FROM images
WHERE sha256 IN (SELECT value FROM json_each(?)) GROUP BY sha256
"""


class Pictures:
    def __init__(self, db: Database, folder: Path) -> None:
        """`folder` is `<data>/images`; it is made when the first picture is stored."""
        self._db = db
        self.folder = folder

    async def put(self, contents: Iterable[bytes]) -> None:
        """Files ahead of their rows: who else writes to the database need not wait for the disk. DiskFull leaves files
        without rows at most."""
        await asyncio.to_thread(lambda: [self._put(content) for content in contents])

    async def take_back(self, contents: Iterable[bytes]) -> None:
        """What was put, and no row has come to refer to."""
        hashes = [hashlib.sha256(content).hexdigest() for content in contents]
        async with self._db.transaction():
            for sha256 in hashes:
                await self._forget(sha256)

    async def store(
        self,
        tx: Transaction,
        *,
        job: JobId,
        index: int,
        content: bytes,
        size: ImageSize,
        seed: int,
        at: float,
        fingerprint: Fingerprint | None = None,
        mark: int | None = None,
        scores: Scores | None = None,
    ) -> StoredImage:
        """Writes the row, and the file (PNG) where it was not `put`. DiskFull leaves neither."""
        sha256 = await asyncio.to_thread(self._put, content)
        file = (job, index, sha256, size.width, size.height, seed, len(content), at)
        (row,) = await tx.all(STORE, (*file, fingerprint, mark, json.dumps(scores or {})))
        return _image(row)

    async def get(self, job: JobId, index: int) -> StoredImage | None:
        """The row, also when the picture was removed."""
        return await self._db.reader.find(_image, GET, (job, index))

    async def of_job(self, job: JobId) -> list[StoredImage]:
        """All of the job's rows in order, removed ones among them."""
        return [_image(row) for row in await self._db.reader.all(OF_JOB, (job,))]

    async def of_mark(self, mark: int) -> list[StoredImage]:
        """Those marked with that number, removed ones among them: one, but for a rare chance."""
        return [_image(row) for row in await self._db.reader.all(OF_MARK, (mark,))]

    async def fingerprints(self) -> list[tuple[tuple[JobId, int], Fingerprint]]:
        """Of all pictures that have one, removed ones among them, by job and index."""
        return [
            ((JobId(row["job"]), row["image_index"]), Fingerprint(row["pdq"]))
            for row in await self._db.reader.all(FINGERPRINTS)
        ]

    async def read(self, image: StoredImage) -> bytes:
        """The file. ImageGone when the picture was removed (even after `image` was read) or lost."""
        row = await self.get(image.job, image.index)
        if row is None or row.is_removed:
            raise ImageGone(job=image.job, index=image.index)
        try:
            return await asyncio.to_thread(self._path(row.sha256).read_bytes)
        except FileNotFoundError as error:
            raise ImageGone(job=image.job, index=image.index) from error

    async def remove(
        self, tx: Transaction, job: JobId, index: int, *, by: MemberId | None, reason: str, at: float
    ) -> bool:
        """Marks the row; once that is committed the file goes, unless another live row has the same content.
        False when there is no such picture or it was removed before."""
        parameters = {"job": job, "index": index, "by": by, "reason": reason, "at": at}
        row = await tx.one(REMOVE, parameters)
        if row is None:
            return False
        tx.after_commit(partial(self._forget, row["sha256"]))
        return True

    async def sweep(self, began: float) -> Swept:
        """Puts every file where its rows say; at the start of the program (`began`, unix seconds). What was written since
        then may belong to a job that is just being finished, and stays."""
        swept = Swept()
        for folder in await asyncio.to_thread(self._trash_folders):
            await self._settle(_files(folder, "*/*", inf), folder, swept)
        trash = self._trash / _day(began)
        await self._settle(_files(self.folder, "[0-9a-f][0-9a-f]/*", began), trash, swept)
        return swept

    async def empty_trash(self, now: float) -> None:
        """Deletes what was moved there more than TRASH_DAYS before `now` (unix seconds)."""
        oldest = _day(now - TRASH_DAYS * _DAY)
        for folder in await asyncio.to_thread(self._trash_folders):
            if folder.name < oldest:
                await self._settle(_files(folder, "*/*", inf), folder, Swept())
                await asyncio.to_thread(shutil.rmtree, folder)

    async def _settle(self, files: Iterator[Path], trash: Path, swept: Swept) -> None:
        """A transaction for each batch: a picture is stored or removed before it or after it."""
        while batch := await asyncio.to_thread(lambda: list(islice(files, _AT_ONCE))):
            async with self._db.transaction() as tx:
                rows = await tx.all(KNOWN, (json.dumps([path.stem for path in batch]),))
                is_live = {f"{row['sha256']}.png": bool(row["is_live"]) for row in rows}
                await asyncio.to_thread(self._move, batch, is_live, trash, swept)

    def _move(self, batch: list[Path], is_live: dict[str, bool], trash: Path, swept: Swept) -> None:
        for path in batch:
            match is_live.get(path.name):
                case None:
                    swept.trashed += _rename(path, trash / path.parent.name / path.name)
                case True:
                    swept.restored += _rename(path, self._path(path.stem))
                case False:
                    path.unlink(missing_ok=True)
                    swept.deleted += 1

    @property
    def _trash(self) -> Path:
        # Beside the pictures rather than beside the database: a rename needs the same disk.
        return self.folder / "trash"

    def _trash_folders(self) -> list[Path]:
        return sorted(self._trash.glob("????-??-??"))

    async def _forget(self, sha256: str) -> None:
        # Runs under the write lock, after the commit: the reader sees what the next writer will.
        if await self._db.reader.one(IS_LIVE, (sha256,)) is None:
            await asyncio.to_thread(self._path(sha256).unlink, missing_ok=True)

    def _put(self, content: bytes) -> str:
        """The content's hash; its file is there when it returns."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if not path.is_file():
            _write(path, content)
        return sha256

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}.png"


def _write(path: Path, content: bytes) -> None:
    """All or nothing, and on the disk when it returns."""
    partial_path = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial")
    with storage_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(partial_path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial_path.replace(path)
        finally:
            partial_path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk when its folder is. Windows has no such call."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _day(at: float) -> str:
    """2026-11-29, for unix seconds."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _files(folder: Path, pattern: str, before: float) -> Iterator[Path]:
    """Those last written before then (unix seconds)."""
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # a picture that was removed meanwhile
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_mtime < before:
                yield path


def _rename(path: Path, target: Path) -> bool:
    """Whether it had to be moved. The folders are made where they are missing."""
    if path == target:
        return False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.replace(target)
    return True


def _image(row: sqlite3.Row) -> StoredImage:
    return value_of(
        StoredImage, row, index=row["image_index"], fingerprint=row["pdq"], scores=json.loads(row["scores"])
    )
