"""Stable Diffusion: 1.x, 2.x, XL, 3 and 3.5."""

from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline
from torch import Tensor

from generation.request import ImageSize
from generation.worker.denoise.prompt_encoding import ClipEncoding
from generation.worker.denoise.schedulers import Timing
from generation.worker.models.families.family import Encoded, LatentScale, ModelFamily, encode, shifted


class UNetFamily(ModelFamily):
    """Stable Diffusion 1.x, 2.x and XL."""

    WEIGHS_WORDS = True

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = pipe.unet
        self.channels: int = pipe.unet.config.in_channels
        self.multiple: int = pipe.vae_scale_factor
        self._is_xl = pipe.unet.config.addition_embed_type == "text_time"
        self.clip = ClipEncoding.of(pipe, is_xl=self._is_xl)
        # Distilled models (LCM) take the guidance scale as an input, instead of a second row.
        self._guidance_width: int | None = pipe.unet.config.time_cond_proj_dim

    def latent_scale(self) -> LatentScale:
        config = self._pipe.vae.config
        means, deviations = config.get("latents_mean"), config.get("latents_std")
        factor = float(config.scaling_factor)
        if not isinstance(self._pipe, StableDiffusionXLPipeline) or means is None or deviations is None:
            return LatentScale(factor=factor)
        mean, deviation = (torch.tensor(each).view(1, -1, 1, 1) for each in (means, deviations))
        return LatentScale(mean=mean, deviation=deviation, factor=factor)

    def time_ids(self, size: ImageSize) -> Tensor | None:
        """Returns SDXL's micro-conditioning (section 2.2 of its paper): original size, top left of the crop, target size."""
        sides = (size.height, size.width)
        return torch.tensor((*sides, 0, 0, *sides)) if self._is_xl else None

    def told_guidance(self, scale: float) -> Tensor | None:
        if self._guidance_width is None:
            return None
        told = torch.tensor([scale - 1])
        return self._pipe.get_guidance_scale_embedding(told, embedding_dim=self._guidance_width)[0]


class SD3Family(ModelFamily):
    """Stable Diffusion 3 and 3.5: a transformer, with guidance like the U-Nets."""

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels
        self._patch: int = pipe.transformer.config.patch_size
        self.multiple: int = pipe.vae_scale_factor * self._patch

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        return self._pipe.transformer(
            hidden_states=x,
            timestep=timesteps,
            encoder_hidden_states=told["encoder_hidden_states"],
            pooled_projections=told["added_cond_kwargs"]["text_embeds"],
            return_dict=False,
        )

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        return encode(self._pipe, text, negative, is_guided, prompt_2=None, prompt_3=None, **self._skipping)

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        return shifted(self._pipe.scheduler, latent_shape, self._patch, max_shift=1.16, is_even=False)
