"""Entries of a case, in order: evidence, amendments, proposals, escalations. Entries are added, never changed."""

from dataclasses import dataclass
from enum import StrEnum

from db.database import Repository, Transaction, value_of
from generation import MemberId


class EntryKind(StrEnum):
    EVIDENCE = "evidence"
    NOTE = "note"
    REMOVED = "removed"  # its pictures; the case stays open
    AMENDED = "amended"
    ESCALATED = "escalated"
    PROPOSED = "proposed"
    DECIDED = "decided"
    APPEALED = "appealed"
    ANSWERED = "answered"
    PARDONED = "pardoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    at: float
    written_by: MemberId | None  # None: the bot
    written_name: str
    kind: EntryKind
    text: str


ADD_ENTRY = """
INSERT INTO case_entries (case_id, at, written_by, written_name, kind, text) VALUES (?, ?, ?, ?, ?, ?) RETURNING id
"""
ENTRIES = "SELECT * FROM case_entries WHERE case_id = ? ORDER BY id"


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
        text: str,
    ) -> None:
        await tx.all(ADD_ENTRY, (case_id, at, by, name, kind, text))

    async def of_case(self, case_id: int) -> list[Entry]:
        """Returns the entries, oldest first."""
        return [value_of(Entry, row) for row in await self._db.reader.all(ENTRIES, (case_id,))]
