"""Which models stay in memory and which are evicted, in simulated time."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.request import ModelName
from generation.worker.models.eviction_policy import RESIDENCE, Change, EvictionPolicy

A, B, C, D = (ModelName(name) for name in "abcd")
BOUND = 20.0  # seconds
LOAD = 3.0  # seconds during which a load blocks all work
TICK = 1.0


@dataclass
class Order:
    came: float
    model: ModelName
    lasts: float  # seconds from seating to the end
    seated: float | None = None
    ends: float = 0.0


@dataclass
class World:
    """A device that follows the policy's decisions and seats every open order at once."""

    policy: EvictionPolicy
    sizes: dict[ModelName, int]
    looks: dict[ModelName, int]  # estimated sizes, before measurement
    now: float = 0.0
    settled_at: float = 0.0
    evicted: list[ModelName] = field(default_factory=list[ModelName])

    def run(self, orders: list[Order], until: float = 5000.0) -> None:
        while any(order.seated is None for order in orders):
            self.turn([order for order in orders if order.came <= self.now])
            assert self.now < until, "somebody waits for ever"

    def turn(self, orders: list[Order]) -> None:
        running = [order for order in orders if order.seated is not None and order.ends > self.now]
        waiting = [order for order in orders if order.seated is None]
        in_use = {order.model for order in running}
        change = self.policy.decide(self.now, {o.model: self.looks[o.model] for o in waiting}, in_use)
        self.perform(change, running, in_use)
        for order in waiting:
            if self.policy.is_open(order.model):
                self.policy.used(order.model)
                order.seated, order.ends = self.now, self.now + order.lasts
        self.now += TICK

    def perform(self, change: Change, running: list[Order], in_use: set[ModelName]) -> None:
        assert not in_use & set(change.evict), "a model in use was evicted"
        assert not (in_use and change.evict) or self.now >= self.settled_at, "models take turns too fast"
        for name in change.evict:
            self.policy.evicted(name)
            self.evicted.append(name)
        if change.load is not None:
            self.looks[change.load] = self.sizes[change.load]
            self.policy.loaded(change.load, self.sizes[change.load])
            self.now += LOAD
            for order in running:
                order.ends += LOAD
        if change.evict:
            self.settled_at = self.now + RESIDENCE * BOUND


def a_world(
    sizes: dict[ModelName, int],
    budget: int,
    *,
    looks: dict[ModelName, int] | None = None,
) -> World:
    return World(EvictionPolicy(budget, bound=BOUND), sizes, dict(looks or sizes))


def traffic(names: list[ModelName], longest: float = 30.0, most: int = 40) -> st.SearchStrategy[list[Order]]:
    one = st.builds(
        Order,
        came=st.integers(0, 200).map(float),
        model=st.sampled_from(names),
        lasts=st.integers(1, int(longest)).map(float),
    )
    return st.lists(one, min_size=1, max_size=most).map(lambda orders: sorted(orders, key=lambda o: o.came))


@given(traffic([A, B], longest=30.0))
def test_with_two_models_of_which_one_fits_nobody_waits_longer_than_the_bound_and_a_drain(
    orders: list[Order],
) -> None:
    world = a_world({A: 10, B: 10}, budget=15)
    world.run(orders)
    for order in orders:
        assert order.seated is not None
        assert order.seated - order.came <= BOUND + 30.0 + LOAD + 2 * TICK, order


@settings(max_examples=200)
@given(
    traffic([A, B, C, D]),
    st.fixed_dictionaries({name: st.integers(1, 12) for name in (A, B, C, D)}),
    st.integers(5, 30),
)
def test_whatever_comes_waits_are_bounded_swaps_are_few_and_memory_is_kept(
    orders: list[Order], sizes: dict[ModelName, int], budget: int
) -> None:
    world = a_world(sizes, budget)
    world.run(orders)
    for order in orders:
        assert order.seated is not None
        # The wait for its own turn and for every model with older waiting orders.
        assert order.seated - order.came <= BOUND + 4 * (30.0 + LOAD + RESIDENCE * BOUND + 2 * TICK), order
    resident = world.policy.resident
    assert world.policy.resident_bytes <= budget or len(resident) == 1


@given(
    traffic([A, B, C]),
    st.fixed_dictionaries({name: st.integers(1, 20) for name in (A, B, C)}),
    st.fixed_dictionaries({name: st.integers(0, 20) for name in (A, B, C)}),
)
def test_models_that_turn_out_larger_than_they_looked_make_room_once_nobody_uses_them(
    orders: list[Order], sizes: dict[ModelName, int], looks: dict[ModelName, int]
) -> None:
    world = a_world(sizes, budget=20, looks=looks)
    world.run(orders)
    while any(order.ends > world.now for order in orders) or world.policy.resident_bytes > 20:
        world.turn(orders)
        assert world.now < 5000
    assert len(world.policy.resident) >= 1


def test_what_fits_is_loaded_at_once_and_evicts_nobody() -> None:
    world = a_world({A: 4, B: 4, C: 4}, budget=12)
    world.run([Order(float(i), name, 5.0) for i, name in enumerate((A, B, C))])
    assert set(world.policy.resident) == {A, B, C}
    assert not world.evicted


def test_the_model_used_longest_ago_makes_room() -> None:
    world = a_world({A: 4, B: 4, C: 4}, budget=8)
    world.run([Order(0, A, 1), Order(10, B, 1), Order(20, A, 1), Order(30, C, 1)])
    assert world.evicted == [B]
    assert set(world.policy.resident) == {A, C}


def test_an_idle_model_makes_room_without_any_wait() -> None:
    world = a_world({A: 10, B: 10}, budget=10)
    orders = [Order(0, A, 2), Order(20, B, 2)]
    world.run(orders)
    assert orders[1].seated == 20 + LOAD


def test_orders_for_the_resident_model_go_first_until_the_bound_and_then_wait_their_turn() -> None:
    world = a_world({A: 10, B: 10}, budget=10)
    steady = [Order(float(t), A, 10.0) for t in range(0, 100, 5)]
    other = Order(7.0, B, 10.0)
    world.run(sorted([*steady, other], key=lambda order: order.came))
    before = [order for order in steady if order.came < other.came + BOUND]
    assert all(order.seated is not None and order.seated - order.came <= LOAD + TICK for order in before)
    assert other.seated is not None
    assert BOUND <= other.seated - other.came <= BOUND + 10.0 + LOAD + 2 * TICK
    assert Counter(world.evicted)[A] == 1


def test_a_cancelled_wait_reopens_the_model_that_was_making_room() -> None:
    policy = EvictionPolicy(10, bound=BOUND)
    policy.loaded(A, 10)
    sizes = {A: 10, B: 10}
    policy.decide(0.0, {B: 10}, {A})
    assert policy.decide(BOUND, sizes, {A}) == Change()
    assert not policy.is_open(A)
    assert policy.decide(BOUND + 1, {A: 10}, {A}) == Change()
    assert policy.is_open(A)


def test_a_model_stays_for_a_part_of_the_bound_although_another_is_overdue() -> None:
    policy = EvictionPolicy(10, bound=20.0)
    policy.loaded(A, 10)
    policy.decide(0.0, {C: 10, B: 10}, {A})
    policy.decide(20.0, {C: 10, B: 10}, {A})
    assert policy.decide(21.0, {C: 10, B: 10}, set()) == Change(evict=(A,), load=C)
    policy.evicted(A)
    policy.loaded(C, 10)
    policy.used(C)
    # The load took three seconds: the residence begins after it.
    policy.decide(24.0, {B: 10, C: 10}, {C})
    policy.decide(28.9, {B: 10, C: 10}, {C})
    assert policy.is_open(C)
    policy.decide(29.0, {B: 10, C: 10}, {C})
    assert not policy.is_open(C), "it drains"
    assert policy.decide(30.0, {B: 10, C: 10}, set()) == Change(evict=(C,), load=B)


def test_where_nothing_is_drawn_models_take_turns_at_once() -> None:
    policy = EvictionPolicy(10, bound=20.0)
    policy.loaded(A, 10)
    assert policy.decide(0.0, {B: 10}, set()) == Change(evict=(A,), load=B)
    policy.evicted(A)
    policy.loaded(B, 10)
    policy.used(B)
    assert policy.decide(1.0, {A: 10}, set()) == Change(evict=(B,), load=A)


def test_a_model_just_loaded_is_seated_once_before_it_makes_room_again() -> None:
    policy = EvictionPolicy(10, bound=5.0)
    policy.loaded(A, 5)
    policy.loaded(C, 5)
    both = {B: 5, D: 10}
    assert policy.decide(0.0, both, {A, C}) == Change()
    assert policy.decide(6.0, both, {A}) == Change(evict=(C,), load=B)
    policy.evicted(C)
    policy.loaded(B, 5)
    # All slots are in use, so B's order is not seated.
    for now in (7.0, 7.0 + RESIDENCE * 5.0):
        assert policy.decide(now, both, {A}) == Change()
        assert policy.is_open(B)
    policy.used(B)
    assert policy.decide(9.0, {D: 10}, {B}) == Change()
    assert not policy.is_open(B)
    assert policy.decide(10.0, {D: 10}, set()) == Change(evict=(A, B), load=D)


def test_what_is_larger_than_the_budget_lies_there_alone() -> None:
    world = a_world({A: 4, B: 50}, budget=10)
    world.run([Order(0, A, 3), Order(1, B, 3)])
    assert world.policy.resident == (B,)


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_of_two_that_wait_who_has_waited_longer_is_next(order: tuple[ModelName, ModelName]) -> None:
    policy = EvictionPolicy(10, bound=5.0)
    policy.loaded(C, 10)
    first, second = order
    policy.decide(0.0, {first: 10}, {C})
    policy.decide(1.0, {second: 10, first: 10}, {C})
    assert policy.decide(9.0, {second: 10, first: 10}, set()) == Change(evict=(C,), load=first)
