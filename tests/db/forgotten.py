"""Test helpers for erasure: runs it as the sweep does, and finds remaining data of a member."""

from pathlib import Path

from db.database import Database
from db.erasure import ErasureRequest, Erasures
from db.images import Pictures
from db.uploads import Uploads
from generation.request import MemberId
from tests.db.rows import NOW

COLUMNS = """
SELECT tables.name AS "table", columns.name AS "column", columns.type AS type
FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' ORDER BY 1, 2
"""


async def cells_with(db: Database, *wanted: object) -> set[tuple[str, str]]:
    """Returns table and column of every cell that equals or contains one of these values."""
    found: set[tuple[str, str]] = set()
    for row in await db.reader.all(COLUMNS):
        table, column = row["table"], row["column"]
        for cell in await db.reader.all(f'SELECT "{column}" AS value FROM "{table}"'):
            value = cell["value"]
            if any(value == each or (isinstance(value, str) and str(each) in value) for each in wanted):
                found.add((table, column))
    return found


async def forget(
    db: Database, folder: Path, member: MemberId, *, now: float, asked_at: float = NOW + 5, acts_before: float
) -> bool:
    """Erases a member as the sweep does, with a Discord where every message is deleted at once."""
    forgetting, pictures = Erasures(db), Pictures(db, folder)
    erasure = ErasureRequest(member=member, asked_at=asked_at)
    async with db.transaction() as tx:
        await forgetting.ask(tx, member, asked_at)
        for job, index in await forgetting.pictures(erasure, 100):
            await pictures.remove(tx, job, index, by=None, reason="", at=now)
        uploads = Uploads(db, pictures)
        await uploads.remove(tx, await uploads.of_member(member, asked_at, 100), now)
    for posted in await forgetting.posted(erasure, now, 100):
        await forgetting.is_gone(posted)
    return (await forgetting.advance(erasure, now=now, acts_before=acts_before)).is_done
