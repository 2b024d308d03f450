"""A picture in progress: its inputs to the model and its step. `batch_state.py` holds its tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from generation.control.kinds import ControlKind
from generation.request import BatchKey
from generation.worker.denoise.inpaint import Background, Mask
from generation.worker.denoise.schedulers import Scheduler
from generation.worker.denoise.step_table import StepTable


def own_part(state: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Returns a view of a picture's place in the batch state, in the picture's own shape."""
    if state.shape == shape:
        return state
    _, height, width = shape
    return state[:, 0, : height * width].unflatten(1, (height, width))


UNet = Callable[..., Any]
"""diffusers' UNet2DConditionModel, or a function with the same parameters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class References:
    """A picture's reference pictures, as further tokens of the model's call."""

    sizes: tuple[int, ...]  # height and width of each, in latents
    tokens: Tensor  # (tokens, channels), model dtype
    places: Tensor  # (tokens, axes), the position of each; float32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowControl:
    """A picture's control map, for the ControlNet of its kind."""

    kind: ControlKind
    picture: Tensor  # (3, height, width) from 0 to 1, or the map's latents, as the net takes it; model dtype
    scale: float  # of the net's output, above 0
    is_shared: bool = False  # the net sees the picture's first row alone, and its output serves all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """The inputs of one row of the model's call, and the row's share in the guided output."""

    weight: float
    text: Tensor  # (tokens, width), model dtype
    pooled: Tensor | None = None  # (width,), of SDXL's second text encoder; some families' mask of the text
    time_ids: Tensor | None = None  # (6,), SDXL's original size, crop and target size
    guidance: Tensor | None = None  # (width,), the embedded guidance scale of distilled models
    unguided: float = 1.0  # the row's share in the output without guidance
    # Tokens of the text, and height and width of the latents, for a denoiser that takes lists of pictures and texts.
    extent: tuple[int, int, int] | None = None
    references: References | None = None
    control: RowControl | None = None


@dataclass(slots=True, eq=False, kw_only=True, weakref_slot=True)
class Slot:
    """One picture. `sample` and `clean` are views of its place in the batch state, float32. They change with every step."""

    key: BatchKey
    table: StepTable
    rows: tuple[Row, ...]
    generator: torch.Generator  # on the CPU: the same picture on every device
    sample: Tensor  # (channels, height / vae scale, width / vae scale), or a larger one of height 1 with these in a line
    shape: tuple[int, ...] = ()  # (channels, height / vae scale, width / vae scale)
    place: int = -1  # in its batch state
    step: int = 0  # steps done
    drawn: int = -1  # the step that noise was drawn for; kept if that step is repeated
    clean: Tensor | None = None  # latents of the finished picture, as the last step predicted them
    scheduler: Scheduler | None = None  # only if the table is not linear
    background: Background | None = None  # only if a part of the init picture is kept
    mask: Mask | None = None  # the same, for the finished picture
    rescale: float = 0.0  # of the guided output, from 0 (off) to 1; needs a row of the negative
    is_alone: bool = False  # shares no step; its model finishes it before it starts another

    @property
    def latents(self) -> Tensor:
        return own_part(self.sample, self.shape)

    @property
    def clean_latents(self) -> Tensor | None:
        return None if self.clean is None else own_part(self.clean, self.shape)

    @property
    def is_rescaled(self) -> bool:
        return self.rescale > 0 and any(row.weight != row.unguided for row in self.rows)

    @property
    def is_finished(self) -> bool:
        return self.step == len(self.table)

    @property
    def draws(self) -> bool:
        """Returns whether the next step needs noise that was not drawn yet."""
        return not self.is_finished and self.table.draws[self.step] and self.drawn < self.step
