"""The state of the running batch. A step neither synchronises with the device nor transfers data to it."""

import gc
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from generation.request import BatchKey, ImageSize, ModelName
from generation.worker.denoise import batch_state
from generation.worker.denoise.batch_state import COMPILED_ROW_COUNTS, ROW_COUNTS, BatchState
from generation.worker.denoise.slots import Row, Slot
from generation.worker.denoise.step_table import StepTable
from generation.worker.models.loading import Model
from tests.drawings import start_from
from tests.generation.worker.company import SCHEDULERS, with_schedulers
from tests.generation.worker.denoise.test_inpaint import mask
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

META = torch.device("meta")
"""A device whose tensors have no values: reading one (`item`, `tolist`, `nonzero`, `cpu`) raises an error. Code that works there
never waits for a GPU."""


class Crossing(AssertionError):
    pass


class NothingCrosses(TorchDispatchMode):
    """A mode in which every operation must stay on the device, except copies to it that do not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.copies = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)]
        out = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        elsewhere = [one for one in (*given, *made) if one.device != META]
        if func is torch.ops.aten.randn.generator:  # noise is drawn on the CPU
            return out
        if func is torch.ops.aten.copy_.default and len(elsewhere) == 1 and args[2:] == (True,):
            self.copies += 1
            return out
        if elsewhere:
            raise Crossing(f"{func} on {[(one.device, tuple(one.shape)) for one in elsewhere]}")
        self.operations += 1
        return out


def moved(row: Row) -> Row:
    def away(one: Tensor | None) -> Tensor | None:
        return None if one is None else one.to(META)

    return replace(
        row,
        text=row.text.to(META),
        pooled=away(row.pooled),
        time_ids=away(row.time_ids),
        guidance=away(row.guidance),
    )


def on_meta(state: BatchState, one: Model, **asked: Any) -> Slot:
    slot = one.seat(order(**asked).drawing, 0)
    return state.seat(slot.key, slot.table, tuple(moved(row) for row in slot.rows), slot.generator)


def without_values(base: Model, one: Model) -> tuple[BatchState, list[Slot]]:
    """Returns a state in which the model's pictures have taken their first step; the model is present too."""
    shape = one.seat(order().drawing, 0).key.latent_shape
    with torch.inference_mode():
        state = BatchState(shape, META)
    slots = [on_meta(state, one, seed=1, steps=9), on_meta(state, one, seed=2, steps=5, guidance=1.0)]
    slots.append(on_meta(state, one, seed=3, steps=7, text="fox::2 tea::1"))
    getattr(base.pipe, "unet" if hasattr(base.pipe, "unet") else "transformer").to(META)
    state.advance(one.unet, slots, torch.float32, sizes=ROW_COUNTS)
    return state, slots


# Without those whose transformers of diffusers copy from the host in every call (`ModelFamily.IS_RECORDED`).
RECORDED = ["sd_folder", "sdxl_folder", "sd3_folder", "flux_folder", "flux2_folder"]


@pytest.mark.parametrize("folder", RECORDED)
def test_a_step_asks_the_device_for_nothing_and_sends_it_nothing(
    folder: str, request: pytest.FixtureRequest
) -> None:
    base = model(request.getfixturevalue(folder))
    state, slots = without_values(base, base)
    with NothingCrosses() as watch:
        state.advance(base.unet, slots, torch.float32, sizes=ROW_COUNTS)
    assert watch.operations > 100
    assert watch.copies == 0


@pytest.mark.parametrize("scheduler", [name for name in SCHEDULERS if name != "SASolverScheduler"])
def test_with_any_linear_scheduler_nothing_but_noise_goes_to_the_device(
    sd_folder: Path, scheduler: str
) -> None:
    base = model(sd_folder)
    (one,) = with_schedulers(base, {scheduler: SCHEDULERS[scheduler]})
    state, slots = without_values(base, one)
    is_noisy = any(slot.table.draws[2] for slot in slots)
    with NothingCrosses() as watch:
        state.advance(base.unet, slots, torch.float32, sizes=ROW_COUNTS)
        state.advance(base.unet, slots, torch.float32, sizes=ROW_COUNTS)
    assert watch.copies == (2 * len(slots) if is_noisy else 0)


def test_the_watch_sees_what_it_watches_for(sd_folder: Path) -> None:
    base = model(sd_folder)
    state, slots = without_values(base, base)

    def waits(x: Tensor, timesteps: Tensor, **told: Any) -> Any:
        timesteps.tolist()
        return (x,)

    def sends(x: Tensor, timesteps: Tensor, **told: Any) -> Any:
        return (x * torch.ones(1),)

    for unet in (waits, sends):
        with NothingCrosses(), pytest.raises((Crossing, RuntimeError, NotImplementedError)):
            state.advance(unet, slots, torch.float32, sizes=ROW_COUNTS)


def test_a_step_is_one_graph(sd_folder: Path) -> None:
    """torch.compile with `fullgraph` raises when Python would have to read a tensor."""
    base = model(sd_folder)
    slots = [base.seat(order(seed=s, steps=4 + s).drawing, 0) for s in range(3)]
    state = base.batch_states.of(slots[0].key)
    base.advance(slots)
    plan = state._plan(slots, ())  # pyright: ignore[reportPrivateUsage]
    with torch.inference_mode():
        whole: Callable[..., Sequence[Tensor]] = torch.compile(
            batch_state.step, backend="eager", fullgraph=True
        )
        for compiled, plain in zip(
            whole(base.unet, state, plan, torch.float32),
            batch_state.step(base.unet, state, plan, torch.float32),
            strict=True,
        ):
            assert torch.allclose(compiled, plain, rtol=1e-5, atol=1e-5)


def test_a_company_that_stays_together_is_planned_once(sd_folder: Path) -> None:
    base = model(sd_folder)
    slots = [base.seat(order(seed=s).drawing, 0) for s in range(3)]
    state = base.batch_states.of(slots[0].key)
    plans = [state._plan(slots, ()) for _ in range(2)]  # pyright: ignore[reportPrivateUsage]
    assert plans[0] is plans[1]


SHAPE = (1, 2, 2)
LINE = StepTable(
    told=torch.tensor([[1.0, 1.0, 1.0, -1.0]]).repeat(3, 1),
    weights=torch.tensor([[0.0, 1.0, 0.5]]).repeat(3, 1),
    draws=(False,) * 3,
    start_noise=1.0,
    start_init=0.0,
)
"""A table without a scheduler: x + m / 2 at each of three steps."""


def plain(state: BatchState, weights: Sequence[float] = (1.0,), table: StepTable = LINE, **more: Any) -> Slot:
    """Returns a slot with one row for each weight, without a model."""
    rows = tuple(Row(weight=weight, text=torch.full((1, 2), number)) for number, weight in enumerate(weights))
    key = BatchKey(model=ModelName("none"), latent_shape=SHAPE, text_shape=(1, 2), dtype="float32", loras=())
    return state.seat(key, table, rows, torch.Generator().manual_seed(1), **more)


def ones(x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
    return (torch.ones_like(x),)


@pytest.fixture
def state() -> BatchState:
    with torch.inference_mode():
        return BatchState(SHAPE, torch.device("cpu"))


@pytest.mark.parametrize(
    ("sizes", "places", "rows", "owners", "own_rows"),
    [
        ((), 3, 4, [0, 1, 2, 2], [[0, 1, 2], [0, 1, 3]]),
        ((3, 4), 3, 4, [0, 1, 2, 2], [[0, 1, 2], [0, 1, 3]]),
        ((2,), 3, 4, [0, 1, 2, 2], [[0, 1, 2], [0, 1, 3]]),  # not padded: larger than the largest
        ((4, 8), 4, 4, [0, 1, 2, 2], [[0, 1, 2, 3], [0, 1, 3, 3]]),
        ((2, 5), 5, 5, [0, 1, 2, 2, 3], [[0, 1, 2, 4, 4], [0, 1, 3, 4, 4]]),
        ((3, 6), 3, 6, [0, 1, 2, 2, 2, 2], [[0, 1, 2], [0, 1, 3]]),
    ],
)
def test_pictures_and_rows_are_padded_to_the_next_size(
    state: BatchState,
    sizes: Sequence[int],
    places: int,
    rows: int,
    owners: list[int],
    own_rows: list[list[int]],
) -> None:
    slots = [plain(state), plain(state), plain(state, (3.0, -2.0))]
    plan = state._plan(slots, sizes)  # pyright: ignore[reportPrivateUsage]
    padding = places - 3
    assert plan.places.tolist() == [*(slot.place for slot in slots), *[batch_state.SCRATCH] * padding]
    assert plan.goes_on.tolist() == [1, 1, 1, *[0] * padding]
    assert plan.of_row.tolist() == owners
    assert plan.own_rows.tolist() == own_rows
    shares = [[1.0, 1.0, 3.0, *[0.0] * padding], [0.0, 0.0, -2.0, *[0.0] * padding]]
    assert plan.shares.squeeze().tolist() == shares
    text = plan.told["encoder_hidden_states"]
    assert text[:, 0, 0].tolist() == [0, 0, 0, 1, *[1] * (rows - 4)], "padding rows repeat the last one"
    assert plan.told["timestep_cond"] is None
    assert (plan.history, plan.is_noisy) == (0, False)


def test_a_plan_remembers_as_much_as_its_longest_scheduler_and_is_noisy_if_one_is(state: BatchState) -> None:
    for steps in (1, 2, 5):
        longer = replace(LINE, weights=torch.zeros(3, 1 + 2 * steps), draws=(False, True, False))
        plan = state._plan([plain(state), plain(state, table=longer)], ())  # pyright: ignore[reportPrivateUsage]
        assert (plan.history, plan.is_noisy) == (2 * steps - 2, True)


def test_the_plans_of_the_last_four_batches_are_kept(state: BatchState) -> None:
    slots = [plain(state) for _ in range(5)]

    def plan(number: int) -> object:
        return state._plan([slots[number]], ())  # pyright: ignore[reportPrivateUsage]

    plans = [plan(number) for number in range(4)]
    assert [plan(number) for number in range(4)] == plans
    plan(0)  # used last
    plan(4)  # the fifth: the one that was not used for longest is dropped
    assert plan(0) is plans[0]
    assert plan(1) is not plans[1]


def test_places_double_as_pictures_come_and_steps_grow_to_a_power_of_two(state: BatchState) -> None:
    assert state.is_empty
    slots: list[Slot] = []
    places: list[int] = []
    for _ in range(8):
        slots.append(plain(state))
        places.append(len(state.samples))
    assert [slot.place for slot in slots] == [1, 2, 3, 4, 5, 6, 7, 8], "place 0 is scratch"
    assert places == [4, 4, 4, 8, 8, 8, 8, 16]
    assert not state.is_empty
    assert state.tables.shape[1] == 4
    five = replace(LINE, told=torch.zeros(5, 4), weights=torch.zeros(5, 3), draws=(False,) * 5)
    slots.append(plain(state, table=five))
    assert state.tables.shape[:2] == (16, 8)
    del slots[2]
    gc.collect()
    assert plain(state).place == 3


def test_only_the_slots_of_a_batch_step(state: BatchState) -> None:
    first, second = plain(state), plain(state)
    begun = second.sample.clone()
    expected = first.sample + 0.5
    state.advance(ones, [first], torch.float32, sizes=(4,))
    assert (first.step, second.step, first.is_finished) == (1, 0, False)
    assert torch.equal(first.sample, expected)
    assert torch.equal(second.sample, begun)
    assert first.clean is not None and second.clean is None
    assert torch.allclose(first.clean, expected - 1.5)
    state.advance(ones, [first, second], torch.float32)
    state.advance(ones, [first, second], torch.float32)
    assert (first.is_finished, second.is_finished) == (True, False)


def test_guidance_is_the_weighted_sum_of_a_slots_own_rows(state: BatchState) -> None:
    def by_row(x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        return (torch.ones_like(x) * (1 + told["encoder_hidden_states"][:, 0, 0])[:, None, None, None],)

    lone, guided = plain(state), plain(state, (3.0, -2.0))
    begun = guided.sample.clone()
    state.advance(by_row, [lone, guided], torch.float32, sizes=(4, 8))
    assert torch.allclose(guided.sample, begun + (3 * 1 - 2 * 2) / 2)


def test_image_to_image_begins_with_a_mixture_of_picture_and_noise(state: BatchState) -> None:
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    init = torch.full(SHAPE, 3.0)
    table = replace(LINE, start_noise=0.25, start_init=0.5)
    assert torch.allclose(plain(state, table=table).sample, 0.25 * noise)
    mixed = plain(state, table=table, init=init)
    assert torch.allclose(mixed.sample, 0.25 * noise + 1.5)
    assert mixed.background is None


def test_row_counts_grow_and_those_of_compiled_models_are_some_of_them() -> None:
    for counts in (ROW_COUNTS, COMPILED_ROW_COUNTS):
        assert list(counts) == sorted(set(counts))
        assert all(more <= 2 * count for count, more in pairwise(counts)), "at most half is padding"
        assert all(count % 8 == 0 for count in counts if count > 4), "as kernels for tensor cores want them"
    assert set(COMPILED_ROW_COUNTS) < set(ROW_COUNTS)
    assert (ROW_COUNTS[0], ROW_COUNTS[-1]) == (1, 128) == (COMPILED_ROW_COUNTS[0], COMPILED_ROW_COUNTS[-1])


def test_a_place_is_free_when_nobody_holds_its_picture_and_nothing_is_left_of_it(sd_folder: Path) -> None:
    base = model(sd_folder)
    (multistep,) = with_schedulers(base, {"DPMSolverMultistepScheduler": {}})
    first = multistep.seat(order(seed=5).drawing, 0)
    place = first.place
    state = base.batch_states.of(first.key)
    multistep.advance([first])
    undisturbed = first.sample.clone()
    for tensor in (state.samples, state.clean, state.noise, state.past):
        with torch.inference_mode():
            tensor.fill_(float("inf"))
    del first
    gc.collect()
    again = multistep.seat(order(seed=5).drawing, 0)
    assert again.place == place
    multistep.advance([again])
    assert torch.equal(again.sample, undisturbed)


def test_a_deck_grows_under_its_pictures(sd_folder: Path) -> None:
    base = model(sd_folder)
    first = base.seat(order(seed=5, steps=3).drawing, 0)
    base.advance([first])
    (remembering,) = with_schedulers(base, {"PNDMScheduler": {"skip_prk_steps": True}})
    others = [remembering.seat(order(seed=s, steps=40).drawing, 0) for s in range(9)]
    base.advance([first])
    base.advance([first, *others])
    other = model(sd_folder)
    lone = other.seat(order(seed=5, steps=3).drawing, 0)
    while not lone.is_finished:
        other.advance([lone])
    assert torch.allclose(first.sample, lone.sample, rtol=1e-4, atol=1e-4)


def test_decks_that_nobody_sits_at_are_given_up(sd_folder: Path) -> None:
    base = model(sd_folder)
    held = base.seat(order().drawing, 0)
    left = base.batch_states.of(held.key)
    assert base.seat(order(seed=3).drawing, 0).key == held.key
    assert base.batch_states.of(held.key) is left
    key = held.key
    del held
    gc.collect()
    base.seat(order(size=ImageSize(width=96, height=64)).drawing, 0)
    assert base.batch_states.of(key) is not left


class MemoryRunsOut(TorchDispatchMode):
    """A mode in which one operation that takes memory raises: number `at`, counted from 0."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        is_view_or_in_place = any(out.alias_info is not None for out in func._schema.returns)
        if not is_view_or_in_place:
            self.left -= 1
            if self.left == -1:
                raise torch.OutOfMemoryError("tried to allocate")
        return func(*args, **(kwargs or {}))


DEMANDING = {
    "DDIMScheduler": {},
    "EulerAncestralDiscreteScheduler": {},  # draws noise
    "PNDMScheduler": {"skip_prk_steps": True},  # remembers
    "SASolverScheduler": {},  # keeps its object, and draws noise
}


@pytest.mark.parametrize("is_masked", [False, True])
def test_wherever_memory_runs_out_in_a_step_its_second_try_is_the_first(
    sd_folder: Path, is_masked: bool
) -> None:
    base = model(sd_folder)
    ones = with_schedulers(base, DEMANDING)
    pictures = start_from(png(), strength=1.0, mask=mask()) if is_masked else ()

    def seated() -> list[Slot]:
        return [one.seat(order(seed=n, steps=3, pictures=pictures).drawing, 0) for n, one in enumerate(ones)]

    def drawn(slots: Sequence[Slot], at: int | None) -> Tensor:
        base.advance(slots)
        try:
            with MemoryRunsOut(at) if at is not None else nullcontext():
                base.advance(slots)
        except torch.OutOfMemoryError:
            assert {slot.step for slot in slots} == {1}
            base.advance(slots)
        base.advance(slots)
        return torch.stack([slot.sample for slot in slots])

    undisturbed = drawn(seated(), None)
    counter = MemoryRunsOut(10**9)
    slots = seated()
    base.advance(slots)
    with counter:
        base.advance(slots)
    count = 10**9 - counter.left
    assert count > 100
    for at in range(count - 1, -1, -max(1, count // 60)):  # the tail first
        assert torch.equal(drawn(seated(), at), undisturbed), at
    for at in range(count - 40, count):
        assert torch.equal(drawn(seated(), at), undisturbed), at


def test_a_state_that_has_no_memory_to_grow_leaves_its_pictures_as_they_are(sd_folder: Path) -> None:
    base = model(sd_folder)
    (remembering,) = with_schedulers(base, {"PNDMScheduler": {"skip_prk_steps": True}})
    enlarged = batch_state._enlarged  # pyright: ignore[reportPrivateUsage]
    for at in range(6):
        first = base.seat(order(seed=5, steps=3).drawing, 0)
        base.advance([first])
        state = base.batch_states.of(first.key)
        calls = iter(range(10))

        def full(*arguments: Any, at: int = at, calls: Any = calls) -> Tensor:
            if next(calls) == at:
                raise torch.OutOfMemoryError("tried to allocate")
            return enlarged(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batch_state, "_enlarged", full)
            with pytest.raises(torch.OutOfMemoryError):
                state.seat(
                    first.key,
                    remembering.step_tables.table(40),
                    first.rows,
                    torch.Generator().manual_seed(1),
                )
        while not first.is_finished:
            base.advance([first])
        lone = model(sd_folder)
        other = lone.seat(order(seed=5, steps=3).drawing, 0)
        while not other.is_finished:
            lone.advance([other])
        assert torch.equal(first.sample, other.sample)
        base.batch_states._states.clear()  # pyright: ignore[reportPrivateUsage]
