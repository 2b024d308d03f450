"""Privacy: a member's data as a file, and its deletion. No Discord."""

import asyncio
import io
import zipfile
from dataclasses import dataclass
from typing import Any

from msgspec.json import encode, format

from bot.studio import DataTooLarge, RetentionSettings
from bot.studio.cases.takedown import Takedown
from db import ImageGone, Outlook, Repositories
from generation import MemberId

_SLACK = 100_000
"""Bytes left free for the zip's own structure and for data that Discord counts in addition to the file."""

_LEVEL = 3
"""Compression of `data.json`: half the time of the default level, for a tenth more bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    content: bytes  # a zip: data.json, pictures/, uploads/
    pictures: int  # in the zip
    pictures_in_all: int


class Privacy:
    def __init__(self, records: Repositories, takedown: Takedown, settings: RetentionSettings) -> None:
        self._records = records
        self._takedown = takedown
        self.settings = settings

    async def export(self, member: MemberId, limit: int) -> Export:
        """Returns a zip with as many pictures as fit into `limit` bytes, newest first;

        `data.json` lists them all. Raises DataTooLarge.
        """
        data = await self._records.member_export.export(member)
        live = [row for row in data["images"] if row["removed_at"] is None]
        file = await asyncio.to_thread(_zipped, data)
        room = limit - _SLACK - file.tell()
        if room < 0:
            raise DataTooLarge(limit - room, limit)
        found: list[tuple[str, bytes]] = []
        for row in reversed(live):
            if row["bytes"] > room:
                break
            image = await self._records.pictures.get(row["job"], row["image_index"])
            if image is None:
                continue
            try:
                content = await self._records.pictures.read(image)
            except ImageGone:
                continue
            found.append((f"pictures/{image.job}-{image.index + 1}.png", content))
            room -= len(content) + 300
        uploads = [row for row in data["uploads"] if row["removed_at"] is None]
        for row in reversed(uploads):
            if row["bytes"] > room:
                break
            try:
                content = await self._records.uploads.read(row["id"])
            except ImageGone:
                continue
            found.append((f"uploads/{row['id']}.png", content))
            room -= len(content) + 300
        await asyncio.to_thread(_add, file, found)
        in_all = len(live) + len(uploads)
        return Export(content=file.getvalue(), pictures=len(found), pictures_in_all=in_all)

    async def outlook(self, member: MemberId) -> Outlook:
        return await self._records.member_export.outlook(member, self._takedown.now)

    async def ask_to_forget(self, member: MemberId) -> int:
        """Records the request, which can't be undone. Cancels and refunds the member's waiting and running orders.

        The erasure sweep deletes the rest. Returns the number of cancelled orders.
        """
        async with self._records.database.transaction() as tx:
            await self._records.erasure.ask(tx, member, self._takedown.now)
            cancelled = await self._takedown.cancel_all_in(tx, member)
        self._takedown.leave_line(cancelled)
        return len(cancelled)


def _zipped(data: dict[str, Any]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        archive.writestr("data.json", format(encode(data), indent=1))
    return file


def _add(file: io.BytesIO, pictures: list[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in pictures:
            # PNG is compressed already.
            archive.writestr(name, content, zipfile.ZIP_STORED)
