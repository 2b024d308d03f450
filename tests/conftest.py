"""Cleans up state that one test must not leave to the next."""

import logging
import os
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each of pytest's workers has a core; torch would start a thread for every core in each of them. Read when torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from db import database
from db.migrate import FILE_NAME, Migrated, demand_not_lost
from generation import logs

MARKS = {
    "e2e": "e2e",
    "benchmarks": "slow",
    "generation/worker": "slow",
    "playground/page": "slow",
    "training": "slow",
}
"""Folders of tests, and the mark that all their tests have. Elsewhere a slow module marks itself."""
MARKED_SLOW = re.compile(r"^pytestmark = .*pytest\.mark\.slow\b", re.MULTILINE)
FAST = "not slow and not e2e"
"""What `make check` runs. It imports no other test files; none of its own imports torch, because that takes ten seconds."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("markexpr") != FAST:
        return None
    if collection_path.is_dir():
        return str(collection_path.relative_to(Path(__file__).parent)) in MARKS or None
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    return (is_test and MARKED_SLOW.search(collection_path.read_text(encoding="utf-8")) is not None) or None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    was_there = "torch" in sys.modules
    report = yield
    if collector.config.getoption("markexpr") == FAST and "torch" in sys.modules and not was_there:
        report.outcome, report.longrepr = "failed", "imports torch, so it must be marked slow"
    return report


@pytest.fixture(autouse=True)
def closed_log() -> Iterator[None]:
    """Removes log handlers whose stream is closed together with the test that opened it."""
    root = logging.getLogger()
    level = root.level
    yield
    # removes only the program's handlers; pytest removes its own
    root.handlers[:] = [each for each in root.handlers if type(each).__module__ != logs.__name__]
    root.setLevel(level)


@pytest.fixture(autouse=True, scope="session")
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gives every new database of a test a copy of one that was migrated, because dozens of migrations take longer than most
    tests. The real function still checks the file. `tests/db/test_migrate.py` calls it itself.
    """
    template = tmp_path_factory.mktemp("template") / FILE_NAME
    real = database.migrate
    real(template)

    def migrate(path: Path) -> Migrated:
        demand_not_lost(path)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(template, path)
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", migrate)
        yield
