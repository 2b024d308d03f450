from dataclasses import replace

import pytest

from generation.queue.cost_model import CostModel
from generation.request import ImageSize, InputPicture, Role, Tile
from tests.drawings import upscale_of
from tests.generation.worker.requests import order


def test_the_pace_is_that_of_the_last_few_jobs() -> None:
    pace = CostModel()
    for seconds in [100.0] * 10 + [10.0] * 30:
        pace.learn(order(steps=10), seconds)
    assert pace.seconds_for(order(steps=10)) == pytest.approx(10, rel=0.4)


def test_what_a_picture_takes_beside_its_steps_is_learned_apart() -> None:
    """The time of an order with few steps is mostly decoding."""
    pace = CostModel()
    for steps in (4, 20, 50, 8, 30):
        pace.learn(order(steps=steps, images=2), 2 * (3.0 + 0.1 * steps))
    assert pace.seconds_for(order(steps=4, images=4)) == pytest.approx(4 * 3.4, rel=1e-3)


def test_sizes_are_learned_apart_and_an_unknown_one_is_taken_for_an_average_one() -> None:
    pace = CostModel()
    large, small, other = (
        order(size=ImageSize(width=width, height=height))
        for width, height in ((1024, 1024), (64, 64), (64, 128))
    )
    pace.learn(large, 40.0)
    pace.learn(small, 4.0)
    assert pace.seconds_for(large) == pytest.approx(40)
    assert pace.seconds_for(small) == pytest.approx(4)
    assert 4 < pace.seconds_for(other) < 40


def test_an_upscale_takes_what_earlier_ones_took_for_each_pixel() -> None:
    pace = CostModel()
    pace.learn(order(steps=10), 30.0)
    for side, seconds in ((256, 2.0), (512, 8.0), (512, 8.0)):
        pace.learn(replace(upscale_of(b""), pixels=side * side), seconds)
    assert pace.seconds_for(replace(upscale_of(b""), pixels=256 * 256)) == pytest.approx(2)
    assert pace.seconds_for(replace(upscale_of(b""), pixels=1024 * 1024)) == pytest.approx(32)
    assert pace.seconds_for(order(steps=10)) == pytest.approx(30), "a drawing's time is its own"


def test_what_a_tile_takes_is_learned_apart_from_whole_pictures() -> None:
    pace = CostModel()
    tile = Tile(box=(0, 0, 64, 64), core=(0, 0, 64, 64), turn=0)
    large = InputPicture(source=b"", role=Role.CREATIVE, strength=0.5)
    nine, one = (replace(order(steps=10, pictures=(large,)), tiles=(tile,) * count) for count in (9, 1))
    assert (nine.cost, nine.parts, order().parts) == (45.0, 9, 1)
    pace.learn(order(steps=10), 30.0)
    pace.learn(nine, 90.0)
    assert pace.seconds_for(nine) == pytest.approx(90)
    assert pace.seconds_for(one) == pytest.approx(10)
    assert pace.seconds_for(order(steps=10)) == pytest.approx(30)


def test_nothing_is_known_before_anything_was_measured() -> None:
    assert CostModel().seconds_per_cost is None
