"""A look at a job that is not done: taken between two steps, made into a picture on another thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from generation.files.images import grid_of, to_jpeg
from generation.request import Drawing
from generation.worker.job import Job
from generation.worker.output.decode import Arriving, to_bytes

PREVIEW_SIDE = 256
"""Pixels: the longer side of a picture in a preview."""

_GREY = (118, 118, 118)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobPreview:
    """The job's pictures as they were when it was taken."""

    drawing: Drawing[bytes]
    done: Mapping[int, Arriving]  # decoded
    begun: Sequence[int]
    looks: Arriving | None  # (begun, height, width, 3), uint8

    @classmethod
    def of(cls, job: Job) -> JobPreview:
        """Launches what the device has to do for it, and waits for nothing."""
        begun = [(index, slot.clean) for index, slot in job.slots.items() if slot.clean is not None]
        looks = None
        if begun:
            looks = Arriving(
                to_bytes(job.seated_model.codec.preview(torch.stack([clean for _, clean in begun])))
            )
        return cls(
            drawing=job.request.drawing,
            done=dict(job.pictures),
            begun=[index for index, _ in begun],
            looks=looks,
        )

    def develop(self) -> bytes:
        """The grid, JPEG; a picture that has not begun is grey. Waits for the device."""
        cells = {index: self._fit(picture.picture()) for index, picture in self.done.items()}
        if self.looks is not None:
            looks = self.looks.wait()
            cells |= {
                index: self._fit(Image.fromarray(look)) for index, look in zip(self.begun, looks, strict=True)
            }
        grey = self._fit(Image.new("RGB", (8, 8), _GREY))
        return to_jpeg(grid_of([cells.get(index, grey) for index in range(self.drawing.images)]))

    def _fit(self, picture: Image.Image) -> Image.Image:
        size = self.drawing.size
        scale = PREVIEW_SIDE / max(size.width, size.height)
        wanted = (max(1, round(size.width * scale)), max(1, round(size.height * scale)))
        return picture.resize(wanted, Image.Resampling.BICUBIC)
