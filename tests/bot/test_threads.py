"""The bot's process computes small matrices on one thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os
import {first}
import numpy
numpy.ones((300, 300)) @ numpy.ones((300, 300))
print(len(os.listdir("/proc/self/task")), os.environ.get("OPENBLAS_NUM_THREADS"))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in Linux's /proc")
def test_the_bot_leaves_numpy_one_thread_and_its_workers_their_own() -> None:
    def threads(first: str) -> list[str]:
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        program = [sys.executable, "-c", _PROGRAM.format(first=first)]
        return subprocess.run(
            program, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    assert threads("bot") == ["1", "None"]
