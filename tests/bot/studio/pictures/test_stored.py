"""Stored pictures are read from the disk; a missing one raises its own error."""

import pytest

from bot.studio.errors import PictureGone
from db.jobs import Parent
from generation.files import images
from generation.request import ImageSize, JobId
from tests.bot.conftest import ADA, Shop, an_order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]


@pytest.mark.parametrize(("count", "size"), [(1, (64, 48)), (2, (130, 48)), (3, (64, 148)), (4, (130, 98))])
async def test_a_gallery_is_composed_again_with_all_its_pictures(
    busy: Shop, count: int, size: tuple[int, int]
) -> None:
    first = await busy.draw(images=count, size=ImageSize(width=64, height=48))
    again = await busy.stored_pictures.gallery_of(first.job)
    assert (again.job, again.images, again.single) == (first.job, first.images, first.single)
    assert (images.open_picture(again.grid).size, again.grid_format) == (size, "jpeg")


async def test_a_gallery_without_one_of_its_pictures_is_the_others(busy: Shop) -> None:
    job = (await busy.draw(images=3)).job
    async with busy.records.database.transaction() as tx:
        await busy.records.pictures.remove(tx, job.id, 1, by=None, reason="", at=busy.clock.now)
    gallery = await busy.stored_pictures.gallery_of(job)
    assert [image.index for image in gallery.images] == [0, 2]


async def test_removed_pictures_are_gone(busy: Shop) -> None:
    job = (await busy.draw()).job
    await busy.takedown.remove(job.id, ADA, "")
    with pytest.raises(PictureGone):
        await busy.stored_pictures.gallery_of(job)
    with pytest.raises(PictureGone):
        await busy.stored_pictures.read_picture(Parent(job=job.id, image=0))


async def test_a_lost_file_is_gone(busy: Shop) -> None:
    job = (await busy.draw()).job
    for path in (busy.settings.data / "images").glob("*/*"):
        path.unlink()
    with pytest.raises(PictureGone):
        await busy.stored_pictures.gallery_of(job)
    with pytest.raises(PictureGone):
        await busy.stored_pictures.read_picture(Parent(job=job.id, image=1))


async def test_a_picture_is_read_by_its_place(busy: Shop) -> None:
    job = (await busy.draw(images=2)).job
    picture = images.open_picture(await busy.stored_pictures.read_picture(Parent(job=job.id, image=1)))
    assert picture.resize((1, 1)).getpixel((0, 0)) == pytest.approx((0, 128, 0), abs=4)


async def test_an_unfinished_job_has_no_pictures(shop: Shop) -> None:
    job = await shop.admit(an_order())
    with pytest.raises(PictureGone):
        await shop.stored_pictures.gallery_of(job)
    with pytest.raises(PictureGone):
        await shop.stored_pictures.read_picture(Parent(job=JobId("aaaaaaaaaa"), image=0))
