"""Measures how long members and moderators wait in a large database, also in comparison with another checkout.

    python -m benchmarks.rows [--orders 100000 1000000] [--against CHECKOUT] [--keep]

Each checkout gets its own copy of the same rows, migrated by its own migrations. The checkouts take turns, so that
other work on the machine meets both. A million orders need 4 GB of disk, in the folder for temporary files, for some minutes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows.fill import fill
from benchmarks.shared.report import machine, percentile, show, table

PROJECT = Path(__file__).resolve().parents[2]
MEASURE, START = Path(__file__).with_name("measure.py"), Path(__file__).with_name("start.py")
NOW, BEFORE = "now", "before"
_MIGRATE = "import sys; from pathlib import Path; from db.migrate import migrate; migrate(Path(sys.argv[1]))"


def run(checkout: Path, *arguments: str) -> str:
    """Runs Python with the checkout's packages and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        env=os.environ | {"PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout


def measured(folder: Path, orders: int, checkouts: dict[str, Path], turns: int) -> dict[str, Any]:
    """Returns the figures of each checkout."""
    oldest = checkouts.get(BEFORE, PROJECT)
    filled = folder / "filled" / "atelier.sqlite3"
    run(oldest, "-c", _MIGRATE, str(filled))
    fill(filled, orders, time.time())
    found: dict[str, Any] = {}
    for name, checkout in checkouts.items():
        data = folder / name
        data.mkdir()
        shutil.copy(filled, data)
        began = time.perf_counter()
        run(checkout, "-c", _MIGRATE, str(data / filled.name))
        seconds, size = time.perf_counter() - began, (data / filled.name).stat().st_size
        found[name] = {
            "migration, s": round(seconds, 1),
            "database, MB": round(size / 1e6),
            "memory, MiB": 0.0,
        }
        for backup in data.glob("*backup*"):
            backup.unlink()
    filled.unlink()
    taken: dict[str, dict[str, list[float]]] = {name: {} for name in checkouts}
    for turn in range(turns):
        for name, checkout in checkouts.items():
            result = json.loads(run(checkout, str(MEASURE), str(folder / name), str(turn)))
            found[name]["memory, MiB"] = max(found[name]["memory, MiB"], round(result["memory, MiB"]))
            for action, values in result["milliseconds"].items():
                taken[name].setdefault(action, []).extend(values)
            started = json.loads(run(checkout, str(START), str(folder / name)))
            taken[name].setdefault("start of the bot to ready", []).append(1000 * started)
    for name in checkouts:
        found[name]["ms"] = {
            action: {"p50": round(percentile(each, 50), 1), "p99": round(percentile(each, 99), 1)}
            for action, each in taken[name].items()
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument(
        "--against", type=Path, help="the folder of another checkout, measured beside this one"
    )
    parser.add_argument("--turns", type=int, default=2, help="of each checkout")
    parser.add_argument("--keep", action="store_true", help="as the result of record, in benchmarks/results/")
    options = parser.parse_args()
    checkouts = ({BEFORE: options.against.resolve()} if options.against else {}) | {NOW: PROJECT}
    sizes: dict[str, Any] = {}
    for orders in options.orders:
        with tempfile.TemporaryDirectory() as name:
            sizes[str(orders)] = measured(Path(name), orders, checkouts, options.turns)
    tables: list[str] = []
    for orders, found in sizes.items():
        head = [
            f"{int(orders):,} orders, ms",
            *(f"{name}, {part}" for name in found for part in ("p50", "p99")),
        ]
        actions = list(found[NOW]["ms"])
        rows = [
            [action, *(found[name]["ms"][action][part] for name in found for part in ("p50", "p99"))]
            for action in actions
        ]
        tables.append(table(head, rows))
    result = {"benchmark": "rows", "machine": machine(), "load": os.getloadavg(), "sizes": sizes}
    show(result, tables, "rows", keep=options.keep)


if __name__ == "__main__":
    main()
