"""Forgetting a member: what goes at once, what is left of a sanction that still counts, and what goes with time.

A member's request is a row of `erasures`; `Forgetting.advance` is repeated until nothing is left of what was there when they
asked. It only works on rows: pictures and messages are taken down before, by whoever knows Discord.
"""

from __future__ import annotations

from dataclasses import dataclass

from db.database import Database, Transaction
from generation.request import JobId, MemberId

DAY, HOUR = 86_400.0, 3_600.0
NOBODY = 0
"""In place of a moderator's id that was forgotten; Discord gives no such id."""
FORMER = "a former moderator"
BATCH = 200
"""Rows a transaction at the most: other writers wait no longer than that takes."""

# :member, :asked (when they asked), :now, and :acts_before: a moderator's acts before that are forgotten too.
LIVE_BLOCK = "blocks.lifted_at IS NULL AND (blocks.expires_at IS NULL OR blocks.expires_at > :now)"
LIVE_STRIKE = "strikes.pardoned_at IS NULL AND strikes.expires_at > :now"
SANCTIONED = f"""
    (EXISTS (SELECT 1 FROM strikes WHERE strikes.case_id = cases.id AND {LIVE_STRIKE})
     OR EXISTS (SELECT 1 FROM blocks WHERE blocks.id = cases.block AND {LIVE_BLOCK}))
"""
_OVER = f"cases.outcome IS NOT NULL AND NOT {SANCTIONED}"
UNFINISHED_CHILD = """
    EXISTS (SELECT 1 FROM job_parents JOIN jobs AS children ON children.id = job_parents.job
            WHERE job_parents.parent = jobs.id AND children.state IN ('queued', 'running'))
"""
# What was charged within the last day still counts: forgetting is no way to a fresh allowance.
_GONE_JOBS = f"""
    SELECT id FROM jobs
    WHERE member = :member AND created_at <= :asked AND created_at <= :now - {DAY} AND state NOT IN ('queued', 'running')
      AND message_id IS NULL AND NOT {UNFINISHED_CHILD}
      AND NOT EXISTS (SELECT 1 FROM images WHERE images.job = jobs.id AND images.removed_at IS NULL)
"""

BATCHED = (
    # Nor is forgetting a way out of what moderators have not yet looked at: refusals stay for a day.
    f"""
    DELETE FROM verdicts WHERE id IN (
        SELECT id FROM verdicts WHERE member = :member AND at <= :asked AND NOT (ruling = 2 AND at > :now - {DAY})
        LIMIT :limit) RETURNING id
    """,
    f"DELETE FROM jobs WHERE id IN ({_GONE_JOBS} LIMIT :limit) RETURNING id",
    # Of those that are kept for a day only that they were charged: not what for.
    """
    UPDATE jobs SET member_name = '', prompt = '', negative = '', token = '', loras = '{}', seed = 0, state = 'cancelled',
        failure = NULL, delivered_at = coalesce(delivered_at, :now)
    WHERE id IN (
        SELECT id FROM jobs WHERE member = :member AND created_at <= :asked AND state NOT IN ('queued', 'running')
            AND member_name || prompt || negative || token <> '' LIMIT :limit) RETURNING id
    """,
    """
    DELETE FROM audit_openings WHERE (number, field) IN (
        SELECT openings.number, openings.field FROM audit_openings AS openings JOIN audit ON audit.number = openings.number
        WHERE openings.person = :member AND audit.at <= :asked
          AND (audit.at < :acts_before OR NOT EXISTS (
              SELECT 1 FROM audit_openings AS actors
              WHERE actors.number = openings.number AND actors.field = 'actor' AND actors.person = :member))
        LIMIT :limit) RETURNING number
    """,
)

# Before anything goes: kept cases of theirs that are not emptied yet, and anybody's in which their name stands and need not.
MARK_CARDS = f"""
UPDATE cases SET is_card_stale = 1
WHERE card_message_id IS NOT NULL AND (
    (member = :member AND opened_at <= :asked AND outcome IS NOT NULL AND member_name <> '' AND {SANCTIONED})
    OR (claimed_by = :member AND claimed_at <= :asked)
    OR (proposed_by = :member AND opened_at <= :asked AND opened_at < :acts_before)
    OR (acted_by = :member AND acted_at <= :asked AND acted_at < :acts_before)
    OR EXISTS (
        SELECT 1 FROM case_entries
        WHERE case_id = cases.id AND written_by = :member AND at <= :asked
          AND (kind IN ('evidence', 'appealed') OR at < :acts_before)))
"""
AS_MEMBER = (
    f"DELETE FROM strikes WHERE member = :member AND at <= :asked AND NOT ({LIVE_STRIKE})",
    f"DELETE FROM blocks WHERE member = :member AND at <= :asked AND NOT ({LIVE_BLOCK})",
    f"""
    DELETE FROM cases WHERE member = :member AND opened_at <= :asked AND {_OVER} AND card_message_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM appeals WHERE appeals.case_id = cases.id AND appeals.card_message_id IS NOT NULL)
    """,
    # Of a case whose strike or ban still counts: what was decided, why and until when; not what it was about.
    f"""
    UPDATE cases SET member_name = '', prompt = '', negative = '', words = '[]', normal_form = '', field = '', rule = '',
        picture = NULL, job = NULL, channel_id = NULL, verdict = NULL
    WHERE member = :member AND opened_at <= :asked AND outcome IS NOT NULL AND member_name <> '' AND {SANCTIONED}
    """,
    f"""
    DELETE FROM case_entries WHERE case_id IN (
        SELECT id FROM cases WHERE member = :member AND opened_at <= :asked AND outcome IS NOT NULL AND {SANCTIONED})
    """,
    f"""
    DELETE FROM reports WHERE case_id IN (
        SELECT id FROM cases WHERE member = :member AND opened_at <= :asked AND outcome IS NOT NULL AND {SANCTIONED})
    """,
    """
    UPDATE appeals SET text = '', answer = ''
    WHERE member = :member AND at <= :asked AND decision IS NOT NULL AND text || answer <> ''
    """,
    # As long as they limit how much somebody may report.
    f"DELETE FROM reports WHERE member = :member AND at <= :asked AND at <= :now - {HOUR}",
    "DELETE FROM presets WHERE member = :member AND saved_at <= :asked",
    f"""
    UPDATE case_entries SET written_by = {NOBODY}, written_name = 'a member'
    WHERE written_by = :member AND at <= :asked AND kind IN ('evidence', 'appealed')
    """,
)

AS_MODERATOR = (
    """
    UPDATE cases SET claimed_by = NULL, claimed_name = '', claimed_at = NULL
    WHERE claimed_by = :member AND claimed_at <= :asked
    """,
    f"""
    UPDATE cases SET proposed_by = {NOBODY}, proposed_name = '{FORMER}'
    WHERE proposed_by = :member AND opened_at <= :asked AND opened_at < :acts_before
    """,
    f"""
    UPDATE cases SET acted_by = {NOBODY}, acted_name = '{FORMER}'
    WHERE acted_by = :member AND acted_at <= :asked AND acted_at < :acts_before
    """,
    f"""
    UPDATE case_entries SET written_by = {NOBODY}, written_name = '{FORMER}'
    WHERE written_by = :member AND at <= :asked AND at < :acts_before
    """,
    f"UPDATE strikes SET given_by = {NOBODY} WHERE given_by = :member AND at <= :asked AND at < :acts_before",
    f"""
    UPDATE strikes SET pardoned_by = {NOBODY}
    WHERE pardoned_by = :member AND pardoned_at <= :asked AND pardoned_at < :acts_before
    """,
    f"UPDATE blocks SET set_by = {NOBODY} WHERE set_by = :member AND at <= :asked AND at < :acts_before",
    f"""
    UPDATE blocks SET lifted_by = {NOBODY}
    WHERE lifted_by = :member AND lifted_at <= :asked AND lifted_at < :acts_before
    """,
    f"""
    UPDATE appeals SET decided_by = {NOBODY}, decided_name = '{FORMER}'
    WHERE decided_by = :member AND decided_at <= :asked AND decided_at < :acts_before
    """,
    f"""
    UPDATE images SET removed_by = {NOBODY}
    WHERE removed_by = :member AND removed_at <= :asked AND (
        removed_at < :acts_before OR job IN (SELECT id FROM jobs WHERE member = :member))
    """,
    f"UPDATE server_rules SET added_by = {NOBODY} WHERE added_by = :member AND added_at <= :asked AND added_at < :acts_before",
    f"""
    UPDATE server_rules SET removed_by = {NOBODY}
    WHERE removed_by = :member AND removed_at <= :asked AND removed_at < :acts_before
    """,
    *(
        f"UPDATE {table} SET set_by = {NOBODY} WHERE set_by = :member AND set_at <= :asked AND set_at < :acts_before"
        for table in ("policies", "stances")
    ),
    f"UPDATE gates SET set_by = {NOBODY} WHERE set_by = :member AND coalesce(mode_at, 0) <= :asked",
)

LEFT = """
SELECT EXISTS (SELECT 1 FROM jobs WHERE member = :member AND created_at <= :asked)
    OR EXISTS (SELECT 1 FROM verdicts WHERE member = :member AND at <= :asked)
    OR EXISTS (SELECT 1 FROM cases WHERE member = :member AND opened_at <= :asked)
    OR EXISTS (SELECT 1 FROM strikes WHERE member = :member AND at <= :asked)
    OR EXISTS (SELECT 1 FROM blocks WHERE member = :member AND at <= :asked)
    OR EXISTS (SELECT 1 FROM reports WHERE member = :member AND at <= :asked)
    OR EXISTS (SELECT 1 FROM presets WHERE member = :member AND saved_at <= :asked)
    OR EXISTS (SELECT 1 FROM audit_openings JOIN audit ON audit.number = audit_openings.number
               WHERE person = :member AND at <= :asked)
    OR EXISTS (SELECT 1 FROM cases WHERE (proposed_by = :member AND opened_at <= :asked)
               OR (acted_by = :member AND acted_at <= :asked))
    OR EXISTS (SELECT 1 FROM case_entries WHERE written_by = :member AND at <= :asked)
    OR EXISTS (SELECT 1 FROM strikes WHERE (given_by = :member AND at <= :asked)
               OR (pardoned_by = :member AND pardoned_at <= :asked))
    OR EXISTS (SELECT 1 FROM blocks WHERE (set_by = :member AND at <= :asked)
               OR (lifted_by = :member AND lifted_at <= :asked))
    OR EXISTS (SELECT 1 FROM appeals WHERE decided_by = :member AND decided_at <= :asked)
    OR EXISTS (SELECT 1 FROM images WHERE removed_by = :member AND removed_at <= :asked)
    OR EXISTS (SELECT 1 FROM policies WHERE set_by = :member AND set_at <= :asked)
    OR EXISTS (SELECT 1 FROM stances WHERE set_by = :member AND set_at <= :asked)
    OR EXISTS (SELECT 1 FROM server_rules WHERE (added_by = :member AND added_at <= :asked)
               OR (removed_by = :member AND removed_at <= :asked))
"""
TOTAL = "SELECT total_changes()"
ASK = """
INSERT INTO erasures (member, asked_at) VALUES (?, ?)
ON CONFLICT (member) DO UPDATE SET asked_at = max(asked_at, excluded.asked_at)
"""
PENDING = "SELECT member, asked_at FROM erasures ORDER BY asked_at"
DONE = "DELETE FROM erasures WHERE member = ? AND asked_at = ? RETURNING member"
PICTURES = """
SELECT job, image_index FROM images JOIN jobs ON jobs.id = images.job
WHERE jobs.member = :member AND jobs.created_at <= :asked AND images.removed_at IS NULL LIMIT :limit
"""
# Messages of orders; cards of cases that go; cards of appeals that are answered, or whose case goes.
POSTED = f"""
SELECT 'jobs' AS place, id, guild_id, channel_id, message_id FROM jobs
WHERE member = :member AND created_at <= :asked AND message_id IS NOT NULL AND state NOT IN ('queued', 'running')
UNION ALL
SELECT 'cases', id, guild_id, card_channel_id, card_message_id FROM cases
WHERE member = :member AND opened_at <= :asked AND card_message_id IS NOT NULL AND {_OVER}
UNION ALL
SELECT 'appeals', appeals.id, cases.guild_id, appeals.card_channel_id, appeals.card_message_id
FROM appeals JOIN cases ON cases.id = appeals.case_id
WHERE appeals.member = :member AND cases.opened_at <= :asked AND appeals.card_message_id IS NOT NULL
  AND (decision IS NOT NULL OR {_OVER})
LIMIT :limit
"""
IS_GONE = {
    "jobs": "UPDATE jobs SET message_id = NULL WHERE id = ? AND message_id = ?",
    "cases": "UPDATE cases SET card_channel_id = NULL, card_message_id = NULL WHERE id = ? AND card_message_id = ?",
    "appeals": "UPDATE appeals SET card_channel_id = NULL, card_message_id = NULL WHERE id = ? AND card_message_id = ?",
}
TO_REDRAW = "SELECT id FROM cases WHERE is_card_stale = 1 ORDER BY id LIMIT ?"
REDRAWN = "UPDATE cases SET is_card_stale = 0 WHERE id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    member: MemberId
    asked_at: float  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedAs:
    """A message to be deleted, and the row that names it."""

    place: str  # the table
    row: JobId | int
    guild_id: int | None
    channel_id: int
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    rows: int  # that were deleted or emptied
    is_done: bool  # whether nothing is left


class Forgetting:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def ask(self, tx: Transaction, member: MemberId, at: float) -> None:
        await tx.all(ASK, (member, at))

    async def pending(self) -> list[Erasure]:
        """Those who asked first come first."""
        return [
            Erasure(member=MemberId(row["member"]), asked_at=row["asked_at"])
            for row in await self._db.reader.all(PENDING)
        ]

    async def posted(self, erasure: Erasure, now: float, limit: int) -> list[PostedAs]:
        """What is to be deleted in Discord first: as long as a message is there, its row stays."""
        return [
            PostedAs(
                place=row["place"],
                row=row["id"],
                guild_id=row["guild_id"],
                channel_id=row["channel_id"],
                message_id=row["message_id"],
            )
            for row in await self._db.reader.all(POSTED, _parameters(erasure, now=now, limit=limit))
        ]

    async def is_gone(self, posted: PostedAs) -> None:
        async with self._db.transaction() as tx:
            await tx.all(IS_GONE[posted.place], (posted.row, posted.message_id))

    async def pictures(self, erasure: Erasure, limit: int) -> list[tuple[JobId, int]]:
        """What is left of them: job and index."""
        rows = await self._db.reader.all(PICTURES, _parameters(erasure, limit=limit))
        return [(JobId(row["job"]), row["image_index"]) for row in rows]

    async def to_redraw(self, limit: int) -> list[int]:
        """Ids of cases whose card says what was forgotten."""
        return [row["id"] for row in await self._db.reader.all(TO_REDRAW, (limit,))]

    async def redrawn(self, case_id: int) -> None:
        async with self._db.transaction() as tx:
            await tx.all(REDRAWN, (case_id,))

    async def advance(self, erasure: Erasure, *, now: float, acts_before: float) -> Advance:
        """Everything that may go by now goes, in small transactions; with the last of it the request."""
        rows = 0
        parameters = _parameters(erasure, now=now, acts_before=acts_before, limit=BATCH)
        for sql in BATCHED:
            changed = BATCH
            while changed == BATCH:
                async with self._db.transaction() as tx:
                    changed = len(await tx.all(sql, parameters))
                rows += changed
        async with self._db.transaction() as tx:
            before = await tx.value(TOTAL)
            for sql in (MARK_CARDS, *AS_MEMBER, *AS_MODERATOR):
                await tx.all(sql, parameters)
            rows += await tx.value(TOTAL) - before
            if await tx.value(LEFT, parameters):
                return Advance(rows=rows, is_done=False)
            is_done = await tx.one(DONE, (erasure.member, erasure.asked_at)) is not None
            return Advance(rows=rows, is_done=is_done)


def _parameters(erasure: Erasure, **others: float) -> dict[str, object]:
    return {"member": erasure.member, "asked": erasure.asked_at, **others}
