"""What no test may leave to the next one."""

import logging
from collections.abc import Iterator

import pytest

from generation import logs


@pytest.fixture(autouse=True)
def closed_log() -> Iterator[None]:
    """A test that runs the program opens its log on a stream that is closed with the test."""
    root = logging.getLogger()
    level = root.level
    yield
    # Only the program's: pytest's own come and go by themselves.
    root.handlers[:] = [each for each in root.handlers if type(each).__module__ != logs.__name__]
    root.setLevel(level)
