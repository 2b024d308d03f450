"""Measures how many small faults the tests notice: changes one place of a core module at a time and runs the module's tests.

    python -m benchmarks.mutation [--seed 1] [--count 6] [--module NAME ...] [--jobs 1] [--keep]

The changes: a comparison's boundary or its opposite, `and` for `or`, plus for minus, a constant or a default one larger or
smaller, a `not` dropped, None returned, a branch always or never taken, `break` for `continue`. `--seed` draws `--count` of them
from each of ten modules. They are made in a copy of the project, never in the project itself. The tests that cover a module run
first without a change. A change is noticed when a test fails, or when the tests take much longer.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    module: str
    change: Change
    is_noticed: bool


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

    def tried(self, seconds: Mapping[str, float], drawn: tuple[str, Change]) -> Tried:
        """Tries a change of a module. `seconds`: how long the tests of each module take without it."""
        name, change = drawn
        module = MODULES[name]
        with self._lent() as folder:
            file = folder / module.path
            written = file.stat().st_mtime_ns
            try:
                file.write_text(change.source, encoding="utf-8")
                timeout = LONGER * seconds[name] + MORE
                is_noticed = not _passes(folder, module.tests, timeout=timeout, is_kept=False)
            finally:
                file.write_text(change.original, encoding="utf-8")
                os.utime(file, ns=(written, written))  # so that its compiled form is still used
        return Tried(module=name, change=change, is_noticed=is_noticed)


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


def drawn(names: Sequence[str], count: int, seed: int) -> list[tuple[str, Change]]:
    return [
        (name, change)
        for name in names
        for change in sample(changes((ROOT / MODULES[name].path).read_text(encoding="utf-8")), count, seed)
    ]


def reason(name: str, change: Change) -> str | None:
    """Returns why the change changes nothing; None if it does."""
    return HARMLESS.get((name, change.before, change.after))


def run(todo: Sequence[tuple[str, Change]], jobs: int) -> list[Tried]:
    """Tries changes of modules. Prints each as it is done. Raises TestsFail."""
    names = list(dict.fromkeys(name for name, _ in todo))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        copies = Copies([folder / str(number) for number in range(jobs)])
        seconds = dict(zip(names, pool.map(copies.seconds, names), strict=True))
        result: list[Tried] = []
        for each in pool.map(partial(copies.tried, seconds), todo):
            result.append(each)
            path = MODULES[each.module].path
            word = "noticed" if each.is_noticed else "NOT NOTICED"
            print(f"{word}: {path}:{each.change.line}, {each.change.kind}", flush=True)
            if not each.is_noticed:
                print(each.change.diff(path), flush=True)
        return result


def rows(names: Sequence[str], tried: Sequence[Tried]) -> list[list[object]]:
    """Returns (module, noticed, tried, share) for each module and for all."""
    result: list[list[object]] = []
    for name in (*names, "all"):
        own = [each.is_noticed for each in tried if name in (each.module, "all")]
        result.append([name, sum(own), len(own), f"{sum(own) / len(own):.0%}" if own else "none tried"])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=6, help="changes of each module")
    parser.add_argument("--module", nargs="+", choices=MODULES, default=list(MODULES), metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    names: list[str] = options.module
    sampled = drawn(names, options.count, options.seed)
    for name, change in sampled:
        if (why := reason(name, change)) is not None:
            print(
                f"changes nothing: {MODULES[name].path}:{change.line}, {change.kind}: {change.after}: {why}"
            )
    try:
        tried = run([each for each in sampled if reason(*each) is None], options.jobs)
    except TestsFail as error:
        sys.exit(f"The tests of {error} fail without any change. Mend them first.")
    counts = rows(names, tried)
    result: dict[str, Any] = {
        "benchmark": "mutation",
        "machine": machine(),
        "seed": options.seed,
        "modules": {name: {"noticed": noticed, "tried": total} for name, noticed, total, _ in counts},
        "not noticed": [
            {"module": each.module, "before": each.change.before, "after": each.change.after}
            for each in tried
            if not each.is_noticed
        ],
    }
    heads = [f"seed {options.seed}", "noticed", "tried", f"share (at least {ASKED:.0%})"]
    show(result, [table(heads, counts)], "mutation", keep=options.keep)


if __name__ == "__main__":
    main()
