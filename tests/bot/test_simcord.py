"""Tests the bot in simcord, an independent simulation of Discord that runs in this process with its own clock.

simcord refuses answers after three virtual seconds, tokens after fifteen virtual minutes, second answers, commands that are not
synced, and buttons that do not exist. It fails a test for an error that the bot swallowed.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord
from simcord import ChannelHandle, Env, GuildHandle, InteractionResult, MemberActor

from bot import app
from bot.client import Atelier
from bot.studio.cases.takedown import Takedown
from bot.studio.errors import EmptyPrompt, NoSuchJob, PromptRefused, UnknownParameter
from bot.studio.parts import build_parts
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import GenerationSettings, Settings
from db.database import Database
from db.repositories import Repositories
from generation.protocol import Configure
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from generation.request import MemberId, ModelEntry, ModelName
from moderation.pictures.check import PictureCheck
from moderation.pictures.registry import load_detectors
from moderation.prompts.filter import PromptFilter
from moderation.prompts.rules import load_rules
from moderation.rate_limits import Limits
from tests.bot.painter import COMMAND

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

SMALL = ModelEntry(
    name=ModelName("small"), source="tiny", licence="none", side=16, multiple=16, steps=10, max_steps=20
)
READER = replace(SMALL, name=ModelName("reader"), source="bundled", adapts_prompts=True)
"""A model with tables of words."""
Job = Coroutine[Any, Any, None]


@dataclass(slots=True, eq=False)
class Town:
    """simcord's world with the bot, a scripted worker, and three people."""

    env: Env
    database: Database
    records: Repositories
    settings: Settings
    dispatch: Dispatcher
    jobs: asyncio.Queue[Job]
    guild: GuildHandle
    channel: ChannelHandle
    ada: MemberActor
    ben: MemberActor
    mia: MemberActor

    async def imagine(
        self, prompt: str, person: MemberActor | None = None, **options: Any
    ) -> discord.Message:
        """Uses /imagine and returns the answer when the bot is idle."""
        result = await (person or self.ada).slash(self.channel, "imagine", prompt=prompt, **options)
        return said(result)

    async def click(
        self, message: discord.Message, custom_id: str, person: MemberActor | None = None
    ) -> InteractionResult:
        return await (person or self.ada).click(self.now(message), custom_id=custom_id)

    def now(self, message: discord.Message) -> discord.Message:
        """Returns the current state of the message."""
        return next(each for each in self.channel.history() if each.id == message.id)

    async def until_done(self, message: discord.Message) -> discord.Message:
        """Waits for jobs that outlast the bot's idle state, because the worker runs in real time."""
        await until(lambda: "atelier:1:vary" in ids(self.now(message)))
        return self.now(message)

    async def spent(self, person: MemberActor) -> int:
        return sum(each.images for each in await self.records.spending.since(MemberId(person.id), 0))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - another process changes the condition
            await asyncio.sleep(0.01)


def said(result: InteractionResult) -> discord.Message:
    assert result.acknowledged
    assert result.response is not None
    return result.response.message


def words(message: discord.Message) -> str:
    return str([each.to_dict() for each in message.components]) + message.content


def ids(message: discord.Message) -> str:
    return " ".join(re.findall(r"atelier:1:[\w:]+", words(message)))


def button(message: discord.Message, press: str, image: int = 0) -> str:
    found = re.search(rf"atelier:1:{press}:[a-z2-7]{{10}}:{image}", words(message))
    assert found, words(message)
    return found[0]


def new_bot(
    settings: Settings, records: Repositories, dispatch: Dispatcher, jobs: asyncio.Queue[Job]
) -> Atelier:
    parts = build_parts(
        settings,
        records,
        dispatch,
        PromptFilter(load_rules()),
        PictureCheck(load_detectors(("opennsfw",))),
        Provenance.open(settings.provenance, settings.data),
    )
    return app.build(parts, jobs.put_nowait)


@asynccontextmanager
async def town(folder: Path, **options: Any) -> AsyncGenerator[Town]:
    settings = Settings(
        data=folder,
        generation=GenerationSettings(default_model="small"),
        limits=Limits(images_a_minute=40),
        models=(SMALL, READER),
    )
    jobs: asyncio.Queue[Job] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(folder / "atelier.sqlite3"))
        records = Repositories.of(database, folder)
        dispatch = Dispatcher(
            Configure(models=settings.models, default=SMALL.name), [partial(open_connection, command=COMMAND)]
        )
        stack.push_async_callback(ended, asyncio.create_task(dispatch.run()))
        await dispatch.wait_for_ready()
        bot = new_bot(settings, records, dispatch, jobs)
        env = await stack.enter_async_context(simcord.run(bot, shard_count=1, **options))
        # simcord waits until every task of the bot is done or known to wait. A job waits for its worker, so jobs run here,
        # outside the tasks that simcord counts.
        stack.push_async_callback(ended, asyncio.create_task(carry(env, jobs)))
        guild = env.create_guild()
        moderators = guild.create_role("Moderators", permissions=discord.Permissions(manage_messages=True))
        yield Town(
            env=env,
            database=database,
            records=records,
            settings=settings,
            dispatch=dispatch,
            jobs=jobs,
            guild=guild,
            channel=guild.create_text_channel("gallery"),
            ada=guild.add_member(env.create_user("ada")),
            ben=guild.add_member(env.create_user("ben")),
            mia=guild.add_member(env.create_user("mia"), roles=[moderators]),
        )


async def carry(env: Env, jobs: asyncio.Queue[Job]) -> None:
    with env.time_context():
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(await jobs.get())


async def ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_prompt_becomes_a_gallery_in_the_same_message(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        card = await place.imagine("a fox")
        gallery = await place.until_done(card)
        assert len(gallery.attachments) == 1
        assert gallery.flags.components_v2
        assert [each for each in ("up", "vary") for i in range(4) if button(gallery, each, i)] == [
            "up"
        ] * 4 + ["vary"] * 4
        assert await place.spent(place.ada) == 4


async def test_every_command_is_answered_once_and_at_once(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        gallery = await place.until_done(await place.imagine("a fox"))
        job = button(gallery, "up").split(":")[3]
        begun = place.env.now()
        uses: list[tuple[MemberActor, str, dict[str, Any]]] = [
            (place.ada, "imagine", {"prompt": "a cat", "images": 1}),
            (place.ada, "imagine", {"prompt": ""}),
            (place.ada, "imagine", {"prompt": "a cat --sede 1"}),
            (place.ada, "imagine", {"prompt": "a nude woman"}),
            (place.ada, "history", {}),
            (place.ada, "queue", {}),
            (place.mia, "mod log", {}),
            (place.mia, "mod block", {"member": place.ben, "reason": "because"}),
            (place.mia, "mod unblock", {"member": place.ben}),
            (place.mia, "mod log-channel", {"channel": place.channel}),
            (place.mia, "mod cases", {}),
            (place.mia, "mod case", {"number": 1}),
            (place.mia, "mod stats", {}),
            (place.mia, "mod desk", {}),
            (place.mia, "mod warn", {"member": place.ben, "reason": "be kind"}),
            (place.mia, "mod strike", {"member": place.ben, "reason": "be kind"}),
            (place.mia, "mod pardon", {"number": 3, "reason": "mercy"}),
            (place.mia, "mod unban", {"member": place.ben, "reason": "mercy"}),
            (place.mia, "mod rule test", {"words": "clown"}),
            (place.mia, "mod rule add", {"name": "clowns", "words": "clown"}),
            (place.mia, "mod rule list", {}),
            (place.mia, "mod rule remove", {"name": "clowns"}),
            (place.mia, "mod raid", {"state": "off"}),
            (place.mia, "mod panic", {"mode": "open"}),
            (place.mia, "mod remove", {"picture": "aaaaaaaaaa"}),
            (place.mia, "mod remove", {"picture": job}),
        ]
        for person, name, options in uses:
            result = await person.slash(place.channel, name, **options)
            assert result.acknowledged, name
            assert not result.followups, name
            assert result.ephemeral == (options.get("prompt") != "a cat"), name
        assert (place.env.now() - begun).total_seconds() < 3
        # The command tree's error handler sees only refusals, no bugs.
        causes = [getattr(error, "original", error) for error in place.env.errors]
        assert [type(each) for each in causes] == [EmptyPrompt, UnknownParameter, PromptRefused, NoSuchJob]


async def test_models_are_offered_while_one_types(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        choices = await place.ada.autocomplete(place.channel, "imagine", "model", "SM", prompt="x")
        assert [each["value"] for each in choices] == ["small"]


async def test_a_prompt_is_completed_for_a_model_with_tables_and_is_offered_as_typed_first(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as place:

        async def offered(text: str, model: str) -> list[str]:
            choices = await place.ada.autocomplete(place.channel, "imagine", "prompt", text, model=model)
            return [each["value"] for each in choices]

        assert (await offered("two owls and a rac", "reader"))[:2] == [
            "two owls and a rac",
            "two owls and a raccoon",
        ]
        assert (await offered("", "reader"))[0] == "an owl"
        assert await offered("a fox --ar f", "reader") == ["a fox --ar f"]
        assert await offered("a fo", "small") == ["a fo"]
        assert await offered("", "small") == []
        assert await offered(f"{'x' * 98} fo", "reader") == []
        many = await offered("a", "reader")
        assert len(many) == 25
        assert all(text.startswith("a") for text in many)


async def test_every_button_is_answered_once(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        gallery = await place.until_done(await place.imagine("a fox"))
        for press in ("up", "vary", "reroll"):
            result = await place.click(gallery, button(gallery, press), place.ben)
            message = await place.until_done(said(result))
            assert message.id != gallery.id
            assert not result.followups
        refusal = await place.click(gallery, button(gallery, "delete"), place.ben)
        assert refusal.ephemeral
        assert "another member" in said(refusal).content
        result = await place.click(gallery, button(gallery, "delete"))
        assert result.acknowledged
        assert gallery.id not in [each.id for each in place.channel.history()]
        assert place.env.errors == []


async def test_an_unknown_prompt_costs_nothing_and_its_answer_offers_prompts_as_buttons(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as place:
        answer = await place.ada.slash(place.channel, "imagine", prompt="a samurai", model="reader")
        assert answer.ephemeral
        assert "I don't know `samurai`" in words(said(answer))
        assert await place.spent(place.ada) == 0
        offers = re.findall(r"atelier:1:try:[\w: -]+", words(said(answer)))
        assert len(offers) == 3
        pressed = await place.ada.click(said(answer), custom_id=offers[0])
        assert not pressed.ephemeral
        gallery = await place.until_done(said(pressed))
        assert offers[0].split(":")[3] in words(gallery)
        assert "reader" in words(gallery)
        assert await place.spent(place.ada) == 4
        assert place.env.errors == []


async def test_a_card_tells_what_is_drawn(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        card = words(await place.imagine("🦊❄️", model="reader", images=1))
        assert "Drawn as: a fox · snow." in card
        assert "A plain colour stands for the scene (snow)" in card


async def test_a_running_job_is_cancelled_with_its_button(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        card = await place.imagine(f"hold {tmp_path / 'gate'}")
        result = await place.click(card, button(card, "cancel"))
        assert result.acknowledged
        await until(lambda: "Cancelled" in words(place.now(card)))
        assert await place.spent(place.ada) == 0


async def test_a_result_that_comes_after_fifteen_minutes_reaches_its_message(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        gate = tmp_path / "gate"
        card = await place.imagine(f"hold {gate}", images=1)
        await place.env.advance_time(16 * 60)
        before = len(place.env.http_requests)
        gate.touch()
        gallery = await place.until_done(card)
        assert gallery.id == card.id
        paths = [each.path for each in place.env.http_requests[before:] if each.method == "PATCH"]
        assert paths[-1] == f"/channels/{place.channel.id}/messages/{card.id}"
        assert len(place.channel.history()) == 1


async def test_an_order_that_was_accepted_after_three_seconds_is_delivered_all_the_same(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, settle_timeout=0.5) as place:
        async with place.database.transaction():  # the disk is slow: no other task can write
            with pytest.raises(TimeoutError):
                await place.imagine("too slow", images=1)
            with pytest.raises(TimeoutError):
                await place.env.advance_time(4)
        await until(lambda: any("atelier:1:vary" in ids(each) for each in place.channel.history()))
        await place.env.settle(timeout=5)
        assert len(place.channel.history()) == 1
        assert await place.spent(place.ada) == 1


async def test_buttons_of_before_work_after_a_restart_and_commands_are_not_synced_again(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as place:
        gallery = await place.until_done(await place.imagine("a fox", images=1))
        await place.env.restart_bot(new_bot(place.settings, place.records, place.dispatch, place.jobs))
        puts = [each.path for each in place.env.http_requests if each.method == "PUT"]
        assert len(puts) == 1
        varied = await place.until_done(said(await place.click(gallery, button(gallery, "vary"), place.ben)))
        assert "variations of picture 1" in words(varied)
        assert place.env.errors == []


async def test_moderators_commands_are_for_moderators(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        gallery = await place.until_done(await place.imagine("a fox", images=1))
        assert "mod log" not in place.ada.available_commands(place.channel)
        with pytest.raises(simcord.SetupError):
            await place.ada.slash(place.channel, "mod log")
        panel = await place.mia.context_menu(place.channel, "Picture…", gallery)
        assert panel.ephemeral
        press = f"atelier:1:picture-remove:{gallery.id}:0"
        result = await place.mia.click(said(panel), custom_id=press)
        assert "Removed" in words(said(result))
        assert gallery.id not in [each.id for each in place.channel.history()]


async def test_a_bug_is_told_with_a_reference_and_not_swallowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("no bug that anybody knows")

    async with town(tmp_path) as place:
        gallery = await place.until_done(await place.imagine("a fox", images=1))
        monkeypatch.setattr(Takedown, "remove", broken)
        result = await place.click(gallery, button(gallery, "delete"))
        told = said(result)
        assert told.flags.ephemeral
        reference = re.search(r"`(\w{8})`", told.content)
        assert reference, told.content
        assert reference[1] in caplog.text
