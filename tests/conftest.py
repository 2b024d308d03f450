"""Cleans up state that one test must not leave to the next."""

import logging
from collections.abc import Iterator

import pytest

from generation import logs


@pytest.fixture(autouse=True)
def closed_log() -> Iterator[None]:
    """Removes log handlers whose stream is closed together with the test that opened it."""
    root = logging.getLogger()
    level = root.level
    yield
    # removes only the program's handlers; pytest removes its own
    root.handlers[:] = [each for each in root.handlers if type(each).__module__ != logs.__name__]
    root.setLevel(level)
