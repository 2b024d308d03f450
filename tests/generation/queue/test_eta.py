from dataclasses import replace

import pytest

from generation.protocol import StepCost
from generation.queue.eta import Lateness, ends
from generation.queue.lease import Work
from generation.request import GenerationRequest, InputPicture, Lora, LoraName, Request, Role, Tile
from tests.generation.worker.requests import order

FIXED, A_PICTURE = 0.5, 0.1
"""Seconds."""


def seven(_: Request) -> float:
    return 7.0


def forecast(*works: Work, at_once: int = 2) -> list[float]:
    one = order()
    drawing = one.drawing
    cost = StepCost(model=drawing.model, size=drawing.size, fixed=FIXED, a_picture=A_PICTURE, at_once=at_once)
    return ends(works, {(drawing.model, drawing.size): cost}, seven)


def works(*orders: GenerationRequest) -> list[Work]:
    return [Work(request=one) for one in orders]


def step(pictures: int) -> float:
    return FIXED + A_PICTURE * pictures


def test_orders_share_steps_as_far_as_there_is_room() -> None:
    told = forecast(*works(order("a", steps=10), order("b", steps=20), order("c", steps=10)))
    assert told == pytest.approx([10 * step(2), 20 * step(2), 20 * step(2)])


def test_the_tiles_of_a_picture_share_steps_turn_by_turn() -> None:
    asked = order("a", steps=10, pictures=(InputPicture(source=b"", role=Role.CREATIVE, strength=0.5),))
    tiles = tuple(
        Tile(box=(0, 0, 8, 8), core=(0, 0, 8, 8), turn=turn) for turn in (0, 0, 0, 0, 1, 1, 2, 2, 3)
    )
    # Nine tiles of five steps in four turns: three at once on average.
    assert forecast(*works(replace(asked, tiles=tiles)), at_once=8) == pytest.approx([15 * step(3)])


def test_beside_a_draft_nobody_is_stepped() -> None:
    told = forecast(*works(order("draft", steps=4), order("heavy", steps=10)))
    assert told == pytest.approx([4 * step(1), 4 * step(1) + 10 * step(1)])


def test_without_a_step_cost_orders_are_served_one_after_another_by_estimate() -> None:
    assert ends(works(order("a"), order("b")), {}, seven) == [7.0, 14.0]


def test_what_is_half_done_takes_half_as_long() -> None:
    assert forecast(Work(request=order(steps=20), left=0.5)) == pytest.approx([10 * step(1)])


def test_a_draft_behind_another_order_keeps_others_out_of_their_step_too() -> None:
    """As in the worker, an order that would make a draft's step more than a tenth longer waits."""
    heavy, draft, next_heavy = order("heavy", steps=10), order("draft", steps=4), order("next", steps=10)
    told = forecast(*works(heavy, draft, next_heavy), at_once=8)
    assert told == pytest.approx([4 * step(2) + 6 * step(2), 4 * step(2), 10 * step(2) + 4 * step(1)])


def late_by(*waits: tuple[float, float]) -> tuple[float, float]:
    """Returns the correction after orders with these (forecast, real) seconds."""
    lateness = Lateness()
    for seconds, real in waits:
        lateness.learn(seconds, real)
    return lateness.correction


def test_forecasts_are_corrected_by_how_late_orders_were() -> None:
    waits = ((seconds, 1.5 * seconds + 0.2) for seconds in (1.0, 2.0, 4.0, 8.0))
    assert late_by(*waits) == pytest.approx((0.2, 1.5))


def test_of_one_order_nothing_is_learned() -> None:
    assert late_by((1.0, 3.0)) == (0.0, 1.0)


def test_the_error_that_is_made_least_is_a_share_of_the_real_time() -> None:
    """Equal orders, half of which take twice as long. The middle factor, 1.5, would forecast the short ones half too long."""
    _, factor = late_by(*[(10.0, 10.0), (10.0, 20.0)] * 50)
    assert 1.15 < factor < 1.25, "the least of (f - 1)² + (f / 2 - 1)² is at 1.2"


def test_one_order_that_is_done_at_once_because_others_were_cancelled_does_not_outweigh_the_rest() -> None:
    _, factor = late_by(*[(10.0, 10.0)] * 20, (10.0, 0.01))
    assert factor > 0.85


def test_a_worker_that_stood_still_for_an_hour_says_nothing_about_the_next_order() -> None:
    _, factor = late_by(*[(10.0, 12.0)] * 20, (10.0, 3600.0))
    assert factor == pytest.approx(1.2, rel=0.01)


def test_orders_with_different_loras_share_no_step() -> None:
    def wearing(weight: float) -> GenerationRequest:
        return order(steps=10, loras=(Lora(name=LoraName("ink"), weight=weight),))

    assert forecast(*works(wearing(1.0), wearing(1.0))) == pytest.approx([10 * step(2)] * 2)
    assert forecast(*works(wearing(1.0), wearing(0.5))) == pytest.approx([10 * step(1), 20 * step(1)])
