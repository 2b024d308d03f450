"""A server's moderation policy: a preset and changes to it, for each scope."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from db.database import Repository, Transaction, value_of
from generation import MemberId
from moderation import Category, Change


class ScopeKind(StrEnum):
    SERVER = "server"
    AGE_RESTRICTED = "age-restricted"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The area in which a choice applies."""

    guild_id: int
    kind: ScopeKind = ScopeKind.SERVER
    channel_id: int = 0  # only for a channel scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The policy choice of one scope."""

    preset: str | None = None  # None: the preset that applies without this choice
    changes: Mapping[Category, Change] = field(default_factory=dict[Category, Change])


_HERE = "guild_id = :guild_id AND scope = :scope AND channel_id = :channel_id"
PRESETS = "SELECT scope, channel_id, preset FROM policies WHERE guild_id = ?"
STANCES = """
SELECT scope, channel_id, category, action, flag, refuse FROM stances WHERE guild_id = ?
ORDER BY scope, channel_id, category
"""
CHOOSE = """
INSERT INTO policies (guild_id, scope, channel_id, preset, set_by, set_at)
VALUES (:guild_id, :scope, :channel_id, :preset, :by, :at)
ON CONFLICT (guild_id, scope, channel_id) DO UPDATE SET
    preset = excluded.preset, set_by = excluded.set_by, set_at = excluded.set_at
"""
AMEND = """
INSERT INTO stances (guild_id, scope, channel_id, category, action, flag, refuse, set_by, set_at)
VALUES (:guild_id, :scope, :channel_id, :category, :action, :flag, :refuse, :by, :at)
ON CONFLICT (guild_id, scope, channel_id, category) DO UPDATE SET
    action = coalesce(excluded.action, action), flag = coalesce(excluded.flag, flag),
    refuse = coalesce(excluded.refuse, refuse), set_by = excluded.set_by, set_at = excluded.set_at
"""
FORGET_PRESET = f"DELETE FROM policies WHERE {_HERE} RETURNING preset"
FORGET_STANCES = (
    f"DELETE FROM stances WHERE {_HERE} AND (:category IS NULL OR category = :category) RETURNING category"
)


class Policies(Repository):
    async def of_guild(self, guild_id: int) -> dict[Scope, Choice]:
        """Returns the choice of every scope that has one."""
        reader = self._db.reader
        presets: dict[Scope, str] = {}
        changes: dict[Scope, dict[Category, Change]] = {}
        for row in await reader.all(PRESETS, (guild_id,)):
            presets[_scope(guild_id, row)] = row["preset"]
        for row in await reader.all(STANCES, (guild_id,)):
            of_scope = changes.setdefault(_scope(guild_id, row), {})
            of_scope[Category(row["category"])] = value_of(Change, row)
        return {
            scope: Choice(preset=presets.get(scope), changes=changes.get(scope, {}))
            for scope in presets.keys() | changes.keys()
        }

    async def choose(self, tx: Transaction, scope: Scope, preset: str, by: MemberId, at: float) -> None:
        """Sets the preset and deletes earlier changes in this scope."""
        await tx.all(FORGET_STANCES, _here(scope) | {"category": None})
        await tx.all(CHOOSE, _here(scope) | {"preset": preset, "by": by, "at": at})

    async def amend(
        self, tx: Transaction, scope: Scope, category: Category, change: Change, by: MemberId, at: float
    ) -> None:
        """Changes a category. Fields that are None in the change keep their earlier value."""
        changed = {"category": category, "by": by, "at": at} | asdict(change)
        await tx.all(AMEND, _here(scope) | changed)

    async def forget(self, tx: Transaction, scope: Scope, category: Category | None = None) -> bool:
        """Deletes the choice of a scope, or of one category in it. Returns False when there was none."""
        gone = await tx.all(FORGET_STANCES, _here(scope) | {"category": category})
        if category is None:
            gone = [*gone, *await tx.all(FORGET_PRESET, _here(scope))]
        return bool(gone)


def _here(scope: Scope) -> dict[str, object]:
    return {"guild_id": scope.guild_id, "scope": scope.kind, "channel_id": scope.channel_id}


def _scope(guild_id: int, row: sqlite3.Row) -> Scope:
    return Scope(guild_id=guild_id, kind=ScopeKind(row["scope"]), channel_id=row["channel_id"])
