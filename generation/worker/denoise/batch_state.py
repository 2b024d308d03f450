"""The tensors of the running batch, resident on the device, and the step that advances many pictures at once.

Pictures of one BatchKey share the forward pass. Their step, scheduler, guidance, negative prompt and seed may differ. A picture
is one or more rows of the model's call. Guidance is the weighted sum of its rows.

The state is in tensors of fixed shape, with one place for each picture. Place 0 is scratch; padding points to it. Each place has
its own step table and its own index into it, which the step increments. So a batch whose composition was planned before needs no
host-to-device transfer and no synchronisation.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from generation.request import BatchKey
from generation.worker.denoise.control_rows import controls_of
from generation.worker.denoise.inpaint import Background, Mask
from generation.worker.denoise.schedulers import Scheduler, accepts_generator, scaled
from generation.worker.denoise.slots import References, Row, Slot, UNet, own_part
from generation.worker.denoise.step_table import HISTORY, StepTable
from generation.worker.denoise.style_rows import style_arguments
from generation.worker.memory import optional_work

ROW_COUNTS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128)
"""On a GPU the number of rows selects the kernels. With few different numbers, kernels warm up only once. A picture is then also
equal to the bit in every batch of the same padded size.
"""

COMPILED_ROW_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)
"""For a compiled model, because each number takes minutes to compile."""

SCRATCH = 0
"""The place for padding. Its table is all zeros, and its result is never read."""

PLANS = 4
"""Plans that a batch state keeps: new and older jobs alternate. A plan holds its rows' text embeddings, 4 MB a row for FLUX."""

Rescale = Callable[[Tensor, Tensor], Tensor]
"""The guided output and the output without guidance -> the guided output."""

TOLD, NOISE, PAIRS = 4, 4, 5
"""Columns of a place's table: 0 to 3 are StepTable.told. Then come its weights: noise, and pairs of sample and output."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepPlan:
    """All values about its slots that a step needs besides the state. Tensors are on the device."""

    places: Tensor  # (slots,): padding is at SCRATCH
    goes_on: Tensor  # (slots,): 1; 0 for padding
    of_row: Tensor  # (rows,): the slot that each row belongs to, as an index into `places`
    own_rows: Tensor  # (max rows of a slot, slots): each slot's rows; its first row again if it has fewer
    shares: Tensor  # (max rows of a slot, slots, 1, 1, 1): their weights in the guided output
    unguided: Tensor  # the same for the output without guidance
    rescale: Tensor | None  # (slots, 1, 1, 1): from 0 (off) to 1; None: no output is rescaled
    history: int  # number of past tensors that the scheduler with the longest history needs
    is_noisy: bool  # some scheduler may draw noise
    told: dict[str, Any]  # the model's inputs for the rows, padded


class BatchState:
    """The places of one BatchKey."""

    def __init__(self, latent_shape: tuple[int, ...], device: torch.device) -> None:
        self.device = device
        self._shape = latent_shape
        self._seated: WeakValueDictionary[int, Slot] = WeakValueDictionary()
        self._plans: OrderedDict[tuple[object, ...], StepPlan] = OrderedDict()
        self.samples = self._zeros(1)  # (places, channels, height, width)
        self.clean = self._zeros(1)  # the same
        self.noise = self._zeros(1)  # the same
        # (places, 2 * steps, ...), newest first: x, m, x, m
        self.past = torch.zeros(1, 0, *latent_shape, device=device)
        self.tables = torch.zeros(1, 1, PAIRS + 2 * HISTORY, device=device)  # (places, steps, columns)
        self.steps = torch.zeros(1, dtype=torch.int64, device=device)  # (places,): done

    @property
    def is_empty(self) -> bool:
        return not self._seated

    @torch.inference_mode()
    def seat(
        self,
        key: BatchKey,
        table: StepTable,
        rows: tuple[Row, ...],
        generator: torch.Generator,
        init: Tensor | None = None,
        mask: Mask | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Slot:
        """Returns a slot before its first step. Its place is free again when the slot is garbage-collected.

        `init` is the start picture of image-to-image as latents (channels, height, width). `mask` says which part of it is kept.
        `shape`: of the picture's latents, (channels, height, width), if it is not the state's own.
        """
        place = self._free_place(table)
        shape = shape or self._shape
        noise = self._draw(generator, shape)
        sample = table.start_noise * noise
        background = None
        if init is not None:
            sample = sample + table.start_init * init
            background = Background(mask=mask, latents=init, noise=noise) if mask else None
        columns = torch.zeros(len(table), PAIRS + 2 * HISTORY)
        columns[:, :TOLD] = table.told
        columns[:, NOISE : NOISE + table.weights.shape[1]] = table.weights
        self.samples[place].zero_()
        own_part(self.samples[place], shape).copy_(sample)
        self.tables[place, : len(table)].copy_(upload(columns, self.device))
        # The last picture here may have left infinities, and infinity times a weight of 0 is NaN.
        self.past[place].zero_()
        self.noise[place].zero_()
        self.steps[place].zero_()
        slot = Slot(
            key=key,
            table=table,
            rows=rows,
            generator=generator,
            sample=self.samples[place],
            shape=shape,
            place=place,
            scheduler=copy.deepcopy(table.scheduler),
            background=background,
        )
        self._seated[place] = slot
        return slot

    @torch.inference_mode()
    def advance(
        self,
        unet: UNet,
        slots: Sequence[Slot],
        dtype: torch.dtype,
        *,
        sizes: Sequence[int] = (),
        rescaled: Rescale | None = None,
    ) -> None:
        """Takes one step for every slot. If it raises, no slot has changed.

        `sizes`: the numbers of rows and of slots to pad to. A batch larger than the largest is not padded. `rescaled`: as in
        `ModelFamily`.
        """
        for slot in slots:
            if slot.draws:
                self._draw_for(slot)
        plan = self._plan(slots, sizes)
        x, output, clean, following, past = step(unet, self, plan, dtype, rescaled)
        stepped: dict[int, tuple[Scheduler, torch.Generator]] = {}  # by index
        for i, slot in enumerate(slots):
            if slot.scheduler is not None:
                stepped[i] = copy.deepcopy(slot.scheduler), slot.generator.clone_state()
                own = (own_part(state[i], slot.shape) for state in (x, output))
                own_part(following[i], slot.shape).copy_(_step_alone(slot, *stepped[i], *own))
            if slot.background is not None:
                share, noise = slot.table.kept[slot.step].tolist()
                drawn, seen = (own_part(state[i], slot.shape) for state in (following, clean))
                drawn.copy_(slot.background.around(drawn, share, noise))
                seen.copy_(slot.background.around(seen))
        past = torch.cat([torch.stack([x, output], dim=1), past[:, :-2]], dim=1) if plan.history else past
        # From here on nothing takes memory, so that it can't run out with one tensor changed and another not.
        self.samples.index_copy_(0, plan.places, following)
        self.clean.index_copy_(0, plan.places, clean)
        self.steps.index_add_(0, plan.places, plan.goes_on)
        self.past[:, : plan.history].index_copy_(0, plan.places, past)
        for i, slot in enumerate(slots):
            if slot.clean is None:
                slot.clean = self.clean[slot.place]
            if i in stepped:
                slot.scheduler, slot.generator = stepped[i]
            slot.step += 1
        with optional_work():  # done now, while the device still computes this step; or else before the next
            for slot in slots:
                if slot.draws:
                    self._draw_for(slot)

    def drop_plans(self) -> None:
        """Releases the memory that is used only for speed. The next step plans anew."""
        self._plans.clear()

    # ---- places

    def _free_place(self, table: StepTable) -> int:
        """Returns a free place. Enlarges the tensors that are too small for one more picture with this table."""
        places, steps = self.tables.shape[:2]
        place = next((one for one in range(SCRATCH + 1, places) if one not in self._seated), places)
        if place == places:
            places = max(2 * places, 4)
        steps = max(steps, 1 << (len(table) - 1).bit_length())
        history = max(self.past.shape[1], 2 * table.order - 2)
        if (places, steps) != self.tables.shape[:2] or history > self.past.shape[1]:
            # All are made before one is replaced, so that none is if memory is short.
            self.samples, self.clean, self.noise, self.steps, self.past, self.tables = (
                _enlarged(self.samples, places),
                _enlarged(self.clean, places),
                _enlarged(self.noise, places),
                _enlarged(self.steps, places),
                _enlarged(self.past, places, history),
                _enlarged(self.tables, places, steps),
            )
            for slot in self._seated.values():
                slot.sample = self.samples[slot.place]
                if slot.clean is not None:
                    slot.clean = self.clean[slot.place]
        return place

    def _zeros(self, places: int) -> Tensor:
        return torch.zeros(places, *self._shape, device=self.device)

    # ---- noise

    def _draw(self, generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
        return upload(torch.randn(shape, generator=generator), self.device)

    def _draw_for(self, slot: Slot) -> None:
        # Memory is taken before the generator advances: a second try draws the same noise.
        is_pinned = self.device.type == "cuda"
        drawn = torch.randn(slot.shape, generator=slot.generator, pin_memory=is_pinned)
        own_part(self.noise[slot.place], slot.shape).copy_(drawn, non_blocking=True)
        slot.drawn = slot.step

    # ---- plans

    def _plan(self, slots: Sequence[Slot], sizes: Sequence[int]) -> StepPlan:
        # A place may belong to a new picture; the rows distinguish one picture from the next.
        members = (*sizes, *((slot.place, slot.rows, slot.table) for slot in slots))
        if members in self._plans:
            self._plans.move_to_end(members)
        else:
            self._plans[members] = _plan_for(slots, sizes, self.device)
            if len(self._plans) > PLANS:
                self._plans.popitem(last=False)
        return self._plans[members]


class BatchStates:
    """The batch states of one model, by BatchKey. Empty states are dropped when a picture of a new key comes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._states: dict[BatchKey, BatchState] = {}

    def of(self, key: BatchKey) -> BatchState:
        if key not in self._states:
            self._states = {one: state for one, state in self._states.items() if not state.is_empty}
            with torch.inference_mode():
                self._states[key] = BatchState(key.latent_shape, self._device)
        return self._states[key]

    def drop_plans(self) -> None:
        """As `BatchState.drop_plans`, for all of them."""
        for state in self._states.values():
            state.drop_plans()


def step(
    unet: UNet, state: BatchState, plan: StepPlan, dtype: torch.dtype, rescaled: Rescale | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns samples, guided outputs, predicted clean pictures, samples after the step, and the past tensors that it used.

    It is one static graph for each (rows, slots, history): no Python number comes from a tensor, and there is no transfer to or
    from the device.
    """
    x = state.samples[plan.places]  # (slots, channels, height, width)
    row = state.tables[plan.places, state.steps[plan.places]]  # (slots, columns)
    wide = row[:, :, None, None, None]
    seen = (x * wide[:, 1])[plan.of_row].to(dtype)
    rows = unet(seen, row[:, 0][plan.of_row], return_dict=False, **plan.told)[0].float()
    # Each slot sums only its own rows: multiplying a padding row's NaN by 0 would still spread it to other slots. The order of
    # the sum does not depend on the batch, so that the result is equal to the bit.
    output = _summed(rows, plan.own_rows, plan.shares)
    if plan.rescale is not None:
        output = _rescaled(output, _summed(rows, plan.own_rows, plan.unguided), plan.rescale)
    if rescaled is not None:
        output = rescaled(output, _summed(rows, plan.own_rows, plan.unguided))
    clean = torch.addcmul(x * wide[:, 2], output, wide[:, 3])
    following = torch.addcmul(x * wide[:, PAIRS], output, wide[:, PAIRS + 1])
    past = state.past[:, : plan.history][plan.places]
    for k in range(plan.history):
        following = torch.addcmul(following, past[:, k], wide[:, PAIRS + 2 + k])
    if plan.is_noisy:
        following = torch.addcmul(following, state.noise[plan.places], wide[:, NOISE])
    return x, output, clean, following, past


def _summed(rows: Tensor, own_rows: Tensor, shares: Tensor) -> Tensor:
    output = rows[own_rows[0]] * shares[0]
    for own, share in zip(own_rows[1:], shares[1:], strict=True):
        output = torch.addcmul(output, rows[own], share)
    return output


def _rescaled(output: Tensor, unguided: Tensor, rescale: Tensor) -> Tensor:
    """Gives the guided output a deviation nearer to that of the unguided one, where `rescale` (slots, 1, 1, 1) is not 0.

    See section 3.4 of https://arxiv.org/abs/2305.08891.
    """
    ratio = unguided.std(dim=(1, 2, 3), keepdim=True) / output.std(dim=(1, 2, 3), keepdim=True)
    return output * torch.where(rescale > 0, rescale * ratio + (1 - rescale), 1.0)


def _plan_for(slots: Sequence[Slot], sizes: Sequence[int], device: torch.device) -> StepPlan:
    rows = [row for slot in slots for row in slot.rows]
    filled = next((size for size in sizes if size >= len(slots)), len(slots))
    count = next((size for size in sizes if size >= max(len(rows), filled)), len(rows))
    padding = count - len(rows)
    # Padding rows belong to the first padding slot, or to the last picture if there is none: no slot sums them.
    owners = [i for i, slot in enumerate(slots) for _ in slot.rows]
    owners += [min(len(slots), filled - 1)] * padding
    own: list[list[int]] = []
    first = 0
    for slot in slots:
        own.append(list(range(first, first + len(slot.rows))))
        first += len(slot.rows)
    own += [[min(first, count - 1)]] * (filled - len(slots))
    most = max(len(slot.rows) for slot in slots)
    numbers = [
        *(slot.place for slot in slots),
        *[SCRATCH] * (filled - len(slots)),
        *[1] * len(slots),
        *[0] * (filled - len(slots)),
        *owners,
        *(indices[k if k < len(indices) else 0] for k in range(most) for indices in own),
    ]
    nothing = [(0.0, 0.0)] * (filled - len(slots))
    weights = [
        [(slot.rows[k].weight, slot.rows[k].unguided) if k < len(slot.rows) else (0.0, 0.0) for slot in slots]
        + nothing
        for k in range(most)
    ]
    shares = upload(torch.tensor(weights), device)[:, :, :, None, None, None]
    is_rescaled = any(slot.is_rescaled for slot in slots)
    rescale = [slot.rescale * slot.is_rescaled for slot in slots] + [0.0] * (filled - len(slots))
    sent = upload(torch.tensor(numbers), device)
    places, goes_on, of_row, own_rows = sent.split([filled, filled, count, most * filled])
    told = rows + rows[-1:] * padding
    return StepPlan(
        places=places,
        goes_on=goes_on,
        of_row=of_row,
        own_rows=own_rows.view(most, filled),
        shares=shares[:, :, 0],
        unguided=shares[:, :, 1],
        rescale=upload(torch.tensor(rescale), device)[:, None, None, None] if is_rescaled else None,
        history=2 * max(1, *(slot.table.order for slot in slots)) - 2,
        is_noisy=any(any(slot.table.draws) for slot in slots),
        told={
            "encoder_hidden_states": torch.stack([row.text for row in told]),
            "timestep_cond": _stacked([row.guidance for row in told]),
            "added_cond_kwargs": {
                "text_embeds": _stacked([row.pooled for row in told]),
                "time_ids": _stacked([row.time_ids for row in told]),
            },
            **({"extents": tuple(row.extent for row in told)} if told[0].extent else {}),
            **_references([row.references for row in told]),
            **controls_of([slot.rows for slot in slots], sizes, lambda values: upload(values, device)),
            **style_arguments([row.style for row in told], device),
        },
    )


def _step_alone(
    slot: Slot, scheduler: Scheduler, generator: torch.Generator, x: Tensor, output: Tensor
) -> Tensor:
    timestep = scheduler.timesteps[len(scheduler.timesteps) - len(slot.table) + slot.step]
    more = {"generator": generator} if accepts_generator(scheduler) else {}
    scaled(scheduler, x[None], timestep)
    return scheduler.step(output[None], timestep, x[None], return_dict=False, **more)[0][0]


def upload(values: Tensor, device: torch.device) -> Tensor:
    """Copies to the device without waiting for it."""
    return _pinned(values, device).to(device, non_blocking=True)


def _pinned(values: Tensor, device: torch.device) -> Tensor:
    # A copy returns before the device has done it only from pinned memory. PyTorch's host allocator keeps the memory until then
    # (torch.Tensor.pin_memory).
    return values.pin_memory() if device.type == "cuda" else values


def _enlarged(state: Tensor, *sizes: int) -> Tensor:
    """Returns a copy whose first dimensions are as large as `sizes`; new elements are 0."""
    larger = state.new_zeros(*sizes, *state.shape[len(sizes) :])
    larger[tuple(slice(old) for old in state.shape[: len(sizes)])] = state
    return larger


def _references(parts: Sequence[References | None]) -> dict[str, Tensor]:
    present = [part for part in parts if part is not None]
    if not present:
        return {}
    return {
        "references": torch.stack([part.tokens for part in present]),
        "reference_places": torch.stack([part.places for part in present]),
    }


def _stacked(parts: Sequence[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.stack(present) if present else None
