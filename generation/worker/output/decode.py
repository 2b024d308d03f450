"""Converts latents to pictures and back, makes cheap previews, and copies finished pictures to the host. Knows no jobs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor

from generation.files.images import fitted, open_picture
from generation.request import ImageSize
from generation.worker.denoise.inpaint import Mask, read_pixels
from generation.worker.models.families import ModelFamily
from generation.worker.models.offload import Offload
from generation.worker.upscaling.upscale import Upscaler

_LARGEST_DEVIATION = 1.5
"""Of the latents in a preview; of finished pictures it is 0.9 to 1.5. With guidance, the first step's estimate has 2.5 to 4, and
glaring colours: over ten prompts, their mean difference from the result is 44 of 255, and 33 with this limit.
"""
REFERENCE_PIXELS, REFERENCE_SIDE, REFERENCE_ASPECT = 1024 * 1024, 64, 8
"""Of a reference picture: at most so many pixels, at least so many on a side, and at most so much longer than wide."""
PREVIEW_SIDE = 256
"""Pixels: the longer side of a picture in a preview."""


class Codec:
    """The VAE of one model. Pictures are (n, 3, height, width) float32 from 0 to 1. Latents are (n, channels, height / scale,
    width / scale) float32.
    """

    def __init__(
        self, pipe: Any, family: ModelFamily, device: torch.device, offload: Offload, preview: Any = None
    ) -> None:
        """`preview`: an AutoencoderTiny on the device that decodes the denoiser's latents; None: previews are a linear map."""
        self._preview = preview
        self._vae: Any = pipe.vae
        self._family = family
        self._offload = offload
        self._device = device
        scale = family.latent_scale()
        self._factor = scale.factor
        self._mean, self._deviation = (
            each.to(device) if isinstance(each, Tensor) else each for each in (scale.mean, scale.deviation)
        )
        is_tiny = isinstance(pipe.vae, AutoencoderTiny)
        self.is_drawing = not is_tiny  # `encode` draws from the generator
        self._to_rgb = None if is_tiny or preview else self._fit_rgb()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        raw = self._family.to_vae(latents * self._deviation / self._factor + self._mean)
        if self._family.HAS_FRAMES:
            raw = raw.unsqueeze(2)
        with self._offload.at_work("vae"):
            decoded: Tensor = self._vae.decode(raw.to(self._vae.dtype), return_dict=False)[0]
        if self._family.HAS_FRAMES:
            decoded = decoded[:, :, 0]
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    @torch.inference_mode()
    def preview(self, latents: Tensor) -> Tensor:
        """Returns (n, 3, height, width), with as many pixels as are cheap to compute."""
        if self._preview is not None:
            return torch.cat([self._decode_tiny(one) for one in latents.split(1)])
        if self._to_rgb is None:
            return self.decode(_calmed(latents))
        flat = torch.cat([latents, torch.ones_like(latents[:, :1])], dim=1)
        return torch.einsum("nchw,cr->nrhw", flat, self._to_rgb).clamp(0, 1)

    def _decode_tiny(self, latents: Tensor) -> Tensor:
        """Decodes one picture, because a preview may not take the memory of several. Returns few pixels more than are shown."""
        config = self._preview.config
        raw = latents / config.scaling_factor + (config.shift_factor or 0.0)
        decoded: Tensor = self._preview.decode(raw.to(self._preview.dtype), return_dict=False)[0]
        shrunk = torch.nn.functional.avg_pool2d(decoded, max(1, max(decoded.shape[-2:]) // PREVIEW_SIDE))
        return (shrunk.float() / 2 + 0.5).clamp(0, 1)

    @torch.inference_mode()
    def encode(self, pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Encodes to latents. With a generator, samples the VAE's distribution as diffusers' image-to-image does; without one,
        returns its mode.
        """
        pixels = (pictures * 2 - 1).to(self._device, self._vae.dtype)
        with self._offload.at_work("vae"):
            encoded = self._vae.encode(pixels.unsqueeze(2) if self._family.HAS_FRAMES else pixels)
        if hasattr(encoded, "latents"):
            raw: Tensor = encoded.latents
        else:
            raw = encoded.latent_dist.mode() if generator is None else encoded.latent_dist.sample(generator)
        if self._family.HAS_FRAMES:
            raw = raw[:, :, 0]
        return (self._family.from_vae(raw.float()) - self._mean) * self._factor / self._deviation

    @torch.inference_mode()
    def _fit_rgb(self) -> Tensor:
        """Returns (channels + 1, 3): the linear map from a latent and 1 to the mean colour of its patch, by least squares.

        A Stable Diffusion latent is nearly linear in colour. The map is fitted, so that every VAE has previews without a table of
        constants.
        """
        generator = torch.Generator().manual_seed(0)
        coarse = torch.rand((4, 3, 6, 6), generator=generator)
        pictures = torch.nn.functional.interpolate(coarse, size=(128, 128), mode="bilinear").to(self._device)
        latents = self.encode(pictures)
        colours = torch.nn.functional.interpolate(pictures, size=latents.shape[-2:], mode="area")
        known = latents.movedim(1, -1).reshape(-1, latents.shape[1]).cpu()
        known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
        wanted = colours.movedim(1, -1).reshape(-1, 3).cpu()
        # gelsd is the only driver that works if channels depend on each other.
        return torch.linalg.lstsq(known, wanted, driver="gelsd").solution.to(self._device)


def _calmed(latents: Tensor) -> Tensor:
    """Shrinks the latents of pictures that differ more than those of finished ones."""
    deviation = latents.flatten(1).std(1).clamp(min=_LARGEST_DEVIATION)
    return latents * (_LARGEST_DEVIATION / deviation).view(-1, 1, 1, 1)


def read_init(content: bytes, size: ImageSize) -> Tensor:
    """Returns (1, 3, height, width) from 0 to 1. Raises generation.files.images.PictureError."""
    return read_pixels(content, size)[None]


def reference_picture(content: bytes, multiple: int) -> Image.Image:
    """Returns a reference picture in its own proportions, within the limits of diffusers' pipelines of FLUX.2.

    Width and height are multiples of `multiple`, which divides 64. Raises generation.files.images.PictureError.
    """
    picture = open_picture(content)
    scale = min(1.0, (REFERENCE_PIXELS / (picture.width * picture.height)) ** 0.5)
    width, height = (
        max(REFERENCE_SIDE, int(side * scale) // multiple * multiple)
        for side in (picture.width, picture.height)
    )
    width, height = min(width, REFERENCE_ASPECT * height), min(height, REFERENCE_ASPECT * width)
    return fitted(picture, ImageSize(width=width, height=height))


def to_tensor(picture: Image.Image) -> Tensor:
    """Returns (3, height, width) float32 from 0 to 1."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).movedim(-1, 0).float() / 255


def to_bytes(picture: Tensor) -> Tensor:
    """Returns (..., 3, height, width) from 0 to 1 -> (..., height, width, 3) uint8, rounded like diffusers' postprocessing."""
    return (picture.movedim(-3, -1) * 255).round().to(torch.uint8)


class NotFinite(Exception):
    """A model made infinities or NaN, which have no colour: half precision has overflowed."""


class Arriving:
    """uint8 values being copied from the device. Any thread may call `wait` for them."""

    def __init__(self, values: Tensor, finite: Tensor | None = None) -> None:
        """`finite`: for each picture, whether it was made of finite numbers; None: it was."""
        # A copy to the CPU without waiting goes to pinned memory (torch.Tensor.to).
        self._values = values.to("cpu", non_blocking=True)
        self._finite = (torch.ones(len(values)) if finite is None else finite).to("cpu", non_blocking=True)
        self._copied = torch.cuda.Event() if values.is_cuda else None
        if self._copied is not None:
            self._copied.record()

    def each(self) -> list[Arriving]:
        """Splits along the first dimension. All parts arrive together."""
        parts: list[Arriving] = [copy.copy(self) for _ in self._values]
        for part, values, finite in zip(parts, self._values, self._finite, strict=True):
            part._values, part._finite = values, finite
        return parts

    def wait(self) -> npt.NDArray[np.uint8]:
        if self._copied is not None:
            self._copied.synchronize()
        return self._values.numpy()

    def picture(self) -> Image.Image:
        """Returns a picture from (height, width, 3). Raises NotFinite."""
        values = self.wait()
        if not self._finite.all():
            raise NotFinite
        return Image.fromarray(values)


class Finisher:
    """A converter of decoded pictures to bytes on the host, upscaled if the model's entry or a member asks for it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def finish(
        self, pictures: Sequence[Tensor], enlarge: int = 1, masks: Sequence[Mask | None] = ()
    ) -> list[Arriving]:
        """Starts the copy to the host without waiting. `pictures`: (3, height, width) each, of one size, from 0 to 1. `masks`: of
        the pictures, if a part of some is kept.
        """
        finite = torch.stack([picture.isfinite().all() for picture in pictures])
        if enlarge > 1:
            pictures = [self.upscaler.enlarge(picture, enlarge) for picture in pictures]
            # The kept part has been enlarged too. It is pasted again in its own pixels.
            for index, mask in enumerate(masks):
                if mask is not None:
                    pictures[index] = mask.paste(pictures[index])
        return Arriving(torch.stack([to_bytes(picture) for picture in pictures]), finite).each()

    def enlarge(
        self, picture: Image.Image, factor: int, tell: Callable[[int, int], None] = lambda _done, _total: None
    ) -> Arriving:
        """`tell`: as in Upscaler.enlarge."""
        return Arriving(to_bytes(self.upscaler.enlarge(to_tensor(picture), factor, tell)))

    @cached_property
    def upscaler(self) -> Upscaler:
        """Loads the network at first use. On a CPU the large network takes a minute for each picture,
        the small one two seconds.
        """
        return Upscaler.load("x4plus" if self._device.type == "cuda" else "animevideov3", self._device)
