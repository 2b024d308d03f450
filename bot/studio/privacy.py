"""Privacy: a member's data as a file, and its deletion. No Discord."""

import asyncio
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.json import encode

from bot.studio import DataTooLarge, RetentionSettings
from bot.studio.cases.takedown import Takedown
from db import ImageGone, Outlook, Repositories
from generation import JobId, MemberId

_SLACK = 100_000
"""Bytes left free for the zip's own structure and for data that Discord counts in addition to the file."""

_ENTRY_BYTES = 300
"""Bytes of the zip for each picture, besides its file."""
_READ_AT_ONCE = 20
"""Pictures read in one go. A picture that is gone makes room for an older one."""

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
        live: list[dict[str, Any]] = []
        uploads: list[dict[str, Any]] = []

        def pack(name: str, row: dict[str, Any]) -> bytes:
            if name in ("images", "uploads") and row["removed_at"] is None:
                (live if name == "images" else uploads).append(row)
            return encode(row)

        data = await self._records.member_export.export(member, pack)
        file = await asyncio.to_thread(_zipped, data)
        room = limit - _SLACK - file.tell()
        if room < 0:
            raise DataTooLarge(limit - room, limit)
        found: list[tuple[str, bytes]] = []
        newest = live[::-1]
        while some := _fitting(newest, room):
            contents = await self._records.pictures.read_each(some)
            for job, index in some:
                if (content := contents.get((job, index))) is not None:
                    found.append((f"pictures/{job}-{index + 1}.png", content))
                    room -= len(content) + _ENTRY_BYTES
            newest = newest[len(some) :]
        for row in reversed(uploads):
            if row["bytes"] > room:
                break
            try:
                content = await self._records.uploads.read(row["id"])
            except ImageGone:
                continue
            found.append((f"uploads/{row['id']}.png", content))
            room -= len(content) + _ENTRY_BYTES
        content = await asyncio.to_thread(_add, file, found)
        return Export(content=content, pictures=len(found), pictures_in_all=len(live) + len(uploads))

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


def _fitting(newest: Sequence[dict[str, Any]], room: int) -> list[tuple[JobId, int]]:
    """Returns the first pictures (job and index) that fit into `room` bytes together."""
    fitting: list[tuple[JobId, int]] = []
    for row in newest[:_READ_AT_ONCE]:
        if row["bytes"] > room:
            break
        fitting.append((JobId(row["job"]), row["image_index"]))
        room -= row["bytes"] + _ENTRY_BYTES
    return fitting


def _zipped(data: dict[str, Any]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        archive.writestr("data.json", _json(data))
    return file


def _json(data: dict[str, Any]) -> bytes:
    """Returns JSON with one row a line. The rows are encoded already."""
    parts = [encode(name) + b": " + _lines(value) for name, value in data.items()]
    return b"{\n" + b",\n".join(parts) + b"\n}\n"


def _lines(value: list[bytes] | int) -> bytes:
    if isinstance(value, int):
        return encode(value)
    return b"[\n" + b",\n".join(value) + b"\n]" if value else b"[]"


def _add(file: io.BytesIO, pictures: list[tuple[str, bytes]]) -> bytes:
    """Returns the whole zip."""
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in pictures:
            # PNG is compressed already.
            archive.writestr(name, content, zipfile.ZIP_STORED)
    return file.getvalue()
