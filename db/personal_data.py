"""The register of personal data: one entry for each column that holds a member's id. Defines its erasure and its export.

db/erasure.py builds the erasure's statements and the check for remaining data from this table; db/member_export.py the export.
SQL parameters: :member, :asked (time of the request), :now, :limit, :acts_before (earlier acts of a moderator are erased).
"""

from dataclasses import dataclass

from moderation import DAY, HOUR

NOBODY = 0
"""Replaces a forgotten moderator's id. Discord never issues this id."""

REFUSALS_STAY = 90 * DAY
"""Seconds for which an erased refusal, without its text, keeps later ones from being a member's first."""
LIVE_BLOCK = "blocks.lifted_at IS NULL AND (blocks.expires_at IS NULL OR blocks.expires_at > :now)"
LIVE_STRIKE = "strikes.pardoned_at IS NULL AND strikes.expires_at > :now"
# With such an effect, Discord's own timeout or ban is still to be set or lifted.
SANCTIONED = f"""
    (EXISTS (SELECT 1 FROM effects WHERE effects.case_id = cases.id AND kind IN ('sanction', 'lift', 'end'))
     OR EXISTS (SELECT 1 FROM strikes WHERE strikes.case_id = cases.id AND {LIVE_STRIKE})
     OR EXISTS (SELECT 1 FROM blocks WHERE blocks.id = cases.block AND {LIVE_BLOCK}))
"""
OVER = f"cases.outcome IS NOT NULL AND NOT {SANCTIONED}"


@dataclass(frozen=True, slots=True)
class Treatment:
    """Deletes the member's rows for which `where` holds or, with `sets`, overwrites them."""

    where: str = "TRUE"
    sets: str = ""
    paced_by: str = ""  # the table's key, when there may be too many rows for one transaction


@dataclass(frozen=True, slots=True)
class PersonalRows:
    table: str
    column: str = "member"  # the column with the member's id
    at: str = ""  # SQL, unix seconds: a request covers rows up to its own time. Empty: they are deleted with other rows
    treatments: tuple[Treatment, ...] = ()
    columns: str = ""  # exported columns; empty: none
    name: str = ""  # in the export; empty: the table's. Entries with the same name are exported together
    through: str = ""  # SQL, instead of `column`: selects the member's rows by another table

    @property
    def theirs(self) -> str:
        return self.through or f"{self.column} = :member"

    @property
    def meant(self) -> str:
        """SQL for the rows that a request covers."""
        return f"{self.theirs} AND {self.at} <= :asked" if self.at else self.theirs


def _act(
    table: str, by: str, columns: str, *, at: str = "", name: str = "", where: str = "", sets: str = ""
) -> PersonalRows:
    """A moderator's act: the row stays, and loses the moderator's id once the act is old enough or `where` holds."""
    at = at or f"{by.removesuffix('by')}at"
    treatment = Treatment(where or f"{at} < :acts_before", sets or f"{by} = {NOBODY}")
    return PersonalRows(table, by, at, (treatment,), columns=columns, name=f"{name or table}_as_moderator")


def _without(by: str) -> str:
    return f"{by} = {NOBODY}, {by.removesuffix('by')}name = ''"


def _first(column: str, where: str = "") -> str:
    """Returns SQL for a column of the job's first source picture."""
    return f"(SELECT {column} FROM job_parents WHERE job = jobs.id AND position = 0{where}) AS {column}"


# Acts that the member is notified of or notices; not notes or proposals. The reasons of the first seven are shown to the member;
# the other reasons are for the log alone, as their commands say.
_REASONED = "'warn', 'timeout', 'ban', 'block', 'amend', 'appeal-upheld', 'appeal-overturned'"
_NOTICED = f"""
    {_REASONED}, 'approve', 'remove', 'discord-sanction', 'discord-lifted', 'pardon', 'unban', 'unblock', 'cancel', 'purge',
    'restore', 'style-remove'
"""
_ACT = "number, at, guild_id, action, subject, details"
_ACT_AT = "(SELECT at FROM audit WHERE audit.number = audit_openings.number)"
_REASON = "SELECT text FROM audit_openings WHERE audit_openings.number = audit.number AND field = 'reason'"
_ACTED = "number IN (SELECT number FROM audit_openings WHERE person = :member AND field = 'actor')"
_CONCERNED = "number IN (SELECT number FROM audit_openings WHERE person = :member AND field = 'member')"

_SANCTIONING = f"outcome IS NOT NULL AND {SANCTIONED}"
_OF_SANCTIONING = f"""
    case_id IN (SELECT id FROM cases WHERE member = :member AND opened_at <= :asked AND {_SANCTIONING})
"""
_CASE = "id, guild_id, number, outcome, acted_at"
_STRIKE = "id, guild_id, case_id, at, pardoned_at"
_OWN_JOBS = "job IN (SELECT id FROM jobs WHERE member = :member)"

PERSONAL_DATA = (
    PersonalRows(
        "jobs",
        at="created_at",
        # db/erasure.py deletes them a day later. Until then a row holds the charge, but not the prompt.
        treatments=(
            Treatment(
                "state NOT IN ('queued', 'running') AND member_name || prompt || negative || token <> ''",
                """member_name = '', prompt = '', negative = '', token = '', loras = '{}', seed = 0, notes = '[]',
                state = 'cancelled', failure = NULL, delivered_at = coalesce(delivered_at, :now)""",
                paced_by="id",
            ),
        ),
        columns=f"""id, member, member_name, iif(action = 'remix', 'variation', action) AS action, guild_id, channel_id,
            message_id, {_first("parent")}, {_first("parent_image")}, model, prompt, negative, width, height, steps, guidance,
            seed, images, {_first("strength", " AND role = 'start'")}, loras, action = 'remix' AS is_remix, state, failure,
            is_age_restricted, policy_channel_id, created_at, started_at, finished_at, delivered_at,
            handed_out_at, given_up_at, notes, scheduler, is_pinging, style, {_first("placement")}, {_first("region")},
            {_first("factor")}""",
    ),
    # The first parent is in its job's row.
    PersonalRows(
        "job_parents",
        through=f"{_OWN_JOBS} AND (position > 0 OR upload IS NOT NULL)",
        columns="""job, position, parent, parent_image, upload, role, strength, placement, region, factor, control,
            blended""",
    ),
    # db/erasure.py names those whose file goes first.
    PersonalRows(
        "uploads",
        at="created_at",
        treatments=(
            Treatment(
                """removed_at IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM job_parents JOIN jobs AS users ON users.id = job_parents.job
                    WHERE job_parents.upload = uploads.id AND users.state IN ('queued', 'running'))""",
                paced_by="id",
            ),
        ),
        columns="id, member, guild_id, channel_id, sha256, width, height, bytes, created_at, text, parent, removed_at",
    ),
    PersonalRows(
        "images",
        through=_OWN_JOBS,
        columns="job, image_index, sha256, width, height, seed, bytes, created_at, removed_at, mark, hex(pdq) AS pdq",
    ),
    PersonalRows(
        "verdicts",
        at="at",
        # Refusals stay for a day: an erasure must not hide from moderators refusals that they have not seen yet. That there was
        # one stays longer: a first refusal is explained without a strike, and an erasure must not make the next one the first.
        treatments=(
            Treatment(f"NOT (ruling = 2 AND at > :now - {REFUSALS_STAY})", paced_by="id"),
            Treatment(
                f"ruling = 2 AND at <= :now - {DAY} AND member_name || prompt || negative || rule || normal_form <> ''",
                """member_name = '', prompt = '', negative = '', words = '[]', normal_form = '', field = '', rule = '',
                likeness = NULL, job = NULL, message_id = NULL""",
                paced_by="id",
            ),
        ),
        columns="""id, at, guild_id, channel_id, member, member_name, job, message_id, source, prompt, negative, ruling,
            category, field""",
    ),
    PersonalRows("spending", columns="job, member, guild_id, images, at, refunded"),
    PersonalRows(
        "blocks",
        at="at",
        treatments=(Treatment(f"NOT ({LIVE_BLOCK})"),),
        columns="id, guild_id, member, reason, at, expires_at, lifted_at",
    ),
    PersonalRows(
        "audit",
        through=f"{_CONCERNED} AND action IN ({_NOTICED})",
        columns=f"{_ACT}, ({_REASON} AND action IN ({_REASONED})) AS reason",
    ),
    PersonalRows(
        "audit_openings",
        "person",
        _ACT_AT,
        (Treatment(f"({_ACT_AT} < :acts_before OR NOT {_ACTED})", paced_by="number, field"),),
    ),
    PersonalRows(
        "cases",
        at="opened_at",
        treatments=(
            Treatment(
                f"""{OVER} AND card_message_id IS NULL AND NOT EXISTS (
                    SELECT 1 FROM appeals WHERE appeals.case_id = cases.id AND appeals.card_message_id IS NOT NULL)""",
                paced_by="id",
            ),
            # A case whose strike or ban is still live keeps the decision, its reason and its end; not its subject.
            Treatment(
                f"member_name <> '' AND {_SANCTIONING}",
                """member_name = '', prompt = '', negative = '', words = '[]', normal_form = '', field = '', rule = '',
                likeness = NULL, picture = NULL, job = NULL, channel_id = NULL, verdict = NULL""",
            ),
        ),
        columns="""id, guild_id, number, origin, opened_at, member, member_name, channel_id, job, prompt, negative, ruling,
            category, field, picture IS NOT NULL AS has_picture, outcome, acted_at, reason, expires_at, told_at""",
    ),
    PersonalRows("case_entries", through=_OF_SANCTIONING, treatments=(Treatment(),)),
    PersonalRows("reports", through=_OF_SANCTIONING, treatments=(Treatment(),)),
    PersonalRows(
        "case_entries",
        through="""case_id IN (SELECT id FROM cases WHERE member = :member)
            AND kind IN ('decided', 'amended', 'appealed', 'answered')""",
        columns="id, case_id, at, kind, text, details",
    ),
    PersonalRows(
        "strikes",
        at="at",
        treatments=(Treatment(f"NOT ({LIVE_STRIKE})"),),
        columns="id, guild_id, member, case_id, at, expires_at, pardoned_at",
    ),
    PersonalRows(
        "appeals",
        at="at",
        treatments=(Treatment("decision IS NOT NULL AND text || answer <> ''", "text = '', answer = ''"),),
        columns="id, case_id, member, text, at, decision, decided_at, answer",
    ),
    PersonalRows(
        "reports",
        at="at",
        # They limit how many reports a member may make in an hour.
        treatments=(Treatment(f"at <= :now - {HOUR}"),),
        columns="id, guild_id, job, member, reason, at",
    ),
    PersonalRows("presets", at="saved_at", treatments=(Treatment(),), columns="member, name, text, saved_at"),
    # Orders drawn with a style keep its words, which are a part of their own prompts.
    PersonalRows(
        "styles",
        at="saved_at",
        treatments=(Treatment(),),
        columns="id, guild_id, name, version, member, words, loras, upload, saved_at, removed_at, case_id",
    ),
    PersonalRows(
        "drawn_regions",
        at="created_at",
        treatments=(Treatment(),),
        columns="member, job, image_index, created_at, region, drawn_at",
    ),
    PersonalRows(
        "member_settings",
        at="saved_at",
        treatments=(Treatment(),),
        columns="member, aspect, images, model, scheduler, suffix, style, pings, vary, remix, saved_at",
    ),
    PersonalRows("erasures", columns="member, asked_at"),
    _act(
        "images",
        "removed_by",
        "job, image_index, removed_at, removed_reason",
        name="images_removed",
        where=f"(removed_at < :acts_before OR {_OWN_JOBS})",
    ),
    _act(
        "blocks",
        "set_by",
        "id, guild_id, set_by, reason, at, expires_at, lifted_at",
        at="at",
        name="blocks_set",
    ),
    _act("blocks", "lifted_by", "id, guild_id, at, expires_at, lifted_at, lifted_by", name="blocks_lifted"),
    PersonalRows(
        "audit", through=_ACTED, columns=f"{_ACT}, ({_REASON}) AS reason", name="audit_as_moderator"
    ),
    _act(
        "cases",
        "claimed_by",
        _CASE,
        where="TRUE",
        sets="claimed_by = NULL, claimed_name = '', claimed_at = NULL",
    ),
    _act("cases", "proposed_by", _CASE, at="opened_at", sets=_without("proposed_by")),
    _act("cases", "acted_by", _CASE, sets=_without("acted_by")),
    PersonalRows(
        "case_entries",
        "written_by",
        "at",
        (
            Treatment("kind IN ('evidence', 'reported', 'appealed')", _without("written_by")),
            Treatment("at < :acts_before", _without("written_by")),
        ),
        # An amendment quotes the earlier reason, which may be another moderator's: before migration 15 in its text.
        columns="""id, case_id, at, written_by, written_name, kind,
            iif(kind = 'amended' AND details = '{}', '', text) AS text, json_remove(details, '$.before') AS details""",
        name="case_entries_as_moderator",
    ),
    _act("strikes", "given_by", _STRIKE, at="at"),
    _act("strikes", "pardoned_by", _STRIKE),
    _act("appeals", "decided_by", "id, case_id, decision, decided_at, answer", sets=_without("decided_by")),
    _act(
        "gates",
        "set_by",
        "guild_id, account_age, member_age, mode, mode_at, reason, set_by",
        at="coalesce(mode_at, 0)",
        where="TRUE",
    ),
    _act("policies", "set_by", "guild_id, scope, channel_id, preset, set_by, set_at"),
    _act("stances", "set_by", "guild_id, scope, channel_id, category, action, flag, refuse, set_by, set_at"),
    _act(
        "server_rules",
        "added_by",
        "id, guild_id, name, category, ruling, any_of, with_any_of, unless, is_shadow, added_by, added_at, added_version",
    ),
    _act(
        "server_rules",
        "removed_by",
        "id, guild_id, name, removed_by, removed_at, removed_version",
        name="server_rules_removed",
    ),
)
