"""Rows in every table, for tests of erasure, export and upgrades.

`python -m tests.db.traces` writes a database of today's version with them as SQL, for the tests of later releases' upgrades.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from db.appeals import Appeals, Decision
from db.audit import Act, Audit
from db.banned_pictures import BannedPictures
from db.blocks import Blocks
from db.case_entries import CaseEntries, EntryKind
from db.cases import Cases, Origin, Outcome
from db.database import Database, Transaction
from db.departures import Departures
from db.drawn_regions import DrawnRegions
from db.effects import EffectKind, Effects
from db.erasure import Erasures
from db.guilds import Guilds
from db.images import Pictures
from db.jobs import Jobs, Upload
from db.kept_reasons import KeptReasons
from db.key_values import KeyValues
from db.lockdowns import Lockdowns, LockdownState, Mode
from db.member_notes import MemberNotes
from db.member_settings import MemberDefaults, MemberSettings
from db.migrate import FILE_NAME
from db.mod_roles import Level, ModRoles
from db.policies import Policies, Scope
from db.presets import Presets
from db.raids import Raids
from db.reports import Reports
from db.server_rules import Draft, ServerRules
from db.spending import Spending
from db.strikes import Strikes
from db.styles import Styles
from db.verdicts import Verdicts
from generation.request import InputPicture, JobId, MemberId, Role
from moderation.policy import Change
from moderation.verdict import ALLOWED, Category, Fingerprint, Ruling
from tests.db.rows import (
    ALICE,
    BOB,
    CHANNEL,
    GUILD,
    MODERATOR,
    NOW,
    a_job,
    record,
    record_done,
    store,
    stored_upload,
)
from tests.drawings import grown_from

KEPT = ("application_id", "user_version")
"""Pragmas that `iterdump` leaves out."""
ALICES_NAME, MODERATORS_NAME = "alice of the hills", "mo of the desk"


async def leave_traces(db: Database, folder: Path, subject: MemberId, moderator: MemberId) -> None:
    """Writes a row to every table that refers to members."""
    parents = (a_job(member=MemberId(777)), a_job(member=MemberId(777)))
    grown = tuple(each for parent in parents for each in grown_from(parent.id))
    upload = await stored_upload(db, folder, member=subject)
    started = InputPicture(source=Upload(id=upload.id), role=Role.START, strength=0.6)
    job = a_job(member=subject, member_name=ALICES_NAME, pictures=(*grown, started))
    async with db.transaction() as tx:
        for each in (*parents, job):
            await Jobs(db).record(tx, each)
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
        await Styles(db).add(
            tx,
            guild_id=GUILD,
            name="ink",
            member=subject,
            words="in ink",
            loras="pixel:0.8",
            upload=upload.id,
            at=NOW,
        )
        await Presets(db).save(tx, subject, "golden", "golden hour", NOW)
        await MemberSettings(db).save(tx, subject, MemberDefaults(suffix="film grain"), NOW)
        await DrawnRegions(db).open(tx, subject, parents[0].id, 0, f"link-of-{job.id}", NOW)
        await Erasures(db).ask(tx, subject, NOW + 5)
        await leave_traces_at_the_desk(db, tx, job.id, subject, moderator)


async def leave_traces_at_the_desk(
    db: Database, tx: Transaction, job: JobId, subject: MemberId, moderator: MemberId
) -> None:
    cases = Cases(db)
    case = await cases.open(
        tx, guild_id=GUILD, origin=Origin.FLAG, at=NOW, member=subject, member_name=ALICES_NAME, job=job
    )
    await cases.claim(tx, case.id, moderator, MODERATORS_NAME, NOW)
    await cases.propose(tx, case.id, moderator, MODERATORS_NAME, "spam")
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
    await CaseEntries(db).add(
        tx, case.id, at=NOW, by=None, name="", kind=EntryKind.JOINED, text="another fox", job=job
    )
    await MemberNotes(db).add(
        tx, guild_id=GUILD, member=subject, by=moderator, name=MODERATORS_NAME, at=NOW, text="a note"
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
    await Lockdowns(db).set(tx, LockdownState(guild_id=GUILD, mode=Mode.PAUSE), moderator)
    await ModRoles(db).set(tx, GUILD, 5, Level.HELPER)
    draft = Draft(name="clowns", any_of=("clown",), ruling=Ruling.FLAG)
    rule = await ServerRules(db).add(tx, guild_id=GUILD, draft=draft, is_shadow=True, by=moderator, at=NOW)
    assert rule is not None
    scope = Scope(guild_id=GUILD)
    await Policies(db).choose(tx, scope, "family", moderator, NOW)
    await Policies(db).amend(tx, scope, Category.GORE, Change(flag=0.5), moderator, NOW)
    await ServerRules(db).remove(tx, rule, by=moderator, at=NOW)


async def leave_traces_of_a_server(db: Database, folder: Path) -> None:
    """Writes rows of the server into every table that names servers."""
    await leave_traces(db, folder, ALICE, MODERATOR)
    job, pictures = await record_done(db), Pictures(db, folder)
    async with db.transaction() as tx:
        await Guilds(db).set(tx, replace(await Guilds(db).get(GUILD), log_channel_id=CHANNEL))
        await store(pictures, tx, job.id, content=b"kept")
        await tx.all("UPDATE images SET pdq = ? WHERE job = ?", (Fingerprint(bytes(32)), job.id))
        await BannedPictures(db).ban(tx, GUILD, job.id, NOW, None)
        await pictures.remove(tx, job.id, 0, by=None, reason="", at=NOW)
        await Effects(db).add(tx, EffectKind.MESSAGE, GUILD, job=job.id, at=NOW)
        await Raids(db).note(tx, GUILD, ALICE, NOW, window=60, longest=60, members=1)
        await KeptReasons(db).save(tx, GUILD, "spam", "", "This is spam.")
        await tx.all("UPDATE jobs SET state = 'cancelled', finished_at = ? WHERE state = 'queued'", (NOW,))


async def fill(path: Path) -> None:
    """Creates a database at `path` with rows in every table and jobs in every state."""
    async with Database.open(path) as db:
        await leave_traces_of_a_server(db, path.parent / "images")
        jobs = [await record(db, member=BOB, member_name="bob") for _ in range(3)]
        await Jobs(db).start(jobs[1].id, NOW + 1)
        async with db.transaction() as tx:
            await Jobs(db).fail(tx, jobs[2].id, "out-of-memory", NOW + 2)
            await ServerRules(db).note_hit(tx, 1, 1)
            await BannedPictures(db).withhold(tx, 1, 2, Fingerprint(bytes(32)))
            await Departures(db).note(tx, GUILD + 1, NOW + 9)
        await KeyValues(db).set("started", str(NOW))


def dump() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        asyncio.run(fill(path))
        with closing(sqlite3.connect(path)) as connection:
            lines = [
                f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};" for name in KEPT
            ]
            return "\n".join([*lines, *connection.iterdump()])


if __name__ == "__main__":
    print(dump())
