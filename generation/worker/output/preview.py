"""A preview of an unfinished job: taken between two steps, encoded on another thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image

from generation.files.images import grid_of, to_jpeg
from generation.request import Drawing
from generation.worker.job import Job
from generation.worker.output.decode import PREVIEW_SIDE, Arriving, to_bytes

_GREY = (118, 118, 118)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobPreview:
    """The job's pictures at the time of the preview."""

    drawing: Drawing[bytes]
    pictures: Mapping[int, Arriving]  # decoded or partly denoised; without those that have not started

    @classmethod
    def of(cls, job: Job) -> JobPreview:
        """Launches the device work for it without waiting."""
        if job.tiled is not None:
            look = torch.from_numpy(job.tiled.look(PREVIEW_SIDE))
            return cls(drawing=job.request.drawing, pictures={0: Arriving(look)})
        seen = {index: slot.clean_latents for index, slot in job.slots.items()}
        begun = {index: latents for index, latents in seen.items() if latents is not None}
        pictures = dict(job.pictures)
        if begun:
            looks = job.seated_model.codec.preview(torch.stack(list(begun.values())))
            mirrored = [job.request.is_mirrored(index) for index in begun]
            if any(mirrored):
                chosen = torch.tensor(mirrored, device=looks.device).view(-1, 1, 1, 1)
                looks = torch.where(chosen, looks.flip(-1), looks)
            pictures.update(zip(begun, Arriving(to_bytes(looks)).each(), strict=True))
        return cls(drawing=job.request.drawing, pictures=pictures)

    def develop(self) -> bytes:
        """Returns the grid as JPEG; a picture that has not started is grey. Waits for the device."""
        cells = {index: self._fit(picture.picture()) for index, picture in self.pictures.items()}
        grey = self._fit(Image.new("RGB", (8, 8), _GREY))
        return to_jpeg(grid_of([cells.get(index, grey) for index in range(self.drawing.images)]))

    def _fit(self, picture: Image.Image) -> Image.Image:
        size = self.drawing.size
        scale = PREVIEW_SIDE / max(size.width, size.height)
        wanted = (max(1, round(size.width * scale)), max(1, round(size.height * scale)))
        return picture.resize(wanted, Image.Resampling.BICUBIC)
