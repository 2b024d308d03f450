"""The pictures being denoised, and the one step that advances many of them. Knows tensors; no jobs, no line, no clock.

Pictures of one BatchKey share the forward pass whatever their step, sampler, guidance, negative prompt and seed. A picture is
one or more rows of the model's call; guidance is the weighted sum of its rows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from generation.request import BatchKey
from generation.worker.inpaint import Background, Mask
from generation.worker.samplers import Scheduler, accepts_generator, scaled
from generation.worker.schedule import StepTable

ROW_COUNTS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128)
"""On a GPU the number of rows picks the kernels. With few different numbers they warm up once, and a picture comes out the same
bit for bit in any company of the same padded size."""

UNet = Callable[..., Any]
"""diffusers' UNet2DConditionModel, or what is called like it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """What one row of the model's call is told, and its share in the guided output."""

    weight: float
    text: Tensor  # (tokens, width), model dtype
    pooled: Tensor | None = None  # (width,), SDXL's second text encoder
    time_ids: Tensor | None = None  # (6,), SDXL's original size, crop and target size
    guidance: Tensor | None = None  # (width,), the embedded guidance scale of distilled models


@dataclass(slots=True, eq=False, kw_only=True)
class Slot:
    """One picture on its way. Its tensors are float32 on the model's device."""

    key: BatchKey
    table: StepTable
    rows: tuple[Row, ...]
    generator: torch.Generator  # on the CPU: the same picture on every device
    sample: Tensor  # (channels, height / vae scale, width / vae scale)
    step: int = 0  # steps done
    past: list[Tensor] = field(default_factory=list[Tensor])  # newest first: x, m, x, m, ...
    noise: Tensor | None = None  # drawn for the coming step; kept when that step has to be tried again
    clean: Tensor | None = None  # the finished picture's latents as predicted by the last step
    scheduler: Scheduler | None = None  # only where the table is not linear
    background: Background | None = None  # only where a part of the init picture is kept

    @property
    def is_finished(self) -> bool:
        return self.step == len(self.table)


def seat(
    key: BatchKey,
    table: StepTable,
    rows: tuple[Row, ...],
    generator: torch.Generator,
    device: torch.device,
    init: Tensor | None = None,
    mask: Mask | None = None,
) -> Slot:
    """A slot before its first step. `init` is image-to-image's picture as latents (channels, height, width); `mask` says which
    part of it is kept."""
    noise = _draw(key, generator, device)
    sample = table.start_noise * noise
    background = None
    if init is not None:
        sample = sample + table.start_init * init
        background = Background(mask=mask, latents=init, noise=noise) if mask else None
    return Slot(
        key=key,
        table=table,
        rows=rows,
        generator=generator,
        sample=sample,
        scheduler=copy.deepcopy(table.scheduler),
        background=background,
    )


@torch.inference_mode()
def advance(unet: UNet, slots: Sequence[Slot], dtype: torch.dtype, *, is_padded: bool = False) -> None:
    """One step for every slot; they must share a BatchKey. When the model raises, no slot has changed."""
    device = slots[0].sample.device
    for slot in slots:
        if slot.noise is None and slot.table.draws[slot.step]:
            slot.noise = _draw(slot.key, slot.generator, device)
    x = torch.stack([slot.sample for slot in slots])  # (slots, channels, height, width)
    told = torch.stack([slot.table.told[slot.step] for slot in slots]).to(device)  # (slots, 4)
    outputs = _guided_outputs(unet, slots, x * _wide(told[:, 1]), told[:, 0], dtype, is_padded)
    clean = x * _wide(told[:, 2]) + outputs * _wide(told[:, 3])
    following = _weighted_sums(slots, x, outputs)
    for i, slot in enumerate(slots):
        if slot.scheduler is None:
            slot.past = [x[i], outputs[i], *slot.past][: 2 * slot.table.order - 2]
            slot.sample = following[i]
        else:
            slot.sample = _step_alone(slot, slot.scheduler, x[i], outputs[i])
        slot.clean, slot.noise = clean[i], None
        if slot.background is not None:
            share, noise = slot.table.kept[slot.step].tolist()
            slot.sample = slot.background.around(slot.sample, share, noise)
            slot.clean = slot.background.around(clean[i])
        slot.step += 1


def _guided_outputs(
    unet: UNet, slots: Sequence[Slot], x: Tensor, timesteps: Tensor, dtype: torch.dtype, is_padded: bool
) -> Tensor:
    rows = [row for slot in slots for row in slot.rows]
    owners = torch.tensor([i for i, slot in enumerate(slots) for _ in slot.rows], device=x.device)
    weights = torch.tensor([row.weight for row in rows], device=x.device)
    count = len(rows)
    if is_padded:
        count = next((size for size in ROW_COUNTS if size >= count), count)
    padding = count - len(rows)
    told = rows + rows[-1:] * padding
    of_slot = torch.cat([owners, owners[-1:].expand(padding)])
    out: Tensor = unet(
        x[of_slot].to(dtype),
        timesteps[of_slot],
        encoder_hidden_states=torch.stack([row.text for row in told]),
        timestep_cond=_stacked([row.guidance for row in told]),
        added_cond_kwargs={
            "text_embeds": _stacked([row.pooled for row in told]),
            "time_ids": _stacked([row.time_ids for row in told]),
        },
        return_dict=False,
    )[0]
    # Cut before summing: a weight of 0 would not keep a padding row's NaN out of its neighbours.
    weighted = out[: len(rows)].float() * _wide(weights)
    return torch.zeros_like(x).index_add_(0, owners, weighted)


def _weighted_sums(slots: Sequence[Slot], x: Tensor, outputs: Tensor) -> Tensor:
    """The tables' rows applied: all samplers of the batch in one sum."""
    order = max(1, *(slot.table.order for slot in slots))
    terms = 1 + 2 * order
    weights = torch.zeros(len(slots), terms)
    zero = torch.zeros_like(x[0])
    state: list[Tensor] = []
    for i, slot in enumerate(slots):
        row = slot.table.weights[slot.step] if slot.scheduler is None else torch.zeros(0)
        weights[i, : len(row)] = row
        own = [zero if slot.noise is None else slot.noise, x[i], outputs[i], *slot.past]
        state += own + [zero] * (terms - len(own))
    stacked = torch.stack(state).view(len(slots), terms, *x.shape[1:])
    return (stacked * weights.to(x.device)[:, :, None, None, None]).sum(dim=1)


def _step_alone(slot: Slot, scheduler: Scheduler, x: Tensor, output: Tensor) -> Tensor:
    timestep = scheduler.timesteps[len(scheduler.timesteps) - len(slot.table) + slot.step]
    more = {"generator": slot.generator} if accepts_generator(scheduler) else {}
    scaled(scheduler, x[None], timestep)
    return scheduler.step(output[None], timestep, x[None], return_dict=False, **more)[0][0]


def _draw(key: BatchKey, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.randn(key.latent_shape, generator=generator).to(device)


def _wide(column: Tensor) -> Tensor:
    """(n,) -> (n, 1, 1, 1)"""
    return column.view(-1, 1, 1, 1)


def _stacked(parts: Sequence[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.stack(present) if present else None
