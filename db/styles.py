"""Named styles of a server: words, LoRAs and a picture that its members draw with. An edit adds a version."""

from dataclasses import dataclass
from typing import Any

from db.database import Repository, Transaction, value_of
from db.jobs import UploadId
from generation import MemberId, StyleId

LONGEST_STYLE_NAME, LONGEST_WORDS, LONGEST_LORAS = 32, 500, 200
"""Characters; limits of the table."""
VERSIONS_KEPT = 20
"""Of each style. Orders drawn with an older version keep its words, LoRAs and picture, but do not name it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One version."""

    id: StyleId
    guild_id: int
    name: str  # folded
    version: int  # from 1
    member: MemberId  # the owner
    words: str  # put behind a prompt; may be empty
    loras: str  # as they are typed, each with its weight; may be empty
    upload: UploadId | None  # the reference picture
    saved_at: float  # unix seconds


NEWEST = "version = (SELECT max(version) FROM styles AS all_of WHERE (guild_id, name) = (styles.guild_id, styles.name))"
OF_GUILD = f"""
SELECT * FROM styles WHERE guild_id = :guild_id AND name > :after AND {NEWEST} ORDER BY name LIMIT :limit
"""
NAMED = "SELECT * FROM styles WHERE guild_id = ? AND name = ? ORDER BY version DESC LIMIT 1"
GET = "SELECT * FROM styles WHERE id = ?"
SAVED_SINCE = f"""
SELECT * FROM styles WHERE guild_id = :guild_id AND saved_at >= :since AND (:member IS NULL OR member = :member) AND {NEWEST}
ORDER BY saved_at DESC, id DESC LIMIT :limit
"""
COUNT = "SELECT count(DISTINCT name) FROM styles WHERE guild_id = :guild_id AND (:member IS NULL OR member = :member)"
ADD = """
INSERT INTO styles (guild_id, name, version, member, words, loras, upload, saved_at)
SELECT :guild_id, :name, coalesce(max(version), 0) + 1, :member, :words, :loras, :upload, :at
FROM styles WHERE guild_id = :guild_id AND name = :name RETURNING *
"""
TRIM = "DELETE FROM styles WHERE guild_id = ? AND name = ? AND version <= ?"
DELETE = "DELETE FROM styles WHERE guild_id = ? AND name = ? AND member = ? RETURNING id"


class Styles(Repository):
    async def of_guild(self, guild_id: int, *, after: str = "", limit: int) -> list[Style]:
        """Returns the newest versions of the styles whose name follows `after`, sorted by name."""
        return await self._read(OF_GUILD, {"guild_id": guild_id, "after": after, "limit": limit})

    async def saved_since(
        self, guild_id: int, since: float, *, member: MemberId | None, limit: int
    ) -> list[Style]:
        """Returns the styles whose newest version was saved since `since` (unix seconds), newest first. `member`: None: any."""
        cells = {"guild_id": guild_id, "since": since, "member": member, "limit": limit}
        return await self._read(SAVED_SINCE, cells)

    async def named(self, guild_id: int, name: str) -> Style | None:
        """Returns the newest version. `name`: folded."""
        return next(iter(await self._read(NAMED, (guild_id, name))), None)

    async def get(self, style: StyleId) -> Style | None:
        return next(iter(await self._read(GET, (style,))), None)

    async def count(self, guild_id: int, member: MemberId | None = None) -> int:
        """Returns the number of the server's styles, or of a member's in it."""
        return await self._db.reader.value(COUNT, {"guild_id": guild_id, "member": member})

    async def add(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        name: str,
        member: MemberId,
        words: str,
        loras: str,
        upload: UploadId | None,
        at: float,
    ) -> Style:
        """Adds the style's next version, and deletes those that are too old."""
        cells = {"guild_id": guild_id, "name": name, "member": member, "at": at}
        (row,) = await tx.all(ADD, {**cells, "words": words, "loras": loras, "upload": upload})
        style = value_of(Style, row)
        await tx.all(TRIM, (guild_id, name, style.version - VERSIONS_KEPT))
        return style

    async def delete(self, tx: Transaction, guild_id: int, name: str, member: MemberId) -> bool:
        """Deletes all versions. Returns False when this member has no style of that name."""
        return bool(await tx.all(DELETE, (guild_id, name, member)))

    async def _read(self, sql: str, parameters: Any) -> list[Style]:
        return [value_of(Style, row) for row in await self._db.reader.all(sql, parameters)]
