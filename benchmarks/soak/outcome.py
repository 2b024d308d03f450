"""The outcome of a soak's orders, and the check of the database at the end."""

import os
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from db.database import Database
from db.jobs import JobState
from generation.protocol import Event, Strained
from generation.queue.connection import WorkerDied

LOST = "SELECT count(*) FROM jobs WHERE state NOT IN ('done', 'failed', 'cancelled') OR delivered_at IS NULL"
PICTURES = """
SELECT jobs.id, jobs.state, jobs.images,
       (SELECT count(*) FROM images WHERE images.job = jobs.id) AS stored,
       (SELECT sum(images - coalesce(refunded, 0)) FROM spending WHERE spending.job = jobs.id) AS paid
FROM jobs
"""


@dataclass(slots=True)
class Soaked:
    """The outcomes of the orders."""

    ordered: int = 0
    deliveries: Counter[str] = field(default_factory=Counter[str])  # by job id
    failures: Counter[str] = field(default_factory=Counter[str])  # by kind of error
    cancelled: int = 0
    kills: int = 0
    deaths: int = 0
    memory: Counter[str] = field(
        default_factory=Counter[str]
    )  # out-of-memory errors, by the reaction to them
    samples: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # bytes: (bot, worker)
    seconds: float = 0.0

    def hear(self, news: Event | WorkerDied) -> None:
        match news:
            case WorkerDied():
                self.deaths += 1
            case Strained(action=action):
                self.memory[action] += 1
            case _:
                pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The result of the check of the database."""

    lost: int
    twice: int
    wrongly_paid: int  # jobs that were charged more or less than their delivered pictures cost
    growth_bot: float | None  # share; None when the second part was too short
    growth_worker: float | None


async def judge(soaked: Soaked, database: Database) -> Judged:
    rows = await database.reader.all(PICTURES)
    unfinished = await database.reader.value(LOST)
    ended = sum(soaked.deliveries.values()) + soaked.cancelled + sum(soaked.failures.values())
    twice = sum(count > 1 for count in soaked.deliveries.values())
    paid = 0
    for row in rows:
        is_done = row["state"] == JobState.DONE
        twice += row["stored"] != (row["images"] if is_done else 0)
        twice += soaked.deliveries[row["id"]] != is_done
        paid += row["paid"] != (row["images"] if is_done else 0)
    bot, worker = growth([b for b, _ in soaked.samples]), growth([w for _, w in soaked.samples])
    return Judged(
        lost=unfinished + abs(soaked.ordered - len(rows)) + abs(soaked.ordered - ended),
        twice=twice,
        wrongly_paid=paid,
        growth_bot=bot,
        growth_worker=worker,
    )


def growth(samples: list[int]) -> float | None:
    """Returns the growth from the second quarter to the last, as a share."""
    quarter = len(samples) // 4
    if quarter < 5:
        return None
    before = statistics.median(samples[quarter : 2 * quarter])
    return statistics.median(samples[-quarter:]) / before - 1


def resident(pid: int) -> int:
    """Returns the resident bytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
