import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.rate_limits import Limits, RateLimit, RateLimited, Spend, TooManyJobs, admit

START = 1_800_000_000.0
moments = st.floats(min_value=START, max_value=START + 300, allow_nan=False)
requests = st.lists(st.tuples(moments, st.integers(1, 6)), max_size=30)


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@settings(deadline=None)
@given(requests, st.integers(1, 8))
def test_no_window_ever_holds_more_than_the_limit(asked: list[tuple[float, int]], most: int) -> None:
    clock = Clock()
    allowance = RateLimit("minute", most, 60.0, clock=clock)
    taken: list[Spend] = []
    for at, images in sorted(asked):
        clock.now = at
        try:
            allowance.take(images)
        except RateLimited:
            continue
        taken.append(Spend(at, images))
    for last in taken:
        window = [spend for spend in taken if spend.at <= last.at < spend.at + 60.0]
        assert sum(spend.images for spend in window) <= most


@settings(deadline=None)
@given(requests, st.integers(1, 12), moments, st.data())
def test_retry_after_is_exact(
    asked: list[tuple[float, int]], most: int, now: float, data: st.DataObject
) -> None:
    spent = [Spend(at, images) for at, images in asked]
    images = data.draw(st.integers(1, most))
    seconds = RateLimit("minute", most, 60.0, spent, clock=Clock(now)).retry_after(images)
    assert math.isfinite(seconds)
    RateLimit("minute", most, 60.0, spent, clock=Clock(now + seconds)).take(images)
    if seconds > 0.01:
        with pytest.raises(RateLimited):
            RateLimit("minute", most, 60.0, spent, clock=Clock(now + seconds - 0.001)).take(images)


@settings(deadline=None)
@given(requests, st.integers(1, 12), moments)
def test_past_spending_from_rows_counts_like_spending_just_made(
    asked: list[tuple[float, int]], most: int, now: float
) -> None:
    clock = Clock()
    lived = RateLimit("minute", most, 60.0, clock=clock)
    rows: list[Spend] = []
    for at, images in sorted(asked):
        clock.now = at
        try:
            lived.take(images)
        except RateLimited:
            continue
        rows.append(Spend(at, images))
    clock.now = max(now, clock.now)
    assert RateLimit("minute", most, 60.0, rows, clock=clock).retry_after(1) == lived.retry_after(1)


def test_taking_too_much_says_when_and_spends_nothing() -> None:
    clock = Clock()
    allowance = RateLimit("minute", 4, 60.0, [Spend(START - 20, 3)], clock=clock)
    with pytest.raises(RateLimited) as limited:
        allowance.take(2)
    assert (limited.value.limit, limited.value.retry_after) == ("minute", 40.0)
    allowance.take(1)
    assert allowance.retry_after(1) == 40.0
    assert allowance.retry_after(4) == 60.0


def test_a_limit_may_be_spent_to_its_last_picture() -> None:
    allowance = RateLimit("minute", 4, 60.0, [Spend(START - 1, 3)], clock=Clock())
    assert allowance.retry_after(1) == 0.0
    allowance.take(1)
    assert RateLimit("minute", 4, 60.0, clock=Clock()).retry_after(4) == 0.0


def test_nothing_may_be_asked_for_at_any_time() -> None:
    assert RateLimit("minute", 4, 60.0, [Spend(START, 4)], clock=Clock()).retry_after(0) == 0.0


def test_a_picture_counts_until_just_before_its_period_is_over() -> None:
    clock = Clock()
    allowance = RateLimit("minute", 1, 60.0, [Spend(START, 1)], clock=clock)
    for later, seconds in ((0.0, 60.0), (59.5, 0.5), (60.0, 0.0)):
        clock.now = START + later
        assert allowance.retry_after(1) == seconds


def test_the_wait_is_for_as_many_pictures_as_are_asked_for() -> None:
    spent = [Spend(START - 10, 1), Spend(START - 30, 2), Spend(START - 20, 1)]
    allowance = RateLimit("minute", 4, 60.0, spent, clock=Clock())
    assert [allowance.retry_after(images) for images in (1, 2, 3, 4)] == [30.0, 30.0, 40.0, 50.0]


def test_a_clock_that_was_set_back_waits_longer_and_never_less_than_nothing() -> None:
    clock = Clock()
    allowance = RateLimit("minute", 1, 60.0, [Spend(START, 1)], clock=clock)
    clock.now -= 10
    assert allowance.retry_after(1) == 70.0


def test_asking_for_more_than_the_limit_holds_is_said_to_be_impossible() -> None:
    with pytest.raises(RateLimited) as limited:
        RateLimit("day", 4, 60.0).retry_after(5)
    assert limited.value.is_impossible
    assert (limited.value.limit, limited.value.allowed, limited.value.asked) == ("day", 4, 5)
    assert math.isfinite(limited.value.retry_after)


async def test_as_a_context_it_waits_like_any_throttler() -> None:
    allowance = RateLimit("burst", 1, 0.05)
    async with allowance:
        assert allowance.retry_after(1) > 0
    async with allowance:
        pass


def test_a_member_within_all_limits_is_admitted() -> None:
    admit(Limits(), [], in_line=0, images=4, now=START)
    admit(Limits(), [Spend(START - 60, 12)], in_line=4, images=12, now=START)


@pytest.mark.parametrize(
    ("spent", "limit"),
    [
        ([Spend(START - 59, 3)], None),
        ([Spend(START - 59, 4)], "minute"),
        ([Spend(START - 60, 4)], None),
        ([Spend(START - 3600, 7)], None),
        ([Spend(START - 3600, 8)], "day"),
        ([Spend(START - 86_399, 8)], "day"),
        ([Spend(START - 86_400, 8)], None),
        ([Spend(START - 86_390, 8), Spend(START - 50, 4)], "minute"),  # both for ten seconds
    ],
)
def test_one_picture_more_is_refused_by_the_limit_that_is_spent(
    spent: list[Spend], limit: str | None
) -> None:
    limits = Limits(images_a_minute=4, images_a_day=12 if len(spent) > 1 else 8)
    if limit is None:
        admit(limits, spent, in_line=0, images=1, now=START)
        return
    with pytest.raises(RateLimited) as limited:
        admit(limits, spent, in_line=0, images=1, now=START)
    assert (limited.value.limit, limited.value.asked) == (limit, 1)


def test_the_last_job_and_the_last_pictures_of_all_limits_are_admitted() -> None:
    limits = Limits(images_a_minute=4, images_a_day=4, jobs_in_line=1)
    admit(limits, [], in_line=0, images=4, now=START)
    with pytest.raises(TooManyJobs):
        admit(limits, [], in_line=1, images=1, now=START)
    with pytest.raises(RateLimited) as limited:
        admit(limits, [], in_line=0, images=5, now=START)
    assert (limited.value.limit, limited.value.is_impossible) == ("minute", True)


def test_more_than_a_day_ever_holds_is_impossible_even_when_the_minute_only_waits() -> None:
    with pytest.raises(RateLimited) as limited:
        admit(Limits(images_a_minute=9, images_a_day=4), [Spend(START, 9)], in_line=0, images=5, now=START)
    assert (limited.value.limit, limited.value.is_impossible) == ("day", True)


def test_the_limit_that_keeps_the_member_longest_is_named() -> None:
    limits = Limits(images_a_minute=4, images_a_day=8)
    with pytest.raises(RateLimited) as limited:
        admit(limits, [Spend(START - 10, 4)], in_line=0, images=1, now=START)
    assert (limited.value.limit, limited.value.retry_after) == ("minute", 50.0)
    with pytest.raises(RateLimited) as limited:
        admit(limits, [Spend(START - 1000, 4), Spend(START - 10, 4)], in_line=0, images=1, now=START)
    assert (limited.value.limit, limited.value.retry_after) == ("day", 86_400.0 - 1000)


def test_a_full_line_is_refused() -> None:
    with pytest.raises(TooManyJobs) as full:
        admit(Limits(jobs_in_line=2), [], in_line=2, images=1, now=START)
    assert full.value.limit == 2


def test_more_images_than_a_minute_ever_holds_are_impossible() -> None:
    with pytest.raises(RateLimited) as limited:
        admit(Limits(images_a_minute=4), [], in_line=0, images=5, now=START)
    assert (limited.value.limit, limited.value.is_impossible) == ("minute", True)


def test_spending_from_a_clock_that_was_ahead_counts_as_spent_now() -> None:
    limits = Limits(images_a_minute=4, images_a_day=8)
    ahead = [Spend(START + 40 * 86_400.0, 4)]
    with pytest.raises(RateLimited) as limited:
        admit(limits, ahead, 0, 1, START)
    assert (limited.value.limit, limited.value.retry_after) == ("minute", 60.0)
    admit(limits, ahead, 0, 1, START + 50 * 86_400.0)
