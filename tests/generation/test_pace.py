from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.pace import Pace, Work, costs_until_start

WORK = st.builds(Work, pictures=st.integers(1, 4), cost=st.floats(0.5, 100))


def one(cost: float) -> Work:
    return Work(pictures=1, cost=cost)


def test_nothing_is_estimated_before_anything_was_measured() -> None:
    assert Pace().seconds_for(10) is None


def test_the_pace_is_that_of_the_last_few_jobs() -> None:
    pace = Pace()
    for seconds in [100.0] * 10 + [10.0] * 20:
        pace.learn(seconds, 10)
    assert pace.seconds_for(1) == pytest.approx(1, rel=0.2)


def test_a_long_job_weighs_more_than_a_short_one() -> None:
    pace = Pace(kept=1)
    pace.learn(seconds=90, cost=90)
    pace.learn(seconds=10, cost=1)
    assert pace.seconds_per_cost == pytest.approx(100 / 91)


def test_who_finds_a_free_slot_starts_at_once() -> None:
    assert list(costs_until_start([one(10)], [one(10), one(10)], slots=3)) == [0, 0]


def test_with_one_slot_everybody_in_front_counts_in_full() -> None:
    assert list(costs_until_start([one(3)], [one(10), one(10)], slots=1)) == [3, 13]


def test_pictures_that_run_together_share_the_device() -> None:
    # Three run and get a third each: the first is done after 3 * 2; the two others have 1 and 8 left by then.
    assert list(costs_until_start([one(2), one(3), one(10)], [one(5), one(5)], slots=3)) == [6, 9]


def test_a_job_starts_with_its_first_picture() -> None:
    waiting = [Work(pictures=4, cost=40), one(10)]
    assert list(costs_until_start([one(10)], waiting, slots=2)) == [0, 40]


@given(st.lists(WORK, max_size=6), st.lists(WORK, max_size=8), st.integers(1, 8))
def test_starts_come_in_order_and_never_after_all_the_work_in_front(
    running: list[Work], waiting: list[Work], slots: int
) -> None:
    starts = list(costs_until_start(running, waiting, slots))
    assert len(starts) == len(waiting)
    assert starts == sorted(starts)
    in_front = sum(work.cost for work in running)
    for start, work in zip(starts, waiting, strict=True):
        assert -1e-6 <= start <= in_front + 1e-6
        in_front += work.cost
