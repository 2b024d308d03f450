"""Named styles of a server: words, LoRAs and a picture that its members draw with. An edit adds a version.

A style that a moderator removed stays for REMOVED_STYLES_STAY, so that it can come back. Its picture does not.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.database import Repository, Transaction, value_of
from db.jobs import UploadId
from generation import JobId, MemberId, StyleId
from moderation import DAY

LONGEST_STYLE_NAME, LONGEST_WORDS, LONGEST_LORAS = 32, 500, 200
"""Characters; limits of the table."""
VERSIONS_KEPT = 20
"""Of each style. Orders drawn with an older version keep its words, LoRAs and picture, but do not name it any more."""
REMOVED_STYLES_STAY = 30 * DAY
"""Seconds for which a removed style can come back."""


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
    removed_at: float | None = None


NEWEST = """removed_at IS NULL AND version = (
    SELECT max(version) FROM styles AS all_of WHERE (guild_id, name) = (styles.guild_id, styles.name) AND removed_at IS NULL)
"""
OF_GUILD = f"""
SELECT * FROM styles WHERE guild_id = :guild_id AND name > :after AND {NEWEST} ORDER BY name LIMIT :limit
"""
NAMED = "SELECT * FROM styles WHERE guild_id = ? AND name = ? AND removed_at IS NULL ORDER BY version DESC LIMIT 1"
GET = "SELECT * FROM styles WHERE id = ?"
SAVED_SINCE = f"""
SELECT * FROM styles WHERE guild_id = :guild_id AND saved_at >= :since AND (:member IS NULL OR member = :member) AND {NEWEST}
ORDER BY saved_at DESC, id DESC LIMIT :limit
"""
OF_MEMBER = f"SELECT * FROM styles WHERE member = :member AND guild_id = :guild_id AND {NEWEST} ORDER BY name"
SHOWING = f"""
SELECT * FROM styles WHERE upload IN (SELECT id FROM uploads WHERE parent = :job) AND words || loras = '' AND {NEWEST}
"""
COUNT = """
SELECT count(DISTINCT name) FROM styles
WHERE guild_id = :guild_id AND removed_at IS NULL AND (:member IS NULL OR member = :member)
"""
ADD = """
INSERT INTO styles (guild_id, name, version, member, words, loras, upload, saved_at)
SELECT :guild_id, :name, coalesce(max(version), 0) + 1, :member, :words, :loras, :upload, :at
FROM styles WHERE guild_id = :guild_id AND name = :name AND removed_at IS NULL RETURNING *
"""
TRIM = "DELETE FROM styles WHERE guild_id = ? AND name = ? AND removed_at IS NULL AND version <= ?"
DELETE = (
    "DELETE FROM styles WHERE guild_id = ? AND name = ? AND member = ? AND removed_at IS NULL RETURNING id"
)
REMOVE = """
UPDATE styles SET removed_at = :at, case_id = :case_id
WHERE guild_id = :guild_id AND removed_at IS NULL AND name IN (SELECT value FROM json_each(:names)) RETURNING upload
"""
# The newest version of each style that may come back, by the time of its removal. A picture alone is gone for good.
REMOVED = """
SELECT *, max(version) FROM styles
WHERE guild_id = :guild_id AND removed_at >= :since
    AND (:name IS NULL OR name = :name) AND (:member IS NULL OR member = :member) AND (:case_id IS NULL OR case_id = :case_id)
GROUP BY name, removed_at HAVING words || loras <> '' ORDER BY removed_at DESC
"""
RESTORE = """
UPDATE styles SET removed_at = NULL, case_id = NULL
WHERE guild_id = :guild_id AND removed_at = :removed_at AND name = :name
    AND NOT EXISTS (SELECT 1 FROM styles WHERE guild_id = :guild_id AND name = :name AND removed_at IS NULL) RETURNING 1
"""
FORGET = """
DELETE FROM styles WHERE id IN (SELECT id FROM styles WHERE removed_at IS NOT NULL AND removed_at < ? LIMIT ?) RETURNING 1
"""
HAS_FORGETTABLE = "SELECT 1 FROM styles WHERE removed_at IS NOT NULL AND removed_at < ? LIMIT 1"


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

    async def of_member(self, guild_id: int, member: MemberId) -> list[Style]:
        """Returns the newest versions of the member's styles in that server."""
        return await self._read(OF_MEMBER, {"guild_id": guild_id, "member": member})

    async def showing(self, job: JobId) -> list[Style]:
        """Returns the styles that are nothing but a picture of this job."""
        return await self._read(SHOWING, {"job": job})

    async def remove(
        self, tx: Transaction, styles: Sequence[Style], at: float, *, case_id: int | None = None
    ) -> list[UploadId]:
        """Marks all versions of styles of one server as removed. Returns their pictures. `case_id`: whose decision this is."""
        if not styles:
            return []
        names = json.dumps([each.name for each in styles])
        cells = {"guild_id": styles[0].guild_id, "names": names, "at": at, "case_id": case_id}
        return list({UploadId(row["upload"]) for row in await tx.all(REMOVE, cells) if row["upload"]})

    async def removed(
        self,
        guild_id: int,
        since: float,
        *,
        name: str | None = None,
        member: MemberId | None = None,
        case_id: int | None = None,
    ) -> list[Style]:
        """Returns the newest versions of styles removed since `since` (unix seconds) that can come back, newest first."""
        cells = {"guild_id": guild_id, "since": since, "name": name, "member": member, "case_id": case_id}
        return await self._read(REMOVED, cells)

    async def restore(self, tx: Transaction, style: Style) -> bool:
        """Brings a removed style back with all versions. Returns False when another one has its name now."""
        cells = {"guild_id": style.guild_id, "name": style.name, "removed_at": style.removed_at}
        return bool(await tx.all(RESTORE, cells))

    async def has_forgettable(self, now: float) -> bool:
        """Returns whether `forget` would delete rows."""
        return await self._db.reader.one(HAS_FORGETTABLE, (now - REMOVED_STYLES_STAY,)) is not None

    async def forget(self, tx: Transaction, now: float, limit: int) -> int:
        """Deletes removed styles whose time is over. Returns the number of rows."""
        return len(await tx.all(FORGET, (now - REMOVED_STYLES_STAY, limit)))

    async def _read(self, sql: str, parameters: Any) -> list[Style]:
        return [value_of(Style, row) for row in await self._db.reader.all(sql, parameters)]
