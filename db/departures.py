"""Servers that the bot has left: kept for a while, in case the bot is invited again, then forgotten with all their rows.

The rows of the audit log stay, because a chain can't lose a link; they lose the persons and the reasons.
"""

from collections.abc import Collection
from json import dumps

from db.database import Repository, Transaction
from db.erasure import BATCH, JOB_IS_OVER, statement
from generation import JobId

NOTE = """
INSERT INTO departures (guild_id, forget_at) VALUES (?, ?)
ON CONFLICT (guild_id) DO UPDATE SET forget_at = min(forget_at, excluded.forget_at)
"""
NOTED = "SELECT guild_id FROM departures"
RETURNED = """
DELETE FROM departures WHERE guild_id IN (SELECT value FROM json_each(?)) AND forget_at > ? RETURNING guild_id
"""
DUE = "SELECT guild_id FROM departures WHERE forget_at <= ? ORDER BY forget_at"
FORGOTTEN = "DELETE FROM departures WHERE guild_id = ? RETURNING guild_id"
# One step through the index for each server, not one for each job.
SERVERS = """
WITH RECURSIVE seen (id) AS (
    SELECT min(guild_id) FROM jobs WHERE guild_id IS NOT NULL
    UNION ALL SELECT (SELECT min(guild_id) FROM jobs WHERE guild_id > seen.id) FROM seen WHERE seen.id IS NOT NULL
)
SELECT id FROM seen WHERE id IS NOT NULL UNION SELECT guild_id FROM guilds
"""
PICTURES = """
SELECT job, image_index FROM images JOIN jobs ON jobs.id = images.job
WHERE jobs.guild_id = ? AND images.removed_at IS NULL LIMIT ?
"""
IN_SERVER = "guild_id = :guild_id"
# Parameters: :guild_id, :limit. Rows of other tables are deleted with the row that they refer to.
STATEMENTS = (
    statement("jobs", f"{IN_SERVER} AND {JOB_IS_OVER}", paced_by="id"),
    *(
        statement(table, IN_SERVER, paced_by="id")
        for table in (
            "verdicts",
            "cases",
            "raids",
            "member_notes",
            "effects",
            "strikes",
            "reports",
            "blocks",
            "banned_pictures",
            "uploads",
            "server_rules",
            "styles",
        )
    ),
    # Found by the index of the jobs: what a member spent stays as long as its job.
    statement("spending", f"job IN (SELECT id FROM jobs WHERE {IN_SERVER})", paced_by="job"),
    *(
        f"{statement(table, IN_SERVER)} RETURNING 1"  # a few rows
        for table in ("policies", "stances", "gates", "mod_roles", "case_numbers", "kept_reasons", "guilds")
    ),
    statement(
        "audit_openings",
        f"number IN (SELECT number FROM audit WHERE {IN_SERVER})",
        paced_by="number, field",
    ),
)


class Departures(Repository):
    async def note(self, tx: Transaction, guild_id: int, forget_at: float) -> None:
        """Notes that the server's rows are to be forgotten at `forget_at` (unix seconds), or earlier if that was noted."""
        await tx.all(NOTE, (guild_id, forget_at))

    async def noted(self) -> set[int]:
        return {row["guild_id"] for row in await self._db.reader.all(NOTED)}

    async def returned(self, tx: Transaction, guilds: Collection[int], now: float) -> list[int]:
        """Deletes the notes of servers that have the bot again. A note that is due stays: the owner asked for it."""
        return [row["guild_id"] for row in await tx.all(RETURNED, (dumps(list(guilds)), now))]

    async def due(self, now: float) -> list[int]:
        return [row["guild_id"] for row in await self._db.reader.all(DUE, (now,))]

    async def servers(self) -> set[int]:
        """Returns the servers with orders or settings."""
        return {row["id"] for row in await self._db.reader.all(SERVERS)}

    async def pictures(self, guild_id: int, limit: int) -> list[tuple[JobId, int]]:
        """Returns pictures that are left: job and index."""
        rows = await self._db.reader.all(PICTURES, (guild_id, limit))
        return [(JobId(row["job"]), row["image_index"]) for row in rows]

    async def forget(self, guild_id: int) -> int:
        """Deletes the server's rows in small transactions, and then the note. Returns their number.

        Its pictures are removed and its orders ended before.
        """
        count = 0
        for sql in STATEMENTS:
            while True:
                async with self._db.transaction() as tx:
                    changed = len(await tx.all(sql, {"guild_id": guild_id, "limit": BATCH}))
                count += changed
                if changed < BATCH:
                    break
        async with self._db.transaction() as tx:
            await tx.one(FORGOTTEN, (guild_id,))
        return count
