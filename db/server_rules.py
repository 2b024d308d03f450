"""A server's own rules and the versions of its rule book. Rows are added and retired, never changed."""

import json
import sqlite3
from dataclasses import dataclass

from db.database import Repository, Transaction, value_of
from generation import MemberId
from moderation import Category, Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rule, in a rule book or not. Matches one of `any_of` outside `unless`; with `with_any_of`, only near one of those."""

    name: str
    any_of: tuple[str, ...]
    with_any_of: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    category: Category = Category.SPAM
    ruling: Ruling = Ruling.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRule(Draft):
    """One row. Times are unix seconds."""

    id: int
    guild_id: int
    is_shadow: bool  # is logged only; decides nothing
    added_by: MemberId
    added_at: float
    added_version: int  # the rule book's version that added it
    removed_by: MemberId | None
    removed_at: float | None
    removed_version: int | None


VERSION = """
SELECT coalesce(max(max(added_version), coalesce(max(removed_version), 0)), 0) FROM server_rules WHERE guild_id = ?
"""
ADD = """
INSERT INTO server_rules (
    guild_id, name, category, ruling, any_of, with_any_of, unless, is_shadow, added_by, added_at, added_version
) VALUES (
    :guild_id, :name, :category, :ruling, :any_of, :with_any_of, :unless, :is_shadow, :by, :at, :version
) ON CONFLICT DO NOTHING RETURNING *
"""
REMOVE = """
UPDATE server_rules SET removed_by = :by, removed_at = :at, removed_version = :version
WHERE id = :id AND removed_at IS NULL RETURNING id
"""
LIVE = "SELECT * FROM server_rules WHERE guild_id = ? AND removed_at IS NULL ORDER BY id"
AT_VERSION = """
SELECT * FROM server_rules
WHERE guild_id = :guild_id AND added_version <= :version
  AND (removed_version IS NULL OR removed_version > :version) ORDER BY id
"""
HIT = "INSERT INTO rule_hits (rule, verdict) VALUES (?, ?) ON CONFLICT DO NOTHING"
HITS = """
SELECT rule, count(*) AS hits FROM rule_hits JOIN server_rules ON server_rules.id = rule_hits.rule
WHERE guild_id = ? GROUP BY rule
"""
HITS_SINCE = """
SELECT rule_hits.rule, count(*) AS hits FROM rule_hits
JOIN server_rules ON server_rules.id = rule_hits.rule JOIN verdicts ON verdicts.id = rule_hits.verdict
WHERE server_rules.guild_id = ? AND verdicts.at >= ? GROUP BY rule_hits.rule
"""


_PHRASES = ("any_of", "with_any_of", "unless")


class ServerRules(Repository):
    async def version(self, guild_id: int) -> int:
        """Returns the version of the rule book; 0 before the first rule."""
        return await self._db.reader.value(VERSION, (guild_id,))

    async def live(self, guild_id: int) -> list[ServerRule]:
        return [_rule(row) for row in await self._db.reader.all(LIVE, (guild_id,))]

    async def at_version(self, guild_id: int, version: int) -> list[ServerRule]:
        """Returns the rule book as it was at that version."""
        parameters = {"guild_id": guild_id, "version": version}
        return [_rule(row) for row in await self._db.reader.all(AT_VERSION, parameters)]

    async def add(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        draft: Draft,
        is_shadow: bool,
        by: MemberId,
        at: float,
        version: int | None = None,
    ) -> ServerRule | None:
        """Returns None when a live rule has that name. `version`: of the rule book; None: the next one."""
        parameters = {
            "guild_id": guild_id,
            "name": draft.name,
            "category": draft.category,
            "ruling": int(draft.ruling),
            **{name: json.dumps(getattr(draft, name), ensure_ascii=False) for name in _PHRASES},
            "is_shadow": is_shadow,
            "by": by,
            "at": at,
            "version": await self.next_version(tx, guild_id) if version is None else version,
        }
        return await tx.find(_rule, ADD, parameters)

    async def next_version(self, tx: Transaction, guild_id: int) -> int:
        """Returns the version that the next change makes. Changes of one transaction may share it."""
        return await tx.value(VERSION, (guild_id,)) + 1

    async def remove(
        self, tx: Transaction, rule: ServerRule, *, by: MemberId, at: float, version: int | None = None
    ) -> int:
        """Removes the rule and returns the rule book's new version. Raises ValueError when it was removed already.

        `version`: as in `add`.
        """
        version = await self.next_version(tx, rule.guild_id) if version is None else version
        if not await tx.all(REMOVE, {"id": rule.id, "by": by, "at": at, "version": version}):
            raise ValueError(f"rule {rule.id} is not in the book")
        return version

    async def note_hit(self, tx: Transaction, rule: int, verdict: int) -> None:
        await tx.all(HIT, (rule, verdict))

    async def hits(self, guild_id: int) -> dict[int, int]:
        """Returns how many prompts each rule matched, by the rule's id."""
        return {row["rule"]: row["hits"] for row in await self._db.reader.all(HITS, (guild_id,))}

    async def hits_since(self, guild_id: int, since: float) -> dict[int, int]:
        """Does the same for the prompts since then (unix seconds)."""
        return {row["rule"]: row["hits"] for row in await self._db.reader.all(HITS_SINCE, (guild_id, since))}


def _rule(row: sqlite3.Row) -> ServerRule:
    return value_of(ServerRule, row, **{name: json.loads(row[name]) for name in _PHRASES})
