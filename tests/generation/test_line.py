from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from generation.line import WaitingLine
from generation.request import GenerationRequest, ImageSize, JobId, MemberId, ModelName, Prompt, Request


def order(job: str, member: int, images: int = 1, steps: int = 10) -> GenerationRequest:
    return GenerationRequest(
        job=JobId(job),
        member=MemberId(member),
        model=ModelName("small"),
        prompt=Prompt(text="a fox"),
        size=ImageSize(width=64, height=64),
        steps=steps,
        guidance=7.0,
        seed=0,
        images=images,
    )


def line_of(*orders: Request) -> WaitingLine:
    line = WaitingLine()
    for one in orders:
        line.put(one)
    return line


def popped(line: WaitingLine) -> list[JobId]:
    return [line.pop().job for _ in range(len(line))]


def test_members_take_turns_and_each_keeps_their_own_order() -> None:
    line = line_of(order("a1", 1), order("a2", 1), order("a3", 1), order("b1", 2), order("b2", 2))
    assert popped(line) == ["a1", "b1", "a2", "b2", "a3"]


def test_turns_are_measured_in_cost() -> None:
    line = line_of(*(order(f"a{n}", 1, images=4) for n in range(2)), *(order(f"b{n}", 2) for n in range(6)))
    assert popped(line) == ["a0", "b0", "b1", "b2", "b3", "a1", "b4", "b5"]


def test_who_was_away_has_not_saved_up_turns() -> None:
    line = line_of(*(order(f"a{n}", 1) for n in range(10)))
    for _ in range(8):
        line.pop()
    for n in range(3):
        line.put(order(f"b{n}", 2))
    assert popped(line) == ["b0", "a8", "b1", "a9", "b2"]


def test_a_job_that_is_put_back_is_next_and_is_not_charged_twice() -> None:
    line = line_of(order("a1", 1), order("a2", 1), order("b1", 2), order("b2", 2))
    first, second = line.pop(), line.pop()
    line.put_back(first)
    line.put_back(second)
    assert popped(line) == ["a1", "b1", "a2", "b2"]


def test_the_newest_job_taken_back_costs_its_member_nothing() -> None:
    line = line_of(order("a1", 1), order("a2", 1, images=4), order("b1", 2), order("b2", 2), order("b3", 2))
    line.remove(JobId("a2"))
    line.put(order("a3", 1))
    assert popped(line) == ["a1", "b1", "b2", "a3", "b3"]


def test_places_and_costs_are_those_of_the_jobs_in_front() -> None:
    line = line_of(order("a1", 1, images=4), order("a2", 1), order("b1", 2))
    assert line.places() == ("a1", "b1", "a2")
    assert [line.place_of(job) for job in line.places()] == [1, 2, 3]
    assert [line.cost_before(job) for job in line.places()] == [0, 40, 50]
    assert line.waiting_of(MemberId(1)) == ("a1", "a2")


def test_what_is_not_waiting_is_a_key_error_and_what_waits_already_a_value_error() -> None:
    line = line_of(order("a1", 1))
    with pytest.raises(ValueError, match="a1"):
        line.put(order("a1", 1))
    for method in (line.remove, line.place_of, line.cost_before):
        with pytest.raises(KeyError):
            method(JobId("b1"))


def test_an_empty_line_has_no_next() -> None:
    assert WaitingLine().first() is None
    with pytest.raises(IndexError):
        WaitingLine().pop()


def test_who_is_passed_by_keeps_their_place() -> None:
    line = line_of(order("a1", 1), order("a2", 1), order("b1", 2), order("b2", 2), order("b3", 2))
    for job in ("b1", "b2"):
        first = line.first(passing={MemberId(1)})
        assert first is not None
        assert line.take(first.job).job == job
    assert line.first(passing={MemberId(1), MemberId(2)}) is None
    assert popped(line) == ["a1", "a2", "b3"]


@given(st.lists(st.integers(1, 4), max_size=30), st.integers(0, 30))
def test_a_newcomer_waits_behind_at_most_one_job_of_every_other_member(members: list[int], pops: int) -> None:
    line = line_of(*(order(f"job{n}", member) for n, member in enumerate(members)))
    for _ in range(min(pops, len(line))):
        line.pop()
    line.put(order("newcomer", 99))
    ahead = Counter(request.member for request in list(line)[: line.place_of(JobId("newcomer")) - 1])
    assert all(count == 1 for count in ahead.values())


@given(st.integers(1, 5), st.integers(1, 8), st.data())
def test_members_who_all_wait_get_equal_shares(members: int, each: int, data: st.DataObject) -> None:
    orders = [order(f"{member}-{n}", member) for member in range(members) for n in range(each)]
    line = line_of(*data.draw(st.permutations(orders)))
    served = Counter({MemberId(member): 0 for member in range(members)})
    while line:
        served[line.pop().member] += 1
        assert max(served.values()) - min(served.values()) <= 1


class Lines(RuleBasedStateMachine):
    """Any sequence of coming, going and being served, against a plain list of who is waiting."""

    jobs: Bundle[JobId] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.line = WaitingLine()
        self.arrived: list[Request] = []  # waiting, never popped, in the order of arrival
        self.returned: list[Request] = []  # put back, in that order
        self.taken: list[Request] = []

    @rule(target=jobs, member=st.integers(1, 4), images=st.integers(1, 4), steps=st.integers(1, 50))
    def put(self, member: int, images: int, steps: int) -> JobId:
        request = order(
            f"job{len(self.arrived) + len(self.returned) + len(self.taken)}", member, images, steps
        )
        before = self.line.places()
        self.line.put(request)
        self.arrived.append(request)
        assert tuple(job for job in self.line.places() if job != request.job) == before
        return request.job

    @rule()
    def pop(self) -> None:
        if not self.line:
            return
        expected, before = self.line.first(), self.line.places()
        request = self.line.pop()
        assert request is expected
        assert self.line.places() == before[1:]
        assert before[0] == request.job
        (self.returned if request in self.returned else self.arrived).remove(request)
        self.taken.append(request)

    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        if self.taken:
            request = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
            self.line.put_back(request)
            self.returned.append(request)

    @rule(job=consumes(jobs))
    def remove(self, job: JobId) -> None:
        if job not in self.line:
            return
        before = self.line.places()
        request = self.line.remove(job)
        assert self.line.places() == tuple(other for other in before if other != job)
        (self.returned if request in self.returned else self.arrived).remove(request)
        self.taken.append(request)

    @invariant()
    def nothing_is_lost_or_there_twice(self) -> None:
        assert len(self.line) == len(self.line.places())
        assert sorted(self.line.places()) == sorted(one.job for one in [*self.arrived, *self.returned])

    @invariant()
    def what_was_put_back_is_in_front(self) -> None:
        assert self.line.places()[: len(self.returned)] == tuple(one.job for one in self.returned)

    @invariant()
    def every_member_is_served_in_the_order_of_arrival(self) -> None:
        waiting = [one for one in self.line if one not in self.returned]
        for member in {one.member for one in waiting}:
            own = [one for one in waiting if one.member == member]
            assert own == [one for one in self.arrived if one.member == member]

    @invariant()
    def places_and_costs_agree_with_the_order(self) -> None:
        cost = 0.0
        for place, one in enumerate(self.line, start=1):
            assert self.line.place_of(one.job) == place
            assert self.line.cost_before(one.job) == cost
            cost += one.cost


TestLines = Lines.TestCase
TestLines.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
