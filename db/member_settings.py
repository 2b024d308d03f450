"""Members' defaults for their orders: one row a member."""

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from msgspec import convert

from db.database import Repository, Transaction
from generation import MemberId

LONGEST_SUFFIX = 500
"""Characters; a limit of the table."""


class Distance(StrEnum):
    """How far a variation or a remix goes from its picture."""

    NEAR = "near"
    FAR = "far"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDefaults:
    """None: the member has no default of their own."""

    aspect: str | None = None
    images: int | None = None
    model: str | None = None
    scheduler: str | None = None
    suffix: str | None = None  # text behind every typed prompt
    style: str | None = None  # the name of one of the server's styles
    pings: bool | None = None  # whether a finished job mentions its member
    vary: Distance | None = None
    remix: Distance | None = None


NO_DEFAULTS = MemberDefaults()
_COLUMNS = [each.name for each in fields(MemberDefaults)]
OF_MEMBER = f"SELECT {', '.join(_COLUMNS)} FROM member_settings WHERE member = ?"
SAVE = f"""
INSERT INTO member_settings (member, {", ".join(_COLUMNS)}, saved_at)
VALUES (:member, {", ".join(f":{name}" for name in _COLUMNS)}, :at)
ON CONFLICT (member) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}, saved_at = excluded.saved_at
"""
FORGET = "DELETE FROM member_settings WHERE member = ?"


class MemberSettings(Repository):
    async def of(self, member: MemberId) -> MemberDefaults:
        row = await self._db.reader.one(OF_MEMBER, (member,))
        # Not strict: SQLite's booleans are numbers.
        return NO_DEFAULTS if row is None else convert(dict(row), MemberDefaults, strict=False)

    async def save(self, tx: Transaction, member: MemberId, defaults: MemberDefaults, at: float) -> None:
        """Replaces the member's defaults. Without any, the row goes."""
        if defaults == NO_DEFAULTS:
            await tx.all(FORGET, (member,))
            return
        cells: dict[str, Any] = asdict(defaults) | {"member": member, "at": at}
        await tx.all(SAVE, cells)
