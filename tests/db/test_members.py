from __future__ import annotations

import json
from pathlib import Path

import pytest

from db.appeals import Appeals, Decision
from db.audit import Act, Audit
from db.blocks import Blocks
from db.case_entries import CaseEntries, EntryKind
from db.cases import Cases, Origin, Outcome
from db.database import Database, Transaction
from db.forgetting import Forgetting
from db.gates import Gate, Gates, Mode
from db.images import Pictures
from db.jobs import Jobs
from db.members import Members
from db.policies import Policies, Scope
from db.presets import Presets
from db.reports import Reports
from db.server_rules import ServerRules
from db.spending import Spending
from db.strikes import Strikes
from db.verdicts import Verdicts
from generation.request import JobId, MemberId
from moderation.policy import Change
from moderation.verdict import ALLOWED, Category, Ruling
from tests.db.rows import BOB, CHANNEL, GUILD, MODERATOR, NOW, a_job, store

MEMBER_COLUMNS = """
SELECT tables.name AS "table", columns.name AS "column"
FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND columns.type = 'INTEGER'
  AND (columns.name IN ('member', 'person') OR columns.name LIKE '%\\_by' ESCAPE '\\')
ORDER BY 1, 2
"""


ALICES_NAME, MODERATORS_NAME = "alice of the hills", "mo of the desk"


async def leave_traces(db: Database, folder: Path, subject: MemberId, moderator: MemberId) -> None:
    """A row in every table that knows members."""
    job = a_job(member=subject, member_name=ALICES_NAME)
    async with db.transaction() as tx:
        await Jobs(db).record(tx, job)
        await Spending(db).spend(tx, member=subject, guild_id=GUILD, job=job.id, images=4, at=NOW)
        await Verdicts(db).add(
            tx,
            at=NOW,
            guild_id=GUILD,
            channel_id=CHANNEL,
            member=subject,
            member_name=ALICES_NAME,
            source="/imagine",
            prompt="a fox",
            verdict=ALLOWED,
            job=job.id,
        )
        await store(Pictures(db, folder), tx, job.id)
        await Pictures(db, folder).remove(tx, job.id, 0, by=moderator, reason="rule 3", at=NOW)
        await Blocks(db).block(
            tx, guild_id=GUILD, member=subject, by=moderator, reason="spam", at=NOW, expires_at=None
        )
        await Blocks(db).lift_all(tx, guild_id=GUILD, member=subject, by=moderator, at=NOW + 1)
        await Audit(db).append(
            tx,
            at=NOW,
            guild_id=GUILD,
            actor=moderator,
            actor_name=MODERATORS_NAME,
            act=Act.BLOCK,
            member=subject,
            subject=f"job {job.id}",
            reason="spam",
        )
        await Presets(db).save(tx, subject, "golden", "golden hour", NOW)
        await Forgetting(db).ask(tx, subject, NOW + 5)
        await leave_traces_at_the_desk(db, tx, job.id, subject, moderator)


async def leave_traces_at_the_desk(
    db: Database, tx: Transaction, job: JobId, subject: MemberId, moderator: MemberId
) -> None:
    cases = Cases(db)
    case = await cases.open(
        tx, guild_id=GUILD, origin=Origin.FLAG, at=NOW, member=subject, member_name=ALICES_NAME, job=job
    )
    await cases.claim(tx, case.id, moderator, MODERATORS_NAME, NOW)
    await cases.propose_ban(tx, case.id, moderator, MODERATORS_NAME, "spam")
    await cases.claim(tx, case.id, moderator, MODERATORS_NAME, NOW)
    await cases.close(
        tx,
        case.id,
        outcome=Outcome.WARN,
        by=moderator,
        name=MODERATORS_NAME,
        at=NOW,
        reason="spam",
        is_told=True,
    )
    await CaseEntries(db).add(
        tx, case.id, at=NOW, by=moderator, name=MODERATORS_NAME, kind=EntryKind.NOTE, text="a note"
    )
    await CaseEntries(db).add(
        tx, case.id, at=NOW, by=subject, name=ALICES_NAME, kind=EntryKind.APPEALED, text="why?"
    )
    await Strikes(db).add(
        tx, guild_id=GUILD, member=subject, case_id=case.id, by=moderator, at=NOW, expires_at=NOW + 9
    )
    await Strikes(db).pardon(tx, case.id, by=moderator, at=NOW + 1)
    appeal = await Appeals(db).add(tx, case_id=case.id, member=subject, text="why?", at=NOW)
    assert appeal
    await Appeals(db).answer(
        tx, appeal.id, decision=Decision.UPHELD, by=moderator, name=MODERATORS_NAME, at=NOW, answer="so"
    )
    await Reports(db).add(tx, guild_id=GUILD, job=job, case_id=case.id, member=subject, reason="ugly", at=NOW)
    await Gates(db).set(tx, Gate(guild_id=GUILD, mode=Mode.PAUSE), moderator)
    await ServerRules(db).add(
        tx,
        guild_id=GUILD,
        name="clowns",
        category=Category.SPAM,
        ruling=Ruling.FLAG,
        any_of=("clown",),
        is_shadow=True,
        by=moderator,
        at=NOW,
    )
    scope = Scope(guild_id=GUILD)
    await Policies(db).choose(tx, scope, "family", moderator, NOW)
    await Policies(db).amend(tx, scope, Category.GORE, Change(flag=0.5), moderator, NOW)
    await ServerRules(db).remove(tx, guild_id=GUILD, name="clowns", by=moderator, at=NOW)


async def test_every_column_that_holds_a_member_is_in_the_export(db: Database, tmp_path: Path) -> None:
    columns = [(row["table"], row["column"]) for row in await db.reader.all(MEMBER_COLUMNS)]
    assert {table for table, _ in columns} == {
        "appeals",
        "audit_openings",
        "blocks",
        "case_entries",
        "cases",
        "erasures",
        "gates",
        "images",
        "jobs",
        "policies",
        "presets",
        "reports",
        "server_rules",
        "spending",
        "stances",
        "strikes",
        "verdicts",
    }
    for number, (table, column) in enumerate(columns):
        # A member of whom nothing is known but this one cell.
        member = MemberId(1000 + number)
        others = {"subject": MemberId(1), "moderator": MemberId(2)}
        others["subject" if column in ("member", "person") else "moderator"] = member
        await leave_traces(db, tmp_path, **others)
        exported = await Members(db).export(member)
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
    exported = await Members(db).export(subject)
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


async def test_an_export_of_a_moderator_holds_what_they_did(db: Database, tmp_path: Path) -> None:
    await leave_traces(db, tmp_path, BOB, MODERATOR)
    exported = await Members(db).export(MODERATOR)
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
        "stances_as_moderator",
    }


@pytest.mark.parametrize("member", [MemberId(0), MemberId(2**63 - 1)])
async def test_an_export_of_a_stranger_is_empty(db: Database, member: MemberId) -> None:
    exported = await Members(db).export(member)
    assert exported.pop("member") == member
    assert set(map(len, exported.values())) == {0}
