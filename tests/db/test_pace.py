"""The size of the next step follows the time that the last one took."""

from db.pace import Pace


def sizes(pace: Pace, seconds: float, steps: int) -> list[int]:
    found: list[int] = []
    for _ in range(steps):
        pace.took(seconds)
        found.append(pace.rows)
    return found


def test_quick_steps_grow_and_slow_steps_shrink_within_limits() -> None:
    pace = Pace(100)
    assert pace.rows == 25
    assert sizes(pace, 0.001, 3) == [50, 100, 100]
    assert sizes(pace, 0.015, 1) == [100], "neither quick nor slow"
    assert sizes(pace, 0.5, 6) == [50, 25, 12, 6, 5, 5]


def test_a_step_is_never_larger_than_allowed() -> None:
    pace = Pace(3)
    assert [pace.rows, *sizes(pace, 0.001, 1), *sizes(pace, 0.5, 1)] == [3, 3, 3]
