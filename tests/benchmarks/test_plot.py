"""The plot of the loop benchmark's result."""

from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.loop import WAYS
from benchmarks.plot import ACTIONS, FIGURES, rows_svg, svg

SVG = "{http://www.w3.org/2000/svg}"


def result(seconds: list[float]) -> dict[str, Any]:
    runs = [
        {
            "seed": seed,
            "figures": {way: dict.fromkeys(FIGURES, value * (n + 1)) for n, way in enumerate(WAYS)},
        }
        for seed, value in enumerate(seconds)
    ]
    return {"orders": 120, "runs": runs}


@pytest.mark.parametrize("seconds", [[0.03, 0.5, 4.0], [1.0], [2e-4, 900.0]])
def test_every_seed_of_every_way_has_a_dot_within_the_picture(seconds: list[float]) -> None:
    root = ElementTree.fromstring(svg(result(seconds)))  # raises when it is not well-formed
    width = float(root.attrib["viewBox"].split()[2])
    dots = [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle") if dot.attrib["r"] == "4"]
    assert len(dots) == len(seconds) * len(WAYS) * len(FIGURES)
    assert all(0 < at < width for at in dots)


def test_what_takes_longer_is_further_to_the_right() -> None:
    root = ElementTree.fromstring(svg(result([0.03, 4.0])))
    dots = [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle") if dot.attrib["r"] == "4"]
    assert all(first < second for first, second in zip(dots[::2], dots[1::2], strict=True))


def test_every_way_and_figure_is_named() -> None:
    texts = {text.text for text in ElementTree.fromstring(svg(result([1.0]))).iter(f"{SVG}text")}
    assert {*WAYS, *FIGURES.values()} <= texts


def test_each_action_of_the_rows_has_its_values_before_and_now_at_each_size() -> None:
    ms = {action: {"p50": 2.0, "p99": 20.0} for action in ACTIONS}
    sizes = {orders: {name: {"ms": ms} for name in ("before", "now")} for orders in ("100000", "1000000")}
    root = ElementTree.fromstring(rows_svg({"sizes": sizes}))
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {*ACTIONS, "before, 100k orders", "now, 1000k orders"} <= texts
    dots = [dot for dot in root.iter(f"{SVG}circle") if dot.attrib["r"] == "4"]
    assert len(dots) == 3 * 4 * len(ACTIONS)
