"""The table of hashes: read once after the start, with the pictures that are stored meanwhile."""

import asyncio
import os
from pathlib import Path

import pytest

from bot.studio.pictures.likeness import Likeness
from db.database import Database
from db.images import Pictures, StoredImage
from db.repositories import Repositories
from moderation.verdict import Fingerprint
from tests.db.rows import record, store

pytestmark = pytest.mark.slow


async def drawn(db: Database, records: Repositories) -> StoredImage:
    job = await record(db)
    async with db.transaction() as tx:
        return await store(
            records.pictures, tx, job.id, 0, os.urandom(20), fingerprint=Fingerprint(os.urandom(32))
        )


async def test_prepared_hashes_are_not_read_again_and_hold_pictures_stored_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bytes] = []
    async with Database.open(tmp_path / "atelier.sqlite3") as db:
        records = Repositories.of(db, tmp_path)
        likeness, old = Likeness(records), await drawn(db, records)
        read, new = Pictures.read_fingerprints, list[StoredImage]()

        async def read_slowly(self: Pictures, take: object) -> None:
            reads.append(b"")
            await read(self, take)  # pyright: ignore[reportArgumentType]
            new.append(await drawn(db, records))
            likeness.add(new[0])

        monkeypatch.setattr(Pictures, "read_fingerprints", read_slowly)
        await asyncio.gather(likeness.prepare(), likeness.prepare())
        later = await drawn(db, records)
        likeness.add(later)
        for image in (old, new[0], later):
            assert image.fingerprint is not None
            assert await likeness.nearest(image.fingerprint) == (image, 0)
    assert len(reads) == 1


async def test_a_stop_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = asyncio.Event()
    answers: list[bool] = []

    async def read(self: Pictures, take: object) -> None:
        assert callable(take)
        taken.set()
        try:
            await asyncio.sleep(60)
        finally:
            asyncio.get_running_loop().call_soon(lambda: answers.append(bool(take(b""))))

    monkeypatch.setattr(Pictures, "read_fingerprints", read)
    async with Database.open(tmp_path / "atelier.sqlite3") as db:
        reading = asyncio.create_task(Likeness(Repositories.of(db, tmp_path)).prepare())
        await taken.wait()
        reading.cancel()
        await asyncio.wait({reading})
        await asyncio.sleep(0)
    assert answers == [False]
