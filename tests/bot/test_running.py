"""The whole bot against a local Discord that fails: a stubborn start, odd answers, a graceful stop."""

import asyncio
import logging
import random
import re
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import aiohttp
import discord
import pytest

from benchmarks.faults.proxy import Proxy
from bot import app, client, connection
from bot.cases.mod_channel import ModChannel
from bot.client import Atelier
from bot.commands.own import queue
from bot.connection import GatewayRefused, WrongToken
from bot.studio.metrics import Metrics
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import DiscordSettings, Settings
from db.database import Database
from generation.protocol import Configure
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from moderation.pictures.check import PictureCheck
from moderation.prompts.filter import PromptFilter
from playground.people.person import Use
from playground.rest.api import Answer
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import Gate, until
from tests.bot.painter import COMMAND
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WAIT = 30.0
HTML = Answer(200, "<html>502 Bad Gateway</html>", {"Content-Type": "text/html"})


@dataclass(slots=True, eq=False)
class Runner:
    """Runs the bot in this process, with a scripted worker."""

    play: Playground
    settings: Settings
    parts: tuple[Database, PromptFilter, PictureCheck, Provenance]
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self, token: str | None = None) -> AsyncGenerator[asyncio.Task[None]]:
        self.stop = asyncio.Event()
        token = token or self.play.token
        task = asyncio.create_task(app.run(self.settings, *self.parts, token, self.stop))
        try:
            yield task
        finally:
            self.stop.set()
            with suppress(WrongToken, GatewayRefused):
                await task

    async def imagine(self, prompt: str, **options: Any) -> Use:
        use = await self.play.person("ada").slash("gallery", "imagine", prompt=prompt, **options)
        await use.wait_for_message()
        return use

    async def card(self, use: Use, fits: Callable[[Message], bool]) -> Message:
        def look() -> Message | None:
            return use.message if use.message is not None and fits(use.message) else None

        return await self.play.world.changed.wait_until(look, WAIT)


def is_gallery(message: Message) -> bool:
    return message.component(label="V1") is not None


@pytest.fixture
def runner(
    play: Playground,
    settings: Settings,
    database: Database,
    screen: PromptFilter,
    pictures: PictureCheck,
    provenance: Provenance,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Runner]:
    def scripted(settings: Settings, metrics: Metrics) -> Dispatcher:
        configure = Configure(models=(), default=settings.default_model.name, slots=4)
        return Dispatcher(configure, [partial(open_connection, command=COMMAND)])

    monkeypatch.setattr(app, "dispatch_of", scripted)
    for module, name in (
        (connection, "FIRST_PAUSE"),
        (connection, "LONGEST_PAUSE"),
        (app, "FIRST_PAUSE"),
        (app, "LONGEST_PAUSE"),
        (client, "_SYNC_PAUSE"),
        (client, "_LONGEST_SYNC_PAUSE"),
    ):
        monkeypatch.setattr(module, name, 0.02)
    settings = replace(settings, discord=DiscordSettings(api=play.api_url, ready_timeout=0.0))
    yield Runner(play, settings, (database, screen, pictures, provenance))
    judge.exchanges[:] = [each for each in judge.exchanges if each.answer != HTML.body]


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO):
        yield caplog


# ---- the start


@pytest.mark.parametrize("path", ["/users/@me", "/oauth2/applications/@me", "/gateway/bot"])
async def test_a_start_while_discord_is_down_goes_on_when_it_is_back(
    runner: Runner, path: str, log: pytest.LogCaptureFixture
) -> None:
    faults = [runner.play.fail_next("GET", path, status=503, times=2)]
    faults.append(runner.play.fail_next("GET", path, status=403, times=1))
    faults.append(runner.play.fail_next("GET", path, status=429, has_via=False))
    faults.append(runner.play.fail_next("GET", path, status=200))
    faults[-1].answer = HTML
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        assert is_gallery(await runner.card(await runner.imagine("a fox"), is_gallery))
    assert [fault.times for fault in faults] == [0] * 4
    assert log.text.count("can't be reached") == 5
    assert log.text.count("ext try in") == 5


async def test_a_server_that_accepts_and_says_nothing_is_asked_again(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "_LOGIN_SECONDS", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        silent = DiscordSettings(api=f"http://127.0.0.1:{port}/api/v10", ready_timeout=0.0)
        runner.settings = replace(runner.settings, discord=silent)
        async with runner.running():
            await until(lambda: log.text.count("TimeoutError") == 2)
    assert log.text.count("Next try in") >= 2


@pytest.mark.parametrize(("status", "code"), [(400, 30034), (503, 0), (429, 0), (200, 0)])
async def test_a_refused_list_of_commands_costs_neither_the_start_nor_the_old_commands(
    runner: Runner, status: int, code: int, log: pytest.LogCaptureFixture
) -> None:
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
    async with runner.parts[0].transaction() as tx:
        await tx.all("UPDATE notes SET value = 'those of an earlier release' WHERE key = 'commands'")
    path = "/applications/*/commands"
    fault = runner.play.fail_next("PUT", path, status=status, code=code, has_via=False, times=3)
    if status == 200:
        fault.answer = HTML
    log.clear()
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        assert is_gallery(await runner.card(await runner.imagine("a fox"), is_gallery))
        await until(lambda: "commands synced" in log.text)
    assert log.text.count("the commands that Discord has stay as they are; next try in") == 3


async def test_a_stop_is_heard_while_discord_is_down(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE", 3600.0)
    runner.play.fail_next("GET", "/users/@me", status=503)
    async with runner.running() as bot:
        await until(lambda: "Next try in 3600 s" in log.text)
        runner.stop.set()
        await bot


async def test_a_wrong_token_ends_the_start_with_its_sentence(runner: Runner) -> None:
    async with runner.running("MTU3NDIzMTA4NTYyODI2MDM1Nw.aaaaaa.bbbb") as bot:
        with pytest.raises(WrongToken):
            await bot


# ---- while it runs


async def test_a_token_that_is_reset_while_the_bot_runs_ends_it_with_the_tokens_sentence(
    runner: Runner,
) -> None:
    async with runner.running() as bot:
        await runner.play.wait_for_bot(WAIT)
        runner.play.world.token += "reset"
        await runner.play.drop_gateway(resumable=False)
        with pytest.raises(WrongToken, match="DISCORD_TOKEN"):
            await bot


@pytest.mark.parametrize("code", [4010, 4011, 4012, 4013, 4014])
async def test_a_final_close_code_ends_the_bot_with_its_sentence(
    runner: Runner, code: int, log: pytest.LogCaptureFixture
) -> None:
    async with Proxy.open(runner.play.world.address, random.Random(0)) as proxy:
        runner.settings = replace(
            runner.settings, discord=DiscordSettings(api=proxy.api_url, ready_timeout=0.0)
        )
        async with runner.running() as bot:
            await runner.play.wait_for_bot(WAIT)
            pressed = [await runner.play.person("ada").slash("gallery", "queue") for _ in range(5)]
            await proxy.close_gateway(code)
            with pytest.raises(GatewayRefused, match=f"close code {code}"):
                await bot
            await asyncio.gather(*(each.wait_for_answer() for each in pressed))
    assert " bug " not in log.text
    assert "starts again" not in log.text


async def test_jobs_end_before_the_connection_that_they_use_and_go_on_at_the_next_start(
    runner: Runner, gate: Gate, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    closed_at, really_close = list[bool](), connection.close

    async def close(client: Atelier) -> None:
        closed_at.append(client.delivery.is_idle)
        await really_close(client)

    for module in (app, connection):
        monkeypatch.setattr(module, "close", close)
    api = runner.settings.discord
    async with Proxy.open(runner.play.world.address, random.Random(0)) as proxy:
        runner.settings = replace(runner.settings, discord=replace(api, api=proxy.api_url))
        async with runner.running() as bot:
            await runner.play.wait_for_bot(WAIT)
            use = await runner.imagine(f"hold {gate}")
            await runner.card(use, lambda card: "%" in card.texts)
            await proxy.close_gateway(4013)
            with pytest.raises(GatewayRefused):
                await bot
    assert closed_at == [True], "no job was left when the connection was closed"
    gate.open()
    runner.settings = replace(runner.settings, discord=api)
    async with runner.running():
        assert is_gallery(await runner.card(use, is_gallery))
    reader = runner.parts[0].reader
    assert await reader.value("SELECT images - coalesce(refunded, 0) FROM spending") > 0
    assert " bug " not in log.text


@pytest.mark.parametrize("is_endless", [False, True])
async def test_answers_end_before_the_database_is_closed(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, is_endless: bool
) -> None:
    began, ended = asyncio.Event(), list[str]()

    async def slow(interaction: discord.Interaction[Atelier]) -> None:
        try:
            await interaction.response.defer(ephemeral=True)
            began.set()
            while is_endless or not interaction.client.is_closed():  # noqa: ASYNC110 - it is no event
                await asyncio.sleep(0.01)
            await runner.parts[0].reader.value("SELECT count(*) FROM jobs")
        finally:
            ended.append("answer")

    monkeypatch.setattr(queue.queue, "_callback", slow)
    monkeypatch.setattr(app, "_GRACE_SECONDS", 0.1)
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        await runner.play.person("ada").slash("gallery", "queue")
        await asyncio.wait_for(began.wait(), WAIT)
    assert ended == ["answer"]


async def test_an_odd_event_does_not_end_the_bot(runner: Runner, log: pytest.LogCaptureFixture) -> None:
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        await runner.card(await runner.imagine("a fox"), is_gallery)
        runner.play.gateway.dispatch("GUILD_CREATE", {"id": "no number"}, None)
        await until(lambda: "the bot starts again" in log.text)
        await runner.play.world.changed.wait_until(lambda: log.text.count("logged in as") == 2 or None, WAIT)
        assert is_gallery(await runner.card(await runner.imagine("a hare"), is_gallery))


async def test_an_odd_answer_does_not_end_a_background_task(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    sweep, swept = ModChannel._sweep_for_ever, asyncio.Event()  # pyright: ignore[reportPrivateUsage]
    tries = 0

    async def odd(self: ModChannel) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise TypeError("'NoneType' object is not subscriptable")
        swept.set()
        await sweep(self)

    monkeypatch.setattr(ModChannel, "_sweep_for_ever", odd)
    async with runner.running() as bot:
        await asyncio.wait_for(swept.wait(), WAIT)
        assert not bot.done()
    assert log.text.count("a background task failed and starts again") == 2


async def test_an_order_and_a_press_that_can_not_be_stored_in_time_get_a_sentence_and_cost_nothing(
    runner: Runner, log: pytest.LogCaptureFixture
) -> None:
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        gallery = await runner.card(await runner.imagine("a fox"), is_gallery)
        with closing(sqlite3.connect(runner.parts[0].path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            ordered = asyncio.create_task(runner.imagine("not now"))
            pressed = await runner.play.person("ada").click(gallery, label="V1")
            for use in (await ordered, pressed):
                message = await use.wait_for_message()
                assert message.is_ephemeral and "Try again in a moment" in message.texts
                assert "Nothing was charged" in message.texts
            other.execute("ROLLBACK")
        assert await runner.parts[0].reader.value("SELECT count(*) FROM jobs") == 1
        assert is_gallery(await runner.card(await runner.imagine("now"), is_gallery))
    assert " bug " not in log.text


async def test_a_clock_that_was_ahead_before_the_start_is_forgiven(
    runner: Runner, gate: Gate, log: pytest.LogCaptureFixture
) -> None:
    runner.settings = replace(runner.settings, limits=replace(runner.settings.limits, images_a_minute=4))
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        held = await runner.imagine(f"hold {gate}", images=4)
        await runner.card(held, lambda message: "%" in message.texts)
    database = runner.parts[0]
    async with database.transaction() as tx:
        for change in (
            "UPDATE jobs SET created_at = created_at + 40 * 86400, started_at = started_at + 40 * 86400",
            "UPDATE spending SET at = at + 40 * 86400",
            "UPDATE notes SET value = value + 40 * 86400 WHERE key = 'clock'",
        ):
            await tx.all(change)
    gate.open()
    async with runner.running():
        assert is_gallery(await runner.card(held, is_gallery))
        await until(lambda: "rows were written while the clock was ahead" in log.text)
        refused = await runner.imagine("one more")
        assert refused.message is not None
        assert re.search(r"for this minute. Try again in \d+ s", refused.message.texts), refused.message.texts
    assert await database.reader.value("SELECT max(at) <= unixepoch() + 1 FROM spending")


async def test_discords_clock_is_read_from_its_answers(runner: Runner) -> None:
    clock = connection.DiscordClock()
    assert clock() is None
    async with (
        aiohttp.ClientSession(trace_configs=[clock.trace]) as session,
        session.get(runner.play.page_url),
    ):
        pass
    theirs = clock()
    assert theirs is not None and abs(theirs - time.time()) < 30


# ---- the stop


async def test_a_stop_parks_what_runs_and_waits_says_so_and_the_next_start_goes_on(
    runner: Runner, gate: Gate, log: pytest.LogCaptureFixture
) -> None:
    runner.settings = replace(runner.settings, limits=replace(runner.settings.limits, images_a_minute=20))
    async with runner.running():
        await runner.play.wait_for_bot(WAIT)
        uses = [await runner.imagine(f"hold {gate}", images=4) for _ in range(3)]
        await runner.card(uses[0], lambda message: "%" in message.texts)
    shown = [use.message.texts for use in uses if use.message]
    assert all("is restarting" in text and "kept" in text for text in shown), shown
    assert all(use.message and use.message.component(label="Cancel") is None for use in uses)
    assert "TaskGroup" not in log.text and " bug " not in log.text
    gate.open()
    async with runner.running():
        galleries = [await runner.card(use, is_gallery) for use in uses]
    assert [each.id for each in galleries] == [use.message.id for use in uses if use.message]
    spent = await runner.parts[0].reader.value("SELECT sum(images - coalesce(refunded, 0)) FROM spending")
    assert spent == 12


async def test_an_order_during_a_stop_is_refused_with_a_sentence_and_costs_nothing(
    runner: Runner, gate: Gate, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    parked, may_end = asyncio.Event(), asyncio.Event()
    park = Dispatcher.park

    def noticed(self: Dispatcher) -> None:
        park(self)
        parked.set()

    async def slowly(self: Any, *arguments: Any) -> None:
        await may_end.wait()

    monkeypatch.setattr(Dispatcher, "park", noticed)
    async with runner.running() as bot:
        await runner.play.wait_for_bot(WAIT)
        held = await runner.imagine(f"hold {gate}")
        await runner.card(held, lambda message: "%" in message.texts)
        monkeypatch.setattr("bot.posted_message.PostedMessage.edit", slowly)  # its card takes its time
        runner.stop.set()
        await parked.wait()
        refused = await runner.imagine("too late")
        assert refused.message is not None and refused.message.is_ephemeral
        assert "is restarting" in refused.message.texts and "Nothing was charged" in refused.message.texts
        may_end.set()
        await bot
    assert await runner.parts[0].reader.value("SELECT count(*) FROM jobs") == 1
    assert await runner.parts[0].reader.value("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL") == 0
    assert " bug " not in log.text and "Traceback" not in log.text


async def test_a_stop_does_not_wait_long_for_a_discord_that_does_not_answer(
    runner: Runner, gate: Gate, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "_PARK_SECONDS", 0.1)

    async def never(self: Any, *arguments: Any) -> None:
        await asyncio.Event().wait()

    async with runner.running() as bot:
        await runner.play.wait_for_bot(WAIT)
        held = await runner.imagine(f"hold {gate}")
        await runner.card(held, lambda message: "%" in message.texts)
        monkeypatch.setattr("bot.posted_message.PostedMessage.edit", never)
        runner.stop.set()
        await bot
    assert "parked" in log.text and " bug " not in log.text
    left = "SELECT count(*) FROM jobs WHERE finished_at IS NULL"
    assert await runner.parts[0].reader.value(left) == 1
