"""Inpainting: redraws only a part of a picture.

After every step the kept part is put back with as much noise as the picture has then, so that the new part fits to it. At the end
the kept part is put back pixel by pixel, so that it does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from generation.files.images import fitted, open_picture
from generation.request import ImageSize


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mask:
    pixels: Tensor  # (3, height, width) of the init picture, 0 to 1
    share: Tensor  # (1, height, width), from 0 (kept) to 1 (redrawn)
    is_new: Tensor  # (1, height / vae scale, width / vae scale), bool: redrawn

    @classmethod
    def read(cls, content: bytes, init: Tensor, latent_shape: Sequence[int], device: torch.device) -> Mask:
        """Reads a mask. `init`: (1, 3, height, width), the picture it belongs to. Raises generation.files.images.PictureError."""
        share = read_mask(content, ImageSize(width=init.shape[3], height=init.shape[2]))
        # The nearest pixel decides, as in diffusers' inpainting.
        coarse = F.interpolate((share >= 0.5).float(), size=tuple(latent_shape[1:]))
        return cls(pixels=init[0].to(device), share=share[0].to(device), is_new=coarse[0].bool().to(device))

    def paste(self, drawn: Tensor) -> Tensor:
        """Returns (3, height, width): the drawn picture with the kept part of the init picture pasted over it."""
        return torch.lerp(self.pixels, drawn, self.share)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Background:
    """The mask of one picture and the content of its kept part. Tensors are (channels, height / vae scale, width / vae scale),
    float32.
    """

    mask: Mask
    latents: Tensor  # of the init picture
    noise: Tensor  # the noise that the picture started from

    def around(self, sample: Tensor, share: float = 1.0, noise: float = 0.0) -> Tensor:
        return torch.where(self.mask.is_new, sample, share * self.latents + noise * self.noise)


def read_mask(content: bytes, size: ImageSize) -> Tensor:
    """Returns (1, 1, height, width) from 0 to 1. Raises generation.files.images.PictureError."""
    grey = fitted(open_picture(content).convert("L"), size)
    return torch.from_numpy(np.array(grey)).float()[None, None] / 255
