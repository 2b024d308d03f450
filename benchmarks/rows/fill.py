"""Fills a database as years of use would: orders with their pictures, charges and verdicts, and the moderators' rows about them.

Half of the orders are one server's. A few members order much more than the others. Equal arguments give equal rows.
"""

import itertools
import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.audit_chain import GENESIS, commitment, row_hash
from db.ids import ALPHABET, LENGTH

DAY = 86_400.0
DAYS = 400  # over which the orders are spread
MEMBERS, SERVERS, CHANNELS = 2_000, 20, 10
MODERATORS = tuple(range(9_001, 9_011))
CACHE = 1_000_000  # KiB of SQLite's page cache
INDEXES = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%' ORDER BY rowid"
)
BIG = 1
"""The server that half of the members are in."""

Row = dict[str, Any]
_JOB: Row = {
    "action": "imagine", "token": "", "token_at": 0, "model": "emoji", "negative": "", "width": 512, "height": 512, "steps": 20,
    "guidance": 4.0, "seed": 1, "images": 1, "loras": "{}", "is_age_restricted": 0, "state": "done",
}  # fmt: skip
_IMAGE: Row = {"image_index": 0, "width": 512, "height": 512, "seed": 1, "bytes": 300_000, "scores": "{}"}
_VERDICT: Row = {"negative": "", "words": "[]", "score": 0.0, "field": "", "normal_form": ""}
_RULINGS = {0: ("none", ""), 1: ("gore", "weapons"), 2: ("sexual", "nudity")}
_SUBJECTS = (
    "a fox",
    "an owl",
    "a castle",
    "a lighthouse",
    "a teapot",
    "a robot",
    "a sailing boat",
    "a market",
)
_PLACES = (
    "in the snow",
    "on a hill",
    "under the stars",
    "by the sea",
    "in a forest",
    "at dawn, oil on canvas",
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt. One in fifty is refused; one in thirty is flagged, and opens a case."""

    number: int
    at: float
    member: int
    ruling: int

    @property
    def job(self) -> str | None:
        return None if self.ruling == 2 else job_of(self.number)

    @property
    def whose(self) -> Row:
        return {"member": self.member, "guild_id": server_of(self.member)}

    @property
    def place(self) -> Row:
        channel = 100 * server_of(self.member) + self.number % CHANNELS
        return self.whose | {"member_name": f"member {self.member}", "channel_id": channel}

    @property
    def prompt(self) -> str:
        subject, place = _SUBJECTS[self.number % len(_SUBJECTS)], _PLACES[self.number % len(_PLACES)]
        return f"{subject} {place}, number {self.number}, soft light, very detailed, a quiet evening"


def job_of(number: int) -> str:
    """Returns an id that the bot could have given. Ids of later numbers sort behind those of earlier ones."""
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


def server_of(member: int) -> int:
    return BIG if member % 2 == 0 else 2 + member % (SERVERS - 1)


def fill(path: Path, orders: int, now: float) -> None:
    """Fills the empty database at `path`. The last order is from `now` (unix seconds)."""
    asked = _asked(orders, now)
    flagged = [each for each in asked if each.ruling == 1]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        connection.execute("BEGIN")
        # An index is made in a fraction of the time after its rows.
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        _insert(connection, "jobs", (_job(each) for each in asked if each.job))
        _insert(connection, "images", (_image(each) for each in asked if each.job))
        _insert(connection, "spending", (_charge(each) for each in asked if each.job))
        _insert(connection, "verdicts", (_verdict(each) for each in asked))
        _insert(connection, "cases", _cases(flagged, now))
        _insert(connection, "case_entries", (_entry(number, each) for number, each in enumerate(flagged, 1)))
        _insert(connection, "strikes", (_strike(number, each) for number, each in _every(flagged, 5)))
        _insert(connection, "blocks", (_block(each) for _, each in _every(flagged, 20)))
        _insert(connection, "reports", (_report(number, each) for number, each in _every(flagged, 10)))
        _insert(connection, "appeals", (_appeal(number, each) for number, each in _every(flagged, 25)))
        _append_acts(connection, flagged)
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")


def _asked(orders: int, now: float) -> list[_Asked]:
    chance = random.Random(orders)
    weights = [1 / (10 + place) for place in range(MEMBERS)]
    members = chance.choices(range(1, MEMBERS + 1), weights, k=orders)
    rulings = chance.choices((0, 1, 2), (0.95, 0.03, 0.02), k=orders)
    first, step = now - DAYS * DAY, DAYS * DAY / orders
    return [
        _Asked(number, first + number * step, member, ruling)
        for number, (member, ruling) in enumerate(zip(members, rulings, strict=True), 1)
    ]


def _every(asked: Sequence[_Asked], count: int) -> Iterator[tuple[int, _Asked]]:
    """Yields the number of the case, and the prompt, of one case in `count`."""
    return ((number, each) for number, each in enumerate(asked, 1) if number % count == 0)


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    rows = iter(rows)
    first = next(rows)
    sql = f"INSERT INTO {table} ({', '.join(first)}) VALUES (:{', :'.join(first)})"
    connection.executemany(sql, itertools.chain([first], rows))


def _job(asked: _Asked) -> Row:
    times = dict.fromkeys(("created_at", "started_at", "finished_at", "delivered_at"), asked.at)
    return _JOB | asked.place | times | {"id": asked.job, "message_id": asked.number, "prompt": asked.prompt}


def _image(asked: _Asked) -> Row:
    chance = random.Random(asked.number)
    sha256 = f"{chance.getrandbits(256):064x}"
    own = {"sha256": sha256, "pdq": chance.randbytes(32), "mark": chance.getrandbits(32)}
    return _IMAGE | own | {"job": asked.job, "created_at": asked.at}


def _charge(asked: _Asked) -> Row:
    return asked.whose | {"job": asked.job, "images": 1, "at": asked.at}


def _verdict(asked: _Asked) -> Row:
    category, rule = _RULINGS[asked.ruling]
    own = {
        "id": asked.number,
        "at": asked.at,
        "job": asked.job,
        "message_id": asked.number if asked.job else None,
    }
    found = {
        "source": "/imagine",
        "prompt": asked.prompt,
        "ruling": asked.ruling,
        "category": category,
        "rule": rule,
    }
    return _VERDICT | asked.place | own | found


def _cases(flagged: Sequence[_Asked], now: float) -> Iterator[Row]:
    numbers = dict.fromkeys(range(1, SERVERS + 1), 0)
    for each in flagged:
        server = server_of(each.member)
        numbers[server] += 1
        is_open = each.at > now - 3 * DAY
        decision = (None, None, "", None, None) if is_open else (
            ("approve", "remove", "warn", "ban")[each.number % 4], MODERATORS[each.number % 10], "mo",
            each.at + 600 + each.number % 5000, each.at + 7000,
        )  # fmt: skip
        names = ("outcome", "acted_by", "acted_name", "acted_at", "told_at")
        yield each.place | dict(zip(names, decision, strict=True)) | {
            "number": numbers[server], "origin": "flag", "opened_at": each.at, "job": each.job, "verdict": each.number,
            "prompt": each.prompt, "ruling": 1, "category": "gore", "rule": "weapons",
            "card_channel_id": 100 * server, "card_message_id": 10_000_000 + each.number,
        }  # fmt: skip


def _entry(number: int, asked: _Asked) -> Row:
    by = MODERATORS[number % 10]
    return {
        "case_id": number,
        "at": asked.at,
        "written_by": by,
        "written_name": "mo",
        "kind": "note",
        "text": "seen",
    }


def _strike(number: int, asked: _Asked) -> Row:
    by = MODERATORS[number % 10]
    return asked.whose | {
        "case_id": number,
        "given_by": by,
        "at": asked.at,
        "expires_at": asked.at + 30 * DAY,
    }


def _block(asked: _Asked) -> Row:
    by = MODERATORS[asked.number % 10]
    return asked.whose | {"set_by": by, "reason": "spam", "at": asked.at, "expires_at": asked.at + DAY}


def _report(number: int, asked: _Asked) -> Row:
    return asked.whose | {"job": asked.job, "case_id": number, "reason": "rude", "at": asked.at}


def _appeal(number: int, asked: _Asked) -> Row:
    by, at = MODERATORS[number % 10], asked.at + DAY
    decided = {"decision": "upheld", "decided_by": by, "decided_name": "mo", "decided_at": at, "told_at": at}
    return {"case_id": number, "member": asked.member, "text": "why?", "at": asked.at} | decided


def _append_acts(connection: sqlite3.Connection, flagged: Sequence[_Asked]) -> None:
    previous, salt = GENESIS, "0" * 32
    openings = list[Row]()
    for number, each in enumerate(flagged, 1):
        by = MODERATORS[number % 10]
        row: Row = {
            "number": number, "at": each.at, "guild_id": server_of(each.member), "action": "warn",
            "actor": commitment(salt, by, "mo"), "member": commitment(salt, each.member, ""), "reason": None,
            "subject": f"case {number}", "details": "{}", "previous": previous,
        }  # fmt: skip
        previous = row_hash(**row)
        _insert(connection, "audit", [row | {"hash": previous}])
        openings.append({"number": number, "field": "actor", "person": by, "text": "mo", "salt": salt})
        openings.append(
            {"number": number, "field": "member", "person": each.member, "text": "", "salt": salt}
        )
    _insert(connection, "audit_openings", openings)
