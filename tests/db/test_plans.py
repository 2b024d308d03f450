"""Every statement of the database follows an index, or it is said here why it reads a whole table."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import db as package
from db.database import Database

FEW_ROWS = {
    "blocks",
    "departures",
    "drawn_regions",
    "effects",
    "erasures",
    "gates",
    "guilds",
    "policies",
    "server_rules",
    "stances",
    "stored_pictures",
}
"""Tables with a few rows a server, or with rows that stay for a short time."""
READS_ALL = {
    "archive.LIVE": "a backup",
    "archive.HEAD": "one row, the last by its key",
    "audit.LAST": "one row, the last by its key",
    "audit_check.ROWS": "a check of the whole chain",
    "audit_check.OPENINGS": "a check of the whole chain",
    "audit_check.TRIGGERS": "a check of the whole chain",
    "erasure.MEMBERS": "a start with a list of the forgotten",
    "images.FINGERPRINTS": "the first /verify",
    "jobs.SELECT": "a beginning, to which conditions are added",
    "state.COUNT_IMAGES": "`python -m db status`",
    "state.COUNT_JOBS": "`python -m db status`",
}
TEMPLATES = {"audit.PAGE", "cases.PAGE", "jobs.RECORD", "verdicts.PAGE", "verdicts.COUNT"}
"""Completed when they are used; `test_retention.py` has what becomes of them."""


def statements() -> Iterator[tuple[str, str]]:
    """Yields the names and texts of the constants with SQL."""
    for found in pkgutil.iter_modules(package.__path__):
        if found.name == "__main__":
            continue
        for name, value in vars(importlib.import_module(f"db.{found.name}")).items():
            if name.startswith("_"):  # a part of another statement
                continue
            several: dict[object, object] = {}
            if isinstance(value, dict):
                several = dict(value)  # pyright: ignore[reportUnknownArgumentType]
            elif isinstance(value, tuple | list):
                several = dict(enumerate(value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            for key, sql in {"": value, **several}.items():
                if isinstance(sql, str) and re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", sql):
                    yield f"{found.name}.{name}{f'[{key}]' if key != '' else ''}", sql


STATEMENTS = {name: sql for name, sql in statements() if name not in TEMPLATES}


async def test_no_constant_reads_a_whole_table_without_a_reason(db: Database) -> None:
    assert len(STATEMENTS) > 250
    schema = await db.reader.all("SELECT type, name, sql FROM sqlite_schema")
    tables = {row["name"] for row in schema if row["type"] == "table"}
    partial = {row["name"] for row in schema if row["type"] == "index" and " WHERE " in (row["sql"] or "")}
    found: dict[str, set[str]] = {}
    for name, sql in STATEMENTS.items():
        named = dict.fromkeys(re.findall(r":(\w+)", sql), "[]")
        plan = await db.reader.all(f"EXPLAIN QUERY PLAN {sql}", named or ["[]"] * sql.count("?"))
        for row in plan:
            step = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", row["detail"])
            if step and step[1] in tables - FEW_ROWS and step[2] not in partial and name not in READS_ALL:
                found.setdefault(name, set()).add(row["detail"])
    assert found == {}


@pytest.mark.parametrize("name", READS_ALL)
def test_what_may_read_all_is_there(name: str) -> None:
    assert name in STATEMENTS
