"""Reads finished pictures from the disk."""

import asyncio

from bot.studio import Gallery, PictureGone
from db import ImageGone, Job, Parent, PictureSource, Repositories, StoredImage, Upload
from generation import JobId
from generation.files import images


class StoredPictures:
    def __init__(self, records: Repositories) -> None:
        self._records = records

    async def gallery_of(self, job: Job) -> Gallery:
        """Reads a finished job's gallery, for a job that was not delivered. Raises PictureGone."""
        stored = [image for image in await self._records.pictures.of_job(job.id) if not image.is_removed]
        if not stored:
            raise PictureGone
        contents = {image.index: await self._read(image) for image in stored}
        # A withheld picture leaves its cell empty.
        places = [contents.get(index, b"") for index in range(job.drawing.images)]
        grid, form = await asyncio.to_thread(images.grid_without, places, contents.keys())
        return Gallery(
            job=job,
            images=tuple(stored),
            grid=grid,
            grid_format=form,
            single=contents[0] if job.drawing.images == 1 else None,
        )

    async def read_picture(self, source: PictureSource) -> bytes:
        """Returns a PNG. Raises PictureGone."""
        match source:
            case Parent(job=job, image=index):
                image = await self._records.pictures.get(job, index)
                if image is None:
                    raise PictureGone
                return await self._read(image)
            case Upload(id=upload):
                try:
                    return await self._records.uploads.read(upload)
                except ImageGone as error:
                    raise PictureGone from error
            case _:
                raise TypeError(source)

    async def read_first(self, job: JobId) -> bytes:
        """Returns the first picture that the job still has, as a PNG. Raises PictureGone."""
        there = [image for image in await self._records.pictures.of_job(job) if not image.is_removed]
        if not there:
            raise PictureGone
        return await self._read(there[0])

    async def _read(self, image: StoredImage) -> bytes:
        try:
            return await self._records.pictures.read(image)
        except ImageGone as error:
            raise PictureGone from error
