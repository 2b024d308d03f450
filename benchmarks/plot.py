"""Plots benchmarks/results/*.json as docs/images/*.svg: `loop`, the members' waits in the three ways of serving, and `rows`,
the growth of waits with the number of orders in the database.

    python -m benchmarks.plot

Each dot is one seed or one percentile, and the line is the median. The scale is logarithmic.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.shared.report import RESULTS

IMAGES = Path(__file__).parent.parent / "docs" / "images"

FIGURES = {
    "first preview p95": "first preview, p95",
    "light orders p95": "light orders, p95",
    "latency p50": "all orders, median",
    "heavy orders p95": "heavy orders, p95",
}
ACTIONS = (
    "/history", "a button", "/mod log", "/mod log, a member", "/mod log, a ruling", "/mod log, since", "a case's card",
    "/mod cases", "a standing", "/mod audit, its acts", "/verify", "/mod stats, a year", "/privacy export",
)  # fmt: skip
COLOURS = ("#8a8f98", "#d98b2b", "#2563eb")
"""Colours of the three ways, distinguishable in grey too."""
PAIRS = ("#f2c58b", "#d98b2b", "#a9c1f5", "#2563eb")
"""Colours of two commits, each with few and with many orders."""

Values = Mapping[str, Sequence[Sequence[float]]]
"""By label: for each way its values, in seconds."""

WIDTH, LEFT, RIGHT = 760, 150, 20
TOP, ROW, BETWEEN = 70, 20, 16
"""Pixels."""


def svg(result: Mapping[str, Any]) -> str:
    """Returns the plot of benchmarks/loop.py's result."""
    ways = list(result["runs"][0]["figures"])
    seconds = {
        label: [[run["figures"][way][name] for run in result["runs"]] for way in ways]
        for name, label in FIGURES.items()
    }
    seeds = ", ".join(str(run["seed"]) for run in result["runs"])
    title = f"CPU seconds until …, {result['orders']} orders, seeds {seeds}"
    return _plot(title, dict(zip(ways, COLOURS, strict=True)), seconds)


def rows_svg(result: Mapping[str, Any]) -> str:
    """Returns the plot of benchmarks/rows's result: the median, and the 99th percentile as a dot behind it."""
    columns = [
        (f"{name}, {int(orders) // 1000}k orders", found[name]["ms"])
        for name in next(iter(result["sizes"].values()))
        for orders, found in result["sizes"].items()
    ]
    seconds = {
        action: [
            [max(1e-4, figures[action][part] / 1000) for part in ("p50", "p50", "p99")]
            for _, figures in columns
        ]
        for action in ACTIONS
    }
    ways = dict(zip([name for name, _ in columns], PAIRS[-len(columns) :], strict=True))
    return _plot("Seconds until …, median and 99th percentile", ways, seconds)


def _plot(title: str, ways: Mapping[str, str], seconds: Values) -> str:
    """`ways`: colours by name."""
    every = [value for of_ways in seconds.values() for values in of_ways for value in values]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    height = TOP + len(seconds) * (len(ways) * ROW + BETWEEN) + 30

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / max(1, high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(LEFT, 22, title, weight="bold"),
        *_legend(ways),
        *_grid(low, high, height, x),
    ]
    y = TOP
    for label, of_ways in seconds.items():
        parts.append(_text(LEFT - 12, y + len(ways) * ROW / 2 + 4, label, anchor="end"))
        for colour, values in zip(ways.values(), of_ways, strict=True):
            parts += _dots(y + ROW / 2, colour, [x(value) for value in values], x(median(values)))
            parts.append(_text(x(max(values)) + 9, y + ROW / 2 + 4, f"{median(values):.2g}"))
            y += ROW
        y += BETWEEN
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(ways: Mapping[str, str]) -> list[str]:
    parts: list[str] = []
    at = 20.0
    for way, colour in ways.items():
        parts += [f'<circle cx="{at:.0f}" cy="44" r="5" fill="{colour}"/>', _text(at + 10, 48, way)]
        at += 40 + 7.2 * len(way)
    return parts


def _grid(low: int, high: int, height: int, x: Callable[[float], float]) -> list[str]:
    parts: list[str] = []
    for power in range(low, high + 1):
        at = x(10.0**power)
        parts.append(f'<path d="M{at:.1f} {TOP - 6}V{height - 26}" stroke="#ddd"/>')
        parts.append(_text(at, height - 10, f"{10.0**power:g} s", anchor="middle"))
    return parts


def _dots(y: float, colour: str, values: Sequence[float], middle: float) -> list[str]:
    dots = [
        f'<circle cx="{value:.1f}" cy="{y:.0f}" r="4" fill="{colour}" fill-opacity="0.6"/>'
        for value in values
    ]
    stroke = f'<path d="M{middle:.1f} {y - 8:.0f}V{y + 8:.0f}" stroke="{colour}" stroke-width="3"/>'
    return [*dots, stroke]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def main() -> None:
    for name, plot in (("loop", svg), ("rows", rows_svg)):
        result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        image = IMAGES / f"{name}.svg"
        image.write_text(plot(result), encoding="utf-8")
        print(image)


if __name__ == "__main__":
    main()
