"""Checks and exports the audit log. Reads through its own connection, in one transaction."""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from db.audit import HEAD_FILE, head_path, kept_head
from db.audit_chain import DAMAGED, GENESIS, Head, commitment, row_hash
from db.migrate import migrations
from db.state import opened

FIELDS = ("actor", "member", "reason")
COLUMNS = ("number", "at", "guild_id", "action", "subject", "details", *FIELDS, "previous", "hash")
ROWS = f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY number"
OPENINGS = "SELECT number, field, person, text, salt FROM audit_openings ORDER BY number, field"
TRIGGERS = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN ('audit', 'audit_openings')"
)


def _code_of(sql: str) -> str:
    """Returns a trigger's statement without its layout, which SQLite keeps."""
    return " ".join(sql.rstrip("; \n").split())


GUARDS = {
    each["name"]: _code_of(each[0])
    for migration in migrations()
    for each in re.finditer(
        r"^CREATE TRIGGER (?P<name>audit_\w+) .*?^END", migration.sql, re.DOTALL | re.MULTILINE
    )
}
"""The triggers that refuse changes, by name: a guard that does nothing is none."""


class FaultKind(StrEnum):
    NO_GUARD = "no-guard"  # a trigger that refuses changes; `what`: its name
    NO_ROWS = "no-rows"  # from `row` to `last`
    NO_END = "no-end"  # the head `what` ("kept" or "given") is `row`, and the last row is `last`
    LINK = "link"  # `row` does not follow the row before
    ROW = "row"
    FIELD = "field"  # `what` of `row`: "actor", "member" or "reason"
    NO_HEAD = "no-head"  # the head file is damaged
    HEAD = "head"  # `row` is not the one whose head was `what`: "kept" or "given"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first fault of the log. `str()` is the sentence for the terminal; the catalogue has one for moderators."""

    kind: FaultKind
    row: int = 0
    last: int = 0
    what: str = ""

    def __str__(self) -> str:
        where = f"kept in {HEAD_FILE}" if self.what == "kept" else self.what
        match self.kind:
            case FaultKind.NO_GUARD:
                return f"The guard {self.what} of the log is gone: rows could have been changed since."
            case FaultKind.NO_ROWS if self.row == self.last:
                return f"Row {self.row} is missing."
            case FaultKind.NO_ROWS:
                return f"Rows {self.row} to {self.last} are missing."
            case FaultKind.NO_END:
                return (
                    f"Rows are missing at the end: the head {where} is row {self.row}, and the last one here is {self.last} "
                    "(or an older backup was restored)."
                )
            case FaultKind.LINK:
                return f"Row {self.row} does not follow row {self.row - 1}: its hash of the row before is another."
            case FaultKind.ROW:
                return f"Row {self.row} was changed: its hash is not that of what it says."
            case FaultKind.FIELD:
                return f"The {self.what} of row {self.row} was changed: it is not the one that was logged."
            case FaultKind.NO_HEAD:
                return f"{HEAD_FILE} is damaged: rows missing at the end would not be noticed."
            case FaultKind.HEAD:
                return f"Row {self.row} is not the one whose head was {where}: the log was written anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    rows: int
    head: Head | None  # the last row's; None when the log is empty
    kept: Head | None  # from the head file beside the database; None without that file
    forgotten: int  # number of forgotten persons and reasons
    fault: Fault | None  # the first one


def check_audit(path: Path, witness: Head | None = None) -> Checked:
    """Checks every row of the database at `path` and changes nothing. `witness`: a head that must be in the chain.

    Raises DatabaseMissing, DatabaseTooOld, DatabaseTooNew, DatabaseBroken, DatabaseBusy.
    """
    # Read before the rows: an act in between makes the chain longer than the head file says, never shorter.
    kept = kept_head(head_path(path))
    is_damaged, kept = kept == DAMAGED, None if kept == DAMAGED else kept
    witnesses = [(each, where) for each, where in ((kept, "kept"), (witness, "given")) if each]
    with _opened(path) as connection:
        rows, forgotten, last = 0, 0, GENESIS
        there = {name: _code_of(sql) for name, sql in connection.execute(TRIGGERS)}
        missing = {name for name, code in GUARDS.items() if there.get(name) != code}
        fault = Fault(FaultKind.NO_GUARD, what=min(missing)) if missing else None
        for row, openings in _rows(connection):
            rows += 1
            fault = fault or _fault(row, openings, rows, last)
            last = row["hash"]
            forgotten += sum(row[field] is not None and field not in openings for field in FIELDS)
            for each, where in witnesses:
                if each.number == row["number"] and not last.startswith(each.hash):
                    fault = fault or Fault(FaultKind.HEAD, rows, what=where)
    for each, where in witnesses:
        if each.number > rows:
            fault = fault or Fault(FaultKind.NO_END, each.number, rows, where)
    if is_damaged:
        fault = fault or Fault(FaultKind.NO_HEAD)
    head = Head(number=rows, hash=last) if rows else None
    return Checked(rows=rows, head=head, kept=kept, forgotten=forgotten, fault=fault)


def export_audit(path: Path, target: Path) -> int:
    """Writes every row, with the persons and reasons still known, as JSON or CSV by the target's suffix. Returns the row count.

    Raises FileExistsError when the target exists, and the errors of `check_audit`.
    """
    is_csv = target.suffix.lower() == ".csv"
    # Readable by the file's owner alone: the export names members and moderators.
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file, _opened(path) as connection:
            return (_write_csv if is_csv else _write_json)(file, _rows(connection))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _fault(row: sqlite3.Row, openings: dict[str, sqlite3.Row], expected: int, previous: str) -> Fault | None:
    number = row["number"]
    if number != expected:
        return Fault(FaultKind.NO_ROWS, expected, number - 1)
    if row["previous"] != previous:
        return Fault(FaultKind.LINK, number)
    hashed = {name: row[name] for name in COLUMNS if name != "hash"}
    if row_hash(**hashed) != row["hash"]:
        return Fault(FaultKind.ROW, number)
    for field, opening in openings.items():
        if commitment(opening["salt"], opening["person"], opening["text"]) != row[field]:
            return Fault(FaultKind.FIELD, number, what=field)
    return None


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[sqlite3.Row, dict[str, sqlite3.Row]]]:
    """Yields each row with its openings by field, one at a time: the log may be larger than the memory."""
    openings = connection.execute(OPENINGS)
    opening = openings.fetchone()
    for row in connection.execute(ROWS):
        found: dict[str, sqlite3.Row] = {}
        while opening is not None and opening["number"] <= row["number"]:
            if opening["number"] == row["number"]:
                found[opening["field"]] = opening
            opening = openings.fetchone()
        yield row, found


def _export_row(row: sqlite3.Row, openings: dict[str, sqlite3.Row]) -> dict[str, Any]:
    exported: dict[str, Any] = {name: row[name] for name in ("number", "at", "guild_id", "action", "subject")}
    exported["details"] = json.loads(row["details"])
    for field in FIELDS:
        opening = openings.get(field)
        exported[field] = {
            "digest": row[field],
            # Text: ids are larger than the numbers that many JSON readers hold.
            "person": str(opening["person"]) if opening else None,
            "text": opening["text"] if opening else None,
            "salt": opening["salt"] if opening else None,
        }
    return exported | {"previous": row["previous"], "hash": row["hash"]}


def _write_json(file: TextIO, rows: Iterator[tuple[sqlite3.Row, dict[str, sqlite3.Row]]]) -> int:
    count = 0
    file.write("[")
    for row, openings in rows:
        count += 1
        file.write(",\n" if count > 1 else "\n")
        file.write(json.dumps(_export_row(row, openings), ensure_ascii=False))
    file.write("\n]\n")
    return count


CSV_COLUMNS = (
    *(
        "number",
        "at",
        "guild_id",
        "actor_id",
        "actor_name",
        "action",
        "member_id",
        "subject",
        "reason",
        "details",
    ),
    *(f"{field}_{part}" for part in ("digest", "salt") for field in FIELDS),
    *("previous", "hash"),
)


def _write_csv(file: TextIO, rows: Iterator[tuple[sqlite3.Row, dict[str, sqlite3.Row]]]) -> int:
    count = 0
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    for row, openings in rows:
        count += 1
        exported = _export_row(row, openings)
        for field in FIELDS:
            exported |= {f"{field}_{part}": value for part, value in exported[field].items()}
        exported |= {"actor_id": exported["actor_person"], "actor_name": exported["actor_text"]}
        exported |= {"member_id": exported["member_person"], "reason": exported["reason_text"]}
        exported["details"] = row["details"]
        writer.writerow([_cell(exported[name]) for name in CSV_COLUMNS])
    return count


def _cell(value: Any) -> Any:
    """Escapes text that a spreadsheet would read as a formula; members may write any name or reason."""
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """Opens a connection that reads one consistent state."""
    with opened(path, is_current=True) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield connection
