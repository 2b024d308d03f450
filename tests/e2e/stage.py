"""A stage: a playground, the shipped bot beside it as a process of its own, and a model that draws noise in milliseconds."""

import asyncio
import io
import os
import re
import signal
import sqlite3
import urllib.request
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from playground.demo import BotProcess
from playground.people.person import Person, Use
from playground.rest.api import Exchange
from playground.server import Playground
from playground.world.messages import Message
from tests.openapi import Judge

WAIT = 60.0
"""Seconds. Long enough for a worker to start on a machine that has much else to do."""

ICONS = {"🔄": "reroll", "🗑️": "delete"}
_JOB = re.compile(r"atelier:1:\w+:([a-z2-7]{10}):")
Fits = Callable[[Message], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a stage's config.toml says, where that is not the ordinary."""

    slots: int = 4
    max_waiting: int = 200
    retries: int = 2
    images_a_minute: int = 200
    jobs_in_line: int = 25
    steps: int = 2
    strength: float = 0.6
    listen: str = ""  # for metrics
    log: str = "text"


def config(model: Path, options: Options) -> str:
    entry = f"""
source = "{model}"
licence = "none: random weights"
side = 64
multiple = 8
steps = {options.steps}
max_steps = 1000
enlarge = 1
variation_strength = {options.strength}
"""
    return f"""
[discord]
ready_timeout = 0.0

[generation]
default_model = "tiny"
preview_seconds = 0.2
slots = {options.slots}
max_waiting = {options.max_waiting}
retries = {options.retries}

[limits]
images_a_minute = {options.images_a_minute}
images_a_day = 10000
jobs_in_line = {options.jobs_in_line}

[metrics]
listen = "{options.listen}"

[logging]
format = "{options.log}"

[[models]]
name = "tiny"
description = "Noise in milliseconds"
{entry}
[[models.loras]]
name = "pixel"
source = "{model.with_name("pixel.safetensors")}"
description = "Large squares"
weight = 0.8
trigger = "pixel art"
[[models.loras]]
name = "lost"
source = "{model.with_name("lost.safetensors")}"

[[models]]
name = "twin"
description = "The same once more"
{entry}
[[models]]
name = "emoji"
source = "bundled"
licence = "MIT"
side = 128
multiple = 16
steps = 6
guidance = 4.0
enlarge = 1
"""


@dataclass(slots=True, eq=False)
class Stage:
    play: Playground
    bot: BotProcess
    judge: Judge
    data: Path  # the bot's
    log: Path
    _guests: int = field(default=0)

    # ---- people and their jobs

    def guest(self) -> Person:
        """A member whom no other test has spent the allowance of."""
        self._guests += 1
        return self.play.add_member(f"guest{self._guests}")

    @property
    def ada(self) -> Person:
        return self.play.person("ada")

    @property
    def ben(self) -> Person:
        return self.play.person("ben")

    @property
    def mia(self) -> Person:
        return self.play.person("mia")

    async def imagine(
        self, person: Person, prompt: str, /, *, steps: int | None = None, **options: Any
    ) -> Use:
        """Answered, not finished. `steps` beyond the option's 150 go into the prompt: a job that takes its time."""
        if steps is not None:
            prompt = f"{prompt} --steps {steps}"
        use = await person.slash("gallery", "imagine", prompt=prompt, **options)
        await use.wait_for_message()
        return use

    async def draw(self, person: Person, prompt: str, /, **options: Any) -> Message:
        """The finished gallery."""
        return await self.gallery(await self.imagine(person, prompt, **options))

    async def gallery(self, use: Use, timeout: float = WAIT) -> Message:
        return await self.card(use, is_gallery, timeout)

    async def card(self, use: Use, fits: Fits, timeout: float = WAIT) -> Message:
        """The use's answer once it is as wanted."""

        def look() -> Message | None:
            message = use.message
            return message if message is not None and fits(message) else None

        try:
            return await self.play.world.changed.wait_until(look, timeout)
        except TimeoutError:
            shown = use.message.texts if use.message else "no message"
            raise AssertionError(f"it stayed:\n{shown}\n--- the bot said:\n{self.said()[-3000:]}") from None

    async def private(self, use: Use) -> str:
        """The sentence of an answer that the asker alone sees."""
        message = await use.wait_for_message()
        assert message.is_ephemeral, message.texts
        return message.texts

    async def press(self, person: Person, message: Message, label: str) -> Use:
        """By what is on the button; "🔄" and "🗑️" stand for the two that have no label."""
        if label in ICONS:
            use = await person.click(message, custom_id=self.custom_id(message, ICONS[label]))
        else:
            use = await person.click(message, label=label)
        await use.wait_for_answer()
        assert not use.failed
        return use

    async def press_late(self, person: Person, message: Message, custom_id: str) -> Use:
        """A press in a client that has not heard yet that `message` (a `copy`, or deleted) is no longer as it was."""
        interaction = person.client_input.component(person.user, message, {"custom_id": custom_id})
        use = Use(interaction, self.play.world)
        await use.wait_for_answer()
        assert not use.failed
        return use

    def custom_id(self, message: Message, press: str, image: int = 0) -> str:
        return f"atelier:1:{press}:{job_of(message)}:{image}"

    async def until(self, holds: Callable[[], object], timeout: float = WAIT) -> None:
        """Waits for what shows in no message; looks again every fiftieth of a second."""
        async with asyncio.timeout(timeout):
            while not holds():  # noqa: ASYNC110 - the condition is another process's doing
                await asyncio.sleep(0.02)

    # ---- what is stored, sent and said

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(f"file:{self.data / 'atelier.sqlite3'}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: object) -> sqlite3.Row:
        (row,) = self.rows(sql, *parameters)
        return row

    def acts_about(self, member: Person) -> list[sqlite3.Row]:
        """What moderators did to the member, oldest first."""
        return self.rows(
            """
            SELECT audit.number, action, subject, actors.person AS actor FROM audit
            JOIN audit_openings AS members ON members.number = audit.number AND members.field = 'member'
            JOIN audit_openings AS actors ON actors.number = audit.number AND actors.field = 'actor'
            WHERE members.person = ? ORDER BY audit.number
            """,
            member.id,
        )

    def job(self, message: Message) -> sqlite3.Row:
        return self.row("SELECT * FROM jobs LEFT JOIN job_parents ON job = id WHERE id = ?", job_of(message))

    def spent(self, member: Person) -> int:
        """Images, refunds taken off."""
        rows = self.rows("SELECT images, coalesce(refunded, 0) FROM spending WHERE member = ?", member.id)
        return sum(images - refunded for images, refunded in rows)

    def files(self, job: str) -> list[Path]:
        """The job's pictures, by index, whether they are there or not."""
        rows = self.rows("SELECT sha256 FROM images WHERE job = ? ORDER BY image_index", job)
        return [next((self.data / "images").glob(f"*/{sha}.png"), Path(f"{sha} is gone")) for (sha,) in rows]

    def edits(self, message: Message) -> list[Exchange]:
        """Every edit of the message that the bot asked for, oldest first."""
        return [
            each
            for each in self.judge.exchanges
            if each.method == "PATCH"
            and each.path.endswith((f"/messages/{message.id}", "/messages/@original"))
        ]

    def verify(self) -> None:
        """Judges what was exchanged since the last time. Skips the test where the description is not there."""
        self.judge.verify()
        self.judge.exchanges.clear()
        self.judge.frames.clear()

    def said(self) -> str:
        return self.log.read_text("utf-8")

    # ---- its processes

    async def start(self) -> None:
        await self.bot.start()
        await self.play.wait_for_bot(WAIT)

    async def stop(self) -> None:
        await self.bot.stop()
        await self.play.wait_until_offline()

    async def kill(self) -> None:
        """SIGKILL, by its id."""
        os.kill(self.bot.pid, signal.SIGKILL)
        await self.bot.kill()  # reaps it
        await self.play.wait_until_offline()

    @property
    def worker(self) -> int | None:
        """The id of the bot's child that owns the device; None while there is none."""
        return next(iter(children(self.bot.pid)), None)


def children(pid: int) -> list[int]:
    """The processes that it started and that are alive; a session of their own makes them no less its children."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(folder.name))
    return found


def copy(message: Message) -> Message:
    """As it is now."""
    return replace(message, json=deepcopy(message.json))


def is_gallery(message: Message) -> bool:
    return message.component(label="V1") is not None


def job_of(message: Message) -> str:
    """The id of the job that the message shows, from its buttons."""
    for component in message.components:
        if found := _JOB.match(component.get("custom_id", "")):
            return found[1]
    raise AssertionError(f"no job in:\n{message.texts}")


def seed_of(message: Message) -> int:
    found = re.search(r"seed (\d+)", message.texts)
    assert found, message.texts
    return int(found[1])


async def picture_of(message: Message) -> Image.Image:
    """The one picture that the message shows, as a client loads it."""
    (url,) = picture_urls(message)
    return await asyncio.to_thread(_load, url)


def picture_urls(message: Message) -> list[str]:
    return [item["media"]["url"] for each in message.components for item in each.get("items", ())]


def _load(url: str) -> Image.Image:
    with urllib.request.urlopen(url) as answer:  # the playground's own address
        picture = Image.open(io.BytesIO(answer.read()))
    picture.load()
    return picture


@asynccontextmanager
async def on_stage(folder: Path, model: Path, options: Options | None = None) -> AsyncGenerator[Stage]:
    """Leaving ends the bot, and with it its worker, whatever happened."""
    (folder / "config.toml").write_text(config(model, options or Options()), "utf-8")
    log = folder / "bot.log"
    log.touch()
    bot = BotProcess(folder / "data", folder / "config.toml", log)
    judge = Judge()
    async with Playground.open(observer=judge.observer) as play:
        bot.point_at(play.api_url, play.token)
        stage = Stage(play, bot, judge, folder / "data", log)
        try:
            await stage.start()
            yield stage
        finally:
            await bot.stop()
