from __future__ import annotations

import pytest

from generation.forecast import Forecast, Work
from generation.messages import StepCost
from generation.request import GenerationRequest, JobId
from tests.generation.worker.requests import order

FIXED, A_PICTURE = 0.5, 0.1
"""Seconds."""


def forecast(at_once: int = 2) -> Forecast:
    made = Forecast(lambda _: 7.0)
    one = order()
    made.hear(
        StepCost(
            model=one.drawing.model, size=one.drawing.size, fixed=FIXED, a_picture=A_PICTURE, at_once=at_once
        )
    )
    return made


def works(*orders: GenerationRequest) -> list[Work]:
    return [Work.of(one) for one in orders]


def step(pictures: int) -> float:
    return FIXED + A_PICTURE * pictures


def test_orders_share_steps_as_far_as_there_is_room() -> None:
    ends = forecast().ends(works(order("a", steps=10), order("b", steps=20), order("c", steps=10)))
    assert ends == pytest.approx([10 * step(2), 20 * step(2), 20 * step(2)])


def test_beside_a_draft_nobody_is_stepped() -> None:
    ends = forecast().ends(works(order("draft", steps=4), order("heavy", steps=10)))
    assert ends == pytest.approx([4 * step(1), 4 * step(1) + 10 * step(1)])


def test_without_a_step_cost_orders_are_served_one_after_another_by_estimate() -> None:
    assert Forecast(lambda _: 7.0).ends(works(order("a"), order("b"))) == [7.0, 14.0]


def test_what_is_half_done_takes_half_as_long() -> None:
    half = Work.of(order(steps=20))
    half.left = 0.5
    assert forecast().ends([half]) == pytest.approx([10 * step(1)])


def test_a_draft_behind_another_order_keeps_others_out_of_their_step_too() -> None:
    """As in the worker: whoever would make it more than a tenth longer waits."""
    heavy, draft, next_heavy = order("heavy", steps=10), order("draft", steps=4), order("next", steps=10)
    ends = forecast(at_once=8).ends(works(heavy, draft, next_heavy))
    assert ends == pytest.approx([4 * step(2) + 6 * step(2), 4 * step(2), 10 * step(2) + 4 * step(1)])


def late_by(made: Forecast, *waits: tuple[float, float]) -> None:
    """Orders that were forecast for the first and took the second."""
    for number, (seconds, real) in enumerate(waits):
        made.keep(JobId(f"order-{number}"), seconds, now=100.0)
        made.check(JobId(f"order-{number}"), now=100.0 + real)


def test_forecasts_are_corrected_by_how_late_orders_were() -> None:
    made = forecast()
    late_by(made, *((seconds, 1.5 * seconds + 0.2) for seconds in (1.0, 2.0, 4.0, 8.0)))
    assert made.correction == pytest.approx((0.2, 1.5))


def test_of_one_order_nothing_is_learned() -> None:
    made = forecast()
    late_by(made, (1.0, 3.0))
    assert made.correction == (0.0, 1.0)


def test_the_error_that_is_made_least_is_a_share_of_the_real_time() -> None:
    """Alike orders of which half take twice as long: in the middle, the short ones would have been told half as much again."""
    made = forecast()
    late_by(made, *[(10.0, 10.0), (10.0, 20.0)] * 50)
    _, factor = made.correction
    assert 1.15 < factor < 1.25, "the least of (f - 1)² + (f / 2 - 1)² is at 1.2"


def test_one_order_that_is_done_at_once_because_others_were_cancelled_does_not_outweigh_the_rest() -> None:
    made = forecast()
    late_by(made, *[(10.0, 10.0)] * 20, (10.0, 0.01))
    _, factor = made.correction
    assert factor > 0.85


def test_a_worker_that_stood_still_for_an_hour_says_nothing_about_the_next_order() -> None:
    made = forecast()
    late_by(made, *[(10.0, 12.0)] * 20, (10.0, 3600.0))
    _, factor = made.correction
    assert factor == pytest.approx(1.2, rel=0.01)


def test_a_job_that_began_anew_teaches_nothing() -> None:
    made, heavy = forecast(), order(steps=20)
    for _ in range(3):
        made.keep(heavy.job, 1.0, now=0.0)
        made.drop(heavy.job)
        made.check(heavy.job, now=3.0)
    assert made.correction == (0.0, 1.0)
