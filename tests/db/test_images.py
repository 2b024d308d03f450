from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from db.database import Database
from db.errors import ImageGone
from db.images import Pictures
from tests.db.rows import ALICE, BOB, MODERATOR, NOW, record, record_done, store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pictures(db: Database, tmp_path: Path) -> Pictures:
    return Pictures(db, tmp_path / "images")


def files(pictures: Pictures) -> list[Path]:
    return [path for path in pictures.folder.rglob("*") if path.is_file()]


async def test_a_picture_comes_back_byte_for_byte(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    content = os.urandom(50_000)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id, 2, content)
    assert await pictures.get(job.id, 2) == image
    assert await pictures.read(image) == content
    assert (image.index, image.seed, image.bytes, image.is_removed) == (2, 9, 50_000, False)
    (file,) = files(pictures)
    assert file.relative_to(pictures.folder) == Path(image.sha256[:2]) / f"{image.sha256}.png"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_file_that_was_put_ahead_is_not_written_under_the_lock(
    db: Database, pictures: Pictures
) -> None:
    """And one that went meanwhile is."""
    job = await record(db)
    await pictures.put([b"first", b"second"])
    first, second = sorted(files(pictures), key=lambda path: path.read_bytes())
    before = first.stat().st_ino, first.stat().st_mtime_ns
    second.unlink()
    async with db.transaction() as tx:
        stored = [
            await store(pictures, tx, job.id, n, content) for n, content in enumerate((b"first", b"second"))
        ]
    assert (first.stat().st_ino, first.stat().st_mtime_ns) == before
    assert [await pictures.read(image) for image in stored] == [b"first", b"second"]


async def test_what_was_put_and_never_stored_is_swept(db: Database, pictures: Pictures) -> None:
    await pictures.put([b"a stray"])
    assert await pictures.sweep() == 1
    assert files(pictures) == []


async def test_of_job_lists_a_jobs_pictures_in_order(db: Database, pictures: Pictures) -> None:
    job, other = await record(db), await record(db)
    async with db.transaction() as tx:
        for index in (1, 0, 2):
            await store(pictures, tx, job.id, index, b"%d" % index)
        await store(pictures, tx, other.id, 0, b"other")
    assert [image.index for image in await pictures.of_job(job.id)] == [0, 1, 2]
    assert await pictures.get(job.id, 3) is None


async def test_a_removed_picture_is_marked_and_its_file_deleted(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id)
    async with db.transaction() as tx:
        assert await pictures.remove(tx, job.id, 0, by=MODERATOR, reason="rule 3", at=NOW + 9)
        assert not await pictures.remove(tx, job.id, 0, by=ALICE, reason="again", at=NOW + 10)
        assert not await pictures.remove(tx, job.id, 1, by=ALICE, reason="no such picture", at=NOW + 10)
        assert len(files(pictures)) == 1
    assert files(pictures) == []
    found = await pictures.get(job.id, 0)
    assert found is not None
    assert (found.removed_at, found.removed_by, found.removed_reason) == (NOW + 9, MODERATOR, "rule 3")
    with pytest.raises(ImageGone) as caught:
        await pictures.read(image)
    assert (caught.value.job, caught.value.index) == (job.id, 0)


async def test_a_removal_that_is_rolled_back_deletes_nothing(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await pictures.remove(tx, job.id, 0, by=None, reason="", at=NOW)
            raise ZeroDivisionError
    assert await pictures.read(image) == b"a picture"


async def test_a_file_that_two_jobs_share_goes_with_the_last_of_them(
    db: Database, pictures: Pictures
) -> None:
    first, second = await record(db), await record(db)
    async with db.transaction() as tx:
        await store(pictures, tx, first.id)
        shared = await store(pictures, tx, second.id)
    async with db.transaction() as tx:
        await pictures.remove(tx, first.id, 0, by=ALICE, reason="", at=NOW)
    assert await pictures.read(shared) == b"a picture"
    async with db.transaction() as tx:
        await pictures.remove(tx, second.id, 0, by=ALICE, reason="", at=NOW)
    assert files(pictures) == []


async def test_both_copies_removed_in_one_transaction_leave_no_file(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        await store(pictures, tx, job.id, 0)
        await store(pictures, tx, job.id, 1)
    async with db.transaction() as tx:
        for index in (0, 1):
            await pictures.remove(tx, job.id, index, by=ALICE, reason="", at=NOW)
    assert files(pictures) == []


async def test_a_lost_file_is_a_gone_image(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id)
    files(pictures)[0].unlink()
    with pytest.raises(ImageGone):
        await pictures.read(image)


async def test_the_sweep_deletes_what_no_live_row_refers_to(db: Database, pictures: Pictures) -> None:
    assert await pictures.sweep() == 0
    job = await record(db)
    async with db.transaction() as tx:
        kept = await store(pictures, tx, job.id)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await store(pictures, tx, job.id, 1, b"never committed")
            raise ZeroDivisionError
    (pictures.folder / kept.sha256[:2] / f".{kept.sha256}.0000.partial").write_bytes(b"half a pic")
    assert len(files(pictures)) == 3
    assert await pictures.sweep() == 2
    assert await pictures.sweep() == 0
    assert await pictures.read(kept) == b"a picture"


async def test_the_sweep_finishes_a_removal_that_a_crash_cut_short(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id)
    async with db.transaction() as tx:
        await pictures.remove(tx, job.id, 0, by=MODERATOR, reason="", at=NOW)
    (pictures.folder / image.sha256[:2] / f"{image.sha256}.png").write_bytes(b"a picture")
    assert await pictures.sweep() == 1


async def test_history_is_paged_by_picture_newest_first(db: Database, pictures: Pictures) -> None:
    jobs = [await record_done(db) for _ in range(3)]
    unfinished, of_bob = await record(db), await record_done(db, member=BOB)
    async with db.transaction() as tx:
        for job in (*jobs, unfinished, of_bob):
            for index in range(2):
                await store(pictures, tx, job.id, index, f"{job.id} {index}".encode())
        await pictures.remove(tx, jobs[1].id, 1, by=ALICE, reason="", at=NOW)
    expected = [(jobs[2].id, 1), (jobs[2].id, 0), (jobs[1].id, 0), (jobs[0].id, 1), (jobs[0].id, 0)]
    page = await pictures.page_of_member(ALICE, limit=2)
    assert [(image.job, image.index) for image in page] == expected[:2]
    page = await pictures.page_of_member(ALICE, before=expected[1], limit=10)
    assert [(image.job, image.index) for image in page] == expected[2:]


FILE_SIZE_LIMIT = """
import asyncio, resource, sys
from pathlib import Path
from db.database import Database
from db.errors import DiskFull
from db.images import Pictures
from tests.db.rows import record, store

async def main() -> None:
    folder = Path(sys.argv[1])
    async with Database.open(folder / "atelier.sqlite3") as db:
        pictures = Pictures(db, folder / "images")
        job = await record(db)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            async with db.transaction() as tx:
                await store(pictures, tx, job.id, 0, b"fits")
                await store(pictures, tx, job.id, 1, b"x" * 1_000_000)
        except DiskFull:
            print("full")
        print(await pictures.of_job(job.id), await pictures.sweep())

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
def test_a_full_disk_stores_none_of_a_jobs_pictures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILE_SIZE_LIMIT, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # The sweep finds the one that did fit; of the other nothing is left.
    assert (done.stdout, done.returncode) == ("full\n[] 1\n", 0), done.stderr
