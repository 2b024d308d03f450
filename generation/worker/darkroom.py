"""Finished latents -> pictures, enlarged where the model's owner wants it. Knows no jobs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image

from generation.worker.decode import Arriving, to_bytes, to_tensor
from generation.worker.models import Model
from generation.worker.slots import Slot
from generation.worker.upscale import Upscaler


class Darkroom:
    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._upscaler: Upscaler | None = None

    def develop(self, model: Model, slots: Sequence[Slot]) -> list[Arriving]:
        """The slots' samples as they stand; all of `model` and of one size. Waits for nothing."""
        pictures = model.develop(slots)
        if model.entry.enlarge > 1:
            pictures = [self.upscaler.enlarge(picture, model.entry.enlarge) for picture in pictures]
        return Arriving(torch.stack([to_bytes(picture) for picture in pictures])).each()

    def enlarge(self, picture: Image.Image, factor: int) -> Arriving:
        return Arriving(to_bytes(self.upscaler.enlarge(to_tensor(picture), factor)))

    @property
    def upscaler(self) -> Upscaler:
        """Loaded when first needed. The large network takes a minute a picture on a CPU, the small one two seconds."""
        if self._upscaler is None:
            kind = "x4plus" if self._device.type == "cuda" else "animevideov3"
            self._upscaler = Upscaler.load(kind, self._device)
        return self._upscaler
