"""Measures one checkout's bot on a large database. `benchmarks.rows` runs it once for each checkout.

    PYTHONPATH=CHECKOUT python -P benchmarks/rows/measure.py DATA_FOLDER SEED

Uses only what the checkouts have in common. Prints JSON: the milliseconds of each call, by action.
"""

import asyncio
import functools
import importlib
import io
import json
import random
import resource
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bot.app import build, dispatch_of
from bot.cases import cards as case_cards
from bot.client import Atelier
from bot.commands.mod import log as mod_log
from bot.studio import Actor, GalleryAction, Moderator, Settings
from bot.studio.metrics import Metrics
from bot.studio.parts import Parts, build_parts
from bot.studio.pictures.provenance import Provenance
from bot.texts import Language, language
from db import FILE_NAME, Database, Repositories
from db.erasure import ErasureRequest
from generation import JobId, MemberId
from moderation import PromptFilter
from moderation.pictures.check import PictureCheck
from moderation.pictures.registry import load_detectors
from moderation.prompts.rules import load_rules

history: Any
try:
    history = importlib.import_module("bot.commands.own.history")
except ImportError:  # a checkout from before it was moved
    history = importlib.import_module("bot.commands.history")

DAY = 86_400.0
SECONDS = 4.0
"""Seconds for one action at most."""
CALLS, HEAVY_CALLS = 100, 6
BIG = 1  # the largest server
EXPORTED, LARGEST = range(300, 300 + HEAVY_CALLS), 1  # members
PICTURE_BYTES, WITH_FILES = 300_000, 100  # of each exported member's newest pictures
MODERATOR = Moderator(member=MemberId(9_001), name="mo", guild_id=BIG, channel_id=100)

Call = Callable[[], Awaitable[object]]


class Actions:
    """What members and moderators do, each time with another row."""

    def __init__(self, parts: Parts, client: Atelier, say: Language, path: Path, seed: int) -> None:
        self.parts, self.records, self.client, self.say = parts, parts.records, client, say
        self.chance = random.Random(seed)
        self.now = time.time()
        with closing(sqlite3.connect(path)) as connection:
            (orders,) = connection.execute("SELECT max(id) FROM verdicts").fetchone()
            where = "id BETWEEN ? AND ? AND job IS NOT NULL"
            middle = self.chance.randrange(max(1, orders - 3_000))
            rows = connection.execute(
                f"SELECT job, member, guild_id, channel_id, id FROM verdicts WHERE {where}",
                (middle, middle + 3_000),
            ).fetchall()
            cases = connection.execute(
                "SELECT id, guild_id, number FROM cases ORDER BY random() LIMIT 500"
            ).fetchall()
        self.rows: list[tuple[str, int, int, int, int]] = rows
        self.cases: list[tuple[int, int, int]] = cases
        self.picture = _picture(self.chance)

    @property
    def row(self) -> tuple[str, int, int, int, int]:
        return self.chance.choice(self.rows)

    # ---- members

    async def history(self) -> None:
        job, member, *_ = self.row
        cursor = self.chance.choice((history.NEWEST, job))
        await history.page(self.say, self.records.jobs, self.parts.stored_pictures, MemberId(member), cursor)

    async def press(self) -> None:
        job, member, server, channel, _ = self.row
        actor = Actor(member=MemberId(member), name="ada", guild_id=server, channel_id=channel)
        await self.parts.variations.pressed(GalleryAction.REROLL, JobId(job), 0, actor)

    async def charge(self) -> None:
        """What an order reads before it is recorded."""
        _, member, server, _, _ = self.row
        records, whom = self.records, MemberId(member)
        await records.blocks.live(server, whom, self.now)
        await records.spending.since(whom, self.now - DAY)
        await records.jobs.in_line(whom)
        await records.verdicts.repeats(whom, server, "/imagine", "a fox", "", self.now - 600)

    async def read_hashes(self) -> None:
        """What the bot does in the background after its start. In earlier checkouts, the first /verify does it."""
        if likeness := getattr(self.parts, "likeness", None):
            await likeness.prepare()

    async def verify(self) -> None:
        await self.parts.verification.examine(self.picture)

    async def export(self, member: int) -> None:
        await self.parts.privacy.export(MemberId(member), 24 * 2**20)

    async def ask_to_forget(self, member: int) -> None:
        whom = MemberId(member)
        await self.parts.privacy.outlook(whom)
        await self.parts.privacy.ask_to_forget(whom)

    async def forget(self, member: int) -> None:
        """The sweep's work on the database, without its pauses."""
        erasures, asked = self.records.erasure, ErasureRequest(member=MemberId(member), asked_at=self.now)
        sweep = self.client.erasure_sweep
        if hasattr(sweep, "remove_pictures"):
            await sweep.remove_pictures(asked, 0.0)
        else:  # a checkout from before pictures were removed by one statement
            while found := await erasures.pictures(asked, 20):
                async with self.records.database.transaction() as tx:
                    for job, index in found:
                        await self.records.pictures.remove(tx, job, index, by=None, reason="", at=self.now)
        await erasures.advance(asked, now=self.now, acts_before=self.now - 730 * DAY)

    # ---- moderators

    async def log(self, **which: Any) -> None:
        before = self.chance.choice((0, 0, self.row[-1]))
        question = mod_log.Question(**which, before=before)
        await mod_log.page(self.say, self.records.verdicts, BIG, question)

    async def log_of_member(self) -> None:
        await self.log(member=self.row[1])

    async def log_of_channel(self) -> None:
        await self.log(channel=100 + self.chance.randrange(10))

    async def log_of_refusals(self) -> None:
        await self.log(ruling=self.chance.choice(("refuse", "flag")))

    async def log_since(self) -> None:
        await self.log(since=int(self.now - self.chance.choice((1, 7, 30, 300)) * DAY))

    async def log_of_member_refused_since(self) -> None:
        await self.log(member=self.row[1], ruling="refuse", since=int(self.now - 300 * DAY))

    async def card(self) -> None:
        case_id, server, number = self.chance.choice(self.cases)
        case = await self.records.cases.numbered(server, number)
        assert case is not None, case_id
        case_cards.case_card(self.say, await self.client.mod_channel.dossier(case))

    async def cases_page(self) -> None:
        _, server, number = self.chance.choice(self.cases)
        member = MemberId(self.row[1]) if self.chance.random() < 0.5 else None
        is_open = self.chance.choice((None, True, False))
        before = self.chance.choice((None, number))
        await self.records.cases.page(server, member=member, is_open=is_open, before=before, limit=9)

    async def standing(self) -> None:
        _, member, server, *_ = self.row
        await self.parts.casework.standing(server, MemberId(member))

    async def acts(self) -> None:
        member = MemberId(self.row[1]) if self.chance.random() < 0.5 else None
        await self.records.audit.page(BIG, member=member, limit=8)

    async def figures(self, days: float) -> None:
        await self.records.member_stats.figures(BIG, self.now - days * DAY)


async def timed(call: Call, calls: int) -> list[float]:
    """Returns the milliseconds of each call. The first one warms up."""
    await call()
    taken = list[float]()
    until = time.perf_counter() + SECONDS
    while len(taken) < calls and (time.perf_counter() < until or not taken):
        began = time.perf_counter()
        await call()
        taken.append(1000 * (time.perf_counter() - began))
    return taken


async def beside(actions: Actions, work: Coroutine[Any, Any, list[float]]) -> dict[str, list[float]]:
    """Returns what `work` took, and the longest waits of a reader and of a writer meanwhile."""
    reads, writes = list[float](), list[float]()

    async def read() -> None:
        while True:
            began = time.perf_counter()
            await actions.records.jobs.get(JobId(actions.row[0]))
            reads.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.005)

    async def write() -> None:
        while True:
            began = time.perf_counter()
            async with actions.records.database.transaction() as tx:
                await tx.all("UPDATE notes SET value = 'x' WHERE key = 'x' RETURNING key")
            writes.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.005)

    others = [asyncio.create_task(read()), asyncio.create_task(write())]
    taken = await work
    for each in others:
        each.cancel()
    await asyncio.wait(others)
    return {"": taken, "reader": [max(reads, default=0.0)], "writer": [max(writes, default=0.0)]}


async def measure(parts: Parts, client: Atelier, path: Path, seed: int) -> dict[str, list[float]]:
    _add_files(path)
    actions = Actions(parts, client, language("en"), path, seed)
    quick: dict[str, Call] = {
        "/history": actions.history,
        "a button": actions.press,
        "an order's limits": actions.charge,
        "/mod log": actions.log,
        "/mod log, a member": actions.log_of_member,
        "/mod log, a channel": actions.log_of_channel,
        "/mod log, a ruling": actions.log_of_refusals,
        "/mod log, since": actions.log_since,
        "/mod log, a member's refusals since": actions.log_of_member_refused_since,
        "a case's card": actions.card,
        "/mod cases": actions.cases_page,
        "a standing": actions.standing,
        "/mod audit, its acts": actions.acts,
    }
    found = {name: await timed(call, CALLS) for name, call in quick.items()}
    # By their number of orders: member 1 has 19,000 of a million, members 41 and 300 have 3,700 and 600.
    heavy: dict[str, list[Call]] = {
        "reading the hashes": [actions.read_hashes],
        "/verify, the first": [actions.verify],
        "/verify": [actions.verify] * HEAVY_CALLS,
        "/mod stats, 7 days": [functools.partial(actions.figures, 7)] * HEAVY_CALLS,
        "/mod stats, a year": [functools.partial(actions.figures, 365)] * HEAVY_CALLS,
        "/privacy export": [functools.partial(actions.export, member) for member in EXPORTED],
        "/privacy export, the largest": [functools.partial(actions.export, LARGEST)] * 3,
        "/privacy delete": [
            functools.partial(actions.ask_to_forget, 500 + place) for place in range(HEAVY_CALLS)
        ],
        "forgetting a member": [
            functools.partial(actions.forget, 400 + 10 * seed + place) for place in range(HEAVY_CALLS)
        ],
        "forgetting a member with many orders": [functools.partial(actions.forget, 41 + seed)],
        "forgetting a moderator": [functools.partial(actions.forget, 9_001 + seed)],
    }
    for name, calls in heavy.items():

        async def each_once(calls: list[Call] = calls) -> list[float]:
            taken = list[float]()
            for call in calls:
                began = time.perf_counter()
                await call()
                taken.append(1000 * (time.perf_counter() - began))
            return taken

        if "forgetting" in name:
            _without_messages(path)
        for what, values in (await beside(actions, each_once())).items():
            found[f"{name}: {what}" if what else name] = values
    return found


def _add_files(path: Path) -> None:
    """Gives a file to the newest pictures of the members who export their data: an export takes as many as fit into a message."""
    content = path.with_name("picture")
    noise = np.random.default_rng(1).integers(
        0, 256, (316, 316, 3), np.uint8
    )  # as a PNG about PICTURE_BYTES long
    Image.fromarray(noise).save(content, "PNG")
    with closing(sqlite3.connect(path)) as connection:
        for member in (LARGEST, *EXPORTED):
            rows = connection.execute(
                """
                SELECT sha256 FROM images JOIN jobs ON jobs.id = images.job WHERE member = ? ORDER BY job DESC LIMIT ?
                """,
                (member, WITH_FILES),
            )
            for (sha256,) in rows.fetchall():
                file = path.parent / "images" / sha256[:2] / f"{sha256}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.unlink(missing_ok=True)
                file.hardlink_to(content)


def _without_messages(path: Path) -> None:
    """Takes the messages from the rows: a sweep that forgets deletes them in Discord first."""
    with closing(sqlite3.connect(path)) as connection:
        members = "(member BETWEEN 41 AND 50 OR member BETWEEN 400 AND 450)"
        connection.execute(f"UPDATE jobs SET message_id = NULL WHERE {members}")
        connection.execute(f"UPDATE cases SET card_channel_id = NULL, card_message_id = NULL WHERE {members}")
        connection.commit()


def _picture(chance: random.Random) -> bytes:
    """Returns a PNG with content, which no picture of the database looks like."""
    noise = np.random.default_rng(chance.randrange(2**32)).integers(0, 256, (8, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((512, 512), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


async def main(folder: Path, seed: int) -> None:
    settings, metrics = Settings(data=folder), Metrics()
    async with Database.open(folder / FILE_NAME) as database:
        records = Repositories.of(database, folder)
        parts = build_parts(
            settings,
            records,
            dispatch_of(settings, metrics),
            PromptFilter(load_rules()),
            PictureCheck(load_detectors(settings.pictures.detectors)),
            Provenance.open(settings.provenance, folder),
        )
        client = build(parts, lambda work: work.close())
        found = await measure(parts, client, folder / FILE_NAME, seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"milliseconds": found, "memory, MiB": memory}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
