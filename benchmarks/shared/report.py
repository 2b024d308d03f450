"""The output of every benchmark: the machine's name, figures, and ratios against the requirements."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results"


def machine() -> dict[str, Any]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "diffusers": version("diffusers"),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the smallest value that is at least as large as `percent` of all values (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns a table in GitHub's markdown."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(_cell(cell) for cell in cells) + " |"

    return "\n".join([line(head), line(["---"] * len(head)), *(line(row) for row in rows)])


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def show(result: Mapping[str, Any], tables: Sequence[str], name: str, *, keep: bool) -> None:
    """Prints the result. `keep` also saves the JSON as the recorded result."""
    text = json.dumps(result, indent=2)
    print(text)
    for one in tables:
        print(f"\n{one}")
    if keep:
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
