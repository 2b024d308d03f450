"""The bot's own parts without Discord, with a worker that has random faults, and orders for it."""

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from benchmarks.soak.outcome import Soaked
from bot.studio.orders.order import Actor, Order
from bot.studio.parts import build_parts
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import GenerationSettings, Settings
from bot.studio.studio import Studio
from db.database import Database
from db.jobs import JobAction, PictureSource
from db.repositories import Repositories
from generation.protocol import Configure
from generation.queue.connection import WorkerConnection, open_connection
from generation.queue.dispatcher import Dispatcher
from generation.request import Drawing, ImageSize, MemberId, ModelEntry, ModelName, Prompt
from moderation.pictures.check import PictureCheck
from moderation.pictures.registry import load_detectors
from moderation.prompts.filter import PromptFilter
from moderation.prompts.rules import load_rules
from moderation.rate_limits import Limits
from tests.generation.saboteur import COMMAND

TINY = ModelName("tiny")
SIDE = 64
MEMBERS = 12
SLOTS = 8
MEMORY, ALONE = 0.05, 0.001  # probabilities of an out-of-memory error: for a batch, and for a single picture

# Words instead of numbers, because the filter refuses some numbers for good reasons.
WORDS = (
    [
        "red",
        "blue",
        "green",
        "golden",
        "silver",
        "white",
        "tiny",
        "tall",
        "round",
        "sleepy",
        "happy",
        "quiet",
    ],
    [
        "fox",
        "apple",
        "teapot",
        "lantern",
        "boat",
        "owl",
        "mushroom",
        "castle",
        "cactus",
        "robot",
        "cloud",
        "bicycle",
    ],
    ["by", "on", "under", "above", "behind", "beside"],
    [
        "hills",
        "waves",
        "trees",
        "stars",
        "bridges",
        "rivers",
        "meadows",
        "dunes",
        "clouds",
        "glaciers",
        "lakes",
        "roads",
    ],
)


@asynccontextmanager
async def a_studio(
    folder: Path, database: Database, model: Path, soaked: Soaked, seed: int
) -> AsyncGenerator[tuple[Studio, list[WorkerConnection]]]:
    """Opens a studio with its own worker. Yields it with the connections to its workers; the last one is alive."""
    entry = ModelEntry(
        name=TINY, source=str(model), licence="none: random weights", side=SIDE, multiple=16, steps=4
    )
    configure = Configure(models=(entry,), default=TINY, slots=SLOTS, preview_seconds=0.5, log_level="error")
    links: list[WorkerConnection] = []

    @asynccontextmanager
    async def connect(configure: Configure) -> AsyncGenerator[WorkerConnection]:
        # gives each worker other faults than the previous one
        chances = ("--memory", str(MEMORY), "--alone", str(ALONE), "--seed", str(seed + len(links)))
        async with open_connection(
            configure, command=(*COMMAND, *chances), patience=60, listen=soaked.hear
        ) as link:
            links.append(link)
            yield link

    settings = Settings(
        data=folder,
        models=(entry,),
        generation=GenerationSettings(default_model=TINY, slots=SLOTS, max_waiting=10**6),
        limits=Limits(
            images_a_minute=10**6,
            images_a_day=10**6,
            jobs_in_line=10**6,
            free_cancels_a_day=10**6,
            refusals_an_hour=10**6,
        ),
    )
    dispatch = Dispatcher(configure, [connect], max_waiting=10**6)
    parts = build_parts(
        settings,
        Repositories.of(database, folder),
        dispatch,
        PromptFilter(load_rules()),
        PictureCheck(load_detectors(settings.pictures.detectors)),
        Provenance.open(settings.provenance, folder),
    )
    run = asyncio.create_task(dispatch.run())
    await dispatch.wait_for_ready()
    try:
        yield parts.studio, links
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run


def an_order(number: int, chance: random.Random) -> Order:
    member = MemberId(1000 + chance.randrange(MEMBERS))
    drawing: Drawing[PictureSource] = Drawing(
        prompt=Prompt(text=" ".join(chance.choice(words) for words in WORDS)),
        model=TINY,
        size=ImageSize(width=chance.choice((SIDE, SIDE, SIDE + 16)), height=SIDE),
        steps=chance.choice((1, 2, 4)),
        guidance=chance.choice((1.0, 4.0)),
        seed=number,
        images=chance.choice((1, 1, 2)),
    )
    actor = Actor(member=member, name="member", guild_id=1, channel_id=2)
    return Order(actor=actor, source="soak", action=JobAction.IMAGINE, drawing=drawing)


def build_model(folder: Path) -> Path:
    """Builds the model in a separate process, because the bot's process must not load torch when its memory is measured."""
    code = "import sys; from pathlib import Path; from tests.tiny_models import tiny_sd; tiny_sd(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    return folder
