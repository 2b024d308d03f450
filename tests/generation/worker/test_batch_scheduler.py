"""The choice of the next step, simulated with slots without pictures and a device with a linear cost."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.worker import batch_scheduler
from generation.worker.batch_scheduler import FIRST_LOOKS, BatchScheduler, CostCurve
from generation.worker.job import Job, Seat, jobs_of
from tests.generation.worker.empty_slots import A_ROW, FIXED, job, next_batch


class Stage:
    """Jobs that step as `BatchScheduler` decides."""

    def __init__(self, *jobs: Job) -> None:
        self.batch_scheduler = BatchScheduler()
        self.jobs = list(jobs)
        self.done: list[str] = []
        self.charged = 1.0  # charged share of a step's duration

    def tick(self) -> list[Seat]:
        batch = next_batch(self.batch_scheduler, self.jobs)
        rows = sum(len(seat.slot.rows) for seat in batch)
        for seat in batch:
            seat.slot.step += 1
            share = self.charged * (FIXED + A_ROW * rows) * len(seat.slot.rows) / rows
            seat.job.device_seconds += share
            self.batch_scheduler.charge(seat.job.request, share)
        if batch:
            self.batch_scheduler.learn(batch, FIXED + A_ROW * rows)
        over = [one for one in self.jobs if one.is_denoised]
        self.done += [one.id for one in over]
        self.jobs = [one for one in self.jobs if one not in over]
        return batch

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.tick()

    def finish(self) -> None:
        while self.jobs:
            self.tick()


def names(batch: Iterable[Seat]) -> list[str]:
    return [one.id for one in jobs_of(batch)]


def trained(*jobs: Job) -> Stage:
    """Returns a stage with a learned cost curve."""
    stage = Stage(*jobs)
    for one in jobs:
        line = stage.batch_scheduler.curves[one.slots[0].key.cost_key]
        for rows in (2, 2, 8, 8, 32, 32):
            line.learn(rows, FIXED + A_ROW * rows)
    return stage


def test_a_newcomer_has_its_first_step_alone_and_joins_then() -> None:
    stage = trained(job("old", steps=20))
    stage.ticks(3)
    stage.jobs.append(job("new", 2, steps=20))
    assert names(stage.tick()) == ["new"]
    assert sorted(names(stage.tick())) == ["new", "old"]


def test_the_shortest_goes_first_where_not_all_are_worth_it() -> None:
    stage = trained(*(job(f"{steps}", steps, steps=steps, images=4) for steps in (50, 4, 30, 8, 20)))
    stage.finish()
    assert stage.done == ["4", "8", "20", "30", "50"]


def test_who_has_had_much_goes_after_who_has_had_little() -> None:
    stage = trained(*(job(f"greedy-{n}", 1, steps=20, images=4) for n in range(6)))
    stage.ticks(100)
    stage.jobs.append(job("modest", 2, steps=20, images=4))
    seen = len(stage.done)
    while "modest" not in stage.done:
        stage.tick()
    assert len(stage.done) - seen <= 2, "at most one that was nearly done goes before"


@pytest.mark.parametrize("charged", [0.9, 1.0, 1.1])
def test_equals_are_done_one_after_the_other_and_do_not_take_turns(charged: float) -> None:
    """This holds even when steps take more or less time than expected."""
    stage = trained(*(job(f"{n}", n, steps=30, images=4) for n in range(6)))
    stage.charged = charged
    ended: list[int] = []
    while stage.jobs:
        stage.tick()
        ended.append(len(stage.done))
    first = ended.index(2)
    assert first < 0.5 * len(ended), "two of six at once: the first two need a third"


def test_drafts_of_a_member_who_is_served_are_no_newcomers() -> None:
    stage = trained(job("other", 1, steps=20, images=4), job("draft", 2, steps=8, images=4))
    stage.ticks(3)
    stage.jobs.append(job("next", 2, steps=8, images=4))
    stage.jobs.append(job("new", 3, steps=8))
    assert names(stage.tick()) == ["new"]


def test_drafts_of_a_member_who_had_more_than_others_are_no_newcomers() -> None:
    """This holds even when none of the member's earlier jobs is running."""
    stage = trained(*(job(f"flood-{n}", 1, steps=8, images=2) for n in range(4)))
    stage.ticks(7)
    stage.jobs += [job(f"other-{n}", 2 + n, steps=8, images=2) for n in range(4)]
    while len(stage.done) < 4:
        stage.tick()
    stage.jobs.append(job("flood-4", 1, steps=8, images=2))
    assert "flood-4" not in names(stage.tick())


def test_no_step_has_more_rows_than_are_worth_it() -> None:
    stage = trained(*(job(f"{n}", n, steps=10, images=4) for n in range(10)))
    knee = next(iter(stage.batch_scheduler.curves.values())).knee
    while stage.jobs:
        assert sum(len(seat.slot.rows) for seat in stage.tick()) <= knee


def test_a_picture_that_alone_is_beyond_the_knee_is_stepped_alone() -> None:
    stage = Stage(job("weighted", rows=2 * batch_scheduler.FIRST), job("plain", 2))
    assert sorted(names(stage.tick()) for _ in range(2)) == [["plain"], ["weighted"]]
    stage.finish()


def test_a_flood_of_newcomers_stops_nobody() -> None:
    long = job("long", steps=30)
    stage = trained(long)
    stage.tick()
    for n in range(29 * (FIRST_LOOKS + 1)):
        stage.jobs = [one for one in stage.jobs if one is long or one.steps_done == 0]
        stage.jobs.append(job(f"new-{n}", 2 + n))
        stage.tick()
    assert long.is_denoised


def test_a_long_order_is_not_starved_by_short_ones_without_end() -> None:
    """More short work than the device can do keeps arriving; the long order still finishes."""
    long = job("long", 1, steps=50, images=4)
    stage = trained(long)
    for n in range(4000):
        if len(stage.jobs) < 12:  # the worker has a limited number of slots
            stage.jobs.append(job(f"short-{n}", 2 + n, steps=8, images=4))
        stage.tick()
        if long.is_denoised:
            return
    raise AssertionError(f"{long.steps_done} of {long.steps_total} steps")


JOBS = st.lists(
    st.tuples(
        st.integers(1, 4),  # member
        st.integers(1, 16),  # steps
        st.integers(1, 4),  # pictures
        st.sampled_from([1, 2, 3]),  # rows
        st.sampled_from([8, 12]),  # side
        st.integers(0, 6),  # ticks before the next one arrives
    ),
    min_size=1,
    max_size=12,
)
Wanted = list[tuple[int, int, int, int, int, int]]


def played(wanted: Wanted) -> list[list[tuple[str, int]]]:
    """Returns every batch as (job, picture) pairs."""
    stage = Stage()
    batches: list[list[tuple[str, int]]] = []
    for n, (member, steps, images, rows, side, gap) in enumerate(wanted):
        stage.jobs.append(job(f"{n}", member, steps=steps, images=images, rows=rows, side=side))
        for _ in range(gap if n + 1 < len(wanted) else 4 * 16 * len(wanted)):
            if not stage.jobs:
                break
            knees = {key: line.knee for key, line in stage.batch_scheduler.curves.items()}
            batch = stage.tick()
            assert batch, "the device never idles while there is work"
            assert len({seat.slot.key for seat in batch}) <= 1
            if len(batch) > 1:
                knee = knees.get(batch[0].slot.key.cost_key, batch_scheduler.FIRST)
                assert sum(len(seat.slot.rows) for seat in batch) <= knee
            batches.append([(seat.job.id, seat.index) for seat in batch])
    assert len(stage.done) == len(wanted), "everybody is served"
    return batches


@settings(max_examples=25, deadline=None)
@given(JOBS)
def test_everybody_is_served_in_lawful_batches_and_the_same_orders_give_the_same_turns(
    wanted: Wanted,
) -> None:
    assert played(wanted) == played(wanted)


@settings(max_examples=25, deadline=None)
@given(JOBS, st.integers(0, 40))
def test_a_newcomer_of_a_quiet_moment_is_next(wanted: Wanted, ticks: int) -> None:
    stage = Stage()
    for n, (member, steps, images, rows, side, _) in enumerate(wanted):
        stage.jobs.append(job(f"{n}", member, steps=steps, images=images, rows=rows, side=side))
    stage.ticks(len(wanted) * 6 + ticks)  # the others have had their first preview
    stage.jobs.append(job("new", 9))
    assert names(stage.tick()) == ["new"]


def test_pictures_that_share_no_step_are_drawn_one_by_one_to_their_ends() -> None:
    stage = Stage(*(job(f"{n}", n, images=2, rows=1, is_alone=True) for n in range(3)))
    for _ in range(6):
        begun = next_batch(stage.batch_scheduler, stage.jobs, lambda _: (8,))
        picture = [stage.tick()[0].slot for _ in range(4)]
        assert picture == [seat.slot for seat in begun] * 4
    assert len(stage.done) == 3


def test_what_a_step_that_is_never_shared_costs_is_told_though_all_are_of_one_size() -> None:
    stage = Stage(job("whole", steps=3, rows=1, is_alone=True))
    told = [stage.batch_scheduler.news(stage.tick()) for _ in range(3)]
    assert told[0] is None, "the first step of a size is not believed"
    assert told[1] is not None
    assert (told[1].fixed, told[1].a_picture, told[1].at_once) == (0, pytest.approx(FIXED + A_ROW), 1)
    assert told[2] is None, "no news"


# ---- the cost curve


@given(st.floats(1e-4, 1), st.floats(1e-5, 0.1))
def test_the_curve_finds_the_fixed_part_and_the_row(fixed: float, a_row: float) -> None:
    line = CostCurve()
    for rows in (2, 8, 16, 2, 8, 16):
        line.learn(rows, fixed + a_row * rows)
    assert line.line == (pytest.approx(fixed, rel=1e-2), pytest.approx(a_row, rel=1e-2, abs=fixed * 1e-6))


def test_the_first_step_of_a_size_is_not_believed() -> None:
    line = CostCurve()
    for rows in (2, 4, 2, 4):
        line.learn(rows, 30.0 if rows not in line._warm else 1.0 + rows)  # pyright: ignore[reportPrivateUsage]
    assert line.line == (pytest.approx(1), pytest.approx(1))


def test_a_device_that_is_full_with_few_rows_has_an_early_knee() -> None:
    full, launch_bound = CostCurve(), CostCurve()
    for rows in (2, 8, 16, 2, 8, 16):
        full.learn(rows, 0.001 + 0.1 * rows)
        launch_bound.learn(rows, 0.1 + 0.001 * rows)
    assert full.knee == batch_scheduler.LEAST
    assert launch_bound.knee == 2 * 16, "twice what was measured, for now"


def test_with_one_size_measured_the_knee_is_the_first() -> None:
    line = CostCurve()
    line.learn(2, 0.1)
    line.learn(2, 0.1)
    assert line.knee == batch_scheduler.FIRST


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(1e-5, 100)), max_size=60))
def test_whatever_was_measured_the_knee_is_within_bounds(measured: list[tuple[int, float]]) -> None:
    line = CostCurve()
    for rows, seconds in measured:
        line.learn(rows, seconds)
    assert batch_scheduler.LEAST <= line.knee <= batch_scheduler.MOST
    assert line.seconds_for(2) > 0


def test_what_would_be_padding_of_a_newcomers_step_goes_to_the_next_in_line() -> None:
    stage = trained(job("old", steps=20, images=4))
    stage.ticks(3)
    stage.jobs.append(job("new", 2, steps=20, images=3))
    batch = next_batch(stage.batch_scheduler, stage.jobs, lambda _: (8, 16))
    assert names(batch) == ["new", "old"]
    assert sum(len(seat.slot.rows) for seat in batch) == 8
    assert len({id(seat.slot) for seat in batch}) == len(batch)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=6),
    st.sets(st.sampled_from([2, 4, 8, 16, 32]), max_size=4),
)
def test_filling_up_takes_no_step_over_the_size_that_it_is_padded_to(
    orders: list[tuple[int, int]], sizes: set[int]
) -> None:
    jobs = [job(f"{n}", n, rows=rows, images=images) for n, (rows, images) in enumerate(orders)]
    padded = sorted(sizes)
    bare = next_batch(BatchScheduler(), jobs)
    full = next_batch(BatchScheduler(), jobs, lambda _: padded)
    assert [seat.slot for seat in full[: len(bare)]] == [seat.slot for seat in bare], "nobody is passed over"
    rows, more = (sum(len(seat.slot.rows) for seat in one) for one in (bare, full))
    assert more <= next((size for size in padded if size >= rows), rows)
