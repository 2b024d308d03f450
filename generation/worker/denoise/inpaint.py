"""Inpainting: redraws only a part of a picture.

After every step the kept part is put back with as much noise as the picture has then, so that the new part fits to it. At the end
the kept part is put back pixel by pixel, so that it does not change. The VAE changes colours a little, which would show as a seam
there: so the new part is shifted near the border, by as much as the kept part was off.
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

_SPREADS = (1 / 24, 1 / 160)
"""How far from the border the new part is shifted, in shares of the longer side: its colours, then its detail."""
_COARSE = 160  # pixels of the longer side, at most, of the picture in which a wide shift is computed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mask:
    start: bytes  # the init picture and its mask, PNG, JPEG or WebP
    content: bytes
    device: torch.device
    is_new: Tensor  # (1, height / vae scale, width / vae scale), bool: redrawn

    @classmethod
    def read(
        cls, start: bytes, content: bytes, size: ImageSize, latent_shape: Sequence[int], device: torch.device
    ) -> Mask:
        """Reads a mask. `size`: of the drawn picture. Raises generation.files.images.PictureError."""
        # The nearest pixel decides, as in diffusers' inpainting.
        coarse = F.interpolate((read_mask(content, size) >= 0.5).float(), size=tuple(latent_shape[1:]))
        return cls(start=start, content=content, device=device, is_new=coarse[0].bool().to(device))

    def paste(self, drawn: Tensor) -> Tensor:
        """Returns (3, height, width): the drawn picture with the kept part of the init picture pasted over it.

        `drawn` may be enlarged: the init picture is read in its size.
        """
        size = ImageSize(width=drawn.shape[2], height=drawn.shape[1])
        pixels = read_pixels(self.start, size).to(drawn.device)
        share = read_mask(self.content, size)[0].to(drawn.device)
        return torch.lerp(pixels, meeting(drawn, pixels, (share == 0).float()), share)


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


def meeting(drawn: Tensor, pixels: Tensor, kept: Tensor) -> Tensor:
    """Returns the drawn picture, shifted so that it meets the init picture at the border of its kept part.

    `drawn`, `pixels`: (3, height, width), 0 to 1. `kept`: (1, height, width), 1 in the kept part, otherwise 0.
    """
    for spread in _SPREADS:
        drawn = drawn + _shift((pixels - drawn) * kept, kept, spread * max(drawn.shape[1:]))
    return drawn.clamp(0, 1)


def _shift(off: Tensor, kept: Tensor, sigma: float) -> Tensor:
    """Returns (3, height, width): the mean of `off` over the kept part nearby, fading away from it within some `sigma` pixels."""
    both = torch.cat([off, kept])[None]
    size = both.shape[-2:]
    if sigma * _COARSE / max(size) > 2 and max(size) > _COARSE:
        shrunk = [max(1, round(side * _COARSE / max(size))) for side in size]
        sigma *= _COARSE / max(size)
        both = F.interpolate(both, size=shrunk, mode="area")
    near = F.interpolate(_blurred(both, sigma), size=size, mode="bilinear", align_corners=False)[0]
    share = near[3:]
    return near[:3] / share.clamp(min=1e-4) * (2 * share).clamp(max=1)


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """Returns the picture, (1, channels, height, width), blurred by a Gaussian. Beyond its edge there is nothing."""
    radius = max(1, round(3 * sigma))
    places = torch.arange(-radius, radius + 1, device=picture.device, dtype=picture.dtype)
    weights = torch.exp(-(places**2) / (2 * max(sigma, 0.3) ** 2))
    weights = (weights / weights.sum()).expand(picture.shape[1], 1, 1, -1)
    along = F.conv2d(picture, weights, padding=(0, radius), groups=picture.shape[1])
    return F.conv2d(along, weights.transpose(2, 3), padding=(radius, 0), groups=picture.shape[1])


def read_pixels(content: bytes, size: ImageSize) -> Tensor:
    """Returns (3, height, width) from 0 to 1. Raises generation.files.images.PictureError."""
    picture = fitted(open_picture(content), size)
    return torch.from_numpy(np.array(picture.convert("RGB"))).movedim(-1, 0).float() / 255


def read_mask(content: bytes, size: ImageSize) -> Tensor:
    """Returns (1, 1, height, width) from 0 to 1. Raises generation.files.images.PictureError."""
    grey = fitted(open_picture(content).convert("L"), size)
    return torch.from_numpy(np.array(grey)).float()[None, None] / 255
