"""Pictures that members supply: files beside the finished pictures, kept as long as an order needs them, and forgotten."""

from dataclasses import replace
from pathlib import Path

import pytest

from db.archive import restore_archive, write_archive
from db.database import Database
from db.errors import ImageGone
from db.images import Pictures
from db.jobs import Job, Jobs, PictureSource, Upload, UploadId
from db.repositories import Repositories
from db.retention import Retention
from db.uploads import UNUSED_SECONDS, StoredUpload
from generation.request import InputPicture, Role
from moderation.duration import DAY
from tests.db.forgotten import forget
from tests.db.rows import ALICE, BOB, NOW, a_job, record, record_done, store, stored_upload
from tests.db.test_retention import FOR_EVER, files, sweep


def started_from(upload: StoredUpload) -> tuple[InputPicture[PictureSource], ...]:
    return (InputPicture(source=Upload(id=upload.id), role=Role.START, strength=0.25),)


async def used(db: Database, upload: StoredUpload, **changes: object) -> Job:
    return await record_done(db, pictures=started_from(upload), **changes)


async def test_a_job_that_starts_from_it_is_read_as_it_was_written(db: Database, tmp_path: Path) -> None:
    upload = await stored_upload(db, tmp_path)
    job = a_job(pictures=started_from(upload))
    async with db.transaction() as tx:
        await Jobs(db).record(tx, job)
    assert await Jobs(db).get(job.id) == job


async def test_a_source_that_is_neither_is_a_bug(db: Database) -> None:
    odd = InputPicture(source=PictureSource(), role=Role.START)
    with pytest.raises(TypeError):
        await record(db, pictures=(odd,))


async def test_the_file_is_read_until_it_is_removed(db: Database, tmp_path: Path) -> None:
    uploads = Repositories.of(db, tmp_path).uploads
    upload = await stored_upload(db, tmp_path / "images", content=b"mine")
    assert await uploads.read(upload.id) == b"mine"
    async with db.transaction() as tx:
        assert await uploads.remove(tx, [upload.id, UploadId("aaaaaaaaaa")], NOW) == 1
        assert await uploads.remove(tx, [upload.id], NOW) == 0
    assert files(tmp_path / "images") == []
    for each in (upload.id, UploadId("aaaaaaaaaa")):
        with pytest.raises(ImageGone):
            await uploads.read(each)


async def test_a_file_of_the_same_content_stays_for_another_row(db: Database, tmp_path: Path) -> None:
    uploads = Repositories.of(db, tmp_path).uploads
    first, second = [await stored_upload(db, tmp_path / "images", content=b"same") for _ in range(2)]
    job = await record_done(db)
    pictures = Pictures(db, tmp_path / "images")
    async with db.transaction() as tx:
        drawn = await store(pictures, tx, job.id, content=b"same")
        await uploads.remove(tx, [first.id], NOW)
    assert await uploads.read(second.id) == b"same"
    async with db.transaction() as tx:
        await uploads.remove(tx, [second.id], NOW)
    assert await pictures.read(drawn) == b"same"


async def test_the_start_of_the_bot_leaves_it_where_it_is(db: Database, tmp_path: Path) -> None:
    upload, pictures = await stored_upload(db, tmp_path), Pictures(db, tmp_path)
    stray = pictures.path_of("f" * 64)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"of a newer database")
    swept = await pictures.sweep(1e11)
    assert (swept.trashed, swept.deleted) == (1, 0)
    assert pictures.path_of(upload.sha256).is_file()


async def test_one_without_an_order_goes_after_an_hour_and_one_with_an_order_stays(
    db: Database, tmp_path: Path
) -> None:
    lone, kept = [await stored_upload(db, tmp_path, content=each) for each in (b"lone", b"kept")]
    await used(db, kept)
    assert await sweep(db, tmp_path, FOR_EVER, NOW + UNUSED_SECONDS - 1) == 0
    assert await sweep(db, tmp_path, FOR_EVER, NOW + UNUSED_SECONDS + 1) == 2, "its file, then its row"
    uploads = Repositories.of(db, tmp_path).uploads
    assert await uploads.get(lone.id) is None and await uploads.get(kept.id) is not None
    assert len(files(tmp_path)) == 1


async def test_its_period_is_that_of_pictures_and_its_row_goes_with_its_orders(
    db: Database, tmp_path: Path
) -> None:
    upload = await stored_upload(db, tmp_path)
    await used(db, upload)
    uploads, periods = Repositories.of(db, tmp_path).uploads, replace(FOR_EVER, pictures=30 * DAY)
    assert await sweep(db, tmp_path, periods, NOW + 31 * DAY) == 1
    row = await uploads.get(upload.id)
    assert row is not None and row.is_removed and files(tmp_path) == []
    assert await sweep(db, tmp_path, replace(periods, jobs=30 * DAY), NOW + 31 * DAY) == 2
    assert await uploads.get(upload.id) is None


async def test_the_limit_on_all_files_counts_it_and_the_oldest_goes_first(
    db: Database, tmp_path: Path
) -> None:
    old = await stored_upload(db, tmp_path, content=b"12345", at=NOW - 1)
    await used(db, old)
    job, pictures = await record_done(db), Pictures(db, tmp_path)
    async with db.transaction() as tx:
        await store(pictures, tx, job.id, content=b"123456")
    assert ((await pictures.stored()).pictures, (await pictures.stored()).bytes) == (2, 11)
    retention = Retention(db, pictures)
    assert await retention.step(replace(FOR_EVER, picture_bytes=6), NOW) == 1
    row = await Repositories.of(db, tmp_path).uploads.get(old.id)
    assert row is not None and row.is_removed and (await pictures.stored()).bytes == 6


async def test_forgetting_its_owner_takes_file_and_row(db: Database, tmp_path: Path) -> None:
    upload = await stored_upload(db, tmp_path)
    await used(db, upload)
    other = await stored_upload(db, tmp_path, member=BOB, content=b"bob's")
    assert await forget(db, tmp_path, ALICE, now=NOW + 9 * DAY, acts_before=NOW)
    uploads = Repositories.of(db, tmp_path).uploads
    assert await uploads.get(upload.id) is None and await uploads.get(other.id) is not None
    assert len(files(tmp_path)) == 1


async def test_an_order_of_another_member_that_waits_for_it_is_no_other_order(
    db: Database, tmp_path: Path
) -> None:
    upload = await stored_upload(db, tmp_path)
    waiting = await record(db, member=BOB, member_name="bob", pictures=started_from(upload))
    assert not await forget(db, tmp_path, ALICE, now=NOW + 9 * DAY, acts_before=NOW)
    found = await Jobs(db).get(waiting.id)
    assert found is not None and found.drawing.pictures == waiting.drawing.pictures
    async with db.transaction() as tx:
        await Jobs(db).cancel(tx, waiting.id, NOW + 1)
    assert await forget(db, tmp_path, ALICE, now=NOW + 9 * DAY, acts_before=NOW)


async def test_a_backup_holds_it(db: Database, tmp_path: Path) -> None:
    upload = await stored_upload(db, db.path.parent / "images")
    target = tmp_path / "backup.tar"
    assert write_archive(db.path.parent, target).pictures == 1
    restored = tmp_path / "restored"
    restored.mkdir()
    assert restore_archive(target, restored).missing == 0
    assert (restored / "images" / upload.sha256[:2] / f"{upload.sha256}.png").read_bytes() == b"an upload"
