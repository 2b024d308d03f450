"""The bot's end of the connection to one worker process: sends orders, receives events, and reports its death. No jobs, no
retries.

Silence is measured in unanswered pings, not by the clock. So a bot that was itself delayed does not blame the worker. If the
worker's process answers but its loop hangs, the worker itself reports that.
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
    Finished,
    Message,
    Picture,
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
"""Seconds that a worker may take to end after Stop, and that its pipes may take to close after a kill."""

_PROJECT = Path(__file__).resolve().parents[2]
_BUFFER = 2**20  # bytes: pictures have megabytes, and the default of 64 KiB wakes the loop too often


@dataclass(eq=False)
class WorkerDied(Exception):
    """The process ended: by itself, by a signal from outside, or killed here for silence or for invalid data."""

    exit_code: int | None  # negative: the signal's number; None: it could not be started or outlived its kill
    reason: str  # for the log


Listener = Callable[[Event | WorkerDied], None]
"""A function that receives every event first, pongs and vitals included."""


@asynccontextmanager
async def open_connection(
    configure: Configure,
    *,
    command: Sequence[str] | None = None,
    patience: float = 120,
    ping_seconds: float = PING_SECONDS,
    listen: Listener = lambda news: None,
) -> AsyncGenerator[WorkerConnection, None]:
    """Starts a worker and configures it; stops it when the block ends. Raises WorkerDied if it can't be started.

    `patience`: seconds after which the worker counts as hung. They count without an event or an answer to a ping, or while its
    loop has work but does not complete a turn. The worker's stderr is the bot's own.
    """
    try:
        # A separate session: Ctrl-C in the terminal then reaches only the bot, which stops the worker.
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
    """A worker as the code for jobs sees it: a `WorkerConnection`, or a worker in this process."""

    def send(self, order: Message) -> None: ...
    async def receive(self) -> Event: ...


class WorkerConnection:
    """A connection made by `open_connection`. One task receives; any task on the event loop may send."""

    def __init__(self, process: Process, *, patience: float, ping_seconds: float, listen: Listener) -> None:
        assert process.stdin is not None and process.stdout is not None  # PIPE above
        self._process, self._orders, self._events = process, process.stdin, process.stdout
        self._patience, self._ping_seconds, self._listen = patience, ping_seconds, listen
        self._pictures: list[bytes] = []  # of the next Finished
        self._silence = 0.0  # seconds
        self._pings = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: Message) -> None:
        """Sends an order without waiting. An order to a dead worker is lost; `receive` reports the
        death. Raises TooLarge.
        """
        content = frame(order)
        if not self._orders.is_closing():
            self._orders.write(content)

    async def receive(self) -> Event:
        """Returns the next event, except pongs. Raises WorkerDied, after which it must not be called again."""
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
            match event:
                case Picture(content=content):
                    self._pictures.append(content)
                    continue
                case Finished():
                    event = msgspec.structs.replace(event, pictures=tuple(self._pictures))
                    self._pictures.clear()
                case _:
                    pass
            self._listen(event)
            if isinstance(event, Vitals) and event.silent_seconds >= self._patience:
                raise await self._death(f"its loop has stood still for {event.silent_seconds:.0f} s")
            if not isinstance(event, Pong):
                return event

    async def stop(self) -> None:
        """Sends Stop, waits STOP_SECONDS, then kills the process. Later events of the worker are discarded."""
        self.send(Stop())
        await self._end(grace=STOP_SECONDS)

    async def _read(self, size: int) -> bytes:
        while True:
            try:
                async with asyncio.timeout(self._ping_seconds):
                    # A read that times out leaves the received bytes in the buffer.
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
            # Also when this task is cancelled in the meantime: the process must never keep running.
            with suppress(ProcessLookupError):
                self._process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._drain()

    async def _drain(self) -> None:
        """Waits until the process has ended. Reads its pipe too: a full pipe would keep both the process
        and `wait` from ending.
        """
        while await self._events.read(_BUFFER):
            pass
        await self._process.wait()
