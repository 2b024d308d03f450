"""Everything that is held about one member, in a form to hand over."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from db.database import Database
from generation.request import MemberId

# Left out: the interaction's token, a credential; and who the moderators were, which is about somebody else.
# Every column that holds a member's id is asked here; a test walks the schema and misses none.
EXPORTS = {
    "jobs": """
        SELECT id, member, member_name, iif(action = 'remix', 'variation', action) AS action, guild_id, channel_id, message_id,
               parent, parent_image, model, prompt, negative, width, height, steps, guidance, seed, images,
               iif(role = 'start', strength, NULL) AS strength, loras, action = 'remix' AS is_remix, state, failure,
               is_age_restricted, policy_channel_id, created_at, started_at, finished_at, delivered_at
        FROM jobs LEFT JOIN job_parents ON job_parents.job = jobs.id AND position = 0 WHERE member = ? ORDER BY id
    """,
    # The first is in its job's row.
    "further_parents": """
        SELECT job_parents.* FROM job_parents JOIN jobs ON jobs.id = job_parents.job
        WHERE member = ? AND position > 0 ORDER BY job, position
    """,
    "images": """
        SELECT images.job, image_index, sha256, images.width, images.height, images.seed, bytes,
               images.created_at, removed_at, removed_reason, mark, hex(pdq) AS pdq, scores
        FROM images JOIN jobs ON jobs.id = images.job WHERE jobs.member = ? ORDER BY images.job, image_index
    """,
    "verdicts": "SELECT * FROM verdicts WHERE member = ? ORDER BY id",
    "spending": "SELECT * FROM spending WHERE member = ? ORDER BY at, job",
    "blocks": """
        SELECT id, guild_id, member, reason, at, expires_at, lifted_at
        FROM blocks WHERE member = ? ORDER BY id
    """,
    "audit": """
        SELECT audit.number, at, guild_id, action, subject, details, audit_openings.text AS reason
        FROM audit JOIN audit_openings AS whom ON whom.number = audit.number AND whom.field = 'member'
        LEFT JOIN audit_openings ON audit_openings.number = audit.number AND audit_openings.field = 'reason'
        WHERE whom.person = ? ORDER BY audit.number
    """,
    "cases": """
        SELECT id, guild_id, number, origin, opened_at, member, member_name, channel_id, job, prompt, negative, ruling, category,
               rule, words, score, field, normal_form, picture IS NOT NULL AS has_picture, is_escalated, outcome, acted_at,
               reason, expires_at, told_at
        FROM cases WHERE member = ? ORDER BY id
    """,
    "case_entries": """
        SELECT case_entries.id, case_id, at, kind, text
        FROM case_entries JOIN cases ON cases.id = case_entries.case_id WHERE cases.member = ? ORDER BY case_entries.id
    """,
    "strikes": """
        SELECT id, guild_id, member, case_id, at, expires_at, pardoned_at FROM strikes WHERE member = ? ORDER BY id
    """,
    "appeals": """
        SELECT id, case_id, member, text, at, decision, decided_at, answer FROM appeals WHERE member = ? ORDER BY id
    """,
    "reports": "SELECT id, guild_id, job, member, reason, at FROM reports WHERE member = ? ORDER BY id",
    "presets": "SELECT * FROM presets WHERE member = ? ORDER BY name",
    "erasures": "SELECT * FROM erasures WHERE member = ?",
    "images_removed_as_moderator": """
        SELECT job, image_index, removed_at, removed_reason
        FROM images WHERE removed_by = ? ORDER BY job, image_index
    """,
    "blocks_set_as_moderator": "SELECT * FROM blocks WHERE set_by = ? ORDER BY id",
    "blocks_lifted_as_moderator": "SELECT * FROM blocks WHERE lifted_by = ? ORDER BY id",
    "audit_as_moderator": """
        SELECT audit.number, at, guild_id, action, subject, details, audit_openings.text AS reason
        FROM audit JOIN audit_openings AS who ON who.number = audit.number AND who.field = 'actor'
        LEFT JOIN audit_openings ON audit_openings.number = audit.number AND audit_openings.field = 'reason'
        WHERE who.person = ? ORDER BY audit.number
    """,
    "cases_as_moderator": """
        SELECT id, guild_id, number, outcome, acted_at, reason
        FROM cases WHERE ? IN (claimed_by, proposed_by, acted_by) ORDER BY id
    """,
    "case_entries_as_moderator": "SELECT * FROM case_entries WHERE written_by = ? ORDER BY id",
    "strikes_as_moderator": """
        SELECT id, guild_id, case_id, at, pardoned_at FROM strikes WHERE ? IN (given_by, pardoned_by) ORDER BY id
    """,
    "appeals_as_moderator": """
        SELECT id, case_id, decision, decided_at, answer FROM appeals WHERE decided_by = ? ORDER BY id
    """,
    "gates_as_moderator": "SELECT * FROM gates WHERE set_by = ? ORDER BY guild_id",
    "policies_as_moderator": "SELECT * FROM policies WHERE set_by = ? ORDER BY guild_id, scope, channel_id",
    "stances_as_moderator": "SELECT * FROM stances WHERE set_by = ? ORDER BY guild_id, scope, channel_id, category",
    "server_rules_as_moderator": "SELECT * FROM server_rules WHERE ? IN (added_by, removed_by) ORDER BY id",
}


OUTLOOK = """
SELECT
    (SELECT count(*) FROM jobs WHERE member = :member) AS orders,
    (SELECT count(*) FROM images JOIN jobs ON jobs.id = images.job
        WHERE member = :member AND removed_at IS NULL) AS pictures,
    (SELECT count(*) FROM jobs WHERE member = :member AND state IN ('queued', 'running')) AS in_line,
    (SELECT count(*) FROM cases WHERE member = :member AND outcome IS NULL) AS open_cases,
    (SELECT count(*) FROM audit_openings WHERE person = :member AND field = 'actor') AS acts,
    EXISTS (SELECT 1 FROM erasures WHERE member = :member) AS is_pending
"""
STRIKES = """
SELECT expires_at FROM strikes WHERE member = ? AND pardoned_at IS NULL AND expires_at > ? ORDER BY expires_at
"""
BLOCKS = """
SELECT expires_at FROM blocks
WHERE member = ? AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > ?) ORDER BY expires_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What forgetting a member would take, and what it would leave."""

    orders: int
    pictures: int
    in_line: int  # orders that would be cancelled
    strikes_until: tuple[float, ...]  # unix seconds; those that count
    blocks_until: tuple[float | None, ...]  # those that run; None: until lifted
    open_cases: int
    acts: int  # the member's own, as a moderator
    is_pending: bool  # they asked before, and something is left


class Members:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def export(self, member: MemberId) -> dict[str, Any]:
        """Ready for JSON: the member's id and, under each name, a list of rows. Times are unix seconds."""
        tables = {
            name: [dict(row) for row in await self._db.reader.all(sql, (member,))]
            for name, sql in EXPORTS.items()
        }
        for row in (*tables["verdicts"], *tables["cases"]):
            row["words"] = json.loads(row["words"])
        return {"member": member, **tables}

    async def outlook(self, member: MemberId, now: float) -> Outlook:
        reader = self._db.reader
        (row,) = await reader.all(OUTLOOK, {"member": member})
        return Outlook(
            orders=row["orders"],
            pictures=row["pictures"],
            in_line=row["in_line"],
            strikes_until=tuple(each["expires_at"] for each in await reader.all(STRIKES, (member, now))),
            blocks_until=tuple(each["expires_at"] for each in await reader.all(BLOCKS, (member, now))),
            open_cases=row["open_cases"],
            acts=row["acts"],
            is_pending=bool(row["is_pending"]),
        )
