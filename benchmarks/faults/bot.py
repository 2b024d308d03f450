"""The shipped bot with a clock that can be set while it runs, and with a worker that has accidents.

    python -m benchmarks.faults.bot CLOCK ACCIDENTS … -- the arguments of main.py

CLOCK is a file of eight bytes: the seconds that the bot's clock is ahead, as a double. ACCIDENTS are arguments of
`tests.generation.saboteur`.
"""

import mmap
import struct
import sys
import time
from pathlib import Path

AHEAD = struct.Struct("<d")


class BotClock:
    """The bench's end of the clock file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0.0)

    def set(self, ahead: float) -> None:
        """Sets the seconds that the bot's clock is ahead."""
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(AHEAD.pack(ahead))


def shift_time(path: Path) -> None:
    """Makes `time.time` follow the clock file. Before the bot's modules are imported: some keep the function itself."""
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), AHEAD.size, prot=mmap.PROT_READ)
    right = time.time
    time.time = lambda: right() + AHEAD.unpack(shared[: AHEAD.size])[0]


def main() -> int:
    path, *rest = sys.argv[1:]
    end = rest.index("--")
    shift_time(Path(path))
    # Imported late, because the clock comes first.
    from generation.queue import connection
    from main import main as run
    from tests.generation.saboteur import COMMAND

    connection.COMMAND = (*COMMAND, *rest[:end])
    return run(rest[end + 1 :])


if __name__ == "__main__":
    sys.exit(main())
