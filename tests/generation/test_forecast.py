from __future__ import annotations

import pytest

from generation.forecast import Forecast, Work
from generation.messages import StepCost
from generation.request import GenerationRequest
from tests.generation.worker.requests import order

FIXED, A_PICTURE = 0.5, 0.1
"""Seconds."""


def forecast(at_once: int = 2) -> Forecast:
    made = Forecast()
    one = order()
    made.hear(StepCost(model=one.model, size=one.size, fixed=FIXED, a_picture=A_PICTURE, at_once=at_once))
    return made


def works(*orders: GenerationRequest) -> list[Work]:
    return [Work.of(one, 1.0, 7.0) for one in orders]


def step(pictures: int) -> float:
    return FIXED + A_PICTURE * pictures


def test_orders_share_steps_as_far_as_there_is_room() -> None:
    ends = forecast().ends(works(order("a", steps=10), order("b", steps=20), order("c", steps=10)))
    assert ends == pytest.approx([10 * step(2), 20 * step(2), 20 * step(2)])


def test_beside_a_draft_nobody_is_stepped() -> None:
    ends = forecast().ends(works(order("draft", steps=4), order("heavy", steps=10)))
    assert ends == pytest.approx([4 * step(1), 4 * step(1) + 10 * step(1)])


def test_without_a_step_cost_orders_are_served_one_after_another_by_estimate() -> None:
    assert Forecast().ends(works(order("a"), order("b"))) == [7.0, 14.0]


def test_what_is_half_done_takes_half_as_long() -> None:
    assert forecast().ends([Work.of(order(steps=20), 0.5, 7.0)]) == pytest.approx([10 * step(1)])


def test_forecasts_are_corrected_by_how_late_such_orders_were() -> None:
    made, heavy, draft = Forecast(), order(steps=20), order(steps=4)
    for seconds in (1.0, 2.0, 4.0, 8.0):
        made.keep(heavy.job, seconds, now=100.0)
        made.check(heavy, now=100.0 + 1.5 * seconds + 0.2)
    assert made.corrected(3.0, heavy) == pytest.approx(1.5 * 3.0 + 0.2)
    assert made.corrected(3.0, draft) == 3.0


def test_a_job_that_began_anew_teaches_nothing() -> None:
    made, heavy = Forecast(), order(steps=20)
    for _ in range(3):
        made.keep(heavy.job, 1.0, now=0.0)
        made.drop(heavy.job)
        made.check(heavy, now=3.0)
    assert made.corrected(1.0, heavy) == 1.0
