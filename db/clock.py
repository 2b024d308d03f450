"""Rows that were written while this machine's clock was ahead: they count as written now, once the clock is right again.

Otherwise a limit, a ban or a claim of that time would last until the clock has caught up.
"""

import json
from dataclasses import dataclass
from math import inf

from db.database import Repository
from db.key_values import GET, SET

BATCH = 100
"""Rows per transaction at most."""
_NOTE = "clock"


@dataclass(frozen=True, slots=True)
class Times:
    """The columns of a table with times, in unix seconds."""

    table: str
    past: tuple[str, ...]  # of things that have happened, so never later than now
    ends: tuple[tuple[str, str], ...] = ()  # an end, and the column of `past` that it is counted from
    key: str = "rowid"  # selects one row or a few

    @property
    def look(self) -> str:
        ahead = " OR ".join(f"{column} > :now" for column in self.past)
        return f"""
        SELECT {self.key} AS key FROM {self.table} WHERE {self.key} > :after AND ({ahead})
        ORDER BY {self.key} LIMIT {BATCH}
        """

    @property
    def mend(self) -> str:
        # A NULL stays NULL. All values on the right are the old ones.
        sets = [f"{column} = min({column}, :now)" for column in self.past]
        sets += [f"{end} = {end} - max(0, {start} - :now)" for end, start in self.ends]
        keys = "SELECT value FROM json_each(:keys)"
        return f"UPDATE {self.table} SET {', '.join(sets)} WHERE {self.key} IN ({keys}) RETURNING 1"


# The audit log is left out: its chain can't be changed. Retention alone reads its times.
TIMES = (
    Times("spending", ("at",)),
    Times(
        "jobs",
        (
            "token_at",
            "created_at",
            "started_at",
            "finished_at",
            "delivered_at",
            "given_up_at",
            "handed_out_at",
        ),
    ),
    Times("images", ("created_at", "removed_at"), key="job"),
    Times("styles", ("saved_at", "removed_at"), key="id"),
    Times("uploads", ("created_at", "removed_at"), key="id"),
    Times("verdicts", ("at",)),
    Times("reports", ("at",)),
    Times("blocks", ("at", "lifted_at"), (("expires_at", "at"),)),
    Times("strikes", ("at", "pardoned_at"), (("expires_at", "at"),)),
    Times(
        "cases",
        ("opened_at", "claimed_at", "acted_at", "told_at"),
        (("expires_at", "acted_at"),),
    ),
    Times("effects", ("wanted_at",), (("due_at", "wanted_at"),)),
    Times("case_entries", ("at",)),
    Times("appeals", ("at", "decided_at", "told_at")),
    Times("gates", ("raid_at", "mode_at"), (("raid_until", "raid_at"), ("mode_until", "mode_at"))),
    Times("server_rules", ("added_at", "removed_at")),
    Times("raids", ("began_at", "last_at")),
    Times("guilds", ("digested_at",)),
    Times("member_notes", ("at",)),
    Times("policies", ("set_at",), key="guild_id"),
    Times("stances", ("set_at",), key="guild_id"),
    Times("presets", ("saved_at",), key="member"),
    Times("drawn_regions", ("created_at", "drawn_at"), key="member"),
    Times("member_settings", ("saved_at",), key="member"),
    Times("banned_pictures", ("at",)),
    Times("erasures", ("asked_at",)),
)


class WrittenAhead(Repository):
    async def check(self, now: float, *, is_right: bool) -> int:
        """Notes the time, and corrects rows after the clock went back. Returns the number of corrected rows.

        `is_right`: whether the clock agrees with another one. By a clock that is wrong, rows would be made too old.
        """
        note = await self._db.reader.one(GET, (_NOTE,))
        latest = float(note["value"]) if note else inf  # the first time: rows of an earlier release
        if now < latest and not is_right:
            return 0
        count = await self._correct(now) if now < latest else 0
        async with self._db.transaction() as tx:
            await tx.all(SET, (_NOTE, repr(now)))
        return count

    async def _correct(self, now: float) -> int:
        count = 0
        for times in TIMES:
            after: int | str = -1  # below every key
            while rows := await self._db.reader.all(times.look, {"now": now, "after": after}):
                after = rows[-1]["key"]
                keys = json.dumps([row["key"] for row in rows])
                async with self._db.transaction() as tx:
                    count += len(await tx.all(times.mend, {"now": now, "keys": keys}))
        return count
