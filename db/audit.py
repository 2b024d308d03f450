"""The audit log of moderators' acts: a chain of rows. The database itself refuses to change or delete a row.

A row is appended in the transaction of its act, so neither exists without the other.
The actor, the member and the reason can be forgotten without breaking the chain.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from db.audit_chain import DAMAGED, GENESIS, Head, canonical, commitment, new_salt, row_hash
from db.database import Repository, Transaction, value_of
from generation import MemberId

log = logging.getLogger(__name__)


class Act(StrEnum):
    """Every act that a moderator can do."""

    OPEN_CASE = "open-case"
    CLAIM = "claim"
    ESCALATE = "escalate"
    APPROVE = "approve"
    REMOVE = "remove"
    WARN = "warn"
    TIMEOUT = "timeout"
    BAN = "ban"
    BLOCK = "block"
    PROPOSE = "propose"  # by a helper; details: the outcome
    PROPOSE_BAN = "propose-ban"
    DISCORD_SANCTION = "discord-sanction"  # Discord's own timeout or ban, in addition to the bot's
    DISCORD_LIFTED = "discord-lifted"
    NOTE = "note"
    MEMBER_NOTE = "member-note"  # without a case
    NOTE_REMOVE = "note-remove"
    AMEND = "amend"
    PARDON = "pardon"
    UNBAN = "unban"
    UNBLOCK = "unblock"
    APPEAL_UPHELD = "appeal-upheld"
    APPEAL_OVERTURNED = "appeal-overturned"
    CANCEL = "cancel"  # another member's order
    PURGE = "purge"
    RESTORE = "restore"  # pictures similar to removed ones are allowed again
    RAID_ON = "raid-on"
    RAID_OFF = "raid-off"
    PANIC_OPEN = "panic-open"
    PANIC_PAUSE = "panic-pause"
    PANIC_FAMILY = "panic-family"
    PANIC_KNOWN = "panic-known"
    RULE_ADD = "rule-add"
    RULE_EDIT = "rule-edit"
    RULE_IMPORT = "rule-import"
    RULE_REMOVE = "rule-remove"
    POLICY_PRESET = "policy-preset"
    POLICY_CATEGORY = "policy-category"
    POLICY_RESET = "policy-reset"
    LOG_CHANNEL = "log-channel"
    MOD_ROLE = "mod-role"  # a role is chosen for a level of moderators
    SECOND_FOR_BANS = "second-for-bans"
    CASE_ROLE = "case-role"  # which a new case mentions
    KEPT_REASON = "kept-reason"  # saved or deleted
    QUIET_HOURS = "quiet-hours"
    DIGEST = "digest"
    STYLE_REMOVE = "style-remove"  # another member's style
    PAID_ACCESS = "paid-access"  # whether members of the server pay for access
    EXPORT = "export"  # cases or the log, as a file
    READ_LOG = "read-log"  # members' prompts, in /mod log


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row, with the persons and the reason that are still known."""

    number: int
    at: float  # unix seconds
    guild_id: int
    actor: MemberId | None  # None: forgotten
    actor_name: str
    act: str
    member: MemberId | None  # the member it was about; None: no member, or forgotten
    subject: str
    reason: str  # empty: none given, or forgotten
    details: Mapping[str, Any]
    hash: str


HEAD_FILE = "audit.head"

HASH = "SELECT hash FROM audit WHERE number = ?"
LAST = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
APPEND = """
INSERT INTO audit (number, at, guild_id, actor, action, member, subject, reason, details, previous, hash)
VALUES (:number, :at, :guild_id, :actor, :action, :member, :subject, :reason, :details, :previous, :hash)
"""
OPENING = "INSERT INTO audit_openings (number, field, person, text, salt) VALUES (?, ?, ?, ?, ?)"
PAGE = """
SELECT audit.number, audit.at, audit.guild_id, audit.action, audit.subject, audit.details, audit.hash,
    actors.person AS actor, actors.text AS actor_name, members.person AS member, reasons.text AS reason
FROM audit
LEFT JOIN audit_openings AS actors ON actors.number = audit.number AND actors.field = 'actor'
LEFT JOIN audit_openings AS members ON members.number = audit.number AND members.field = 'member'
LEFT JOIN audit_openings AS reasons ON reasons.number = audit.number AND reasons.field = 'reason'
WHERE guild_id = :guild_id AND (:before IS NULL OR audit.number < :before) AND {}
ORDER BY audit.number DESC LIMIT :limit
"""
ALL = PAGE.format("TRUE")
# The rows about the member are looked up, not searched in the server's rows.
ABOUT = PAGE.format(
    "audit.number IN (SELECT number FROM audit_openings WHERE person = :member AND field = 'member')"
)


class Audit(Repository):
    async def append(
        self,
        tx: Transaction,
        *,
        at: float,
        guild_id: int,
        actor: MemberId,
        actor_name: str,
        act: Act,
        member: MemberId | None = None,
        subject: str = "",
        reason: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> int:
        """Appends a row and returns its number.

        `details`: ready for JSON; no names or ids of members, and no text that members wrote.
        """
        previous = await tx.one(LAST)
        number = previous["number"] + 1 if previous else 1
        sealed: dict[str, str | None] = {"actor": None, "member": None, "reason": None}
        openings: list[tuple[object, ...]] = []
        for field, person, text in (
            ("actor", actor, actor_name),
            ("member", member, ""),
            # A reason belongs to the member it is about; without a member, to the moderator who wrote it.
            ("reason", (actor if member is None else member) if reason else None, reason),
        ):
            if person is not None:
                salt = new_salt()
                sealed[field] = commitment(salt, person, text)
                openings.append((number, field, person, text, salt))
        row: dict[str, Any] = {
            "previous": previous["hash"] if previous else GENESIS,
            "number": number,
            "at": float(at),
            "guild_id": guild_id,
            "action": act.value,
            "subject": subject,
            "details": canonical(details or {}),
            **sealed,
        }
        digest = row_hash(**row)
        await tx.all(APPEND, row | {"hash": digest})
        for opening in openings:
            await tx.all(OPENING, opening)

        async def keep() -> None:
            path = head_path(self._db.path)
            kept = await asyncio.to_thread(kept_head, path)
            if kept is not None and not await self._has(kept):
                # The file is the witness of the rows that are missing.
                log.error("%s is not in the audit log: run `python -m db audit`", path)
                return
            await asyncio.to_thread(_keep, path, number, digest)

        tx.after_commit(keep)
        return number

    async def _has(self, head: Head) -> bool:
        row = await self._db.reader.one(HASH, (head.number,))
        return row is not None and row["hash"].startswith(head.hash)

    async def page(
        self,
        guild_id: int,
        *,
        member: MemberId | None = None,
        before: int | None = None,
        limit: int = 10,
    ) -> list[AuditEntry]:
        """Returns rows, newest first. `member`: only rows about that member."""
        parameters = {"guild_id": guild_id, "member": member, "before": before, "limit": limit}
        sql = ALL if member is None else ABOUT
        return [_entry(row) for row in await self._db.reader.all(sql, parameters)]


def head_path(database: Path) -> Path:
    """Returns the path of the head file beside the database.

    The file holds the number and hash of the last row, so that missing rows at the end are detected.
    """
    return database.with_name(HEAD_FILE)


def kept_head(path: Path) -> Head | None:
    """Returns the head in the file; None without a file. A damaged file gives a head that no log has."""
    try:
        return Head.parse(path.read_text(encoding="ascii")) or DAMAGED
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return DAMAGED


def _keep(path: Path, number: int, digest: str) -> None:
    partial_path = path.with_name(path.name + ".partial")
    partial_path.write_text(f"{number} {digest}\n", encoding="ascii")
    partial_path.replace(path)


def _entry(row: sqlite3.Row) -> AuditEntry:
    texts = {name: row[name] or "" for name in ("actor_name", "reason")}
    return value_of(AuditEntry, row, act=row["action"], details=json.loads(row["details"]), **texts)
