"""Open pages: each hears of what its person may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from aiohttp import WSMsgType, web

from playground.world.values import Json
from playground.world.world import Event, World


class Viewers:
    """`frame_for` says what a person's page is told of an event; None for nothing."""

    def __init__(self, world: World, frame_for: Callable[[Event, int], Json | None]) -> None:
        self._frame_for = frame_for
        self._queues: dict[asyncio.Queue[Json], int] = {}
        world.listeners.append(self._hear)

    def _hear(self, event: Event) -> None:
        for queue, user_id in self._queues.items():
            frame = self._frame_for(event, user_id)
            if frame is not None:
                queue.put_nowait(json.loads(json.dumps(frame)))

    async def serve(self, socket: web.WebSocketResponse, user_id: int) -> None:
        queue: asyncio.Queue[Json] = asyncio.Queue()
        self._queues[queue] = user_id

        async def send() -> None:
            while True:
                await socket.send_json(await queue.get())

        sender = asyncio.create_task(send())
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    break
        finally:
            sender.cancel()
            del self._queues[queue]
