"""A stage: a playground, the shipped bot as a separate process, and a model that draws noise in milliseconds."""

import asyncio
import io
import os
import re
import resource
import signal
import socket
import sqlite3
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
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
"""Seconds. Enough for a worker to start on a busy machine."""

ICONS = {"🔄": "reroll", "🗑️": "delete"}
_JOB = re.compile(r"atelier:1:\w+:([a-z2-7]{10}):")
Fits = Callable[[Message], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The values of a stage's config.toml that differ from the defaults."""

    slots: int = 4
    max_waiting: int = 200
    retries: int = 2
    patience: float = 120.0
    images_a_minute: int = 200
    jobs_in_line: int = 25
    free_cancels_a_day: int = 3
    refusals_an_hour: int = 20
    twin: str = ""  # the folder of the model "twin"; empty: that of "tiny"
    more: Mapping[str, Path] = field(default_factory=dict)  # folders of further models, by name
    controls: Mapping[str, Path] = field(default_factory=dict)  # of the model "tiny"
    adapters: Mapping[str, Path] = field(
        default_factory=dict
    )  # files of IP-Adapters, by the name of a further model
    steps: int = 2
    strength: float = 0.6
    listen: str = ""  # address of the metrics
    page: str = ""  # address of the page for regions; empty: none
    read_text: str = "off"  # where the package is installed, reading takes a third of a second a picture
    log: str = "text"
    log_file: str = ""


def config(model: Path, options: Options) -> str:
    entry = f"""
licence = "none: random weights"
side = 64
multiple = 8
steps = {options.steps}
max_steps = 1000
enlarge = 1
variation_strength = {options.strength}
"""
    more = "".join(
        f'[[models]]\nname = "{name}"\nsource = "{folder}"\n{entry}style_adapter = "{options.adapters.get(name, "")}"\n'
        for name, folder in options.more.items()
    )
    controls = "".join(f'{key} = "{folder}"\n' for key, folder in options.controls.items())
    return f"""
[discord]
ready_timeout = 0.0

[generation]
default_model = "tiny"
preview_seconds = 0.2
slots = {options.slots}
max_waiting = {options.max_waiting}
retries = {options.retries}
patience = {options.patience}

[limits]
images_a_minute = {options.images_a_minute}
images_a_day = 10000
jobs_in_line = {options.jobs_in_line}
free_cancels_a_day = {options.free_cancels_a_day}
refusals_an_hour = {options.refusals_an_hour}

[metrics]
listen = "{options.listen}"

[pictures]
read_text = "{options.read_text}"

[mask_page]
address = "{options.page and f"http://{options.page}"}"
listen = "{options.page or "127.0.0.1:0"}"

[logging]
format = "{options.log}"
file = "{options.log_file}"

[[models]]
name = "tiny"
description = "Noise in milliseconds"
source = "{model}"
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
[models.controls]
{controls}
[[models]]
name = "twin"
description = "The same once more"
source = "{options.twin or model}"
{entry}
schedulers = {[] if options.twin else ["DDIM", "Euler a"]}
[[models]]
name = "emoji"
source = "bundled"
licence = "MIT"
licence_class = "non-commercial"
side = 128
multiple = 16
steps = 6
guidance = 4.0
enlarge = 1
{more}"""


@dataclass(slots=True, eq=False)
class Stage:
    play: Playground
    bot: BotProcess
    judge: Judge
    data: Path  # the bot's data folder
    log: Path
    _guests: int = field(default=0)

    # ---- people and their jobs

    def guest(self) -> Person:
        """Adds a member whose allowance no other test has used."""
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
        """Waits for the answer, not for the end. `steps` above the option's maximum of 150 are added to the prompt, for a slow
        job."""
        if steps is not None:
            prompt = f"{prompt} --steps {steps}"
        use = await person.slash("gallery", "imagine", prompt=prompt, **options)
        await use.wait_for_message()
        return use

    async def draw(self, person: Person, prompt: str, /, **options: Any) -> Message:
        """Returns the finished gallery."""
        return await self.gallery(await self.imagine(person, prompt, **options))

    async def gallery(self, use: Use, timeout: float = WAIT) -> Message:
        return await self.card(use, is_gallery, timeout)

    async def card(self, use: Use, fits: Fits, timeout: float = WAIT) -> Message:
        """Returns the use's answer once `fits` is true."""

        def look() -> Message | None:
            message = use.message
            return message if message is not None and fits(message) else None

        try:
            return await self.play.world.changed.wait_until(look, timeout)
        except TimeoutError:
            shown = use.message.texts if use.message else "no message"
            raise AssertionError(f"it stayed:\n{shown}\n--- the bot said:\n{self.said()[-3000:]}") from None

    async def private(self, use: Use) -> str:
        """Returns the text of an answer that only the asker sees."""
        message = await use.wait_for_message()
        assert message.is_ephemeral, message.texts
        return message.texts

    async def press(self, person: Person, message: Message, label: str) -> Use:
        """Presses a button by its label; "🔄" and "🗑️" stand for the two buttons without a label."""
        if label in ICONS:
            use = await person.click(message, custom_id=self.custom_id(message, ICONS[label]))
        else:
            use = await person.click(message, label=label)
        await use.wait_for_answer()
        assert not use.failed
        return use

    async def in_panel(self, person: Person, message: Message, label: str) -> Use:
        """Opens the menu *Picture…* of a message and presses a button of its panel."""
        panel = await (await person.message_menu("gallery", "Picture…", message)).wait_for_message()
        assert panel.is_ephemeral
        return await self.press(person, panel, label)

    async def delete(self, person: Person, message: Message) -> None:
        """Presses 🗑️ twice: the first press is a question that only the person sees."""
        asked = await self.private(await self.press(person, message, "🗑️"))
        assert "again within 10 seconds" in asked
        await self.press(person, message, "🗑️")

    async def press_late(self, person: Person, message: Message, custom_id: str) -> Use:
        """Presses a button as a client with an outdated view of `message` does (a `copy`, or a deleted message)."""
        interaction = person.client_input.component(person.user, message, {"custom_id": custom_id})
        use = Use(interaction, self.play.world)
        await use.wait_for_answer()
        assert not use.failed
        return use

    def custom_id(self, message: Message, press: str, image: int = 0) -> str:
        return f"atelier:1:{press}:{job_of(message)}:{image}"

    async def until(self, holds: Callable[[], object], timeout: float = WAIT) -> None:
        """Waits for a condition that no message shows. Checks fifty times a second."""
        async with asyncio.timeout(timeout):
            while not holds():  # noqa: ASYNC110 - another process changes the condition
                await asyncio.sleep(0.02)

    # ---- stored, sent and logged data

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(f"file:{self.data / 'atelier.sqlite3'}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, parameters).fetchall()

    def age_verdicts(self) -> None:
        """Makes all verdicts so far an hour older. The guests of one file are otherwise a raid: so many newcomers at once."""
        with closing(sqlite3.connect(self.data / "atelier.sqlite3", timeout=30)) as db:
            db.execute("UPDATE verdicts SET at = at - 3600")
            db.commit()

    def row(self, sql: str, *parameters: object) -> sqlite3.Row:
        (row,) = self.rows(sql, *parameters)
        return row

    def acts_about(self, member: Person) -> list[sqlite3.Row]:
        """Returns the moderators' acts on the member, oldest first."""
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
        """Returns the charged images minus refunds."""
        rows = self.rows("SELECT images, coalesce(refunded, 0) FROM spending WHERE member = ?", member.id)
        return sum(images - refunded for images, refunded in rows)

    def files(self, job: str) -> list[Path]:
        """Returns the paths of the job's pictures by index, also of missing ones."""
        rows = self.rows("SELECT sha256 FROM images WHERE job = ? ORDER BY image_index", job)
        return [next((self.data / "images").glob(f"*/{sha}.png"), Path(f"{sha} is gone")) for (sha,) in rows]

    def edits(self, message: Message) -> list[Exchange]:
        """Returns every edit request of the bot for the message, oldest first."""
        return [
            each
            for each in self.judge.exchanges
            if each.method == "PATCH"
            and each.path.endswith((f"/messages/{message.id}", "/messages/@original"))
        ]

    def verify(self) -> None:
        """Checks the exchanges since the last call. Skips the test when the description is not available."""
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
        """Kills the bot with SIGKILL, by its process id."""
        os.kill(self.bot.pid, signal.SIGKILL)
        await self.bot.kill()  # waits for the dead process
        await self.play.wait_until_offline()

    @property
    def worker(self) -> int | None:
        """Returns the process id of the bot's worker, which owns the device; None while there is none."""
        return next(iter(children(self.bot.pid)), None)


def children(pid: int) -> list[int]:
    """Returns the living child processes, including those with their own session."""
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


@contextmanager
def full_disk(pid: int) -> Generator[None]:
    """Prevents the process from extending any file: writes fail as on a full disk."""
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def copy(message: Message) -> Message:
    """Returns a copy of the message's current state."""
    return replace(message, json=deepcopy(message.json))


def is_gallery(message: Message) -> bool:
    return message.component(label="V1") is not None


def job_of(message: Message) -> str:
    """Returns the id of the job that the message shows, read from its buttons."""
    for component in message.components:
        if found := _JOB.match(component.get("custom_id", "")):
            return found[1]
    raise AssertionError(f"no job in:\n{message.texts}")


def seed_of(message: Message) -> int:
    found = re.search(r"seed (\d+)", message.texts)
    assert found, message.texts
    return int(found[1])


async def picture_of(message: Message) -> Image.Image:
    """Loads the single picture of the message, as a client does."""
    (url,) = picture_urls(message)
    return await asyncio.to_thread(_load, url)


def picture_urls(message: Message) -> list[str]:
    return [item["media"]["url"] for each in message.components for item in each.get("items", ())]


def _load(url: str) -> Image.Image:
    with urllib.request.urlopen(url) as answer:  # the playground's own address
        picture = Image.open(io.BytesIO(answer.read()))
    picture.load()
    return picture


def free_address() -> str:
    """Returns a free address on this machine."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


@asynccontextmanager
async def on_stage(folder: Path, model: Path, options: Options | None = None) -> AsyncGenerator[Stage]:
    """Opens a stage. Leaving it always ends the bot and its worker."""
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
