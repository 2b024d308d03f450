import json
from pathlib import Path
from typing import Any

import pytest

from db.audit import Act, Audit
from db.blocks import Blocks
from db.case_entries import CaseEntries, EntryKind
from db.cases import Cases, Origin, Outcome
from db.database import Database
from db.images import Pictures
from db.jobs import JobAction, Jobs
from db.member_export import MemberExport
from db.reports import Reports
from db.verdicts import Verdicts
from generation.request import JobId, MemberId
from moderation.verdict import Category, Ruling, Verdict
from tests.db.forgotten import COLUMNS
from tests.db.rows import BOB, CHANNEL, GUILD, MODERATOR, NOW, a_job, record
from tests.db.traces import ALICES_NAME, MODERATORS_NAME, leave_traces
from tests.drawings import grown_from

MEMBER_COLUMNS = """
SELECT tables.name AS "table", columns.name AS "column"
FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND columns.type = 'INTEGER'
  AND (columns.name IN ('member', 'person') OR columns.name LIKE '%\\_by' ESCAPE '\\')
ORDER BY 1, 2
"""


# Acts in a case that may end without a decision, acts on a server, and acts whose reason is sent to the member.
CONSIDERED = {Act.OPEN_CASE, Act.CLAIM, Act.ESCALATE, Act.PROPOSE_BAN, Act.NOTE, Act.READ_LOG}
ON_NO_MEMBER = {
    Act.RAID_ON,
    Act.RAID_OFF,
    Act.PANIC_OPEN,
    Act.PANIC_PAUSE,
    Act.PANIC_FAMILY,
    Act.PANIC_KNOWN,
    Act.RULE_ADD,
    Act.RULE_REMOVE,
    Act.POLICY_PRESET,
    Act.POLICY_CATEGORY,
    Act.POLICY_RESET,
    Act.LOG_CHANNEL,
    Act.SECOND_FOR_BANS,
    Act.PAID_ACCESS,
}
TOLD = {Act.WARN, Act.TIMEOUT, Act.BAN, Act.BLOCK, Act.AMEND, Act.APPEAL_UPHELD, Act.APPEAL_OVERTURNED}


async def test_every_column_that_holds_a_member_is_in_the_export(db: Database, tmp_path: Path) -> None:
    columns = [(row["table"], row["column"]) for row in await db.reader.all(MEMBER_COLUMNS)]
    assert {table for table, _ in columns} == {
        "appeals",
        "audit_openings",
        "blocks",
        "case_entries",
        "cases",
        "drawn_regions",
        "erasures",
        "gates",
        "images",
        "jobs",
        "member_settings",
        "policies",
        "presets",
        "reports",
        "server_rules",
        "spending",
        "uploads",
        "stances",
        "strikes",
        "styles",
        "verdicts",
    }
    for number, (table, column) in enumerate(columns):
        # a member with data in this one cell only
        member = MemberId(1000 + number)
        others = {"subject": MemberId(1), "moderator": MemberId(2)}
        others["subject" if column in ("member", "person") else "moderator"] = member
        await leave_traces(db, tmp_path, **others)
        exported = await MemberExport(db).export(member)
        assert any(
            key.startswith(table.removesuffix("_openings")) and rows
            for key, rows in exported.items()
            if key != "member"
        ), (
            table,
            column,
        )


async def test_an_export_holds_the_members_rows_and_nobody_elses(db: Database, tmp_path: Path) -> None:
    subject = MemberId(555)
    await leave_traces(db, tmp_path, subject, MODERATOR)
    await leave_traces(db, tmp_path, BOB, MODERATOR)
    exported = await MemberExport(db).export(subject)
    for key in (
        "jobs",
        "images",
        "verdicts",
        "spending",
        "blocks",
        "audit",
        "cases",
        "strikes",
        "appeals",
        "reports",
    ):
        assert len(exported[key]) == 1, key
    assert exported["jobs"][0]["prompt"] == "a fox in the snow 🦊"
    text = json.dumps(exported)
    assert str(BOB) not in text
    assert str(MODERATOR) not in text
    assert "token" not in text


# The exported columns under each name. A new column needs a decision: add it here or to KEPT_BACK.
HANDED_OVER = {
    "jobs": """
        id member member_name action guild_id channel_id message_id parent parent_image model prompt negative width height steps
        guidance seed images strength loras is_remix state failure is_age_restricted policy_channel_id created_at started_at
        finished_at delivered_at handed_out_at given_up_at notes scheduler is_pinging style placement
        region factor
    """,
    "job_parents": "job position parent parent_image upload role strength placement region factor control blended",
    "uploads": "id member guild_id channel_id sha256 width height bytes created_at text parent removed_at",
    "images": "job image_index sha256 width height seed bytes created_at removed_at mark pdq",
    "verdicts": """
        id at guild_id channel_id member member_name job message_id source prompt negative ruling category field
    """,
    "spending": "job member guild_id images at refunded",
    "blocks": "id guild_id member reason at expires_at lifted_at",
    "audit": "number at guild_id action subject details reason",
    "cases": """
        id guild_id number origin opened_at member member_name channel_id job prompt negative ruling category field has_picture
        outcome acted_at reason expires_at told_at
    """,
    "case_entries": "id case_id at kind text details",
    "strikes": "id guild_id member case_id at expires_at pardoned_at",
    "appeals": "id case_id member text at decision decided_at answer",
    "reports": "id guild_id job member reason at",
    "presets": "member name text saved_at",
    "styles": "id guild_id name version member words loras upload saved_at removed_at case_id",
    "drawn_regions": "member job image_index created_at region drawn_at",
    "member_settings": "member aspect images model scheduler suffix style pings vary remix saved_at",
    "erasures": "member asked_at",
    "images_removed_as_moderator": "job image_index removed_at removed_reason",
    "blocks_set_as_moderator": "id guild_id set_by reason at expires_at lifted_at",
    "blocks_lifted_as_moderator": "id guild_id at expires_at lifted_at lifted_by",
    "audit_as_moderator": "number at guild_id action subject details reason",
    "cases_as_moderator": "id guild_id number outcome acted_at",
    "case_entries_as_moderator": "id case_id at written_by written_name kind text details",
    "strikes_as_moderator": "id guild_id case_id at pardoned_at",
    "appeals_as_moderator": "id case_id decision decided_at answer",
    "gates_as_moderator": "guild_id account_age member_age mode mode_at reason set_by",
    "policies_as_moderator": "guild_id scope channel_id preset set_by set_at",
    "stances_as_moderator": "guild_id scope channel_id category action flag refuse set_by set_at",
    "server_rules_as_moderator": """
        id guild_id name category ruling any_of with_any_of unless is_shadow added_by added_at added_version
    """,
    "server_rules_removed_as_moderator": "id guild_id name removed_by removed_at removed_version",
}
KEPT_BACK = {
    "jobs": "token token_at",  # a credential
    "drawn_regions": "link",  # a part of a credential
    "uploads": "scores",  # a detector's
    "images": "removed_by scores",  # data about other people; a detector's scores
    "verdicts": "rule words score normal_form likeness language",  # internals of the filter's decision
    "audit": "actor previous hash member",  # digests
    "audit_openings": "number field person text salt",  # the member's part of it is exported with audit
    "cases": """
        rule words score normal_form likeness language
        is_escalated claimed_by claimed_name claimed_at proposed_by proposed_name proposed_reason acted_by acted_name
        proposed_seconds
        verdict picture block power card_channel_id card_message_id is_card_stale is_withheld
        is_first_refusal
    """,
    "strikes": "given_by pardoned_by",
    "appeals": "decided_by decided_name card_channel_id card_message_id told_at",
    "reports": "case_id",  # refers to another member
}
DERIVED = {"has_picture", "is_remix"}
OF_NO_MEMBER = {
    "stored_pictures",
    "banned_pictures",
    "case_numbers",
    "departures",
    "effects",
    "guilds",
    "notes",
    "rule_hits",
    "verdict_counts",
    "withheld_pictures",
}


async def test_every_column_is_handed_over_or_kept_back_on_purpose(db: Database, tmp_path: Path) -> None:
    subject = MemberId(555)
    await leave_traces(db, tmp_path, subject, MODERATOR)
    theirs, moderators = await MemberExport(db).export(subject), await MemberExport(db).export(MODERATOR)
    assert list(theirs) == list(moderators) == ["member", *HANDED_OVER]
    for name, columns in HANDED_OVER.items():
        row = (theirs[name] or moderators[name])[0]
        assert {*row} == {*columns.split()}, name

    schema: dict[str, set[str]] = {}
    for row in await db.reader.all(COLUMNS):
        schema.setdefault(row["table"], set()).add(row["column"])
    decided = {table: {*columns.split()} for table, columns in KEPT_BACK.items()}
    for name, columns in HANDED_OVER.items():
        table = next(each for each in sorted(schema, key=len, reverse=True) if name.startswith(each))
        of_parents = schema["job_parents"] if table == "jobs" else set[str]()
        decided.setdefault(table, set()).update({*columns.split()} - DERIVED - of_parents)
    assert decided == {table: columns for table, columns in schema.items() if table not in OF_NO_MEMBER}


async def test_an_export_holds_neither_how_the_filter_decides_nor_what_others_wrote(
    db: Database, tmp_path: Path
) -> None:
    subject, job = MemberId(555), a_job(member=MemberId(555))
    found = Verdict(
        ruling=Ruling.FLAG,
        category=Category.GORE,
        rule="the-rule",
        words=("the-word",),
        score=0.987654,
        field="negative",
        normal_form="the-normal-form",
        likeness="the-likeness",
    )
    whose: dict[str, Any] = {
        "member": subject,
        "member_name": ALICES_NAME,
        "prompt": "typed",
        "verdict": found,
    }
    by: dict[str, Any] = {"by": MODERATOR, "name": MODERATORS_NAME, "at": NOW}
    entries, pictures = CaseEntries(db), Pictures(db, tmp_path)
    async with db.transaction() as tx:
        await Jobs(db).record(tx, job)
        await pictures.store(
            tx,
            job=job.id,
            index=0,
            content=b"a picture",
            size=job.drawing.size,
            seed=7,
            at=NOW,
            scores={"a detector": {Category.GORE: 0.987654}},
        )
        await pictures.remove(tx, job.id, 0, by=MODERATOR, reason="for the log: removed", at=NOW)
        await Verdicts(db).add(
            tx, at=NOW, guild_id=GUILD, channel_id=CHANNEL, source="/imagine", job=job.id, **whose
        )
        for is_open in (True, False):
            case = await Cases(db).open(tx, guild_id=GUILD, origin=Origin.REPORT, at=NOW, **whose)
            await Reports(db).add(
                tx,
                guild_id=GUILD,
                job=JobId(f"{case.id}"),
                case_id=case.id,
                member=BOB,
                reason="reported",
                at=NOW,
            )
            await entries.add(
                tx,
                case.id,
                at=NOW,
                by=BOB,
                name="bob of the hills",
                kind=EntryKind.EVIDENCE,
                text="reported: ugly",
            )
            await entries.add(
                tx, case.id, at=NOW, by=BOB, name="bob of the hills", kind=EntryKind.REPORTED, text="ugly too"
            )
            details = {"rule": "the-rule", "words": ["the-word"]}
            await entries.add(tx, case.id, at=NOW, by=None, name="", kind=EntryKind.CHECKED, details=details)
            for kind in EntryKind:
                if kind not in (
                    EntryKind.EVIDENCE,
                    EntryKind.REPORTED,
                    EntryKind.CHECKED,
                    EntryKind.APPEALED,
                ):
                    await entries.add(tx, case.id, kind=kind, text=f"written: {kind}", **by)
            await Cases(db).claim(tx, case.id, MODERATOR, MODERATORS_NAME, NOW)
            await Cases(db).propose_ban(tx, case.id, MODERATOR, MODERATORS_NAME, "proposed")
            if not is_open:
                await Cases(db).close(
                    tx, case.id, outcome=Outcome.WARN, reason="told: be kind", is_told=False, **by
                )
        for act in Act:
            await Audit(db).append(
                tx,
                at=NOW,
                guild_id=GUILD,
                actor=MODERATOR,
                actor_name=MODERATORS_NAME,
                act=act,
                member=subject,
                reason=f"said: {act}",
            )
    exported = await MemberExport(db).export(subject)
    text = json.dumps(exported)
    for kept_back in (
        "the-rule",
        "the-word",
        "the-normal-form",
        "0.987654",
        "for the log",
        "reported",
        "ugly",
        "proposed",
        str(MODERATOR),
        MODERATORS_NAME,
        str(BOB),
        "bob of the hills",
    ):
        assert kept_back not in text, kept_back
    assert [row["prompt"] for row in exported["cases"]] == ["typed", "typed"]
    assert [row["reason"] for row in exported["cases"]] == ["", "told: be kind"]
    assert {(row["ruling"], row["category"]) for row in exported["verdicts"]} == {(1, "gore")}
    assert {row["text"] for row in exported["case_entries"]} == {
        "written: decided",
        "written: amended",
        "written: answered",
    }
    assert {row["action"] for row in exported["audit"]} == {*Act} - CONSIDERED - ON_NO_MEMBER
    assert {row["reason"] for row in exported["audit"] if row["reason"]} == {f"said: {act}" for act in TOLD}


async def test_an_export_of_a_moderator_names_nobody_else(db: Database, tmp_path: Path) -> None:
    subject, other = MemberId(555_000_111), MemberId(555_000_222)
    await leave_traces(db, tmp_path, subject, MODERATOR)
    async with db.transaction() as tx:
        await Blocks(db).block(tx, guild_id=GUILD, member=subject, by=MODERATOR, reason="mine", at=NOW)
        await Blocks(db).lift_all(tx, guild_id=GUILD, member=subject, by=other, at=NOW + 1)
        await Blocks(db).block(tx, guild_id=GUILD, member=subject, by=other, reason="another's", at=NOW)
        await Blocks(db).lift_all(tx, guild_id=GUILD, member=subject, by=MODERATOR, at=NOW + 1)
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.MODERATOR, at=NOW, member=subject, member_name=ALICES_NAME
        )
        await Cases(db).claim(tx, case.id, MODERATOR, MODERATORS_NAME, NOW)
        await Cases(db).close(
            tx,
            case.id,
            outcome=Outcome.WARN,
            by=other,
            name="other",
            at=NOW,
            reason="another's",
            is_told=True,
        )
        await CaseEntries(db).add(
            tx,
            case.id,
            at=NOW,
            by=MODERATOR,
            name=MODERATORS_NAME,
            kind=EntryKind.AMENDED,
            text="reason: another's → mine",
        )
        await CaseEntries(db).add(
            tx,
            case.id,
            at=NOW,
            by=MODERATOR,
            name=MODERATORS_NAME,
            kind=EntryKind.AMENDED,
            text="mine too",
            details={"before": "another's", "until_before": None, "until": NOW + 60},
        )
    text = json.dumps(await MemberExport(db).export(MODERATOR))
    for others in (str(subject), str(other), ALICES_NAME, "another's"):
        assert others not in text, others
    assert "mine too" in text


async def test_an_export_says_all_of_an_order_but_its_token(db: Database) -> None:
    parent = await record(db, member=BOB)
    job = await record(
        db, action=JobAction.REMIX, pictures=(*grown_from(parent.id, 2, 0.76), *grown_from(parent.id, 1))
    )
    exported = await MemberExport(db).export(job.member)
    (row,) = exported["jobs"]
    columns = {column["name"] for column in await db.reader.all("SELECT name FROM pragma_table_info('jobs')")}
    assert columns - {"token", "token_at"} <= set(row)
    assert (row["action"], row["is_remix"]) == ("variation", True)
    assert (row["parent"], row["parent_image"], row["strength"]) == (parent.id, 2, 0.76)
    (further,) = exported["job_parents"]
    assert (further["job"], further["parent"], further["parent_image"]) == (job.id, parent.id, 1)


async def test_an_export_of_a_moderator_holds_what_they_did(db: Database, tmp_path: Path) -> None:
    await leave_traces(db, tmp_path, BOB, MODERATOR)
    exported = await MemberExport(db).export(MODERATOR)
    assert {key for key, rows in exported.items() if rows and key != "member"} == {
        "images_removed_as_moderator",
        "blocks_set_as_moderator",
        "blocks_lifted_as_moderator",
        "audit_as_moderator",
        "cases_as_moderator",
        "case_entries_as_moderator",
        "strikes_as_moderator",
        "appeals_as_moderator",
        "gates_as_moderator",
        "policies_as_moderator",
        "server_rules_as_moderator",
        "server_rules_removed_as_moderator",
        "stances_as_moderator",
    }


@pytest.mark.parametrize("member", [MemberId(0), MemberId(2**63 - 1)])
async def test_an_export_of_a_stranger_is_empty(db: Database, member: MemberId) -> None:
    exported = await MemberExport(db).export(member)
    assert exported.pop("member") == member
    assert set(map(len, exported.values())) == {0}
