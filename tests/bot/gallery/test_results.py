"""The file that is posted with a gallery: a picture of its own where it fits, otherwise the grid."""

import asyncio
from dataclasses import replace

import pytest
from PIL import Image

from bot.client import Atelier
from bot.gallery.results import FILE_LIMIT, attachment
from bot.studio.orders.order import Gallery
from bot.studio.pictures.provenance import Provenance
from db.jobs import JobAction
from generation.files import images
from tests.bot.cards import JOB, a_gallery, a_job
from tests.bot.conftest import Shop, an_order, ended

NOISE = Image.effect_noise((64, 64), 80)
LIMIT = 2000


def gallery(grid: bytes, grid_format: str = "jpeg", single: bytes | None = None) -> Gallery:
    return replace(a_gallery(a_job(), 1), grid=grid, grid_format=grid_format, single=single)


def unsigned(content: bytes) -> bytes:
    """Returns the picture of a signed JPEG without its credentials."""
    return images.open_picture(content).tobytes()


def test_the_limit_is_that_of_every_server() -> None:
    """See https://discord.com/developers/docs/reference#uploading-files."""
    assert FILE_LIMIT == 10 * 1024 * 1024


@pytest.mark.parametrize("size", [1, LIMIT - 1, LIMIT])
def test_a_single_picture_that_fits_is_posted_as_it_is(size: int, provenance: Provenance) -> None:
    assert attachment(gallery(b"", single=bytes(size)), provenance, LIMIT) == (
        f"atelier-{JOB}.png",
        bytes(size),
    )


def test_a_single_picture_that_does_not_fit_is_posted_as_a_grid(provenance: Provenance) -> None:
    grid, form = images.encode_grid(NOISE, LIMIT)
    name, content = attachment(gallery(grid, form, single=bytes(LIMIT + 1)), provenance, LIMIT)
    assert name == f"atelier-{JOB}-grid.jpg"
    assert unsigned(content) == unsigned(grid)


def test_several_pictures_are_posted_as_their_grid(provenance: Provenance) -> None:
    name, content = attachment(gallery(images.to_png(NOISE.resize((8, 8))), "png"), provenance, LIMIT)
    assert name == f"atelier-{JOB}-grid.png"
    assert images.open_picture(content).size == (8, 8)


@pytest.mark.parametrize(("spare", "is_kept"), [(1, True), (0, True), (-1, False)])
def test_a_grid_above_the_limit_is_encoded_smaller(spare: int, is_kept: bool, provenance: Provenance) -> None:
    grid = images.to_png(NOISE)
    name, content = attachment(gallery(grid, "png"), provenance, len(grid) + spare)
    assert name == f"atelier-{JOB}-grid.{'png' if is_kept else 'jpg'}"
    assert (unsigned(content) == NOISE.convert("RGB").tobytes()) is is_kept


def test_an_enlarged_picture_says_so_in_its_name(provenance: Provenance) -> None:
    large = gallery(images.to_png(NOISE.resize((8, 8))), "webp")
    large = replace(large, job=replace(large.job, action=JobAction.UPSCALE))
    assert attachment(large, provenance, LIMIT)[0] == f"atelier-{JOB}-upscaled.webp"


async def test_a_job_is_taken_up_by_one_task(shop: Shop, atelier: Atelier) -> None:
    job = await shop.admit(an_order())
    others = asyncio.all_tasks()
    assert atelier.delivery.take_up(job)
    assert not atelier.delivery.take_up(job)
    [task] = asyncio.all_tasks() - others
    await asyncio.sleep(0)  # the task begins
    await ended(task)
    assert atelier.delivery.take_up(job), "the task is over"
    for each in asyncio.all_tasks() - others:
        await ended(each)
