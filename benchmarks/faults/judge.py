"""The check of the database, the files, the channels and the log, after everything has settled."""

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from benchmarks.faults.scene import CANCEL, VARY, Scene
from db.jobs import JobState
from playground.world.messages import Message

JOBS = """
SELECT jobs.*,
       (SELECT count(*) FROM images WHERE images.job = jobs.id) AS stored,
       (SELECT sum(images - coalesce(refunded, 0)) FROM spending WHERE spending.job = jobs.id) AS paid
FROM jobs
"""
UNSETTLED = "SELECT count(*) AS count FROM jobs WHERE delivered_at IS NULL AND given_up_at IS NULL"
FILES = "SELECT sha256, max(removed_at IS NULL) AS is_live FROM images GROUP BY sha256"
WITHOUT_CARD = "SELECT id FROM cases WHERE card_message_id IS NULL AND outcome IS NULL AND raid IS NULL"
OF_JOB = re.compile(r"atelier:1:\w+:([a-z2-7]{10}):")
OF_CASE = re.compile(r"atelier:1:case:\w+:(\d+)")
KEPT = re.compile(r"job is kept", re.IGNORECASE)
HEAD = re.compile(r"^\d{4}-\d\d-\d\dT\S+ \[")


@dataclass(slots=True)
class Judged:
    """Each list holds one line for each fault that was found."""

    outcomes: Counter[str] = field(default_factory=Counter[str])  # of orders
    lost: list[str] = field(default_factory=list[str])
    twice: list[str] = field(default_factory=list[str])
    wrongly_paid: list[str] = field(default_factory=list[str])
    files: list[str] = field(default_factory=list[str])  # without rows, and rows without files
    rows: list[str] = field(default_factory=list[str])  # that refer to nothing, or are damaged
    cards: list[str] = field(default_factory=list[str])  # that never ended, and cases without a card
    bugs: list[str] = field(default_factory=list[str])
    silence: float = 0.0  # seconds: the longest of a job after the last fault


def judge(scene: Scene, silence: float) -> Judged:
    found = Judged(silence=silence)
    shown = _shown(scene)
    rows = scene.stage.rows(JOBS)
    for row in rows:
        _judge_job(scene, row, shown[row["id"]], found)
    _judge_attempts(scene, rows, found)
    found.lost += [f"{path.name} is one colour" for path in pictures_of(scene.stage.data) if _is_blank(path)]
    found.files += orphans(scene.stage.data)
    found.rows += _damage(scene.stage.data)
    _judge_cards(scene, found)
    found.bugs += bugs_in(scene.stage.said())
    return found


def _shown(scene: Scene) -> dict[str, list[Message]]:
    """Returns the messages that everybody sees, by the job that their buttons name."""
    shown = defaultdict[str, list[Message]](list)
    for message in scene.posted():
        for job in _named(OF_JOB, message):
            shown[job].append(message)
    return shown


def _judge_job(scene: Scene, row: sqlite3.Row, shown: Sequence[Message], found: Judged) -> None:
    job = f"{row['action']} {row['id']} ({row['state']})"
    is_gone = row["message_id"] in scene.notes.gone or row["channel_id"] in scene.notes.gone
    if len(shown) > 1:
        found.twice.append(f"{job} is shown by {len(shown)} messages")
    is_given_up = row["given_up_at"] is not None
    found.outcomes[f"{row['state']}, given up" if is_given_up else row["state"]] += 1
    if row["delivered_at"] is None and not is_given_up:
        found.lost.append(f"{job} was never delivered")
        return
    is_done = row["state"] == JobState.DONE
    price = row["stored"] if is_done and (not is_given_up or row["handed_out_at"] is not None) else 0
    if row["paid"] != price:
        found.wrongly_paid.append(f"{job} costs {row['paid']} in place of {price}")
    if is_given_up:
        if is_done and not is_gone:
            found.lost.append(f"{job} was given up, although its message is there")
    elif not is_gone:
        message = scene.play.world.messages.get(row["channel_id"], row["message_id"] or 0)
        if message is None:
            found.lost.append(f"{job} is delivered, but its message {row['message_id']} is not there")
        elif is_done and row["id"] not in _named(VARY, message):
            found.lost.append(f"{job} is delivered, but its message shows: {message.texts!r}")


def _judge_attempts(scene: Scene, rows: Sequence[sqlite3.Row], found: Judged) -> None:
    """Compares what members saw with the rows."""
    recorded = Counter(row["prompt"] for row in rows if row["action"] == "imagine")
    found.twice += [
        f"{prompt!r} was recorded {count} times" for prompt, count in recorded.items() if count > 1
    ]
    found.lost += [
        f"{each.prompt!r} was accepted, but there is no row"
        for each in scene.notes.attempts
        if each.is_accepted and not recorded[each.prompt]
    ]


def _judge_cards(scene: Scene, found: Judged) -> None:
    for message in scene.posted():
        if _named(CANCEL, message) or KEPT.search(message.texts) or message.is_loading:
            found.cards.append(f"message {message.id} still shows: {message.texts!r}")
    found.cards += [f"case {row['id']} has no card" for row in scene.stage.rows(WITHOUT_CARD)]
    cards = Counter(
        case
        for message in scene.play.world.messages.of(scene.play.channel("mod-log").id)
        for case in _named(OF_CASE, message)
    )
    found.twice += [f"case {case} has {count} cards" for case, count in cards.items() if count > 1]


def _named(pattern: re.Pattern[str], message: Message) -> set[str]:
    """Returns the ids that the message's buttons name."""
    matches = (pattern.match(each.get("custom_id", "")) for each in message.components)
    return {match[1] for match in matches if match}


def orphans(data: Path) -> list[str]:
    """Returns the picture files without a row, and the rows without a file. Files in the trash may be without."""
    with closing(sqlite3.connect(f"file:{data / 'atelier.sqlite3'}?mode=ro", uri=True)) as db:
        rows = {f"{sha256}.png": bool(is_live) for sha256, is_live in db.execute(FILES)}
    there = {path.name for path in pictures_of(data)}
    return [
        *(f"{name} has no row" for name in sorted(there - rows.keys())),
        *(
            f"{name} was removed, but is there"
            for name, is_live in rows.items()
            if not is_live and name in there
        ),
        *(f"{name} is missing" for name, is_live in rows.items() if is_live and name not in there),
    ]


def pictures_of(data: Path) -> list[Path]:
    return list((data / "images").glob("[0-9a-f][0-9a-f]/*"))


def _is_blank(path: Path) -> bool:
    """Returns whether nothing was drawn: the model makes noise only."""
    with Image.open(path) as picture:
        return all(low == high for low, high in picture.convert("RGB").getextrema())  # type: ignore[misc]


def _damage(data: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{data / 'atelier.sqlite3'}?mode=ro", uri=True)) as db:
        told = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        return [
            *told,
            *(f"a row of {row[0]} refers to nothing" for row in db.execute("PRAGMA foreign_key_check")),
        ]


def bugs_in(log: str) -> list[str]:
    """Returns the lines that report a bug, and the headline and last line of each traceback outside the worker."""
    return [
        f"{entry[0]} … {entry[-1]}" if len(entry) > 1 else entry[0]
        for entry in _entries(log)
        if " bug " in entry[0]
        or (any("Traceback" in line for line in entry) and "generation.worker" not in entry[0])
    ]


def _entries(log: str) -> Iterator[list[str]]:
    """Yields the log's entries: a headline and the lines that belong to it."""
    entry: list[str] = []
    for line in log.splitlines():
        if HEAD.match(line) and entry:
            yield entry
            entry = []
        if line.strip():
            entry.append(line)
    if entry:
        yield entry
