"""A worker in this process that sends the test's events and records the orders it receives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from generation.protocol import Cancel, Configure, Event, Finished, Generate, Message, Ready
from generation.queue.connection import WorkerDied
from generation.request import JobId


class ScriptedWorker:
    def __init__(self) -> None:
        self.orders: list[Message] = []
        self._events = asyncio.Queue[Event | WorkerDied]()

    @asynccontextmanager
    async def connect(self, _: Configure) -> AsyncGenerator[ScriptedWorker]:
        yield self

    def send(self, order: Message) -> None:
        self.orders.append(order)

    async def receive(self) -> Event:
        event = await self._events.get()
        if isinstance(event, WorkerDied):
            raise event
        return event

    async def say(self, *events: Event | WorkerDied) -> None:
        """Sends events and returns when they were received. After a death the worker is started again."""
        for event in events:
            self._events.put_nowait(event)
        while not self._events.empty():  # noqa: ASYNC110  # an empty queue is not an event
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def be_ready(self) -> None:
        await self.say(Ready(device="none", seconds=0.0))

    async def finish(self, job: str, device_seconds: float = 1.0) -> None:
        await self.say(Finished(job=JobId(job), pictures=(), device_seconds=device_seconds))

    @property
    def got(self) -> list[str]:
        return [order.request.job for order in self.orders if isinstance(order, Generate)]

    @property
    def cancelled(self) -> list[str]:
        return [order.job for order in self.orders if isinstance(order, Cancel)]
