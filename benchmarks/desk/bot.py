"""The shipped bot with a fast clock and a worker that answers at once.

    python -P benchmarks/desk/bot.py BEGIN SPEED CONFIG

A checkout is on PYTHONPATH. BEGIN and SPEED: as for `hurry`.
"""

import selectors
import sys
import threading  # keeps the right clock: discord.py's heartbeat waits in a thread
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

_PATIENCE = {
    "bot.gallery.intake": ("LATEST", "_NO_ANSWER", "_TURN_BY", "_SOON"),
    "bot.errors": ("_STORE_SECONDS",),
}
"""Seconds that an answer may take."""


def hurry(begin: float, speed: float) -> None:
    """Makes the clocks and asyncio's timers of this process run `speed` times as fast from `begin` on, in unix seconds.

    Called before other modules are imported: some keep the clock's function itself. Work takes its own time, so a millisecond of
    it is `speed` milliseconds on these clocks.
    """
    assert threading.current_thread() is threading.main_thread()
    wall, monotonic, before = time.time, time.monotonic, time.monotonic()
    time.time = lambda: begin + (wall() - begin) * speed
    time.time_ns = lambda: int(time.time() * 1e9)
    time.monotonic = lambda: before + (monotonic() - before) * speed

    class FastSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            return super().select(timeout / speed if timeout else timeout)

    selectors.DefaultSelector = FastSelector  # type: ignore[misc]


def speed_in(arguments: Sequence[str], default: float = 10.0) -> float:
    """Reads `--speed` before the parser that knows it can be imported."""
    for at, each in enumerate(arguments):
        name, _, value = each.partition("=")
        if name == "--speed":
            return float(value or arguments[at + 1])
    return default


def main() -> int:
    begin, speed, config = sys.argv[1:]
    hurry(float(begin), float(speed))
    # Imported late, because the clock comes first.
    import generation.queue.connection as connection
    from main import main as run

    # The machine's own speed is not what is measured.
    for module, names in _PATIENCE.items():
        found = import_module(module)
        for name in names:
            if hasattr(found, name):
                setattr(found, name, getattr(found, name) * float(speed))
    connection.COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("painter.py")))
    return run(["--config", config, "run", "--stop-with-stdin"])


if __name__ == "__main__":
    sys.exit(main())
