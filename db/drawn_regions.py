"""Regions that members draw on the page: the link to it, and then what was drawn."""

import json
from dataclasses import dataclass

from msgspec import to_builtins

from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId, Region
from moderation import HOUR

KEPT_SECONDS = HOUR
"""Seconds that a row is kept: to draw the region, and to order with it once or several times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRegion:
    member: MemberId
    job: JobId
    image_index: int  # of the job's pictures, from 0
    link: str  # its name
    created_at: float  # unix seconds
    region: Region | None = None  # None: not drawn yet
    drawn_at: float | None = None


OPEN = """
INSERT INTO drawn_regions (member, job, image_index, link, created_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (member, job, image_index) DO UPDATE SET
    link = excluded.link, created_at = excluded.created_at, region = NULL, drawn_at = NULL
"""
OF_LINK = "SELECT * FROM drawn_regions WHERE link = ?"
OF_PICTURE = "SELECT * FROM drawn_regions WHERE member = ? AND job = ? AND image_index = ?"
KEEP = "UPDATE drawn_regions SET region = ?, drawn_at = ? WHERE link = ? AND region IS NULL RETURNING link"
OLD = "SELECT link FROM drawn_regions WHERE created_at < ? LIMIT 1"
FORGET = "DELETE FROM drawn_regions WHERE created_at < ? RETURNING link"


class DrawnRegions(Repository):
    async def open(
        self, tx: Transaction, member: MemberId, job: JobId, image: int, link: str, at: float
    ) -> None:
        """Records a new link. The member's earlier one of this picture ends, with what was drawn."""
        await tx.all(OPEN, (member, job, image, link, at))

    async def of_link(self, link: str) -> DrawnRegion | None:
        return await self._one(OF_LINK, (link,))

    async def of(self, member: MemberId, job: JobId, image: int) -> DrawnRegion | None:
        return await self._one(OF_PICTURE, (member, job, image))

    async def keep(self, tx: Transaction, link: str, region: Region, at: float) -> bool:
        """Records what was drawn. Returns False if the link has ended or was used before."""
        return await tx.one(KEEP, (json.dumps(to_builtins(region)), at, link)) is not None

    async def forget(self, now: float) -> int:
        """Deletes rows that are old enough. Returns how many."""
        before = now - KEPT_SECONDS
        if await self._db.reader.one(OLD, (before,)) is None:
            return 0
        async with self._db.transaction() as tx:
            return len(await tx.all(FORGET, (before,)))

    async def _one(self, sql: str, parameters: tuple[str | int, ...]) -> DrawnRegion | None:
        row = await self._db.reader.one(sql, parameters)
        if row is None:
            return None
        region = row["region"]
        return value_of(DrawnRegion, row, region=None if region is None else json.loads(region))
