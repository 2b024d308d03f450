"""How long retention holds up writers in a large database: `python -m benchmarks.retention [ORDERS]` (default 1,000,000).

Each order has a picture's row, a charge and a verdict. A second task writes all the time; its longest wait counts, beside its
longest wait without retention. Prints JSON.
"""

import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.shared.report import machine
from db.database import Database
from db.ids import ALPHABET, LENGTH
from db.images import Pictures
from db.migrate import migrate
from db.retention import Periods, Retention

DAY = 86_400.0
NOW = 1_790_000_000.0
DAYS = 400  # over which the orders are spread
STEPS = 20
NONE: dict[str, Any] = {
    "prompts": None,
    "pictures": None,
    "picture_bytes": None,
    "jobs": None,
    "cases": None,
    "sanctions": None,
    "audit": 730 * DAY,
}
PASSES: dict[str, dict[str, Any]] = {
    "no retention": {},
    "pictures older than 300 days": {"pictures": 300 * DAY},
    "prompts older than 300 days": {"prompts": 300 * DAY},
    "orders older than 100 days, whose pictures are kept": {"jobs": 100 * DAY},
}
FIXED = {
    "jobs": {
        "member_name": "ada", "action": "imagine", "channel_id": 1, "token": "", "token_at": 0, "model": "emoji",
        "prompt": "a fox in the snow", "negative": "", "width": 512, "height": 512, "steps": 20, "guidance": 4.0,
        "seed": 1, "images": 1, "loras": "{}", "is_age_restricted": 0, "state": "done",
    },
    "images": {"image_index": 0, "width": 512, "height": 512, "seed": 1, "bytes": 1, "scores": "{}"},
    "spending": {"images": 1},
    "verdicts": {
        "channel_id": 1, "member_name": "ada", "source": "/imagine", "prompt": "a fox in the snow", "negative": "",
        "ruling": 0, "category": "none", "rule": "", "words": "[]", "score": 0, "field": "", "normal_form": "",
    },
}  # fmt: skip


def rows(table: str, orders: int) -> Iterator[dict[str, Any]]:
    for number in range(orders):
        at = NOW - DAYS * DAY + number * DAYS * DAY / orders
        job = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))
        whose = {"member": number % 2000, "guild_id": number % 20}
        match table:
            case "jobs":
                own = whose | {"id": job, "created_at": at, "finished_at": at, "delivered_at": at}
            case "images":
                own = {"job": job, "sha256": f"{number:064x}", "created_at": at}
            case _:
                own = whose | {"job": job, "at": at}
        yield FIXED[table] | own


def fill(path: Path, orders: int) -> None:
    migrate(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for table in FIXED:
            names = list(next(rows(table, 1)))
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES (:{', :'.join(names)})"
            connection.executemany(sql, rows(table, orders))
        connection.execute("COMMIT")


async def measure(database: Database, folder: Path, periods: dict[str, Any]) -> dict[str, float]:
    retention = Retention(database, Pictures(database, folder / "images"))
    steps, waits, deleted = list[float](), list[float](), 0

    async def write() -> None:
        while True:
            began = time.perf_counter()
            async with database.transaction() as tx:
                await tx.all("UPDATE notes SET value = 'x' WHERE key = 'x' RETURNING key")
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.002)

    writer = asyncio.create_task(write())
    for _ in range(STEPS):
        began = time.perf_counter()
        deleted += await retention.step(Periods(**NONE | periods), NOW) if periods else 0
        steps.append(time.perf_counter() - began)
        await asyncio.sleep(0.05)
    writer.cancel()
    await asyncio.wait([writer])
    return {
        "deleted": deleted,
        "longest step, ms": round(1000 * max(steps), 1),
        "longest wait of a writer, ms": round(1000 * max(waits), 1),
    }


async def main(orders: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "atelier.sqlite3", orders)
        async with Database.open(folder / "atelier.sqlite3") as database:
            found = {title: await measure(database, folder, periods) for title, periods in PASSES.items()}
    about = {"benchmark": "retention", "machine": machine(), "load": os.getloadavg(), "orders": orders}
    print(json.dumps(about | found, indent=2))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
