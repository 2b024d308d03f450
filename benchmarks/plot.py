"""Plots the members' waits in the three ways of serving: benchmarks/results/loop.json -> docs/images/loop.svg.

    python -m benchmarks.plot

Each dot is one seed, and the line is the median. The scale is logarithmic.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.shared.report import RESULTS

IMAGE = Path(__file__).parent.parent / "docs" / "images" / "loop.svg"

FIGURES = {
    "first preview p95": "first preview, p95",
    "light orders p95": "light orders, p95",
    "latency p50": "all orders, median",
    "heavy orders p95": "heavy orders, p95",
}
COLOURS = ("#8a8f98", "#d98b2b", "#2563eb")
"""Colours of the three ways, distinguishable in grey too."""

WIDTH, LEFT, RIGHT = 760, 150, 20
TOP, ROW, BETWEEN = 70, 20, 16
"""Pixels."""


def svg(result: Mapping[str, Any]) -> str:
    """Returns the plot of benchmarks/loop.py's result."""
    ways = list(result["runs"][0]["figures"])
    seconds = {
        name: [[run["figures"][way][name] for run in result["runs"]] for way in ways] for name in FIGURES
    }
    every = [value for of_ways in seconds.values() for values in of_ways for value in values]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    height = TOP + len(FIGURES) * (len(ways) * ROW + BETWEEN) + 30
    seeds = ", ".join(str(run["seed"]) for run in result["runs"])

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / max(1, high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(LEFT, 22, f"CPU seconds until …, {result['orders']} orders, seeds {seeds}", weight="bold"),
        *_legend(ways),
        *_grid(low, high, height, x),
    ]
    y = TOP
    for name, label in FIGURES.items():
        parts.append(_text(LEFT - 12, y + len(ways) * ROW / 2 + 4, label, anchor="end"))
        for colour, values in zip(COLOURS, seconds[name], strict=True):
            parts += _dots(y + ROW / 2, colour, [x(value) for value in values], x(median(values)))
            parts.append(_text(x(max(values)) + 9, y + ROW / 2 + 4, f"{median(values):.2g}"))
            y += ROW
        y += BETWEEN
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(ways: Sequence[str]) -> list[str]:
    parts: list[str] = []
    at = 20.0
    for colour, way in zip(COLOURS, ways, strict=True):
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
    IMAGE.write_text(svg(json.loads((RESULTS / "loop.json").read_text(encoding="utf-8"))), encoding="utf-8")
    print(IMAGE)


if __name__ == "__main__":
    main()
