"""What is held about one member, in a form to hand over: theirs, and neither how the filter decides nor what is others'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from db.audit import Act
from db.case_entries import EntryKind
from db.database import Database
from generation.request import MemberId

# Acts on a member that they are told of, or notice: not what is only considered, nor notes.
SHOWN_ACTS = (
    Act.APPROVE,
    Act.REMOVE,
    Act.WARN,
    Act.TIMEOUT,
    Act.BAN,
    Act.BLOCK,
    Act.DISCORD_SANCTION,
    Act.DISCORD_LIFTED,
    Act.AMEND,
    Act.PARDON,
    Act.UNBAN,
    Act.UNBLOCK,
    Act.APPEAL_UPHELD,
    Act.APPEAL_OVERTURNED,
    Act.CANCEL,
    Act.PURGE,
    Act.RESTORE,
)
# Of other acts the reason is for the log alone, as the commands say to who gives it.
SHOWN_REASONS = (
    Act.WARN,
    Act.TIMEOUT,
    Act.BAN,
    Act.BLOCK,
    Act.AMEND,
    Act.APPEAL_UPHELD,
    Act.APPEAL_OVERTURNED,
)
SHOWN_ENTRIES = (EntryKind.DECIDED, EntryKind.AMENDED, EntryKind.APPEALED, EntryKind.ANSWERED)


def _any_of(names: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"


# Every column that holds a member's id is asked here. What is left out, by column and by why, stands in tests/db/test_members.py:
# how the filter decides, what others wrote, who others are, and credentials.
EXPORTS = {
    "jobs": """
        SELECT id, member, member_name, action, guild_id, channel_id, message_id, parent, parent_image, model,
               prompt, negative, width, height, steps, guidance, seed, images, strength, loras, is_remix, state, failure,
               is_age_restricted, policy_channel_id,
               created_at, started_at, finished_at, delivered_at
        FROM jobs WHERE member = ? ORDER BY id
    """,
    "images": """
        SELECT images.job, image_index, sha256, images.width, images.height, images.seed, bytes,
               images.created_at, removed_at, mark, hex(pdq) AS pdq
        FROM images JOIN jobs ON jobs.id = images.job WHERE jobs.member = ? ORDER BY images.job, image_index
    """,
    "verdicts": """
        SELECT id, at, guild_id, channel_id, member, member_name, job, message_id, source, prompt, negative,
               ruling, category, field
        FROM verdicts WHERE member = ? ORDER BY id
    """,
    "spending": "SELECT job, member, guild_id, images, at, refunded FROM spending WHERE member = ? ORDER BY at, job",
    "blocks": """
        SELECT id, guild_id, member, reason, at, expires_at, lifted_at
        FROM blocks WHERE member = ? ORDER BY id
    """,
    "audit": f"""
        SELECT audit.number, at, guild_id, action, subject, details, audit_openings.text AS reason
        FROM audit JOIN audit_openings AS whom ON whom.number = audit.number AND whom.field = 'member'
        LEFT JOIN audit_openings ON audit_openings.number = audit.number AND audit_openings.field = 'reason'
            AND action IN {_any_of(SHOWN_REASONS)}
        WHERE whom.person = ? AND action IN {_any_of(SHOWN_ACTS)} ORDER BY audit.number
    """,
    "cases": """
        SELECT id, guild_id, number, origin, opened_at, member, member_name, channel_id, job, prompt, negative, ruling, category,
               field, picture IS NOT NULL AS has_picture, outcome, acted_at, reason, expires_at, told_at
        FROM cases WHERE member = ? ORDER BY id
    """,
    "case_entries": f"""
        SELECT case_entries.id, case_id, at, kind, text
        FROM case_entries JOIN cases ON cases.id = case_entries.case_id
        WHERE cases.member = ? AND kind IN {_any_of(SHOWN_ENTRIES)} ORDER BY case_entries.id
    """,
    "strikes": """
        SELECT id, guild_id, member, case_id, at, expires_at, pardoned_at FROM strikes WHERE member = ? ORDER BY id
    """,
    "appeals": """
        SELECT id, case_id, member, text, at, decision, decided_at, answer FROM appeals WHERE member = ? ORDER BY id
    """,
    "reports": "SELECT id, guild_id, job, member, reason, at FROM reports WHERE member = ? ORDER BY id",
    "presets": "SELECT member, name, text, saved_at FROM presets WHERE member = ? ORDER BY name",
    "erasures": "SELECT member, asked_at FROM erasures WHERE member = ?",
    "images_removed_as_moderator": """
        SELECT job, image_index, removed_at, removed_reason
        FROM images WHERE removed_by = ? ORDER BY job, image_index
    """,
    "blocks_set_as_moderator": """
        SELECT id, guild_id, set_by, reason, at, expires_at, lifted_at FROM blocks WHERE set_by = ? ORDER BY id
    """,
    "blocks_lifted_as_moderator": """
        SELECT id, guild_id, at, expires_at, lifted_at, lifted_by FROM blocks WHERE lifted_by = ? ORDER BY id
    """,
    "audit_as_moderator": """
        SELECT audit.number, at, guild_id, action, subject, details, audit_openings.text AS reason
        FROM audit JOIN audit_openings AS who ON who.number = audit.number AND who.field = 'actor'
        LEFT JOIN audit_openings ON audit_openings.number = audit.number AND audit_openings.field = 'reason'
        WHERE who.person = ? ORDER BY audit.number
    """,
    "cases_as_moderator": """
        SELECT id, guild_id, number, outcome, acted_at
        FROM cases WHERE ? IN (claimed_by, proposed_by, acted_by) ORDER BY id
    """,
    # An amendment names the reason before, which may be another's.
    "case_entries_as_moderator": """
        SELECT id, case_id, at, written_by, written_name, kind, iif(kind = 'amended', '', text) AS text
        FROM case_entries WHERE written_by = ? ORDER BY id
    """,
    "strikes_as_moderator": """
        SELECT id, guild_id, case_id, at, pardoned_at FROM strikes WHERE ? IN (given_by, pardoned_by) ORDER BY id
    """,
    "appeals_as_moderator": """
        SELECT id, case_id, decision, decided_at, answer FROM appeals WHERE decided_by = ? ORDER BY id
    """,
    "gates_as_moderator": """
        SELECT guild_id, account_age, member_age, mode, mode_at, reason, set_by
        FROM gates WHERE set_by = ? ORDER BY guild_id
    """,
    "policies_as_moderator": """
        SELECT guild_id, scope, channel_id, preset, set_by, set_at
        FROM policies WHERE set_by = ? ORDER BY guild_id, scope, channel_id
    """,
    "stances_as_moderator": """
        SELECT guild_id, scope, channel_id, category, action, flag, refuse, set_by, set_at
        FROM stances WHERE set_by = ? ORDER BY guild_id, scope, channel_id, category
    """,
    "server_rules_as_moderator": """
        SELECT id, guild_id, name, category, ruling, any_of, with_any_of, unless, is_shadow,
               added_by, added_at, added_version
        FROM server_rules WHERE added_by = ? ORDER BY id
    """,
    "server_rules_removed_as_moderator": """
        SELECT id, guild_id, name, removed_by, removed_at, removed_version
        FROM server_rules WHERE removed_by = ? ORDER BY id
    """,
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
        return {"member": member} | {
            name: [dict(row) for row in await self._db.reader.all(sql, (member,))]
            for name, sql in EXPORTS.items()
        }

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
