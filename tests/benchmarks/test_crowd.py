"""One member's flood of orders in simulated time, with the costs measured on a GPU; and the arrivals of benchmarks/crowd.py."""

from collections import Counter

import pytest

from benchmarks.crowd import (
    GREEDY,
    IMAGES,
    MEASURED,
    SHARE,
    SHORT_STEPS,
    STEPS,
    XL_ON_H200,
    by_cost_line,
    dealt,
    loop_gap,
    one_at_a_time,
    others,
    played,
)
from generation.request import GenerationRequest, ImageSize, JobId, MemberId, ModelName
from tests.drawings import drawing


def ask(number: int, member: MemberId, steps: int, images: int) -> GenerationRequest:
    size = ImageSize(width=1024, height=1024)
    drawn = drawing(model=ModelName("bench"), size=size, steps=steps, seed=number, images=images)
    return GenerationRequest(job=JobId(f"{number}"), member=member, drawing=drawn)


@pytest.mark.parametrize("seed", [1, 13])
def test_the_others_wait_at_most_two_fifths_of_what_they_would_one_order_at_a_time(seed: int) -> None:
    arrivals = dealt(ask, loop_gap(XL_ON_H200, SHORT_STEPS), 84, SHORT_STEPS, share=SHARE, seed=seed)
    theirs = one_at_a_time(
        arrivals, lambda request: XL_ON_H200.pipeline(request.drawing.steps, request.drawing.images)
    )
    assert played(XL_ON_H200, arrivals) <= 0.4 * theirs


def test_the_cost_line_is_within_a_tenth_of_what_was_measured() -> None:
    line = by_cost_line(XL_ON_H200)
    assert line == pytest.approx(MEASURED, rel=0.1)


def test_orders_are_dealt_in_exact_shares_and_come_at_the_wanted_pace() -> None:
    count = 105
    arrivals = dealt(ask, 2.0, count, STEPS, share=SHARE)
    assert [one.at for one in arrivals] == sorted(one.at for one in arrivals)
    assert arrivals[-1].at == pytest.approx(2.0 * count)
    hers = [one for one in arrivals if one.request.member == GREEDY]
    assert len(hers) == 63
    assert len(others(arrivals)) == 42
    for sent in (hers, others(arrivals)):
        kinds = Counter((one.request.drawing.steps, one.request.drawing.images) for one in sent)
        assert len(kinds) == len(set(STEPS)) * len(IMAGES)
        for (steps, _), times in kinds.items():
            assert times == STEPS.count(steps) * len(sent) // 21
