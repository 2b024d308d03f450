"""Finds stored pictures by their look. The hashes of all pictures are read after the start, then kept in memory."""

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
        """Adds a new picture; before the table is read, does nothing."""
        if self._table is not None:
            _add(self._table, image)
        elif self._meanwhile is not None:
            self._meanwhile.append(image)

    async def prepare(self) -> None:
        """Reads the hashes, so that no member waits for that: a million take a second of a thread. Raises StorageError."""
        await self._read_once()

    async def nearest(self, seen: Fingerprint) -> tuple[StoredImage, int] | None:
        """Returns the picture whose hash is nearest and counts as the same, removed ones included; and the different bits."""
        table = await self._read_once()
        for job, index, apart in await asyncio.to_thread(table.near, seen):
            # Its row may be deleted since.
            if (image := await self._records.pictures.get(JobId(job), index)) is not None:
                return image, apart
        return None

    async def _read_once(self) -> HashTable:
        async with self._reading:
            return self._table or await self._read()

    async def _read(self) -> HashTable:
        self._meanwhile, table, is_wanted = [], HashTable(), True

        def take(packed: bytes) -> bool:
            table.extend_packed(packed)
            return is_wanted

        try:
            await self._records.pictures.read_fingerprints(take)
        finally:
            # A stop must not wait for the thread until it has read everything.
            is_wanted = False
        for image in self._meanwhile:
            _add(table, image)
        self._table, self._meanwhile = table, None
        return table


def _add(table: HashTable, image: StoredImage) -> None:
    if image.fingerprint is not None:
        table.extend([image.job], [image.index], [image.fingerprint])
