"""The real dispatch and the real loop in simulated time, as `benchmarks.simulated` and `benchmarks.fairness` play them."""

import pytest

from benchmarks.fairness import wait_of_ten
from benchmarks.shared.orders import MODEL, SIDE
from benchmarks.simulated import Costs, SimulatedClock, SimulatedModel, run
from generation.request import ModelEntry

GREEDY = 40
"""Number of orders: more than can start before the ten are done."""


def model() -> SimulatedModel:
    entry = ModelEntry(name=MODEL, source="", licence="none", side=SIDE, multiple=16)
    return SimulatedModel(entry, SimulatedClock(), Costs())


def ten(greedy: int, at: float) -> list[float]:
    made = model()
    return wait_of_ten(made, greedy, at, made.clock)


def test_half_of_the_told_waits_are_within_a_fifth_of_the_real_ones_and_nine_in_ten_within_half() -> None:
    """Poisson arrivals, with three seeds on which no setting was tuned."""
    told = [run(seed)["estimate"] for seed in (41, 42, 43)]
    count = sum(one["told"] for one in told)
    assert sum(one["told"] * one["within 20 %"] for one in told) >= 0.5 * count, told
    assert sum(one["told"] * one["within 50 %"] for one in told) >= 0.9 * count, told


@pytest.mark.parametrize("later", [0.0, 1.0, 1.08, 1.16, 1.24, 1.32])
def test_each_of_ten_waits_at_most_half_as_long_again_whatever_is_being_stepped_when_they_come(
    later: float,
) -> None:
    """Measured during one member's flood, with decoding and first previews. The k-th wait is compared with the k-th."""
    for wait, alone in zip(ten(GREEDY, later), ten(0, later), strict=True):
        assert wait <= 1.5 * alone
