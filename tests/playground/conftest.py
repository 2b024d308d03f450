"""A playground for a test, its judge, and the real discord.py client connected to it."""

from collections.abc import AsyncGenerator, Callable

import discord.gateway
import discord.http
import pytest
import yarl

from playground.server import Playground
from tests.openapi import DESCRIPTION, Judge
from tests.playground.little_bot import LittleBot, running


class Time:
    """A clock that tests may advance."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Playground], None]:
    """Connects discord.py to a playground. Also covers new sessions, which start at the default gateway."""

    def point(play: Playground) -> None:
        monkeypatch.setattr(discord.http.Route, "BASE", play.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(play.gateway_url))

    return point


@pytest.fixture
async def play(
    judge: Judge, time: Time, point_at: Callable[[Playground], None]
) -> AsyncGenerator[Playground, None]:
    """A playground whose whole traffic is checked at the end when the description is available."""
    async with Playground.open(observer=judge.observer, clock=time) as play:
        point_at(play)
        yield play
    if DESCRIPTION.is_file() and judge.exchanges:
        judge.verify()


@pytest.fixture
async def bot(play: Playground) -> AsyncGenerator[LittleBot, None]:
    async with running(play) as bot:
        yield bot
