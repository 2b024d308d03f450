"""The audit log: rows are written together with their act and never changed. Tampering is found, and persons can be erased."""

import csv
import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.__main__ import main
from db.audit import Act, Audit, head_path
from db.audit_chain import GENESIS, canonical, commitment, new_salt
from db.audit_check import GUARDS, Head, check_audit, export_audit
from db.database import Database
from db.migrate import MIGRATIONS, migrate
from tests.db.rows import ALICE, BOB, GUILD, MODERATOR, NOW

pytestmark = pytest.mark.slow

REASON = "=cmd() ünd 🦊"


async def act(db: Database, count: int = 1, **changes: object) -> None:
    async with db.transaction() as tx:
        for number in range(count):
            values: dict[str, object] = {
                "at": NOW + number,
                "guild_id": GUILD,
                "actor": MODERATOR,
                "actor_name": "mo",
                "act": Act.WARN,
                "member": (ALICE, BOB)[number % 2],
                "subject": f"case {number + 1}",
                "reason": REASON,
                "details": {"until": NOW + 0.25},
            }
            await Audit(db).append(tx, **(values | changes))  # type: ignore[arg-type]  # by keyword, as named


def tamper(path: Path, *statements: str) -> None:
    """Changes rows like an attacker with the file and SQLite, who removes the guards first and restores them afterwards."""
    with closing(sqlite3.connect(path)) as db:
        guards = db.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'audit%'"
        ).fetchall()
        for name, _ in guards:
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        for _, sql in guards:
            db.execute(sql)
        db.commit()


async def test_acts_are_paged_newest_first_with_what_is_known_about_them(db: Database) -> None:
    await act(db, 4)
    page = await Audit(db).page(GUILD)
    assert [(each.number, each.member, each.actor, each.actor_name) for each in page] == [
        (4, BOB, MODERATOR, "mo"),
        (3, ALICE, MODERATOR, "mo"),
        (2, BOB, MODERATOR, "mo"),
        (1, ALICE, MODERATOR, "mo"),
    ]
    assert (page[0].act, page[0].subject, page[0].reason, page[0].details) == (
        "warn",
        "case 4",
        REASON,
        {"until": NOW + 0.25},
    )
    assert [each.number for each in await Audit(db).page(GUILD, before=3, limit=1)] == [2]
    assert [each.number for each in await Audit(db).page(GUILD, member=ALICE)] == [3, 1]
    assert await Audit(db).page(GUILD + 1) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET action = 'approve'",
        "DELETE FROM audit WHERE number = 2",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 1",
        "INSERT INTO audit SELECT number + 1, at, guild_id, actor, action, member, subject, reason, details, previous, hash"
        " FROM audit WHERE number = 2",
        "INSERT INTO audit SELECT 9, at, guild_id, actor, action, member, subject, reason, details, hash, hash"
        " FROM audit WHERE number = 2",
        "UPDATE audit_openings SET text = 'somebody else'",
        "INSERT OR REPLACE INTO audit_openings SELECT number, field, person, 'other', salt FROM audit_openings",
    ],
)
async def test_the_database_itself_refuses_to_change_the_log(db: Database, statement: str) -> None:
    await act(db, 2)
    before = [tuple(row) for row in await db.reader.all("SELECT * FROM audit")]
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|never changed"):
        async with db.transaction() as tx:
            await tx.all(statement)
    assert [tuple(row) for row in await db.reader.all("SELECT * FROM audit")] == before


async def test_a_row_is_rolled_back_with_its_act(db: Database, path: Path) -> None:
    await act(db)
    with pytest.raises(RuntimeError):
        async with db.transaction() as tx:
            await Audit(db).append(
                tx, at=NOW, guild_id=GUILD, actor=MODERATOR, actor_name="mo", act=Act.PURGE
            )
            raise RuntimeError
    checked = check_audit(path)
    assert (checked.rows, checked.fault, checked.kept) == (1, None, checked.head)


async def test_a_head_that_was_not_kept_in_time_is_no_fault(db: Database, path: Path) -> None:
    """The process died between the commit and writing the head: the log is longer than the head says."""
    await act(db, 2)
    kept = head_path(path).read_text()
    await act(db, 2)
    head_path(path).write_text(kept)
    checked = check_audit(path)
    assert (checked.rows, checked.fault) == (4, None)
    assert checked.kept is not None and checked.kept.number == 2


async def test_the_chain_is_what_anybody_can_compute(db: Database) -> None:
    """Computes the chain as the docs describe it, without our code."""
    await act(db, 2)
    previous = GENESIS
    for row in await db.reader.all("SELECT * FROM audit ORDER BY number"):
        fields = [
            1,
            previous,
            row["number"],
            row["at"],
            row["guild_id"],
            row["actor"],
            row["action"],
            row["member"],
        ]
        fields += [row["subject"], row["reason"], row["details"]]
        text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
        assert row["hash"] == hashlib.sha256(text.encode()).hexdigest()
        previous = row["hash"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET action = 'approve' WHERE number = 3", "Row 3 was changed"),
        ("UPDATE audit SET at = at + 1 WHERE number = 3", "Row 3 was changed"),
        ("UPDATE audit SET details = '{}' WHERE number = 3", "Row 3 was changed"),
        ("UPDATE audit SET reason = NULL WHERE number = 3", "Row 3 was changed"),
        ("UPDATE audit_openings SET person = 5 WHERE number = 3 AND field = 'actor'", "The actor of row 3"),
        ("UPDATE audit_openings SET text = 'x' WHERE number = 3 AND field = 'reason'", "The reason of row 3"),
        ("DELETE FROM audit WHERE number = 3", "Row 3 is missing"),
        ("DELETE FROM audit WHERE number IN (2, 3)", "Rows 2 to 3 are missing"),
        ("DELETE FROM audit WHERE number >= 3", "Rows are missing at the end"),
        ("DELETE FROM audit", "Rows are missing at the end"),
        ("UPDATE audit SET number = 9 WHERE number = 3", "Row 3 is missing"),
        (f"UPDATE audit SET previous = '{GENESIS}' WHERE number = 3", "Row 3 does not follow row 2"),
    ],
)
async def test_the_first_broken_row_is_said_in_one_sentence(
    db: Database, path: Path, capsys: pytest.CaptureFixture[str], statement: str, said: str
) -> None:
    await act(db, 5)
    assert main(["audit", "--data", str(path.parent)]) == 0
    capsys.readouterr()
    tamper(path, statement)
    assert main(["audit", "--data", str(path.parent)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.strip().count("\n") == 0


async def test_a_log_without_its_guards_is_broken(db: Database, path: Path) -> None:
    await act(db)
    names = {
        row["name"] for row in await db.reader.all("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    }
    assert names >= set(GUARDS)
    async with db.transaction() as tx:
        await tx.all("DROP TRIGGER audit_is_not_deleted")
    assert "audit_is_not_deleted" in str(check_audit(path).fault)


async def test_a_log_that_was_written_anew_is_found_by_a_head_kept_elsewhere(
    db: Database, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await act(db, 3)
    noted = check_audit(path).head
    assert noted is not None
    short = Head(number=noted.number, hash=noted.hash[:16])
    await act(db, 2)
    assert main(["audit", "--data", str(path.parent), "--head", str(short)]) == 0
    # A log with the same acts and other texts: consistent in itself, with its own head.
    tamper(path, "DELETE FROM audit_openings", "DELETE FROM audit")
    head_path(path).unlink()
    await act(db, 5, reason="other words")
    assert check_audit(path).fault is None
    capsys.readouterr()
    assert main(["audit", "--data", str(path.parent), "--head", str(short)]) == 1
    assert "Row 3 is not the one whose head was given" in capsys.readouterr().err


async def test_what_cannot_be_noticed_is_said(
    db: Database, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await act(db, 2)
    head_path(path).unlink()
    tamper(path, "DELETE FROM audit WHERE number = 2")
    assert main(["audit", "--data", str(path.parent)]) == 0
    said = capsys.readouterr().out
    assert "rows missing at the end would not be noticed" in said
    assert "could write the whole log anew, and that can't be seen from here" in said


@pytest.mark.parametrize(
    "text", ["", "12", "12:", "12:xyzxyzxyz", "x:3fa9c07d", "12:3fa9c07", "12:" + "a" * 65]
)
def test_what_is_no_head_is_none(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Head.parse(text) is None
    with pytest.raises(SystemExit):
        main(["audit", "--head", text, "--data", str(tmp_path)])
    assert "is no head" in capsys.readouterr().err


async def test_a_persons_rows_are_forgotten_and_the_chain_holds(db: Database, path: Path) -> None:
    await act(db, 4)
    async with db.transaction() as tx:
        await tx.all("DELETE FROM audit_openings WHERE person = ?", (ALICE,))
    checked = check_audit(path)
    assert (checked.fault, checked.rows, checked.forgotten) == (None, 4, 4)
    page = await Audit(db).page(GUILD)
    assert [(each.member, each.reason) for each in page] == [(BOB, REASON), (None, "")] * 2
    # The chain itself does not reveal the person: it holds neither the id nor a digest that could be matched against every id.
    rows = [tuple(row) for row in await db.reader.all("SELECT * FROM audit")]
    assert str(ALICE) not in str(rows)
    assert rows[0][5] != rows[2][5]


async def test_the_log_is_exported_as_json_and_csv(db: Database, path: Path, tmp_path: Path) -> None:
    await act(db, 3)
    async with db.transaction() as tx:
        await tx.all("DELETE FROM audit_openings WHERE person = ?", (BOB,))
    as_json, as_csv = tmp_path / "log.json", tmp_path / "log.csv"
    for target in (as_json, as_csv):
        assert main(["audit", "--data", str(path.parent), "--export", str(target)]) == 0
        assert target.stat().st_mode & 0o077 == 0
        assert main(["audit", "--data", str(path.parent), "--export", str(target)]) == 2, "exists already"
    first, second, third = json.loads(as_json.read_text("utf-8"))
    assert (first["member"]["person"], first["reason"]["text"]) == (str(ALICE), REASON)
    opened = first["member"]
    assert opened["digest"] == commitment(opened["salt"], int(opened["person"]), opened["text"])
    assert (second["member"]["person"], second["reason"]["text"]) == (None, None)
    assert third["previous"] == second["hash"]
    with as_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["member_id"] for row in rows] == [str(ALICE), "", str(ALICE)]
    # A text written by a person must not become a spreadsheet formula.
    assert rows[0]["reason"] == "'" + REASON
    assert [row["hash"] for row in rows] == [each["hash"] for each in (first, second, third)]


def test_an_export_of_nothing_is_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "atelier.sqlite3"
    migrate(path)
    assert export_audit(path, tmp_path / "log.json") == 0
    assert json.loads((tmp_path / "log.json").read_text()) == []
    assert check_audit(path).head is None


def test_what_was_logged_before_the_chain_is_in_it(tmp_path: Path) -> None:
    old, path = tmp_path / "old", tmp_path / "atelier.sqlite3"
    old.mkdir()
    for file in sorted(MIGRATIONS.glob("*.sql"))[:3]:
        shutil.copy(file, old)
    migrate(path, folder=old)
    with closing(sqlite3.connect(path)) as db:
        for number in range(300):
            db.execute(
                "INSERT INTO actions (at, guild_id, moderator, moderator_name, action, member, job, reason)"
                " VALUES (?, ?, ?, 'mo', 'remove', ?, 'aaaaaaaaaa', ?)",
                (
                    NOW + number,
                    GUILD,
                    MODERATOR,
                    ALICE if number % 2 else None,
                    "“why”\n" if number % 3 else "",
                ),
            )
        db.commit()
    migrate(path)
    checked = check_audit(path)
    assert (checked.rows, checked.fault, checked.forgotten) == (300, None, 0)
    export_audit(path, tmp_path / "log.json")
    rows = json.loads((tmp_path / "log.json").read_text("utf-8"))
    assert rows[1]["member"]["person"] == str(ALICE) and rows[1]["reason"]["text"] == "“why”\n"
    assert (rows[0]["member"]["digest"], rows[0]["reason"]["digest"]) == (None, None)


def test_json_is_written_in_one_way() -> None:
    assert canonical({"b": [1, 2.5, None, "ü"], "a": True}) == '{"a":true,"b":[1,2.5,null,"ü"]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
    assert len({new_salt() for _ in range(100)}) == 100


async def test_a_cut_tail_is_noticed_after_further_acts_too(db: Database, path: Path) -> None:
    await act(db, 5)
    kept = head_path(path).read_text()
    tamper(path, "DELETE FROM audit_openings WHERE number > 3", "DELETE FROM audit WHERE number > 3")
    for _ in range(4):
        await act(db)
        assert check_audit(path).fault is not None
    assert head_path(path).read_text() == kept, "the witness of what is missing"


async def test_a_guard_that_does_nothing_is_none(db: Database, path: Path) -> None:
    await act(db)
    assert check_audit(path).fault is None
    async with db.transaction() as tx:
        await tx.all("DROP TRIGGER audit_is_not_deleted")
        await tx.all("CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT 1; END")
    assert "audit_is_not_deleted" in str(check_audit(path).fault)


@pytest.mark.parametrize("content", [b"", b"2", b"\xff\xfe", b"2 xyz"])
async def test_a_damaged_head_file_is_a_fault_and_stays(db: Database, path: Path, content: bytes) -> None:
    await act(db)
    head_path(path).write_bytes(content)
    await act(db)
    assert "audit.head is damaged" in str(check_audit(path).fault)
    assert head_path(path).read_bytes() == content
