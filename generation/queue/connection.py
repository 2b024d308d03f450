"""The bot's end of one worker process: orders in, events out, and the news of its death. No jobs, no retries.

Silence is measured in unanswered pings, not by the clock, so that a bot which was itself held up does not
blame the worker. A loop that stands still while its process answers is told by the worker itself.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from generation.protocol import (
    MAX_FRAME,
    Configure,
    Event,
    Message,
    Ping,
    Pong,
    Stop,
    Vitals,
    decode_event,
    frame,
)

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "generation.worker")
PING_SECONDS = 5.0
STOP_SECONDS = 5.0
"""How long a worker may take to end after Stop, and its pipes to close after a kill."""

_PROJECT = Path(__file__).resolve().parents[2]
_BUFFER = 2**20  # bytes: of megabytes of pictures, the default of 64 KiB wakes the loop for every piece


@dataclass(eq=False)
class WorkerDied(Exception):
    """The process is gone, by itself, by somebody's signal, or killed here for silence or nonsense."""

    exit_code: int | None  # negative: the signal's number; None: it could not be started or outlived its kill
    reason: str  # for the log


@dataclass(eq=False)
class OrderTooLarge(Exception):
    """Would be a broken stream at the other end; nothing was sent."""

    size: int  # bytes


Listener = Callable[[Event | WorkerDied], None]
"""Hears everything first, pongs and vitals included."""


@asynccontextmanager
async def open_connection(
    configure: Configure,
    *,
    command: Sequence[str] | None = None,
    patience: float = 120,
    ping_seconds: float = PING_SECONDS,
    listen: Listener = lambda news: None,
) -> AsyncGenerator[WorkerConnection, None]:
    """Starts a worker and configures it; leaving stops it. Raises WorkerDied where it cannot be started.

    patience: seconds without an event or an answer to a ping, or without a turn of its loop while there is work, after which
    the worker counts as hung.
    The worker's stderr is the bot's own.
    """
    try:
        # A session of its own: Ctrl-C in the terminal reaches the bot alone, which then stops the worker.
        process = await asyncio.create_subprocess_exec(
            *(command or COMMAND),
            stdin=PIPE,
            stdout=PIPE,
            cwd=_PROJECT,
            limit=_BUFFER,
            start_new_session=True,
        )
    except OSError as refusal:
        raise WorkerDied(exit_code=None, reason=f"cannot be started: {refusal}") from refusal
    connection = WorkerConnection(
        process, patience=patience, ping_seconds=min(ping_seconds, patience / 2), listen=listen
    )
    try:
        connection.send(configure)
        yield connection
    finally:
        await connection.stop()


class Connection(Protocol):
    """A worker, as far as jobs go: `WorkerConnection`, or one in this process."""

    def send(self, order: Message) -> None: ...
    async def receive(self) -> Event: ...


class WorkerConnection:
    """Made by `open_connection`. One task receives; anybody on the event loop sends."""

    def __init__(self, process: Process, *, patience: float, ping_seconds: float, listen: Listener) -> None:
        assert process.stdin is not None and process.stdout is not None  # PIPE above
        self._process, self._orders, self._events = process, process.stdin, process.stdout
        self._patience, self._ping_seconds, self._listen = patience, ping_seconds, listen
        self._silence = 0.0  # seconds
        self._pings = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: Message) -> None:
        """Never waits. To a dead worker it is lost; `receive` tells of the death. Raises OrderTooLarge."""
        content = frame(order)
        if len(content) - 4 > MAX_FRAME:
            raise OrderTooLarge(len(content))
        if not self._orders.is_closing():
            self._orders.write(content)

    async def receive(self) -> Event:
        """The next event, pongs left out. Raises WorkerDied, once and for all."""
        while True:
            try:
                size = int.from_bytes(await self._read(4), "big")
                if size > MAX_FRAME:
                    raise await self._death(f"announced a frame of {size} bytes")
                event = decode_event(await self._read(size))
            except asyncio.IncompleteReadError:
                raise await self._death("ended", grace=STOP_SECONDS) from None
            except msgspec.MsgspecError as nonsense:
                raise await self._death(f"sent what is no event: {nonsense}") from nonsense
            self._silence = 0.0
            self._listen(event)
            if isinstance(event, Vitals) and event.silent_seconds >= self._patience:
                raise await self._death(f"its loop has stood still for {event.silent_seconds:.0f} s")
            if not isinstance(event, Pong):
                return event

    async def stop(self) -> None:
        """Stop, five seconds, kill. Whatever the worker still says is thrown away."""
        self.send(Stop())
        await self._end(grace=STOP_SECONDS)

    async def _read(self, size: int) -> bytes:
        while True:
            try:
                async with asyncio.timeout(self._ping_seconds):
                    # Cut off, it leaves what has come in the buffer.
                    return await self._events.readexactly(size)
            except TimeoutError:
                self._silence += self._ping_seconds
                if self._silence >= self._patience:
                    raise await self._death(f"silent for {self._silence:.0f} s") from None
                self._pings += 1
                self.send(Ping(number=self._pings))

    async def _death(self, reason: str, grace: float = 0.0) -> WorkerDied:
        await self._end(grace)
        death = WorkerDied(exit_code=self._process.returncode, reason=reason)
        self._listen(death)
        return death

    async def _end(self, grace: float) -> None:
        """Waits `grace` seconds for the process to end by itself, then kills it."""
        self._orders.close()
        try:
            async with asyncio.timeout(grace):
                await self._drain()
            return
        except TimeoutError:
            pass
        finally:
            # Also when cancelled meanwhile: no way out of here leaves the process running.
            with suppress(ProcessLookupError):
                self._process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._drain()

    async def _drain(self) -> None:
        """Until the process has ended. An unread pipe would keep both it and `wait` from ending."""
        while await self._events.read(_BUFFER):
            pass
        await self._process.wait()
