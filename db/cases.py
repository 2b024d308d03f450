"""Cases: numbered records of moderation, per server. A case holds the prompt, the moderator who claimed it and the decision.

A case goes from open to closed, with an outcome. This module checks no permissions. Values read inside a transaction hold until
it ends.
"""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from db.database import Repository, Transaction, value_of
from db.verdicts import cells_of, verdict_cells
from generation import JobId, MemberId
from moderation import ALLOWED, Verdict


class Origin(StrEnum):
    """The reason that a case was opened."""

    FLAG = "flag"
    REFUSAL = "refusal"
    REPORT = "report"
    PICTURE = "picture"  # the check of the finished picture
    MODERATOR = "moderator"


class Outcome(StrEnum):
    APPROVE = "approve"
    REMOVE = "remove"
    WARN = "warn"
    TIMEOUT = "timeout"
    BAN = "ban"
    BLOCK = "block"  # may not make pictures; no strike


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row. Times are unix seconds."""

    id: int
    guild_id: int
    number: int
    origin: Origin
    opened_at: float
    member: MemberId
    member_name: str
    channel_id: int | None
    job: JobId | None
    prompt: str
    negative: str
    verdict: Verdict  # ALLOW with category NONE when no filter ruled
    picture: bytes | None  # JPEG, blurred
    card_channel_id: int | None
    card_message_id: int | None
    is_escalated: bool
    claimed_by: MemberId | None
    claimed_name: str
    claimed_at: float | None
    proposed_by: MemberId | None
    proposed_name: str
    proposed_reason: str
    proposed_seconds: float | None  # None: until lifted
    proposed_outcome: Outcome | None
    is_helpers_proposal: bool  # any moderator confirms it; otherwise it is a ban for another one
    is_bot_ban_proposed: bool  # a ban by the bot alone
    outcome: Outcome | None
    acted_by: MemberId | None
    acted_name: str
    acted_at: float | None
    reason: str
    expires_at: float | None
    block: int | None
    power: str  # "timeout" or "ban" when Discord's own was used too
    told_at: float | None
    is_withheld: bool  # the picture check withheld every picture of the order
    is_first_refusal: bool  # the member's first refusal by the filter in that server
    folds_until: float | None = None  # further orders of the member join the open case until then; None: none
    kept_reason: str = ""  # the name of the reason that the server keeps; empty: none
    raid: int | None = None  # the raid whose card stands for this case's own

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    @property
    def is_refused(self) -> bool:
        """Whether the case is about pictures that were never shown: the prompt or all pictures were refused."""
        return self.is_withheld or self.origin is Origin.REFUSAL


OPEN = """
INSERT INTO cases (
    guild_id, number, origin, opened_at, member, member_name, channel_id, job, verdict,
    prompt, negative, ruling, category, rule, words, score, field, normal_form, likeness, language, is_first_refusal,
    folds_until, raid
) VALUES (
    :guild_id, (SELECT coalesce(max(last), 0) + 1 FROM case_numbers WHERE guild_id = :guild_id),
    :origin, :at, :member, :member_name, :channel_id, :job, :verdict,
    :prompt, :negative, :ruling, :category, :rule, :words, :score, :field, :normal_form, :likeness, :language, :is_first_refusal,
    :folds_until, :raid
) RETURNING *
"""
GET = "SELECT * FROM cases WHERE id = ?"
NUMBERED = "SELECT * FROM cases WHERE guild_id = ? AND number = ?"
OF_VERDICT = "SELECT * FROM cases WHERE verdict = ?"
IN_FORCE = """
SELECT cases.* FROM cases JOIN blocks ON blocks.id = cases.block
WHERE cases.guild_id = ? AND cases.member = ? AND lifted_at IS NULL AND (blocks.expires_at IS NULL OR blocks.expires_at > ?)
ORDER BY blocks.expires_at DESC NULLS FIRST, blocks.id DESC
"""
PROPOSED = """
SELECT * FROM cases WHERE guild_id = ? AND member = ? AND outcome IS NULL AND proposed_outcome = 'ban' ORDER BY id LIMIT 1
"""
OF_JOB = """
SELECT * FROM cases WHERE id IN (
    SELECT id FROM cases WHERE job = :job UNION SELECT case_id FROM case_entries WHERE job = :job AND kind = 'joined'
) ORDER BY id DESC LIMIT 1
"""
# Orders of which nothing was posted are decided about in other words, so they join no others, and others not them. What resembles
# different removed pictures is decided apart. A raid's case has no card of its own: only orders of a live raid join it.
FOLDABLE = """
SELECT * FROM cases
WHERE guild_id = :guild_id AND member = :member AND outcome IS NULL AND folds_until > :now
    AND NOT is_escalated AND proposed_by IS NULL AND (raid IS NULL OR raid = :raid)
    AND (is_withheld = :is_withheld OR :may_become_posted AND origin = 'flag') AND (NOT is_withheld OR likeness IS :likeness)
    AND (SELECT count(*) FROM case_entries WHERE case_id = cases.id AND kind = 'joined') < :most
ORDER BY is_withheld, id DESC LIMIT 1
"""
FOLD = """
UPDATE cases SET folds_until = min(:until, opened_at + :longest), is_withheld = :is_withheld,
    is_card_stale = card_message_id IS NOT NULL
WHERE id = :id RETURNING *
"""
PAGE = "SELECT * FROM cases WHERE {} ORDER BY number DESC LIMIT :limit"
# The conditions of a page's filters. A statement holds only those that are given: SQLite chooses its index by them.
_MEMBER, _BEFORE = "member = :member", "number < :before"
_SINCE, _UNTIL = "opened_at >= :since", "opened_at < :until"
_IS_OPEN = {True: "outcome IS NULL", False: "outcome IS NOT NULL"}
# After the last number, the search begins again. Cases that this moderator may not decide now are left out.
NEXT_OPEN = """
SELECT * FROM cases
WHERE guild_id = :guild_id AND outcome IS NULL AND number > :after AND number <> :but
    AND member <> :by AND (:is_senior OR NOT is_escalated)
    AND (claimed_by IS NULL OR claimed_by = :by OR claimed_at <= :free_since)
ORDER BY number LIMIT 1
"""
OF_CARD = "SELECT * FROM cases WHERE card_message_id = ?"
SERVERS_WITHOUT_CARD = """
SELECT DISTINCT guild_id FROM cases WHERE card_message_id IS NULL AND outcome IS NULL AND raid IS NULL
"""
WITHOUT_CARD = """
SELECT * FROM cases WHERE guild_id = ? AND card_message_id IS NULL AND outcome IS NULL AND raid IS NULL AND id > ?
ORDER BY id LIMIT ?
"""
UNTOLD = """
SELECT * FROM cases WHERE guild_id = ? AND member = ? AND outcome IS NOT NULL AND told_at IS NULL ORDER BY id
"""
CARD = "UPDATE cases SET card_channel_id = ?, card_message_id = ? WHERE id = ? RETURNING *"
OPEN_OF = "SELECT count(*) FROM cases WHERE guild_id = ? AND member = ? AND outcome IS NULL"
OF_RAID = "SELECT * FROM cases WHERE raid = ? AND guild_id = ? AND outcome IS NULL ORDER BY id LIMIT ?"
STALE = "SELECT id FROM cases WHERE is_card_stale = 1 AND guild_id = ? ORDER BY id LIMIT ?"
SET_STALE = "UPDATE cases SET is_card_stale = ? WHERE id = ?"
PICTURE = "UPDATE cases SET picture = ? WHERE id = ? RETURNING *"
WITHHELD = "UPDATE cases SET is_withheld = 1 WHERE id = ? RETURNING *"
CLAIM = "UPDATE cases SET claimed_by = ?, claimed_name = ?, claimed_at = ? WHERE id = ? RETURNING *"
ESCALATE = """
UPDATE cases SET is_escalated = 1, claimed_by = NULL, claimed_name = '', claimed_at = NULL WHERE id = ? RETURNING *
"""
PROPOSE = """
UPDATE cases SET proposed_by = ?, proposed_name = ?, proposed_reason = ?, proposed_seconds = ?, proposed_outcome = ?,
    is_helpers_proposal = ?, is_bot_ban_proposed = ?,
    claimed_by = NULL, claimed_name = '', claimed_at = NULL
WHERE id = ? RETURNING *
"""
CLOSE = """
UPDATE cases SET outcome = ?, acted_by = ?, acted_name = ?, acted_at = ?, reason = ?, expires_at = ?, block = ?, told_at = ?,
    kept_reason = ?
WHERE id = ? AND outcome IS NULL RETURNING *
"""
BANS = "SELECT number FROM cases WHERE guild_id = ? AND member = ? AND power = 'ban'"
POWER = "UPDATE cases SET power = ? WHERE id = ?"
TOLD = "UPDATE cases SET told_at = ? WHERE id = ? AND told_at IS NULL RETURNING id"
AMEND = """
UPDATE cases SET kept_reason = iif(reason = :reason, kept_reason, ''), reason = :reason, expires_at = :expires_at, block = :block,
    told_at = iif(outcome = 'block' OR (outcome = 'approve' AND NOT is_withheld), told_at, NULL)
WHERE id = :id RETURNING *
"""


class Cases(Repository):
    async def open(
        self,
        tx: Transaction,
        *,
        guild_id: int,
        origin: Origin,
        at: float,
        member: MemberId,
        member_name: str,
        channel_id: int | None = None,
        job: JobId | None = None,
        prompt: str = "",
        negative: str = "",
        verdict: Verdict = ALLOWED,
        verdict_id: int | None = None,
        is_first_refusal: bool = False,
        folds_until: float | None = None,
        raid: int | None = None,
    ) -> Case:
        """Opens a case with the server's next number."""
        parameters = {
            "guild_id": guild_id,
            "origin": origin,
            "at": at,
            "member": member,
            "member_name": member_name,
            "channel_id": channel_id,
            "job": job,
            "verdict": verdict_id,
            "prompt": prompt,
            "negative": negative,
            "is_first_refusal": is_first_refusal,
            "folds_until": folds_until,
            "raid": raid,
            **cells_of(verdict),
        }
        return await _one(tx, OPEN, parameters)

    async def get(self, case_id: int) -> Case | None:
        return await self._db.reader.find(_case, GET, (case_id,))

    async def numbered(self, guild_id: int, number: int) -> Case | None:
        return await self._db.reader.find(_case, NUMBERED, (guild_id, number))

    async def of_job(self, job: JobId) -> Case | None:
        """Returns the newest case that the job opened or joined."""
        return await self._db.reader.find(_case, OF_JOB, {"job": job})

    async def foldable(
        self,
        guild_id: int,
        member: MemberId,
        now: float,
        *,
        is_withheld: bool,
        likeness: str | None,
        may_become_posted: bool,
        raid: int | None,
        most: int,
    ) -> Case | None:
        """Returns the member's open case that takes another order now.

        `is_withheld`, `likeness`, `raid`: of that order. `may_become_posted`: it is not drawn yet. `most`: orders that join one
        case.
        """
        where = {"guild_id": guild_id, "member": member, "now": now, "is_withheld": is_withheld}
        where |= {"likeness": likeness, "may_become_posted": may_become_posted, "raid": raid, "most": most}
        return await self._db.reader.find(_case, FOLDABLE, where)

    async def of_verdict(self, verdict_id: int) -> Case | None:
        return await self._db.reader.find(_case, OF_VERDICT, (verdict_id,))

    async def in_force(self, guild_id: int, member: MemberId, now: float) -> list[Case]:
        """Returns the member's cases whose block is live; the block that ends last comes first."""
        rows = await self._db.reader.all(IN_FORCE, (guild_id, member, now))
        return [_case(row) for row in rows]

    async def proposed(self, guild_id: int, member: MemberId) -> Case | None:
        """The member's oldest open case in which a ban waits for a second moderator."""
        return await self._db.reader.find(_case, PROPOSED, (guild_id, member))

    async def page(
        self,
        guild_id: int,
        *,
        member: MemberId | None = None,
        is_open: bool | None = None,
        before: int | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int = 10,
    ) -> list[Case]:
        """Returns cases with a number below `before`, newest first.

        `since`, `until`: unix seconds, of the opening; the end is not included.
        """
        where = {"guild_id": guild_id, "member": member, "before": before, "limit": limit}
        where |= {"since": since, "until": until}
        sql = page_statement(member=member, is_open=is_open, before=before, since=since, until=until)
        return [_case(row) for row in await self._db.reader.all(sql, where)]

    async def next_open(
        self, guild_id: int, after: int, *, by: MemberId, is_senior: bool, free_since: float
    ) -> Case | None:
        """Returns the open case with the lowest number above `after`; without one, the lowest below it.

        Leaves out cases that `by` may not decide: about themselves, escalated for those who are not senior, and claimed by
        another moderator after `free_since` (unix seconds).
        """
        where = {"guild_id": guild_id, "by": by, "is_senior": is_senior, "free_since": free_since}
        for start in dict.fromkeys((after, 0)):
            case = await self._db.reader.find(_case, NEXT_OPEN, where | {"after": start, "but": after})
            if case is not None:
                return case
        return None

    async def of_card(self, message_id: int) -> Case | None:
        return await self._db.reader.find(_case, OF_CARD, (message_id,))

    async def servers_without_card(self) -> set[int]:
        """Returns the servers that have an open case without a moderators' card."""
        return {row["guild_id"] for row in await self._db.reader.all(SERVERS_WITHOUT_CARD)}

    async def without_card(self, guild_id: int, after: int = 0, limit: int = 50) -> list[Case]:
        """Returns the server's open cases without a moderators' card, with an id above `after`; oldest first."""
        return [_case(row) for row in await self._db.reader.all(WITHOUT_CARD, (guild_id, after, limit))]

    async def numbers_of_bans(self, guild_id: int, member: MemberId) -> list[int]:
        """Returns the numbers of the member's cases for which the bot has set Discord's own ban."""
        return [row["number"] for row in await self._db.reader.all(BANS, (guild_id, member))]

    async def untold(self, guild_id: int, member: MemberId) -> list[Case]:
        """Returns decided cases whose member has not been notified; oldest first."""
        return [_case(row) for row in await self._db.reader.all(UNTOLD, (guild_id, member))]

    # ---- changes; each returns the changed row

    async def open_of(self, guild_id: int, member: MemberId) -> int:
        """Returns the number of the member's open cases."""
        return await self._db.reader.value(OPEN_OF, (guild_id, member))

    async def of_raid(self, guild_id: int, raid_id: int, limit: int) -> list[Case]:
        """Returns the open cases that share the raid's card, oldest first."""
        return [_case(row) for row in await self._db.reader.all(OF_RAID, (raid_id, guild_id, limit))]

    async def stale(self, guild_id: int, limit: int = 50) -> list[int]:
        """Returns ids of the server's cases whose card is out of date."""
        return [row["id"] for row in await self._db.reader.all(STALE, (guild_id, limit))]

    async def set_stale(self, case_id: int, is_stale: bool) -> None:
        async with self._db.transaction() as tx:
            await tx.all(SET_STALE, (is_stale, case_id))

    async def set_card(self, tx: Transaction, case_id: int, channel_id: int, message_id: int) -> Case:
        return await _one(tx, CARD, (channel_id, message_id, case_id))

    async def set_picture(self, tx: Transaction, case_id: int, jpeg: bytes) -> Case:
        return await _one(tx, PICTURE, (jpeg, case_id))

    async def set_withheld(self, tx: Transaction, case_id: int) -> Case:
        return await _one(tx, WITHHELD, (case_id,))

    async def fold(
        self, tx: Transaction, case_id: int, *, until: float, longest: float, is_withheld: bool
    ) -> Case:
        """Records that an order joined: further ones join until `until`, at most `longest` seconds after the case was opened.

        Its card is to be drawn anew.
        """
        where = {"id": case_id, "until": until, "longest": longest, "is_withheld": is_withheld}
        return await _one(tx, FOLD, where)

    async def claim(self, tx: Transaction, case_id: int, by: MemberId, name: str, at: float) -> Case:
        return await _one(tx, CLAIM, (by, name, at, case_id))

    async def escalate(self, tx: Transaction, case_id: int) -> Case:
        """Escalates the case and clears its claim, so that another moderator can take it."""
        return await _one(tx, ESCALATE, (case_id,))

    async def propose(
        self,
        tx: Transaction,
        case_id: int,
        by: MemberId,
        name: str,
        reason: str,
        seconds: float | None = None,
        *,
        outcome: Outcome = Outcome.BAN,
        is_helpers: bool = False,
        is_bot_ban: bool = False,
    ) -> Case:
        """Records a proposed outcome and clears the claim, so that another moderator can confirm it."""
        proposed = (by, name, reason, seconds, outcome, is_helpers, is_bot_ban)
        return await _one(tx, PROPOSE, (*proposed, case_id))

    async def close(
        self,
        tx: Transaction,
        case_id: int,
        *,
        outcome: Outcome,
        by: MemberId,
        name: str,
        at: float,
        reason: str,
        expires_at: float | None = None,
        block: int | None = None,
        is_told: bool,
        kept_reason: str = "",
    ) -> Case:
        """Closes the case. `is_told`: whether the member needs no notice. Raises IndexError when the case is not open."""
        told_at = at if is_told else None
        return await _one(
            tx, CLOSE, (outcome, by, name, at, reason, expires_at, block, told_at, kept_reason, case_id)
        )

    async def set_power(self, tx: Transaction, case_id: int, power: str) -> None:
        """Records that Discord's own timeout or ban is set."""
        await tx.all(POWER, (power, case_id))

    async def told(self, case_id: int, at: float) -> bool:
        """Records that the member was notified. Returns True when this call recorded it."""
        async with self._db.transaction() as tx:
            return await tx.one(TOLD, (at, case_id)) is not None

    async def amend(
        self, tx: Transaction, case: Case, *, reason: str, expires_at: float | None, block: int | None
    ) -> Case:
        """Changes the decision. A member who is told of decisions must be told again."""
        changes = {"reason": reason, "expires_at": expires_at, "block": block, "id": case.id}
        return await _one(tx, AMEND, changes)


def page_statement(
    *,
    member: MemberId | None = None,
    is_open: bool | None = None,
    before: int | None = None,
    since: float | None = None,
    until: float | None = None,
) -> str:
    """Returns PAGE with the conditions of the filters that are not None."""
    conditions = ["guild_id = :guild_id"]
    if member is not None:
        conditions.append(_MEMBER)
    if is_open is not None:
        conditions.append(_IS_OPEN[is_open])
    if before is not None:
        conditions.append(_BEFORE)
    if since is not None:
        conditions.append(_SINCE)
    if until is not None:
        conditions.append(_UNTIL)
    return PAGE.format(" AND ".join(conditions))


async def _one(tx: Transaction, sql: str, parameters: Any) -> Case:
    rows = await tx.all(sql, parameters)
    return _case(rows[0])


def _case(row: sqlite3.Row) -> Case:
    return value_of(Case, row, verdict=verdict_cells(row))
