"""Latents <-> pictures, the cheap look at an unfinished one, and finished pictures on their way to the host. Knows no jobs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderTiny, StableDiffusionXLPipeline
from PIL import Image
from torch import Tensor

from generation.files.images import fitted, open_picture
from generation.request import ImageSize
from generation.worker.models.offload import Offload
from generation.worker.upscaling.upscale import Upscaler


class Codec:
    """The VAE of one model. Pictures are (n, 3, height, width) float32 from 0 to 1, latents (n, channels, height / scale,
    width / scale) float32."""

    def __init__(self, pipe: Any, device: torch.device, offload: Offload) -> None:
        self._vae: Any = pipe.vae
        self._offload = offload
        self._device = device
        config = pipe.vae.config
        self._factor = float(config.scaling_factor)
        self._mean: float | Tensor = 0.0
        # XL's pipelines look at these and the transformers' at `shift_factor`; Stable Diffusion's ignore both.
        means, deviations = config.get("latents_mean"), config.get("latents_std")
        self._deviation: float | Tensor = 1.0
        if isinstance(pipe, StableDiffusionXLPipeline) and means is not None and deviations is not None:
            self._mean = torch.tensor(means, device=device).view(1, -1, 1, 1)
            self._deviation = torch.tensor(deviations, device=device).view(1, -1, 1, 1)
        elif hasattr(pipe, "transformer"):
            self._mean = float(config.get("shift_factor") or 0.0)
        is_tiny = isinstance(pipe.vae, AutoencoderTiny)
        self.is_drawing = not is_tiny  # `encode` with a generator draws from it
        self._to_rgb = None if is_tiny else self._fit_rgb()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        raw = latents * self._deviation / self._factor + self._mean
        with self._offload.at_work("vae"):
            decoded: Tensor = self._vae.decode(raw.to(self._vae.dtype), return_dict=False)[0]
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    @torch.inference_mode()
    def preview(self, latents: Tensor) -> Tensor:
        """(n, 3, height, width) with whatever number of pixels is cheap."""
        if self._to_rgb is None:
            return self.decode(latents)
        flat = torch.cat([latents, torch.ones_like(latents[:, :1])], dim=1)
        return torch.einsum("nchw,cr->nrhw", flat, self._to_rgb).clamp(0, 1)

    @torch.inference_mode()
    def encode(self, pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """With a generator, a sample of the VAE's distribution, drawn as diffusers' image-to-image does; else its mode."""
        with self._offload.at_work("vae"):
            encoded = self._vae.encode((pictures * 2 - 1).to(self._device, self._vae.dtype))
        if hasattr(encoded, "latents"):
            raw: Tensor = encoded.latents
        else:
            raw = encoded.latent_dist.mode() if generator is None else encoded.latent_dist.sample(generator)
        return (raw.float() - self._mean) * self._factor / self._deviation

    @torch.inference_mode()
    def _fit_rgb(self) -> Tensor:
        """(channels + 1, 3): the linear map from a latent and 1 to the mean colour of its patch, by least squares.

        A Stable Diffusion latent is nearly that; the map is fitted so that any VAE has previews without a table of constants.
        """
        generator = torch.Generator().manual_seed(0)
        coarse = torch.rand((4, 3, 6, 6), generator=generator)
        pictures = torch.nn.functional.interpolate(coarse, size=(128, 128), mode="bilinear").to(self._device)
        latents = self.encode(pictures)
        colours = torch.nn.functional.interpolate(pictures, size=latents.shape[-2:], mode="area")
        known = latents.movedim(1, -1).reshape(-1, latents.shape[1]).cpu()
        known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
        wanted = colours.movedim(1, -1).reshape(-1, 3).cpu()
        # gelsd: the only driver that gives an answer where channels depend on each other.
        return torch.linalg.lstsq(known, wanted, driver="gelsd").solution.to(self._device)


def read_init(content: bytes, size: ImageSize) -> Tensor:
    """(1, 3, height, width) from 0 to 1. Raises generation.files.images.PictureError."""
    return to_tensor(fitted(open_picture(content), size))[None]


def to_tensor(picture: Image.Image) -> Tensor:
    """(3, height, width) float32 from 0 to 1."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).movedim(-1, 0).float() / 255


def to_bytes(picture: Tensor) -> Tensor:
    """(..., 3, height, width) from 0 to 1 -> (..., height, width, 3) uint8, rounded as diffusers' postprocessing does."""
    return (picture.movedim(-3, -1) * 255).round().to(torch.uint8)


class Arriving:
    """uint8 on its way from the device: whoever wants it waits for it, and on whatever thread that suits."""

    def __init__(self, values: Tensor) -> None:
        # To the CPU without waiting means into pinned memory (torch.Tensor.to).
        self._values = values.to("cpu", non_blocking=True)
        self._copied = torch.cuda.Event() if values.is_cuda else None
        if self._copied is not None:
            self._copied.record()

    def each(self) -> list[Arriving]:
        """What lies along the first dimension, one by one; all arrive together."""
        parts: list[Arriving] = [copy.copy(self) for _ in self._values]
        for part, values in zip(parts, self._values, strict=True):
            part._values = values
        return parts

    def wait(self) -> npt.NDArray[np.uint8]:
        if self._copied is not None:
            self._copied.synchronize()
        return self._values.numpy()

    def picture(self) -> Image.Image:
        """Of (height, width, 3)."""
        return Image.fromarray(self.wait())


class Finisher:
    """Decoded pictures -> bytes that arrive on the host, enlarged where the model's owner or a member wants it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def finish(self, pictures: Sequence[Tensor], enlarge: int = 1) -> list[Arriving]:
        """(3, height, width) each, of one size, from 0 to 1. Waits for nothing."""
        if enlarge > 1:
            pictures = [self.upscaler.enlarge(picture, enlarge) for picture in pictures]
        return Arriving(torch.stack([to_bytes(picture) for picture in pictures])).each()

    def enlarge(self, picture: Image.Image, factor: int) -> Arriving:
        return Arriving(to_bytes(self.upscaler.enlarge(to_tensor(picture), factor)))

    @cached_property
    def upscaler(self) -> Upscaler:
        """Loaded when first needed. The large network takes a minute a picture on a CPU, the small one two seconds."""
        return Upscaler.load("x4plus" if self._device.type == "cuda" else "animevideov3", self._device)
