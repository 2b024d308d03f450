import asyncio
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from db.database import Database
from db.errors import ImageGone
from db.images import TRASH_DAYS, Pictures, StoredImage, Swept
from moderation.verdict import Fingerprint
from tests.db.rows import ALICE, MODERATOR, NOW, record, store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DAY = 86_400.0
LATER = 4_000_000_000.0  # a start time after every file of these tests was written


@pytest.fixture
def pictures(db: Database, tmp_path: Path) -> Pictures:
    return Pictures(db, tmp_path / "images")


def files(pictures: Pictures) -> list[Path]:
    return [path for path in pictures.folder.rglob("*") if path.is_file()]


def contents(pictures: Pictures) -> list[bytes]:
    """Returns the contents of all files, including those in the trash."""
    return sorted(path.read_bytes() for path in files(pictures))


def live(pictures: Pictures) -> list[bytes]:
    """Returns the contents of the files outside the trash."""
    return sorted(path.read_bytes() for path in pictures.folder.glob("??/*"))


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
    """A file that was deleted in the meantime is written again."""
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


async def test_what_was_put_and_never_stored_goes_to_the_trash_at_the_next_start(
    db: Database, pictures: Pictures
) -> None:
    await pictures.put([b"a stray"])
    assert await pictures.sweep(began=0.0) == Swept(), "it may belong to a job that is just being finished"
    assert live(pictures) == contents(pictures) == [b"a stray"]
    assert await pictures.sweep(LATER) == Swept(trashed=1)
    assert live(pictures) == [] and contents(pictures) == [b"a stray"]


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


async def test_several_pictures_go_at_once_and_a_file_that_others_need_stays(
    db: Database, pictures: Pictures
) -> None:
    first, second = await record(db), await record(db)
    async with db.transaction() as tx:
        for index in range(3):
            await store(pictures, tx, first.id, index, b"%d" % index)
        await store(pictures, tx, second.id, 0, b"1")
        await store(pictures, tx, second.id, 1, b"another")
    async with db.transaction() as tx:
        assert await pictures.remove(tx, first.id, 2, by=None, reason="before", at=NOW)
    gone = [(first.id, 0), (first.id, 1), (first.id, 2), (second.id, 1), (second.id, 5)]
    async with db.transaction() as tx:
        assert await pictures.remove_each(tx, gone, by=MODERATOR, reason="all", at=NOW + 1) == 3
        assert len(files(pictures)) == 3, "the files go after the commit"
    assert contents(pictures) == [b"1"]
    reasons = {(each.job, each.index): each.removed_reason for each in await pictures.of_job(first.id)}
    assert reasons == {(first.id, 0): "all", (first.id, 1): "all", (first.id, 2): "before"}
    assert await pictures.read_each([*gone, (second.id, 0)]) == {(second.id, 0): b"1"}


async def test_one_file_that_cannot_be_deleted_keeps_no_other(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        stored = [await store(pictures, tx, job.id, index, b"%d" % index) for index in range(3)]
    for image in stored[:2]:
        # A folder can't be unlinked.
        path = pictures.path_of(image.sha256)
        path.unlink()
        path.mkdir()
    async with db.transaction() as tx:
        assert (
            await pictures.remove_each(tx, [(job.id, n) for n in range(3)], by=None, reason="", at=NOW) == 3
        )
    assert files(pictures) == []


async def test_fingerprints_are_read_in_slices_that_part_no_job(
    db: Database, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.images._FINGERPRINTS_AT_ONCE", 2)
    expected: set[bytes] = set()
    for number in range(7):
        job = await record(db)
        async with db.transaction() as tx:
            for index in range(1 + number % 4):
                seen = None if number == 3 else Fingerprint(os.urandom(32))
                await store(pictures, tx, job.id, index, fingerprint=seen)
                if seen is not None:
                    expected.add(job.id.encode() + bytes([index]) + seen)
    found: list[bytes] = []

    def take(packed: bytes) -> bool:
        found.extend(packed[first : first + 43] for first in range(0, len(packed), 43))
        return len(found) < stop_after

    stop_after = 1000
    await pictures.read_fingerprints(take)
    assert set(found) == expected and len(found) == len(expected)
    found.clear()
    stop_after = 1
    await pictures.read_fingerprints(take)
    assert 1 <= len(found) < len(expected)


async def test_a_lost_file_is_a_gone_image(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id)
    files(pictures)[0].unlink()
    with pytest.raises(ImageGone):
        await pictures.read(image)


async def test_the_sweep_deletes_no_file_that_it_does_not_know(db: Database, pictures: Pictures) -> None:
    assert await pictures.sweep(LATER) == Swept()
    job = await record(db)
    async with db.transaction() as tx:
        kept = await store(pictures, tx, job.id)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await store(pictures, tx, job.id, 1, b"never committed")
            raise ZeroDivisionError
    folder = pictures.folder / kept.sha256[:2]
    (folder / f".{kept.sha256}.0000.partial").write_bytes(b"half a pic")
    (folder / f"{kept.sha256}.txt").write_bytes(b"a note")
    before = contents(pictures)
    assert len(before) == 4
    assert await pictures.sweep(LATER) == Swept(trashed=3)
    assert await pictures.sweep(LATER) == Swept()
    assert live(pictures) == [b"a picture"] and contents(pictures) == before


async def test_the_sweep_finishes_a_removal_that_a_crash_cut_short(db: Database, pictures: Pictures) -> None:
    """This includes a file that an older database moved to the trash because it did not know the file."""
    job = await record(db)
    await pictures.put([b"0", b"1"])
    await pictures.sweep(LATER)
    async with db.transaction() as tx:
        images = [await store(pictures, tx, job.id, index, b"%d" % index) for index in (0, 1)]
    async with db.transaction() as tx:
        for index in (0, 1):
            await pictures.remove(tx, job.id, index, by=MODERATOR, reason="", at=NOW)
    assert contents(pictures) == [b"0", b"1"], "those in the trash"
    path = pictures.folder / images[0].sha256[:2] / f"{images[0].sha256}.png"
    path.write_bytes(b"0")
    assert await pictures.sweep(LATER) == Swept(deleted=3)
    assert contents(pictures) == []


async def test_an_older_database_started_once_costs_no_picture_of_the_newer(tmp_path: Path) -> None:
    """The newer database is restored, with pictures drawn since the copy."""
    path, drawn = tmp_path / "atelier.sqlite3", list[StoredImage]()

    async def draw(content: bytes) -> None:
        async with Database.open(path) as db:
            job = await record(db)
            async with db.transaction() as tx:
                drawn.append(await store(Pictures(db, tmp_path / "images"), tx, job.id, 0, content))

    async def start() -> Swept:
        async with Database.open(path) as db:
            return await Pictures(db, tmp_path / "images").sweep(LATER)

    await draw(b"0")
    shutil.copy(path, tmp_path / "copy")
    for index in range(1, 5):
        await draw(b"%d" % index)
    path.rename(tmp_path / "newer")
    (tmp_path / "copy").rename(path)
    assert await start() == Swept(trashed=4)
    (tmp_path / "newer").rename(path)
    assert await start() == Swept(restored=4)
    async with Database.open(path) as db:
        assert [await Pictures(db, tmp_path / "images").read(each) for each in drawn] == [
            b"0",
            b"1",
            b"2",
            b"3",
            b"4",
        ]


async def test_the_trash_is_emptied_by_the_day_but_for_what_a_row_refers_to(
    db: Database, pictures: Pictures
) -> None:
    await pictures.put([b"a stray", b"found again"])
    await pictures.sweep(LATER)
    for days in (0, TRASH_DAYS):
        await pictures.empty_trash(LATER + days * DAY)
        assert contents(pictures) == [b"a stray", b"found again"]
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id, 0, b"found again")
    (pictures.folder / image.sha256[:2] / f"{image.sha256}.png").unlink()
    await pictures.empty_trash(LATER + (TRASH_DAYS + 1) * DAY)
    assert live(pictures) == contents(pictures) == [b"found again"]
    assert await pictures.read(image) == b"found again"


async def test_a_job_that_is_finished_during_the_sweep_keeps_its_pictures(
    db: Database, pictures: Pictures
) -> None:
    """This holds for new files and for existing files without a row."""
    names = [b"%d" % n for n in range(300)]
    await pictures.put(names[::2])
    for path in files(pictures):
        os.utime(path, (0, 0))  # of an earlier run
    job = await record(db)

    async def finish() -> list[StoredImage]:
        images: list[StoredImage] = []
        for start in range(0, len(names), 4):
            await pictures.put(names[start : start + 4])
            async with db.transaction() as tx:
                images += [
                    await store(pictures, tx, job.id, index, names[index])
                    for index in range(start, start + 4)
                ]
        return images

    images, _ = await asyncio.gather(finish(), pictures.sweep(began=1e9))
    assert [await pictures.read(image) for image in images] == names


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
        print(await pictures.of_job(job.id), (await pictures.sweep(4e9)).trashed)

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
    # The sweep finds the file that fitted. The other file was removed completely.
    assert (done.stdout, done.returncode) == ("full\n[] 1\n", 0), done.stderr


async def test_files_that_lie_where_they_should_hold_up_no_writer(db: Database, pictures: Pictures) -> None:
    job = await record(db)
    async with db.transaction() as tx:
        for index in range(3):
            await store(pictures, tx, job.id, index, b"picture %d" % index)
    async with db.transaction():
        # Another task than the one that writes. If it needed the lock, it would wait for ever.
        assert await asyncio.create_task(pictures.sweep(LATER)) == Swept()


async def test_a_walk_over_many_files_lets_writers_through(
    db: Database, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.images._AT_ONCE", 2)
    await pictures.put([b"unknown %d" % number for number in range(20)])
    sweep = asyncio.create_task(pictures.sweep(LATER))
    in_between = 0
    while not sweep.done():
        async with db.transaction():
            in_between += 0 < len(live(pictures)) < 20
    assert await sweep == Swept(trashed=20)
    assert in_between >= 5


async def test_a_damaged_file_under_its_hash_is_written_anew(db: Database, pictures: Pictures) -> None:
    await pictures.put([b"a picture"])
    [file] = files(pictures)
    file.write_bytes(b"a pictur")
    job = await record(db)
    async with db.transaction() as tx:
        image = await store(pictures, tx, job.id, content=b"a picture")
    assert await pictures.read(image) == b"a picture"
