"""Finds stored pictures by their look. The hashes of all pictures are read at the first use, then kept in memory."""

import asyncio

from db import Repositories, StoredImage
from generation import JobId
from moderation import Fingerprint
from moderation.pictures.hash_table import HashTable


class Likeness:
    def __init__(self, records: Repositories) -> None:
        self._records = records
        self._table: HashTable | None = None
        self._meanwhile: list[StoredImage] | None = None  # stored while the table is read
        self._reading = asyncio.Lock()

    def add(self, image: StoredImage) -> None:
        """Adds a new picture; before the first use, does nothing."""
        if self._table is not None:
            _add(self._table, image)
        elif self._meanwhile is not None:
            self._meanwhile.append(image)

    async def nearest(self, seen: Fingerprint) -> tuple[StoredImage, int] | None:
        """Returns the picture whose hash is nearest and counts as the same, removed ones included; and the different bits."""
        async with self._reading:
            table = self._table or await self._read()
        for job, index, apart in await asyncio.to_thread(table.near, seen):
            # Its row may be deleted since.
            if (image := await self._records.pictures.get(JobId(job), index)) is not None:
                return image, apart
        return None

    async def _read(self) -> HashTable:
        self._meanwhile = []
        table = HashTable()
        await self._records.pictures.read_fingerprints(table.extend)
        for image in self._meanwhile:
            _add(table, image)
        self._table, self._meanwhile = table, None
        return table


def _add(table: HashTable, image: StoredImage) -> None:
    if image.fingerprint is not None:
        table.extend([image.job], [image.index], [image.fingerprint])
