"""Measures how many small faults the tests notice: changes one place of a core module at a time and runs the module's tests.

    python -m benchmarks.mutation [--seed 1 ...] [--count 6] [--module NAME ...] [--jobs 1] [--keep]

The changes: a comparison's boundary or its opposite, `and` for `or`, plus for minus, a constant or a default one larger or
smaller, a `not` dropped, None returned, a branch always or never taken, `break` for `continue`. Each `--seed` draws `--count` of
them from each of ten modules. They are made in a copy of the project, never in the project itself. The tests that cover a module
run first without a change. A change is noticed when a test fails, or when the tests take much longer.

Every change that was not noticed is printed. Changes that change nothing are in `harmless.py`, and are not part of the ratio.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.mutation.changes import Change, changes, sample
from benchmarks.mutation.harmless import HARMLESS
from benchmarks.shared.report import machine, show, table

ROOT = Path(__file__).parents[2]

ASKED = 0.85
"""The share of changes that the tests must notice."""

LONGER, MORE = 3, 60
"""A run that takes LONGER times as long as without a change, and MORE seconds, hangs."""


@dataclass(frozen=True, slots=True)
class Module:
    path: str
    tests: tuple[str, ...]  # in the order in which they run: fast ones first


_QUEUE = "tests/generation/queue"
_DENOISE = "tests/generation/worker/denoise"

MODULES = {
    "dispatcher": Module(
        "generation/queue/dispatcher.py",
        (
            f"{_QUEUE}/test_dispatcher_rules.py",
            f"{_QUEUE}/test_dispatcher.py",
            f"{_QUEUE}/test_worker.py",
            f"{_QUEUE}/test_eta_updates.py",
            f"{_QUEUE}/test_fairness.py",
            f"{_QUEUE}/test_dispatcher_with_a_process.py",
        ),
    ),
    "fair share": Module(
        "generation/fair_share.py",
        (
            "tests/generation/test_fair_share.py",
            f"{_QUEUE}/test_fair_queue.py",
            "tests/generation/worker/test_batch_scheduler.py",
            f"{_QUEUE}/test_fairness.py",
            f"{_QUEUE}/test_eta.py",
        ),
    ),
    "batch state": Module(
        "generation/worker/denoise/batch_state.py",
        (
            f"{_DENOISE}/test_batch_state.py",
            f"{_DENOISE}/test_inpaint.py",
            "tests/generation/worker/test_equality.py",
            "tests/generation/worker/test_loop.py",
        ),
    ),
    "step table": Module(
        "generation/worker/denoise/step_table.py",
        (
            f"{_DENOISE}/test_step_table.py",
            f"{_DENOISE}/test_inpaint.py",
            "tests/generation/worker/test_equality.py",
        ),
    ),
    "spending": Module("db/spending.py", ("tests/db/test_spending.py", "tests/bot/studio/test_studio.py")),
    "limits": Module(
        "moderation/rate_limits.py",
        (
            "tests/moderation/test_rate_limits.py",
            "tests/bot/studio/test_settings.py",
            "tests/bot/studio/test_studio.py",
        ),
    ),
    "policy": Module(
        "moderation/policy.py",
        (
            "tests/moderation/test_policy.py",
            "tests/bot/studio/screening/test_server_policies.py",
            "tests/db/test_policies.py",
        ),
    ),
    "cases": Module("bot/studio/cases/cases.py", ("tests/bot/studio/cases", "tests/bot/cases")),
    "parameters": Module(
        "bot/studio/orders/parameters.py", ("tests/bot/studio/orders", "tests/bot/studio/test_presets.py")
    ),
    "delivery": Module(
        "bot/gallery/delivery.py",
        (
            "tests/bot/gallery",
            "tests/e2e/test_imagine.py",
            "tests/e2e/test_buttons.py",
            "tests/e2e/test_remix.py",
            "tests/e2e/test_trouble.py",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A change that was drawn from a module."""

    name: str
    change: Change

    @property
    def module(self) -> Module:
        return MODULES[self.name]

    @property
    def place(self) -> str:
        return f"{self.module.path}:{self.change.line}, {self.change.kind}"

    @property
    def reason(self) -> str | None:
        """Returns why it changes nothing; None if it does."""
        return HARMLESS.get((self.name, self.change.before, self.change.after))


class TestsFail(Exception):
    """The tests of a module fail without a change."""


class Copies:
    """Copies of the project. Each is used by one run at a time."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._free = SimpleQueue[Path]()
        for folder in folders:
            skipped = shutil.ignore_patterns(".*", "__pycache__", "work")
            shutil.copytree(ROOT, folder, ignore=skipped)
            self._free.put(folder)

    @contextmanager
    def _lent(self) -> Generator[Path]:
        folder = self._free.get()
        try:
            yield folder
        finally:
            self._free.put(folder)

    def seconds(self, name: str) -> float:
        """Returns how long the module's tests take without a change. Raises TestsFail."""
        with self._lent() as folder:
            begun = time.monotonic()
            if not _passes(folder, MODULES[name].tests, timeout=None, is_kept=True):
                raise TestsFail(name)
            return time.monotonic() - begun

    def is_noticed(self, seconds: Mapping[str, float], drawn: Drawn) -> bool:
        """Tries a change. `seconds`: how long the tests of each module take without it."""
        module, change = drawn.module, drawn.change
        with self._lent() as folder:
            file = folder / module.path
            written = file.stat().st_mtime_ns
            try:
                file.write_text(change.source, encoding="utf-8")
                timeout = LONGER * seconds[drawn.name] + MORE
                return not _passes(folder, module.tests, timeout=timeout, is_kept=False)
            finally:
                file.write_text(change.original, encoding="utf-8")
                os.utime(file, ns=(written, written))  # so that its compiled form is still used


def _passes(folder: Path, tests: Sequence[str], *, timeout: float | None, is_kept: bool) -> bool:
    """Runs the tests until the first fails. `is_kept`: keeps compiled modules for later runs; the source must be unchanged."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "" if is_kept else "1",
        "ATELIER_TEST_DATA": os.environ.get("ATELIER_TEST_DATA") or str(ROOT.parent / "shared" / "data"),
    }
    run = subprocess.Popen(
        [*command, *tests],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that the processes that a hanging test started end with it
    )
    try:
        return run.wait(timeout) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


def draw(names: Sequence[str], count: int, seed: int) -> list[Drawn]:
    return [
        Drawn(name, change)
        for name in names
        for change in sample(changes((ROOT / MODULES[name].path).read_text(encoding="utf-8")), count, seed)
    ]


def run(todo: Sequence[Drawn], jobs: int) -> dict[Drawn, bool]:
    """Returns which changes are noticed. Prints each as it is done. Raises TestsFail."""
    names = list(dict.fromkeys(each.name for each in todo))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        copies = Copies([folder / str(number) for number in range(jobs)])
        seconds = dict(zip(names, pool.map(copies.seconds, names), strict=True))
        result: dict[Drawn, bool] = {}
        for each, is_noticed in zip(todo, pool.map(partial(copies.is_noticed, seconds), todo), strict=True):
            result[each] = is_noticed
            print(f"{'noticed' if is_noticed else 'NOT NOTICED'}: {each.place}", flush=True)
            if not is_noticed:
                print(each.change.diff(each.module.path), flush=True)
        return result


def counted(names: Sequence[str], tried: Mapping[Drawn, bool]) -> list[list[object]]:
    """Returns (module, noticed, tried, share) for each module and for all."""
    rows: list[list[object]] = []
    for name in (*names, "all"):
        own = [is_noticed for each, is_noticed in tried.items() if name in (each.name, "all")]
        rows.append([name, sum(own), len(own), f"{sum(own) / len(own):.0%}" if own else "none tried"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--count", type=int, default=6, help="changes of each module")
    parser.add_argument("--module", nargs="+", choices=MODULES, default=list(MODULES), metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    names: list[str] = options.module
    of_seed = {seed: draw(names, options.count, seed) for seed in options.seed}
    every = list(dict.fromkeys(each for drawn in of_seed.values() for each in drawn))
    for each in every:
        if each.reason is not None:
            print(f"changes nothing: {each.place}: {each.change.after}: {each.reason}", flush=True)
    try:
        tried = run([each for each in every if each.reason is None], options.jobs)
    except TestsFail as error:
        sys.exit(f"The tests of {error} fail without any change. Mend them first.")
    result: dict[str, Any] = {"benchmark": "mutation", "machine": machine()}
    tables: list[str] = []
    for seed, drawn in of_seed.items():
        own = {each: tried[each] for each in drawn if each in tried}
        rows = counted(names, own)
        result[f"seed {seed}"] = {
            name: {"noticed": noticed, "tried": total} for name, noticed, total, _ in rows
        }
        heads = [f"seed {seed}", "noticed", "tried", f"share (at least {ASKED:.0%})"]
        tables.append(table(heads, rows))
    result["not noticed"] = [
        f"{each.place}: {each.change.after}" for each, is_noticed in tried.items() if not is_noticed
    ]
    result["changes nothing"] = [each.place for each in every if each.reason is not None]
    show(result, tables, "mutation", keep=options.keep)


if __name__ == "__main__":
    main()
