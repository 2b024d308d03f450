import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.queue.fair_queue import FairQueue
from generation.request import (
    GenerationRequest,
    GuildId,
    JobId,
    MemberId,
    Request,
)
from tests.drawings import drawing


def order(job: str, member: int, images: int = 1, steps: int = 10, guild: int = 0) -> GenerationRequest:
    drawn = drawing(steps=steps, images=images)
    return GenerationRequest(job=JobId(job), member=MemberId(member), guild=GuildId(guild), drawing=drawn)


def line_of(*orders: Request, weights: dict[GuildId, float] | None = None) -> FairQueue:
    line = FairQueue(weights=weights)
    for one in orders:
        line.put(one)
    return line


def serve(line: FairQueue) -> JobId | None:
    """Serves the next order from beginning to end."""
    if (request := line.first()) is None:
        return None
    line.take(request.job)
    line.remove(request.job, seconds=request.cost)
    return request.job


def served(line: FairQueue, most: int = 1000) -> list[JobId]:
    done: list[JobId] = []
    while len(done) < most and (job := serve(line)) is not None:
        done.append(job)
    return done


def test_members_take_turns_and_each_keeps_their_own_order() -> None:
    line = line_of(order("a1", 1), order("a2", 1), order("a3", 1), order("b1", 2), order("b2", 2))
    assert served(line) == ["b1", "a1", "b2", "a2", "a3"], "of equals, who has fewer there"


def test_turns_are_measured_in_device_seconds() -> None:
    line = line_of(*(order(f"a{n}", 1, images=4) for n in range(2)), *(order(f"b{n}", 2) for n in range(8)))
    assert served(line) == ["b0", "b1", "b2", "b3", "a0", "b4", "b5", "b6", "b7", "a1"]


def test_the_short_goes_before_the_long() -> None:
    line = line_of(order("long", 1, images=4, steps=50), order("short", 2, steps=20))
    assert served(line) == ["short", "long"]


def test_who_was_away_has_not_saved_up_turns() -> None:
    line = line_of(*(order(f"a{n}", 1) for n in range(10)))
    served(line, 8)
    for n in range(3):
        line.put(order(f"b{n}", 2))
    assert served(line) == ["a8", "b0", "a9", "b1", "b2"]


def test_a_member_whose_orders_took_more_than_was_thought_waits_the_longer() -> None:
    line = line_of(order("a1", 1), order("a2", 1), *(order(f"b{n}", 2) for n in range(4)))
    assert line.ranked()[0].job == line.take(JobId("a1")).job
    line.remove(JobId("a1"), seconds=30.0)
    assert served(line) == ["b0", "b1", "b2", "a2", "b3"]


def test_a_server_with_fifty_members_gets_no_more_than_one_with_one() -> None:
    crowd = [order(f"crowd-{n}", n, guild=1) for n in range(50)]
    lone = [order(f"lone-{n}", 99, guild=2) for n in range(10)]
    first = served(line_of(*crowd, *lone), 20)
    assert sum(job.startswith("lone") for job in first) == 10


def test_a_server_of_three_times_the_weight_gets_three_times_as_much() -> None:
    light = [order(f"light-{n}", n, guild=1) for n in range(40)]
    heavy = [order(f"heavy-{n}", 100 + n, guild=2) for n in range(40)]
    first = served(line_of(*light, *heavy, weights={GuildId(2): 3.0}), 40)
    assert 29 <= sum(job.startswith("heavy") for job in first) <= 31


def test_a_members_draft_goes_before_what_else_they_ordered() -> None:
    line = line_of(order("heavy", 1, steps=50), order("draft", 1, steps=4), order("other", 2, steps=30))
    assert served(line)[0] == "draft"


@pytest.mark.parametrize("members", [1, 5])
def test_drafts_without_end_do_not_starve_heavy_work(members: int) -> None:
    line = line_of(order("heavy", 99, images=4, steps=50))
    for n in range(400):
        line.put(order(f"draft-{n}", n % members, steps=8))
        line.put(order(f"more-{n}", n % members, steps=8))
        if serve(line) == "heavy":
            # With equal shares it is done when each of the other members has had as much.
            assert n * 8 <= (members + 1) * 200
            return
    raise AssertionError("the heavy order was never served")


def test_heavy_work_without_end_does_not_hold_up_drafts() -> None:
    line = line_of(*(order(f"heavy-{n}", n, images=4, steps=50) for n in range(20)))
    for n in range(5):
        line.put(order(f"draft-{n}", 100 + n, steps=4))
        assert serve(line) == f"draft-{n}"
        serve(line)


def test_a_job_that_is_put_back_is_next_and_is_not_charged_twice() -> None:
    line = line_of(order("a1", 1), order("a2", 1), order("b1", 2), order("b2", 2))
    for job in ("a1", "b1"):
        line.take(JobId(job))
        line.worked(JobId(job), 0.5)
    for job in ("a1", "b1"):
        line.put_back(JobId(job))
    assert served(line) == ["a1", "b1", "a2", "b2"]


def test_a_waiting_job_that_is_taken_back_costs_its_member_nothing() -> None:
    line = line_of(order("a1", 1), order("a2", 1, images=4), order("b1", 2), order("b2", 2), order("b3", 2))
    line.remove(JobId("a2"))
    line.put(order("a3", 1))
    assert served(line) == ["a1", "b1", "a3", "b2", "b3"]


def test_what_is_not_there_is_a_key_error_and_what_is_there_already_a_value_error() -> None:
    line = line_of(order("a1", 1))
    with pytest.raises(ValueError, match="a1"):
        line.put(order("a1", 1))
    for method in (line.take, line.remove, line.put_back):
        with pytest.raises(KeyError):
            method(JobId("b1"))


def test_turns_are_worked_out_once_until_somebody_comes_goes_or_is_served() -> None:
    """Two hundred queued orders are ranked once for every new order, not twice."""
    line = line_of(order("a1", 1), order("a2", 1), order("b1", 2))
    ranked = line.ranked()
    line.take(ranked[0].job)
    assert line.ranked() is ranked, "who is taken stays in place"
    line.worked(ranked[0].job, 0.5)
    assert line.ranked() is not ranked


def test_an_empty_line_has_no_next() -> None:
    assert FairQueue().first() is None


def test_who_may_not_is_passed_by_and_keeps_their_place() -> None:
    line = line_of(order("a1", 1), order("a2", 1), order("b1", 2))
    first = line.first(lambda request: request.member != MemberId(1))
    assert first is not None
    assert first.job == "b1"
    assert served(line) == ["b1", "a1", "a2"]


WANTED = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 50)),
    min_size=1,
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(WANTED)
def test_everybody_is_served_once_and_each_member_in_the_order_of_coming_in_each_lane(
    wanted: list[tuple[int, int, int, int]],
) -> None:
    orders = [
        order(f"{n}", 10 * guild + member, images, steps, guild)
        for n, (member, guild, images, steps) in enumerate(wanted)
    ]
    done = served(line_of(*orders))
    assert sorted(done) == sorted(one.job for one in orders)
    for lane in {(one.guild, one.member, one.is_draft) for one in orders}:
        own = [one.job for one in orders if (one.guild, one.member, one.is_draft) == lane]
        assert own == [job for job in done if job in own]
