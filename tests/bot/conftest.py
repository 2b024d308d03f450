"""A studio over a real database, the shipped rules, and a scripted worker process controlled by the prompt."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import build
from bot.client import Atelier
from bot.studio.cases.appeals import CaseAppeals
from bot.studio.cases.cases import Decision
from bot.studio.orders.order import Actor, Gallery, Moderator, Order
from bot.studio.parts import Parts, build_parts
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import (
    DiscordSettings,
    GenerationSettings,
    PicturesSettings,
    ProvenanceSettings,
    Settings,
)
from db.cases import Outcome
from db.database import Database
from db.jobs import Job, JobAction, ReplyTarget
from db.policies import Scope, ScopeKind
from db.repositories import Repositories
from db.verdicts import VerdictRecord
from generation.protocol import Configure
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import GenerationFailed, Running, Ticket
from generation.request import MemberId, ModelEntry, ModelName
from moderation.pictures.check import PictureCheck
from moderation.pictures.registry import load_detectors
from moderation.prompts.filter import PromptFilter
from moderation.prompts.rules import load_rules
from moderation.rate_limits import Limits
from playground.server import Playground
from tests.bot.painter import COMMAND
from tests.drawings import drawing
from tests.openapi import DESCRIPTION, Judge

GUILD, CHANNEL = 197038439483310086, 197038439483310087
ADA = Actor(member=MemberId(80351110224678912), name="ada", guild_id=GUILD, channel_id=CHANNEL)
BEN = replace(ADA, member=MemberId(80351110224678913), name="ben")
MIA = Moderator(member=MemberId(80351110224678914), name="mia", guild_id=GUILD, channel_id=CHANNEL)
ADULTS = Scope(guild_id=GUILD, kind=ScopeKind.AGE_RESTRICTED)
SMALL = ModelEntry(
    name=ModelName("small"),
    source="bundled",
    licence="MIT",
    side=64,
    multiple=16,
    steps=10,
    max_steps=20,
    schedulers=("UniPC", "DPM++ 2M Karras"),
)
LARGE = replace(SMALL, name=ModelName("large"), side=1024, multiple=64, steps=30, guidance=5.0, schedulers=())


class Clock:
    """Unix seconds that only tests change."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def unwatched(ticket: Ticket) -> None:
    """Ignores the ticket: no task watches the job."""


def an_order(text: str = "a fox", actor: Actor = ADA, **changes: Any) -> Order:
    """Builds an order. `changes` holds fields of the order and of its drawing."""
    others = {name: changes.pop(name) for name in ("source", "action") if name in changes}
    usual: dict[str, Any] = {"model": SMALL.name, "seed": 1000, "images": 2}
    drawn = drawing(text, **usual | changes)
    order = Order(actor=actor, source="/imagine", action=JobAction.IMAGINE, drawing=drawn)
    return replace(order, **others)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shop(Parts):
    """All parts that know nothing about Discord, wired as in the bot."""

    clock: Clock  # pyright: ignore[reportIncompatibleMethodOverride]  # a callable too, which a test can move

    def reviewed(self) -> list[VerdictRecord]:
        """Returns the verdicts queued for moderators since the last call; of a member's, the newest."""
        return [each.newest for each in self.review_queue.take_all()]

    async def admit(self, order: Order) -> Job:
        place = ReplyTarget(guild_id=order.actor.guild_id, channel_id=order.actor.channel_id, token="a token")
        return await self.studio.admit(order, place)

    async def draw(self, text: str = "a fox", actor: Actor = ADA, **changes: Any) -> Gallery:
        return await self.fulfil(await self.admit(an_order(text, actor, **changes)))

    async def fulfil(self, job: Job) -> Gallery:
        return await self.studio.fulfil(job, unwatched)

    async def refused(self, text: str, **changes: Any) -> tuple[Job, str]:
        """Admits an order whose pictures are all refused. Returns the job and the kind of its failure."""
        job = await self.admit(an_order(text, **changes))
        with pytest.raises(GenerationFailed) as failure:
            await self.fulfil(job)
        return await self.job(job), failure.value.kind

    async def job(self, job: Job) -> Job:
        """Returns the job from the database."""
        found = await self.records.jobs.get(job.id)
        assert found is not None
        return found

    async def block(self, actor: Actor, reason: str = "spam", seconds: float | None = None) -> None:
        decision = Decision(outcome=Outcome.BLOCK, reason=reason, seconds=seconds)
        await self.casework.sanction(MIA, actor.member, actor.name, decision)

    async def spent(self, actor: Actor = ADA) -> int:
        return sum(spend.images for spend in await self.records.spending.since(actor.member, 0))

    async def log(self, guild_id: int | None = GUILD) -> list[VerdictRecord]:
        return await self.records.verdicts.page(guild_id)

    @asynccontextmanager
    async def running(self, job: Job) -> AsyncGenerator[asyncio.Task[Gallery]]:
        """Yields the job's fulfilment once the worker has started the job."""
        tickets: asyncio.Queue[Ticket] = asyncio.Queue()
        task = asyncio.create_task(self.studio.fulfil(job, tickets.put_nowait))
        async for progress in await tickets.get():
            if isinstance(progress, Running):
                break
        try:
            yield task
        finally:
            await ended(task)


class Gate:
    """A gate file that releases a held job: `f"hold {gate}"`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def open(self) -> None:
        self._path.touch()


async def ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # another task or process changes the condition
        await asyncio.sleep(0.002)


@pytest.fixture(scope="session")
def screen() -> PromptFilter:
    return PromptFilter(load_rules())


@pytest.fixture(scope="session")
def pictures() -> PictureCheck:
    return PictureCheck(load_detectors(PicturesSettings().detectors))


@pytest.fixture(scope="session")
def provenance(tmp_path_factory: pytest.TempPathFactory) -> Provenance:
    """Provenance with a certificate created as at the first start."""
    return Provenance.open(ProvenanceSettings(), tmp_path_factory.mktemp("provenance"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        models=(SMALL, LARGE),
        generation=GenerationSettings(default_model=SMALL.name, retries=1),
        limits=Limits(images_a_minute=8, images_a_day=20, jobs_in_line=3),
    )


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with Database.open(tmp_path / "atelier.sqlite3") as database:
        yield database


@pytest.fixture
def open_shop(
    database: Database, clock: Clock, screen: PromptFilter, pictures: PictureCheck, provenance: Provenance
) -> Callable[[Settings], Shop]:
    """Returns a function that builds a shop as after a start with these settings. Its worker is not running."""

    def opened(settings: Settings) -> Shop:
        records = Repositories.of(database, settings.data)
        configure = Configure(models=(), default=settings.default_model.name, slots=4)
        dispatch = Dispatcher(
            configure,
            [partial(open_connection, command=COMMAND)],
            max_waiting=settings.generation.max_waiting,
            retries=settings.generation.retries,
        )
        parts = build_parts(settings, records, dispatch, screen, pictures, provenance, clock=clock)
        return Shop(**{each.name: getattr(parts, each.name) for each in fields(parts)})

    return opened


@pytest.fixture
def shop(open_shop: Callable[[Settings], Shop], settings: Settings) -> Shop:
    """A shop that accepts orders but has no worker."""
    return open_shop(settings)


@pytest.fixture
async def strict(shop: Shop) -> Shop:
    """A shop whose server requires two moderators for a ban."""
    await shop.desk_settings.set_second_for_bans(replace(MIA, is_senior=True), True)
    return shop


@pytest.fixture
def appeals(shop: Shop) -> CaseAppeals:
    return shop.appeals


@pytest.fixture
async def busy(shop: Shop) -> AsyncGenerator[Shop]:
    """A shop with a running worker."""
    work = asyncio.create_task(shop.dispatch.run())
    yield shop
    await ended(work)


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    # The path is part of a prompt, so it must not contain the test's name.
    return Gate(tmp_path_factory.mktemp("gate") / "open")


# ---- with Discord: the unmodified client against a local Discord


@pytest.fixture
async def play(monkeypatch: pytest.MonkeyPatch, judge: Judge) -> AsyncGenerator[Playground]:
    """A local Discord. Its traffic is checked at the end when Discord's description is available."""
    # `build` sets these for the whole process; here they are restored after the test.
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    async with Playground.open(observer=judge.observer) as play:
        yield play
    if DESCRIPTION.is_file() and judge.exchanges:
        judge.verify()


@pytest.fixture
def judge() -> Judge:
    return Judge()


def client_of(shop: Shop, play: Playground) -> Atelier:
    """Returns the bot's client, wired and connected to the playground but not logged in."""
    discord_settings = DiscordSettings(api=play.api_url, ready_timeout=0.0)
    settings = replace(shop.settings, discord=discord_settings)
    return build(replace(shop, settings=settings), asyncio.create_task)


@pytest.fixture
async def atelier(shop: Shop, play: Playground) -> AsyncGenerator[Atelier]:
    """The bot's client, logged in and connected."""
    async with client_of(shop, play) as client:
        await client.login(play.token)
        connection = asyncio.create_task(client.connect())
        await client.wait_until_ready()
        # Comparing the servers cancels the orders of those that the bot is not in, and tests order in such servers.
        await asyncio.gather(
            *(each for each in asyncio.all_tasks() if each.get_name() == "discord.py: on_ready")
        )
        yield client
        await client.close()
        await ended(connection)
