"""Exports a member's own data. Leaves out the filter's reasons, and other people's words and names."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from db.database import Repository, value_of
from db.personal_data import LIVE_BLOCK, LIVE_STRIKE, PERSONAL_DATA, PersonalRows
from generation import MemberId

Row = dict[str, Any]


def _as_it_is(_name: str, row: Row) -> Row:
    return row


def _exports() -> dict[str, str]:
    """Returns a statement for each name. tests/db/test_member_export.py lists the columns that are left out, with reasons."""
    named: dict[str, list[PersonalRows]] = {}
    for rows in PERSONAL_DATA:
        if rows.columns:
            named.setdefault(rows.name or rows.table, []).append(rows)
    return {
        name: f"""
            SELECT {found[0].columns} FROM {found[0].table} WHERE {" OR ".join(rows.theirs for rows in found)} ORDER BY 1, 2
        """
        for name, found in named.items()
    }


EXPORTS = _exports()
OUTLOOK = """
SELECT
    (SELECT count(*) FROM jobs WHERE member = :member) AS orders,
    (SELECT count(*) FROM images JOIN jobs ON jobs.id = images.job
        WHERE member = :member AND removed_at IS NULL) AS pictures,
    (SELECT count(*) FROM jobs WHERE member = :member AND state IN ('queued', 'running')) AS in_line,
    (SELECT count(*) FROM cases WHERE member = :member AND outcome IS NULL) AS open_cases,
    (SELECT count(*) FROM audit_openings WHERE person = :member AND field = 'actor') AS acts,
    EXISTS (SELECT 1 FROM erasures WHERE member = :member) AS is_pending
"""
STRIKES = f"SELECT expires_at FROM strikes WHERE member = :member AND {LIVE_STRIKE} ORDER BY expires_at"
BLOCKS = f"SELECT expires_at FROM blocks WHERE member = :member AND {LIVE_BLOCK} ORDER BY expires_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The data that forgetting a member would delete, and the data that would stay."""

    orders: int
    pictures: int
    in_line: int  # orders that would be cancelled
    strikes_until: tuple[float, ...]  # unix seconds; live strikes only
    blocks_until: tuple[float | None, ...]  # live blocks only; None: until lifted
    open_cases: int
    acts: int  # the member's own acts as a moderator
    is_pending: bool  # an earlier request is not finished


class MemberExport(Repository):
    async def export(self, member: MemberId, pack: Callable[[str, Row], Any] = _as_it_is) -> dict[str, Any]:
        """Returns data ready for JSON: the member's id and, under each name, a list of rows. Times are unix seconds.

        `pack` gets the name and each row, on the thread that reads, and returns what the list holds. With bytes in place of
        dicts, the garbage collector need not look through a hundred thousand rows again and again.
        """

        def read(connection: sqlite3.Connection) -> dict[str, list[Any]]:
            # A dict of a sqlite3.Row looks for each column by its name: twice the time of a wide row.
            connection.row_factory = None
            found: dict[str, list[Any]] = {}
            for name, sql in EXPORTS.items():
                rows = connection.execute(sql, {"member": member})
                columns = [column for column, *_ in rows.description]
                found[name] = [pack(name, dict(zip(columns, row, strict=True))) for row in rows]
            return found

        return {"member": member} | await self._db.read_apart(read)

    async def outlook(self, member: MemberId, now: float) -> Outlook:
        reader, whose = self._db.reader, {"member": member, "now": now}
        (row,) = await reader.all(OUTLOOK, {"member": member})
        strikes = [each["expires_at"] for each in await reader.all(STRIKES, whose)]
        blocks = [each["expires_at"] for each in await reader.all(BLOCKS, whose)]
        return value_of(Outlook, row, strikes_until=strikes, blocks_until=blocks)
