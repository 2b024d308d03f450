"""Entries of a case, in order: evidence, amendments, proposals, escalations. Entries are added, never changed.

An entry holds no sentence: its kind and its details say what happened, its text is a person's own words.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId


class EntryKind(StrEnum):
    REPORTED = "reported"
    CHECKED = "checked"  # by the picture check. Details: ruling, category, rule, words
    NOTE = "note"
    TAKEN_DOWN = "taken-down"  # its pictures; the case stays open
    PURGED = "purged"  # its pictures, with others'; the case stays open
    RESTORED = "restored"  # pictures similar to its removed ones are allowed again
    AMENDED = "amended"  # text: the new reason. Details: before (the old reason), until_before and until (unix seconds)
    ESCALATED = "escalated"
    PROPOSED = "proposed"
    DECIDED = "decided"  # details: outcome
    APPEALED = "appealed"
    ANSWERED = "answered"  # details: decision
    PARDONED = "pardoned"
    LIFTED = "lifted"  # its block; the strike stays
    NOT_DONE = "not-done"  # in Discord, by the bot. Details: effect, obstacle, power
    JOINED = "joined"  # another order of the member. Text: its prompt. Details: origin, category, rule, words, verdict

    # Written before migration 15, which added details. The text then began with English words, as "warn: spam".
    EVIDENCE = "evidence"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    id: int
    at: float
    written_by: MemberId | None  # None: the bot
    written_name: str
    kind: EntryKind
    text: str  # written by a person; empty: none
    details: Mapping[str, Any] = field(
        default_factory=dict
    )  # numbers, codes, and an amended case's earlier reason
    job: JobId | None = None  # the order that it is about; None: the case


ADD_ENTRY = """
INSERT INTO case_entries (case_id, at, written_by, written_name, kind, text, details, job)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""
HAS = """
SELECT 1 FROM case_entries WHERE case_id = :case AND kind = :kind AND (:by IS NULL OR written_by = :by) LIMIT 1
"""
ENTRIES = "SELECT * FROM case_entries WHERE case_id = ? ORDER BY id"
JOINED = f"SELECT job FROM case_entries WHERE case_id = ? AND kind = '{EntryKind.JOINED}' ORDER BY id"
PROPOSAL = (
    f"SELECT coalesce(max(id), 0) FROM case_entries WHERE case_id = ? AND kind = '{EntryKind.PROPOSED}'"
)


class CaseEntries(Repository):
    async def add(
        self,
        tx: Transaction,
        case_id: int,
        *,
        at: float,
        by: MemberId | None,
        name: str,
        kind: EntryKind,
        text: str = "",
        details: Mapping[str, object] | None = None,
        job: JobId | None = None,
    ) -> None:
        """`details`: ready for JSON."""
        cells = (case_id, at, by, name, kind, text, json.dumps(details or {}, ensure_ascii=False), job)
        await tx.all(ADD_ENTRY, cells)

    async def has(self, case_id: int, kind: EntryKind, by: MemberId | None = None) -> bool:
        """Returns whether the case has such an entry, by this moderator or, without one, by anybody."""
        return await self._db.reader.one(HAS, {"case": case_id, "kind": kind, "by": by}) is not None

    async def of_case(self, case_id: int) -> list[Entry]:
        """Returns the entries, oldest first."""
        return [_entry(row) for row in await self._db.reader.all(ENTRIES, (case_id,))]

    async def proposal(self, case_id: int) -> int:
        """Returns the id of the newest entry with a proposal; 0: none."""
        return await self._db.reader.value(PROPOSAL, (case_id,))

    async def joined(self, case_id: int) -> list[JobId | None]:
        """Returns the orders that joined the case, oldest first; None for one without a job."""
        return [row["job"] and JobId(row["job"]) for row in await self._db.reader.all(JOINED, (case_id,))]


def _entry(row: sqlite3.Row) -> Entry:
    return value_of(Entry, row, details=json.loads(row["details"]))
