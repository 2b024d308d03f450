"""Cleans up state that one test must not leave to the next."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each of pytest's workers has a core; torch would start a thread for every core in each of them. Read when torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from generation import logs

MARKS = {
    "e2e": "e2e",
    "benchmarks": "slow",
    "generation/worker": "slow",
    "playground/page": "slow",
    "training": "slow",
}
"""Folders of tests, and the mark that all their tests have. Elsewhere a slow module marks itself."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        for folder, mark in MARKS.items():
            if here / folder in item.path.parents:
                item.add_marker(mark)


@pytest.fixture(autouse=True)
def closed_log() -> Iterator[None]:
    """Removes log handlers whose stream is closed together with the test that opened it."""
    root = logging.getLogger()
    level = root.level
    yield
    # removes only the program's handlers; pytest removes its own
    root.handlers[:] = [each for each in root.handlers if type(each).__module__ != logs.__name__]
    root.setLevel(level)
