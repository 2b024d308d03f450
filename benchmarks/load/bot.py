"""The shipped bot with a worker that answers at once: `python -P benchmarks/load/bot.py CONFIG`, with a checkout on PYTHONPATH.

With PROFILE in the environment, a profile of the event loop's thread is written to that file at the end.
"""

import cProfile
import os
import sys

import generation.queue.connection as connection
from main import main
from tests.bot.painter import COMMAND

if __name__ == "__main__":
    connection.COMMAND = COMMAND
    arguments = ["--config", sys.argv[1], "run", "--stop-with-stdin"]
    if path := os.environ.get("PROFILE"):
        profile = cProfile.Profile()
        try:
            profile.runcall(main, arguments)
        finally:
            profile.dump_stats(path)
    else:
        main(arguments)
