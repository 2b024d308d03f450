"""The gateway's protocol, frame by frame."""

import json
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from playground.gateway.gateway import activity_of
from playground.server import Playground
from playground.world.values import Json

pytestmark = pytest.mark.timeout(20)

GUILDS, GUILD_MESSAGES, MESSAGE_CONTENT = 1, 1 << 9, 1 << 15


@pytest.fixture
async def play() -> AsyncGenerator[Playground, None]:
    async with Playground.open() as play:
        yield play


class Socket:
    def __init__(self, play: Playground, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.play = play
        self.raw = socket
        self._inflate = zlib.decompressobj()

    async def send(self, op: int, data: Any) -> None:
        await self.raw.send_json({"op": op, "d": data})

    async def next(self) -> Json:
        message = await self.raw.receive(timeout=5)
        if message.type is aiohttp.WSMsgType.BINARY:
            assert message.data.endswith(b"\x00\x00\xff\xff")
            return json.loads(self._inflate.decompress(message.data))
        return json.loads(message.data)

    async def identify(self, **more: Any) -> Json:
        """Sends IDENTIFY after HELLO and returns the body of READY."""
        assert (await self.next())["op"] == 10
        await self.send(2, {"token": self.play.token, "intents": GUILDS, "properties": {}} | more)
        ready = await self.next()
        assert ready["t"] == "READY"
        return ready["d"]

    async def closing_code(self) -> int | None:
        while not self.raw.closed:
            await self.raw.receive(timeout=5)
        return self.raw.close_code


@asynccontextmanager
async def connected(play: Playground, query: str = "") -> AsyncGenerator[Socket, None]:
    async with aiohttp.ClientSession() as session, session.ws_connect(play.gateway_url + query) as socket:
        yield Socket(play, socket)


async def test_a_session_begins_with_the_guild(play: Playground) -> None:
    async with connected(play, "?v=10&encoding=json&compress=zlib-stream") as socket:
        ready = await socket.identify(shard=[0, 1])
        assert ready["guilds"] == [{"id": str(play.world.guild.id), "unavailable": True}]
        created = await socket.next()
        assert (created["t"], created["s"]) == ("GUILD_CREATE", 2)
        assert [each["user"]["bot"] for each in created["d"]["members"]] == [True]
        await socket.send(1, 2)
        assert (await socket.next())["op"] == 11


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "wrong", "intents": 1}, 4004),
        (2, {"token": "TOKEN", "intents": 1, "shard": [2, 1]}, 4010),
        (3, {"status": "online"}, 4003),
        (6, {"token": "wrong", "session_id": "x", "seq": 1}, 4004),
    ],
)
async def test_a_wrong_beginning_closes_the_connection(
    play: Playground, op: int, data: Json, code: int
) -> None:
    if data.get("token") == "TOKEN":
        data = data | {"token": play.token}
    async with connected(play) as socket:
        await socket.next()
        await socket.send(op, data)
        assert await socket.closing_code() == code


async def test_a_session_of_nobody_is_invalid(play: Playground) -> None:
    async with connected(play) as socket:
        await socket.next()
        await socket.send(6, {"token": play.token, "session_id": "nobody's", "seq": 1})
        invalid = await socket.next()
        assert (invalid["op"], invalid["d"]) == (9, False)
        await socket.send(2, {"token": play.token, "intents": 1})
        assert (await socket.next())["t"] == "READY"


async def test_what_was_missed_is_replayed_in_order(play: Playground) -> None:
    async with connected(play) as socket:
        session = (await socket.identify(intents=GUILDS | GUILD_MESSAGES))["session_id"]
        await socket.next()
        await play.drop_gateway()
        assert await socket.closing_code() == 4000
    await play.wait_until_offline(5)
    for text in ("one", "two"):
        await play.person("ada").say("gallery", text)
    async with connected(play) as socket:
        await socket.next()
        await socket.send(6, {"token": play.token, "session_id": session, "seq": 2})
        frames = [await socket.next() for _ in range(3)]
    assert [(each["t"], each["s"]) for each in frames] == [
        ("MESSAGE_CREATE", 3),
        ("MESSAGE_CREATE", 4),
        ("RESUMED", 5),
    ]


async def test_what_others_write_is_read_only_with_the_intent(play: Playground) -> None:
    for intents, content in ((GUILD_MESSAGES, ""), (GUILD_MESSAGES | MESSAGE_CONTENT, "hello")):
        async with connected(play) as socket:
            await socket.identify(intents=GUILDS | intents)
            await socket.next()
            await play.person("ada").say("gallery", "hello")
            created = await socket.next()
            assert (created["t"], created["d"]["content"]) == ("MESSAGE_CREATE", content)
            await play.person("ada").say("gallery", f"<@{play.world.bot.id}> look")
            assert (await socket.next())["d"]["content"].endswith("look")


async def test_a_shard_hears_of_its_own_guilds_only(play: Playground) -> None:
    home = (play.world.guild.id >> 22) % 2
    async with connected(play) as mine, connected(play) as other:
        assert (await mine.identify(shard=[home, 2]))["guilds"]
        assert not (await other.identify(shard=[1 - home, 2]))["guilds"]


@pytest.mark.parametrize(
    ("presence", "words"),
    [
        ({"activities": [{"type": 4, "name": "Custom Status", "state": "3 in line"}]}, "3 in line"),
        ({"activities": [{"type": 0, "name": "chess"}]}, "Playing chess"),
        ({"activities": [{"type": 3, "name": "you"}]}, "Watching you"),
        ({"activities": []}, None),
        ({"game": {"type": 2, "name": "rain"}}, "Listening to rain"),
    ],
)
def test_a_presence_is_put_into_words(presence: Json, words: str | None) -> None:
    assert activity_of(presence) == words
