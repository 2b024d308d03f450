"""Effects: what Discord must still be asked for after a decision. Written in the decision's transaction.

A row stays until it is done or given up. `bot.cases.effects` carries them out.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId

HEAD_START = 15.0
"""Seconds in which only the command or press that wrote a row tries it; after that, it was interrupted."""


class EffectKind(StrEnum):
    MESSAGE = "message"  # delete the message of a job
    NOTICE = "notice"  # tell the member of the decision
    ANSWER = "answer"  # tell the member of the answer to their appeal
    SANCTION = "sanction"  # set Discord's own timeout or ban
    LIFT = "lift"  # lift it, for a moderator
    END = "end"  # lift Discord's own ban at the case's end: it has no end of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One row. Times are unix seconds."""

    id: int
    guild_id: int
    kind: EffectKind
    case_id: int | None
    job: JobId | None
    wanted_at: float
    due_at: float
    failures: int


ADD = """
INSERT OR REPLACE INTO effects (guild_id, kind, case_id, job, wanted_at, due_at) VALUES (?, ?, ?, ?, ?, ?)
"""
GET = "SELECT * FROM effects WHERE id = ?"
DUE = "SELECT * FROM effects WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"
JUST_WANTED = """
SELECT * FROM effects
WHERE (case_id IN (SELECT value FROM json_each(?)) OR case_id IS NULL AND job IN (SELECT value FROM json_each(?)))
  AND kind <> 'end' AND due_at <= ? ORDER BY id
"""
PUT_OFF = "UPDATE effects SET due_at = ?, failures = failures + ? WHERE id = ?"
OVER = "DELETE FROM effects WHERE id = ?"
ENDS_OF = """
DELETE FROM effects WHERE kind = 'end' AND case_id IN (SELECT id FROM cases WHERE guild_id = ? AND member = ?)
"""


class Effects(Repository):
    async def add(
        self,
        tx: Transaction,
        kind: EffectKind,
        guild_id: int,
        *,
        case_id: int | None = None,
        job: JobId | None = None,
        at: float,
        due_at: float | None = None,
    ) -> None:
        """Adds an effect; it replaces the case's one of that kind. `due_at`: None for at once."""
        due_at = at + HEAD_START if due_at is None else due_at
        await tx.all(ADD, (guild_id, kind, case_id, job, at, due_at))

    async def get(self, effect_id: int) -> Effect | None:
        return await self._db.reader.find(_effect, GET, (effect_id,))

    async def due(self, now: float, limit: int = 50) -> list[Effect]:
        """Returns effects whose next try is due; the longest due comes first."""
        return [_effect(row) for row in await self._db.reader.all(DUE, (now, limit))]

    async def just_wanted(self, cases: Iterable[int], jobs: Iterable[JobId], now: float) -> list[Effect]:
        """Returns what was written just now, for its first try: for these cases, and for messages removed without a case."""
        parameters = (json.dumps(list(cases)), json.dumps(list(jobs)), now + HEAD_START)
        return [_effect(row) for row in await self._db.reader.all(JUST_WANTED, parameters)]

    async def put_off(self, tx: Transaction, effect: Effect, until: float, *, is_failure: bool) -> None:
        await tx.all(PUT_OFF, (until, is_failure, effect.id))

    async def over(self, tx: Transaction, effect: Effect) -> None:
        await tx.all(OVER, (effect.id,))

    async def drop_ends(self, tx: Transaction, guild_id: int, member: MemberId) -> None:
        """Deletes the ends of the member's bans: Discord's own ban is lifted."""
        await tx.all(ENDS_OF, (guild_id, member))


_effect = partial(value_of, Effect)
