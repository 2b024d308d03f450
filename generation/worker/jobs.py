"""One order in the worker: its pictures, from waiting to done. Bookkeeping and previews; no queue, no device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image

from generation.images import grid_of, to_jpeg
from generation.request import GenerationRequest, JobId
from generation.worker.decode import to_images
from generation.worker.models import Model
from generation.worker.slots import Slot

PREVIEW_SIDE = 256
"""Pixels: the longer side of a picture in a preview."""

_GREY = (118, 118, 118)


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    request: GenerationRequest
    model: Model | None = None  # from the first seat on
    slots: dict[int, Slot] = field(default_factory=dict[int, Slot])  # by picture, until it is decoded
    pictures: dict[int, Image.Image] = field(default_factory=dict[int, Image.Image])  # decoded
    total: int = 0  # steps of one picture
    last_preview: float = float("-inf")  # monotonic seconds
    device_seconds: float = 0.0

    @property
    def id(self) -> JobId:
        return self.request.job

    @property
    def seated_model(self) -> Model:
        assert self.model is not None
        return self.model

    @property
    def unseated(self) -> Sequence[int]:
        taken = len(self.slots) + len(self.pictures)  # seats are taken in order
        return range(taken, self.request.images)

    @property
    def steps_done(self) -> int:
        return sum(slot.step for slot in self.slots.values()) + self.total * len(self.pictures)

    @property
    def steps_total(self) -> int:
        return self.total * self.request.images

    @property
    def is_denoised(self) -> bool:
        return self.steps_done == self.steps_total

    @property
    def is_drawn(self) -> bool:
        return len(self.pictures) == self.request.images


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """A picture of a job, seated and not yet decoded."""

    job: Job
    index: int
    slot: Slot

    @property
    def model(self) -> Model:
        return self.job.seated_model


def seats_of(jobs: Iterable[Job]) -> list[Seat]:
    return [Seat(job, index, slot) for job in jobs for index, slot in job.slots.items()]


def jobs_of(seats: Iterable[Seat]) -> list[Job]:
    """Each job once."""
    return list(dict.fromkeys(seat.job for seat in seats))


def preview(job: Job) -> bytes:
    """The job's grid as it stands, JPEG; a picture that has not begun is grey."""
    cells = {index: _fit(picture, job) for index, picture in job.pictures.items()}
    begun = [(index, slot.clean) for index, slot in job.slots.items() if slot.clean is not None]
    if begun:
        looks = to_images(job.seated_model.codec.preview(torch.stack([clean for _, clean in begun])))
        cells |= {index: _fit(look, job) for (index, _), look in zip(begun, looks, strict=True)}
    grey = _fit(Image.new("RGB", (8, 8), _GREY), job)
    return to_jpeg(grid_of([cells.get(index, grey) for index in range(job.request.images)]))


def _fit(picture: Image.Image, job: Job) -> Image.Image:
    size = job.request.size
    scale = PREVIEW_SIDE / max(size.width, size.height)
    wanted = (max(1, round(size.width * scale)), max(1, round(size.height * scale)))
    return picture.resize(wanted, Image.Resampling.BICUBIC)
