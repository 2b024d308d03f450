"""A gateway session and its connection: numbering, compression, and the events that can be replayed."""

import asyncio
import importlib
import json
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from playground.world.values import Json, as_dicts

DISPATCH = 0
MOST_REPLAYED = 1000  # events that a session keeps for a resume


Compressor = Callable[[str], bytes]


def compressor(name: str | None) -> Compressor | None:
    """Returns a compressor: one stream for the whole connection, with a flush after every message.

    Returns None for text frames, which every client accepts. zstd also gives None when this Python has no zstd module.
    """
    if name == "zlib-stream":
        deflate = zlib.compressobj()
        return lambda text: deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH)
    if name == "zstd-stream":
        try:
            zstd: Any = importlib.import_module("compression.zstd")  # in the standard library since 3.14
        except ModuleNotFoundError:
            return None
        stream = zstd.ZstdCompressor()
        return lambda text: stream.compress(text.encode(), stream.FLUSH_BLOCK)
    return None


@dataclass(slots=True, eq=False)
class Connection:
    """One WebSocket. Frames are sent in the order in which they were queued."""

    socket: web.WebSocketResponse
    compress: Compressor | None
    queue: asyncio.Queue[Json | None] = field(default_factory=asyncio.Queue[Json | None])
    is_dropped: bool = False  # closed by the playground, not by the client

    def send(self, op: int, data: Any = None) -> None:
        """Queues a frame that is not an event: it has no sequence number and can't be replayed."""
        self.queue.put_nowait({"op": op, "d": data, "s": None, "t": None})

    async def pump(self) -> None:
        while (frame := await self.queue.get()) is not None:
            text = json.dumps(frame, ensure_ascii=False)
            try:
                if self.compress is None:
                    await self.socket.send_str(text)
                else:
                    await self.socket.send_bytes(self.compress(text))
            except ConnectionError:
                return


@dataclass(slots=True, eq=False, kw_only=True)
class Session:
    """A gateway session, started by IDENTIFY. It continues after a lost connection until the time to resume is over."""

    id: str
    intents: int
    shard: tuple[int, int]
    connection: Connection | None
    seq: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=MOST_REPLAYED))
    lost_at: float | None = None  # the event loop's clock
    activity: str | None = None

    def dispatch(self, name: str, body: Json) -> Json:
        self.seq += 1
        frame: Json = {"op": DISPATCH, "t": name, "s": self.seq, "d": body}
        self.sent.append(frame)
        if self.connection is not None:
            self.connection.queue.put_nowait(frame)
        return frame

    def wants(self, guild_id: int | None) -> bool:
        index, count = self.shard
        return (0 if guild_id is None else (guild_id >> 22) % count) == index


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of the gateway."""

    session_id: str | None
    is_from_bot: bool
    body: Json


def activity_of(presence: Json) -> str | None:
    """Returns the text of a presence that people see under the bot's name."""
    activities = as_dicts(presence.get("activities") or [presence.get("game") or {}])
    for activity in activities:
        kind, name = activity.get("type", 0), activity.get("name")
        if kind == 4:
            return activity.get("state")
        if name:
            verbs = {0: "Playing", 1: "Streaming", 2: "Listening to", 3: "Watching", 5: "Competing in"}
            return f"{verbs.get(kind, 'Playing')} {name}"
    return None
