"""Finished pictures, and the files of uploads: the bytes in a folder under the hash of their content, the other columns in a row.

A file is written before its row is committed, and deleted after its row is marked as removed. A crash in between leaves at most
a file without a row. Such files may also belong to a newer database, of which this one is an old copy. At start, `sweep()` moves
them to `trash/<day>/` in the same folder. They return when a row refers to them again, and are deleted `TRASH_DAYS` later.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path

from db.database import Database, Reader, Transaction, value_of
from db.errors import ImageGone, storage_errors
from generation import ImageSize, JobId, MemberId, StyleId
from moderation import Fingerprint, Scores

TRASH_DAYS = 14
_DAY = 86_400.0  # seconds
_LOOKED_AT = 50  # files per look at their rows
_PAUSE = 0.01  # seconds after a look, so that the walk takes a part of one core only
_FINGERPRINTS_AT_ONCE = 4_000
_AFTER_ALL = "~"  # is sorted behind every job's id
_AT_ONCE = 20  # files moved per transaction; other writers wait for one batch


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    job: JobId
    index: int  # from 0, the position in the job's gallery
    sha256: str  # of the file
    width: int  # pixels
    height: int
    seed: int
    bytes: int  # the file's length
    created_at: float  # unix seconds
    fingerprint: Fingerprint | None = None  # PDQ; None for a picture that is too plain
    mark: int | None = None  # the number in its invisible mark
    scores: Scores = field(default_factory=dict)  # from the picture check, before the picture was marked
    removed_at: float | None = None
    removed_by: MemberId | None = None  # None: the bot itself
    removed_reason: str = ""

    @property
    def is_removed(self) -> bool:
        return self.removed_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The pictures that are not removed. Files of the same content count once for each picture."""

    pictures: int
    bytes: int  # of their files


@dataclass(slots=True)
class Swept:
    """Number of files that were not where their rows say."""

    restored: int = 0  # from the trash: a live row refers to them
    trashed: int = 0  # without a row
    deleted: int = 0  # of removed pictures


STORE = """
INSERT INTO images (job, image_index, sha256, width, height, seed, bytes, created_at, pdq, mark, scores)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
"""
GET = "SELECT * FROM images WHERE job = ? AND image_index = ?"
LIVE_FILES = """
SELECT job, image_index, sha256 FROM images WHERE (job, image_index) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:pictures)
) AND removed_at IS NULL
"""
OF_JOB = "SELECT * FROM images WHERE job = ? ORDER BY image_index"
REMOVE = """
UPDATE images SET removed_at = :at, removed_by = :by, removed_reason = :reason
WHERE (job, image_index) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:pictures)
) AND removed_at IS NULL RETURNING sha256
"""
WITH_STYLE = """
SELECT images.* FROM jobs JOIN images ON images.job = jobs.id
WHERE jobs.style = ? AND jobs.channel_id = ? AND images.removed_at IS NULL ORDER BY jobs.created_at, image_index LIMIT 1
"""
OF_MARK = "SELECT * FROM images WHERE mark = ? ORDER BY job, image_index"
# Many rows as one value: a row as an object of Python takes as long again, and keeps the interpreter from other threads.
FINGERPRINTS = """
SELECT group_concat(job || char(image_index) || pdq, '') FROM images WHERE job > :after AND job <= :last AND pdq IS NOT NULL
"""
END_OF_SLICE = "SELECT job FROM images WHERE job > :after ORDER BY job LIMIT 1 OFFSET :rows"
STORED = "SELECT pictures, bytes FROM stored_pictures"
UNUSED = """
SELECT value AS sha256 FROM json_each(:hashes)
WHERE NOT EXISTS (SELECT 1 FROM images WHERE sha256 = value AND removed_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM uploads WHERE sha256 = value AND removed_at IS NULL)
"""
KNOWN = """
SELECT sha256, max(is_live) AS is_live FROM (
    SELECT sha256, removed_at IS NULL AS is_live FROM images WHERE sha256 IN (SELECT value FROM json_each(:hashes))
    UNION ALL
    SELECT sha256, removed_at IS NULL FROM uploads WHERE sha256 IN (SELECT value FROM json_each(:hashes))
) GROUP BY sha256
"""


class Pictures:
    def __init__(self, db: Database, folder: Path) -> None:
        """`folder` is `<data>/images`; it is created when the first picture is stored."""
        self._db = db
        self.folder = folder

    async def put(self, contents: Iterable[bytes]) -> list[str]:
        """Writes the files before their rows, so that other writers need not wait for the disk. Returns their hashes.

        DiskFull leaves at most files without rows.
        """
        return await asyncio.to_thread(lambda: [self._put(content) for content in contents])

    async def take_back(self, contents: Iterable[bytes]) -> None:
        """Deletes files that were `put` and that no row refers to."""
        hashes = [hashlib.sha256(content).hexdigest() for content in contents]
        async with self._db.transaction(is_alone=True):
            await self._forget(hashes)

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
        """Writes the row, and the file (PNG) unless it was `put`. DiskFull leaves neither."""
        sha256 = await asyncio.to_thread(self._put, content)
        file = (job, index, sha256, size.width, size.height, seed, len(content), at)
        (row,) = await tx.all(STORE, (*file, fingerprint, mark, json.dumps(scores or {})))
        return _image(row)

    async def get(self, job: JobId, index: int) -> StoredImage | None:
        """Returns the row, also of a removed picture."""
        return await self._db.reader.find(_image, GET, (job, index))

    async def of_job(self, job: JobId) -> list[StoredImage]:
        """Returns the job's rows in order, removed pictures included."""
        return [_image(row) for row in await self._db.reader.all(OF_JOB, (job,))]

    async def first_with_style(self, style: StyleId, channel_id: int) -> StoredImage | None:
        """Returns the first picture that is left of those drawn in the channel with that version of a style."""
        return await self._db.reader.find(_image, WITH_STYLE, (style, channel_id))

    async def stored(self) -> Stored:
        """Returns how many pictures there are, and how large. Reads one row."""
        (row,) = await self._db.reader.all(STORED)
        return value_of(Stored, row)

    async def of_mark(self, mark: int) -> list[StoredImage]:
        """Returns the pictures with that mark, removed ones included; nearly always at most one."""
        return [_image(row) for row in await self._db.reader.all(OF_MARK, (mark,))]

    async def read_fingerprints(self, take: Callable[[bytes], bool]) -> None:
        """Calls `take`, on another thread, with the fingerprints of all pictures, some at a time, until it returns False.

        For each picture: job, index (one byte) and fingerprint.
        """

        def read(connection: sqlite3.Connection) -> None:
            # The value is no text: it holds fingerprints.
            connection.text_factory = bytes
            after, is_wanted = "", True
            while is_wanted:
                end = connection.execute(
                    END_OF_SLICE, {"after": after, "rows": _FINGERPRINTS_AT_ONCE}
                ).fetchone()
                last = _AFTER_ALL if end is None else end["job"].decode()
                (found,) = connection.execute(FINGERPRINTS, {"after": after, "last": last}).fetchone()
                is_wanted = take(found or b"") and end is not None
                after = last

        await self._db.read_apart(read)

    async def read(self, image: StoredImage) -> bytes:
        """Returns the file. Raises ImageGone when the picture was removed (even after `image` was read) or the file is lost."""
        row = await self.get(image.job, image.index)
        if row is None or row.is_removed:
            raise ImageGone(job=image.job, index=image.index)
        try:
            return await asyncio.to_thread(self.path_of(row.sha256).read_bytes)
        except FileNotFoundError as error:
            raise ImageGone(job=image.job, index=image.index) from error

    async def read_each(self, pictures: Sequence[tuple[JobId, int]]) -> dict[tuple[JobId, int], bytes]:
        """Returns the files of these pictures (job and index), without those that are removed or lost."""
        rows = await self._db.reader.all(LIVE_FILES, {"pictures": json.dumps(pictures)})
        paths = {(JobId(row["job"]), row["image_index"]): self.path_of(row["sha256"]) for row in rows}

        def read() -> dict[tuple[JobId, int], bytes]:
            found: dict[tuple[JobId, int], bytes] = {}
            for picture, path in paths.items():
                with contextlib.suppress(FileNotFoundError):
                    found[picture] = path.read_bytes()
            return found

        return await asyncio.to_thread(read)

    async def remove(
        self, tx: Transaction, job: JobId, index: int, *, by: MemberId | None, reason: str, at: float
    ) -> bool:
        """Marks the row as removed. Returns False when there is no such picture or it was removed before.

        After the commit the file is deleted, unless another live row has the same content.
        """
        return await self.remove_each(tx, [(job, index)], by=by, reason=reason, at=at) == 1

    async def remove_each(
        self,
        tx: Transaction,
        pictures: Sequence[tuple[JobId, int]],
        *,
        by: MemberId | None,
        reason: str,
        at: float,
    ) -> int:
        """Like `remove`, for several pictures with one statement and one look at shared files. Returns how many were there."""
        parameters = {"pictures": json.dumps(pictures), "by": by, "reason": reason, "at": at}
        rows = await tx.all(REMOVE, parameters)
        self.forget_after(tx, [row["sha256"] for row in rows])
        return len(rows)

    def forget_after(self, tx: Transaction, hashes: Sequence[str]) -> None:
        """Deletes the files after the commit, except those of a content that a live row has, too."""
        if hashes:
            tx.after_commit(partial(self._forget, hashes))

    async def sweep(self, began: float) -> Swept:
        """Puts every file where its rows say. Called at the program's start (`began`, unix seconds).

        Files written since then may belong to a job that is being finished, and stay.
        """
        swept = Swept()
        for folder in await asyncio.to_thread(self._trash_folders):
            await self._settle(_files(folder, "*/*", inf), folder, swept)
        trash = self._trash / _day(began)
        await self._settle(_files(self.folder, "[0-9a-f][0-9a-f]/*", began), trash, swept)
        return swept

    async def empty_trash(self, now: float) -> None:
        """Deletes files moved to the trash more than TRASH_DAYS before `now` (unix seconds)."""
        oldest = _day(now - TRASH_DAYS * _DAY)
        for folder in await asyncio.to_thread(self._trash_folders):
            if folder.name < oldest:
                await self._settle(_files(folder, "*/*", inf), folder, Swept())
                await asyncio.to_thread(shutil.rmtree, folder)

    async def _settle(self, files: Iterator[Path], trash: Path, swept: Swept) -> None:
        """Moves the files that are not where their rows say. Only those take the write lock."""
        while batch := await asyncio.to_thread(lambda: list(islice(files, _LOOKED_AT))):
            await asyncio.sleep(_PAUSE)
            places = await self._places(self._db.reader, batch, trash)
            strays = iter([path for path in batch if places[path] != path])
            while some := list(islice(strays, _AT_ONCE)):
                # Looked up again in the transaction, so that no picture is stored or removed in between.
                async with self._db.transaction(is_alone=True) as tx:
                    places = await self._places(tx, some, trash)
                    await asyncio.to_thread(self._move, places, swept)

    async def _places(self, reader: Reader, paths: Sequence[Path], trash: Path) -> dict[Path, Path | None]:
        """Returns the place of each file; None for a removed picture's file, which has none."""
        rows = await reader.all(KNOWN, {"hashes": json.dumps([path.stem for path in paths])})
        places: dict[str, Path | None] = {
            f"{row['sha256']}.png": self.path_of(row["sha256"]) if row["is_live"] else None for row in rows
        }
        return {path: places.get(path.name, trash / path.parent.name / path.name) for path in paths}

    def _move(self, places: Mapping[Path, Path | None], swept: Swept) -> None:
        for path, place in places.items():
            if place is None:
                path.unlink(missing_ok=True)
                swept.deleted += 1
            elif _rename(path, place):
                if self._trash in place.parents:
                    swept.trashed += 1
                else:
                    swept.restored += 1

    @property
    def _trash(self) -> Path:
        # In the pictures' folder, not beside the database: a rename needs the same disk.
        return self.folder / "trash"

    def _trash_folders(self) -> list[Path]:
        return sorted(self._trash.glob("????-??-??"))

    async def _forget(self, hashes: Sequence[str]) -> None:
        # Runs under the write lock, after the commit: the reader sees the state that the next writer will see.
        unused = await self._db.reader.all(UNUSED, {"hashes": json.dumps(hashes)})
        await asyncio.to_thread(_unlink, [self.path_of(row["sha256"]) for row in unused])

    def _put(self, content: bytes) -> str:
        """Returns the content's hash. The file exists when this returns."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path_of(sha256)
        # A damaged file under the right name is written anew.
        if not path.is_file() or path.read_bytes() != content:
            _write(path, content)
        return sha256

    def path_of(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}.png"


def _write(path: Path, content: bytes) -> None:
    """Writes the whole file or none of it; it is on the disk when this returns."""
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
    """Syncs the folder: a rename is on the disk only when its folder is. Windows has no such call."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unlink(paths: Iterable[Path]) -> None:
    """Deletes the files, each one even if another could not be deleted. Raises the first error."""
    failure: OSError | None = None
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _day(at: float) -> str:
    """Returns a date such as 2026-11-29 for unix seconds."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _files(folder: Path, pattern: str, before: float) -> Iterator[Path]:
    """Yields files last written before `before` (unix seconds)."""
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # a picture removed in the meantime
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_mtime < before:
                yield path


def _rename(path: Path, target: Path) -> bool:
    """Returns whether the file was moved. Creates missing folders."""
    if path == target:
        return False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.replace(target)
    return True


def _image(row: sqlite3.Row) -> StoredImage:
    return value_of(
        StoredImage, row, index=row["image_index"], fingerprint=row["pdq"], scores=json.loads(row["scores"])
    )
