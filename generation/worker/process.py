"""The process that owns the device: reads frames from stdin, writes frames to stdout, and runs the loop in between.

The bot may be killed at any moment and start a new worker. So the end of stdin ends this process immediately, even during a step.
It stores nothing of importance.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from generation.logs import open_log
from generation.protocol import MAX_FRAME, Configure, Event, Order, Ping, Pong, Stop, decode_order, frames
from generation.worker.heartbeat import VitalsReporter

if TYPE_CHECKING:
    from generation.worker.loop import Loop

log = logging.getLogger(__name__)

BROKEN_STREAM = 3
"""Exit code: the input was not a valid order."""


class Outlet:
    """A sender of events to the bot, from any thread, one frame at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Raises TooLarge."""
        content = frames(event)
        try:
            with self._lock:
                for one in content:
                    self._stream.write(one)
                self._stream.flush()
        except BrokenPipeError:
            os._exit(0)  # the bot has closed the pipe


def take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Returns the two streams for frames. Afterwards all other output of this process goes to stderr, and stdin is empty."""
    frames_in, frames_out = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return os.fdopen(frames_in, "rb"), os.fdopen(frames_out, "wb")


def read_orders(stream: BinaryIO, orders: SimpleQueue[Order], outlet: Outlet) -> None:
    """Reads orders on a separate thread, so that pings are answered during a step."""
    while len(head := stream.read(4)) == 4:
        length = int.from_bytes(head, "big")
        if length > MAX_FRAME:
            log.error("a frame of %d bytes", length)
            os._exit(BROKEN_STREAM)
        body = stream.read(length)
        if len(body) < length:
            break
        try:
            order = decode_order(body)
        except msgspec.MsgspecError:
            log.exception("no order in a frame of %d bytes", length)
            os._exit(BROKEN_STREAM)
        match order:
            case Ping(number=number):
                outlet.tell(Pong(number=number))
            case Stop():
                os._exit(0)
            case Configure():
                open_log(order.log_format, order.log_level, file=order.log_file)
                orders.put(order)
            case _:
                orders.put(order)
    os._exit(0)


MakeLoop = Callable[[SimpleQueue[Order], Callable[[Event], None]], "Loop"]


def ordinary(orders: SimpleQueue[Order], tell: Callable[[Event], None]) -> Loop:
    # Imported here, because importing torch takes seconds, and pings and the end of stdin must be noticed meanwhile.
    from generation.worker.loop import Loop
    from generation.worker.models.loading import limit_threads

    limit_threads()
    return Loop(orders, tell)


def main(make: MakeLoop = ordinary) -> None:
    """Runs the worker process. `make`: lets tests use a loop that fails on purpose."""
    # Ctrl-C reaches the whole process group, but the bot decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    frames_in, frames_out = take_streams()
    open_log("text", "info")  # until Configure arrives
    orders: SimpleQueue[Order] = SimpleQueue()
    outlet = Outlet(frames_out)
    threading.Thread(target=read_orders, args=(frames_in, orders, outlet), daemon=True, name="orders").start()
    # Without this, transformers warns that torchvision is missing. Nothing here needs torchvision.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    loop = make(orders, outlet.tell)
    VitalsReporter(loop.heartbeat, loop.tally, outlet.tell).start()
    loop.run()
