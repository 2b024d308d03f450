"""What the hour cost the moderators, and whether a well-behaved member lost anything."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.desk.crowd import Kind
from benchmarks.desk.hour import Hour, Ordered
from benchmarks.faults.judge import bugs_in

JOBS = """
SELECT jobs.message_id, jobs.state, jobs.delivered_at, jobs.given_up_at, count(images.removed_at) AS removed
FROM jobs LEFT JOIN images ON images.job = jobs.id GROUP BY jobs.id
"""
CASES = "SELECT id, member, outcome, opened_at, acted_at FROM cases"
VERDICTS = "SELECT member, ruling, count(*) AS count FROM verdicts WHERE ruling > 0 GROUP BY member, ruling"
REFUSED = "SELECT DISTINCT member FROM verdicts WHERE ruling = 2 AND job IS NULL"


@dataclass(slots=True, kw_only=True)
class Figures:
    """Each list holds one line for each thing that went wrong."""

    orders: int
    orders_of: dict[str, int]
    flagged_of: dict[str, int]
    refused_of: dict[str, int]
    cases: int
    cases_of: dict[str, int]
    cards: int  # messages that the bot posted in the moderators' channel
    edits: int
    mentions: int
    notices: int
    clicks: int
    clicks_by_kind: dict[str, int]
    work_minutes: float  # simulated, of the clicks alone
    emptied_minutes: float  # simulated, from the arrival; at least until the hour's end
    median_wait_minutes: float  # simulated, of a well-behaved member's case for its decision
    longest_wait_minutes: float  # simulated, of any case
    open_cases: int
    delivered: int  # of well-behaved members
    answered: int  # of well-behaved members: a sentence in place of a picture
    answers: dict[str, int]  # the first line of each
    lost: list[str] = field(default_factory=list[str])
    closed_aside: list[str] = field(default_factory=list[str])
    without_card: list[str] = field(default_factory=list[str])
    strange: list[str] = field(default_factory=list[str])
    bugs: list[str] = field(default_factory=list[str])


def judged(hour: Hour, data: Path) -> Figures:
    with closing(sqlite3.connect(f"file:{data / 'atelier.sqlite3'}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        jobs = {row["message_id"]: row for row in db.execute(JOBS)}
        cases = db.execute(CASES).fetchall()
        verdicts = db.execute(VERDICTS).fetchall()
        refused = [member for (member,) in db.execute(REFUSED)]
    of = {member: kind.value for member, kind in hour.kinds.items()}
    ruled = {1: Counter[str](), 2: Counter[str]()}
    for row in verdicts:
        ruled[row["ruling"]][of[row["member"]]] += row["count"]
    waits = {row["id"]: (row["acted_at"] - row["opened_at"]) / 60 for row in cases if row["acted_at"]}
    of_good = [waits[row["id"]] for row in cases if row["id"] in waits and of[row["member"]] == Kind.GOOD]
    found = Figures(
        orders=len(hour.ordered),
        orders_of=dict(Counter(each.order.kind.value for each in hour.ordered)),
        flagged_of=dict(ruled[1]),
        refused_of=dict(ruled[2]),
        cases=len(cases),
        cases_of=dict(Counter(of[row["member"]] for row in cases)),
        cards=hour.channel.posted,
        edits=hour.channel.edited,
        mentions=hour.channel.mentions,
        notices=hour.notices,
        clicks=hour.round.clicks.total(),
        clicks_by_kind=dict(hour.round.clicks.most_common()),
        work_minutes=hour.round.seconds / 60,
        emptied_minutes=hour.emptied / 60,
        median_wait_minutes=median(of_good) if of_good else 0.0,
        longest_wait_minutes=max(waits.values(), default=0.0),
        open_cases=sum(row["outcome"] is None for row in cases),
        delivered=0,
        answered=0,
        answers={},
        strange=hour.round.strange,
        bugs=bugs_in(hour.log),
    )
    answers = Counter[str]()
    for each in hour.ordered:
        if each.order.kind is Kind.GOOD:
            _judge_order(hour, each, jobs, answers, found)
    found.answers = dict(answers.most_common())
    for row in cases:
        if of[row["member"]] != Kind.GOOD or row["outcome"] is None:
            continue
        chosen = hour.round.decided.get(row["id"])
        if chosen != row["outcome"]:
            found.closed_aside.append(f"case {row['id']}: {row['outcome']}, and the moderator chose {chosen}")
    found.without_card = [
        f"{member} was refused"
        for member in refused
        if of[member] == Kind.GOOD and member not in hour.channel.about
    ]
    return found


def _judge_order(
    hour: Hour, ordered: Ordered, jobs: dict[int, sqlite3.Row], answers: Counter[str], found: Figures
) -> None:
    """Counts a well-behaved member's order: delivered, answered with a sentence, or lost."""
    message, prompt = ordered.use.message, ordered.order.prompt[:60]
    if ordered.use.interaction.is_ephemeral and message is not None:
        found.answered += 1
        answers[_first_line(message.texts)] += 1
        return
    job = jobs.get(ordered.use.interaction.original_id or 0)
    if ordered.use.failed or job is None:
        found.lost.append(f"no answer: {prompt}")
    elif message is None:
        found.lost.append(f"the message is gone: {prompt}")
    elif job["delivered_at"] is None or job["given_up_at"] is not None:
        found.lost.append(f"not delivered: {prompt}")
    elif job["removed"]:
        found.lost.append(f"removed: {prompt}")
    elif job["state"] != "done":
        found.answered += 1
        answers[_first_line(message.texts)] += 1
    else:
        found.delivered += 1


def _first_line(text: str) -> str:
    return text.partition("\n")[0].partition(":")[0][:80]
