"""Model families and their differences. The step calls every family like diffusers' U-Net."""

from typing import Any

import torch
from torch import Tensor

from generation.request import ImageSize
from generation.worker.denoise.schedulers import Timing


class ModelFamily:
    """The interface of a family, for one pipeline."""

    unet: Any  # called like UNet2DConditionModel
    channels: int  # of its latents
    multiple: int  # pixels: width and height must be multiples of it
    clip_skip: int | None = None  # the argument of `encode_prompt`

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    def encode(self, text: str, negative: str, is_guided: bool) -> list[tuple[Tensor, Tensor | None]]:
        """Returns (tokens, width) and pooled (width,) of the text and, if guided, of the negative."""
        return _encode(self._pipe, text, negative, is_guided, **self._skipping)

    @property
    def _skipping(self) -> dict[str, Any]:
        return {} if self.clip_skip is None else {"clip_skip": self.clip_skip}

    def time_ids(self, size: ImageSize) -> Tensor | None:
        return None

    def told_guidance(self, scale: float) -> Tensor | None:
        """Returns the guidance input of a distilled model, which needs no second row for guidance; None for others."""
        return None

    def timing(self, latent_shape: tuple[int, ...]) -> Timing:
        return Timing()


class UNetFamily(ModelFamily):
    """Stable Diffusion 1.x, 2.x and XL."""

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = pipe.unet
        self.channels: int = pipe.unet.config.in_channels
        self.multiple: int = pipe.vae_scale_factor
        self._is_xl = pipe.unet.config.addition_embed_type == "text_time"
        # Distilled models (LCM) take the guidance scale as an input, instead of a second row.
        self._guidance_width: int | None = pipe.unet.config.time_cond_proj_dim

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

    def encode(self, text: str, negative: str, is_guided: bool) -> list[tuple[Tensor, Tensor | None]]:
        return _encode(self._pipe, text, negative, is_guided, prompt_2=None, prompt_3=None, **self._skipping)

    def timing(self, latent_shape: tuple[int, ...]) -> Timing:
        return _timing(self._pipe.scheduler, latent_shape, self._patch, max_shift=1.16, is_even=False)


class FluxFamily(ModelFamily):
    """FLUX.1 dev and schnell: a transformer that takes the guidance as an input and treats 2 x 2 latents as one token.

    Between steps the latents have the shape of a picture. Negative prompts have no effect.
    """

    PATCH = 2

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels // self.PATCH**2
        self.multiple: int = pipe.vae_scale_factor * self.PATCH
        self._places: dict[object, Tensor] = {}

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        rows, channels, height, width = x.shape
        text: Tensor = told["encoder_hidden_states"]
        # Made on the CPU and copied to the device once for each size, so that no step waits for it.
        size = (height // 2, width // 2, x.device, x.dtype)
        if size not in self._places:
            self._places[size] = self._pipe._prepare_latent_image_ids(rows, *size)
        out = self._pipe.transformer(
            hidden_states=self._pipe._pack_latents(x, rows, channels, height, width),
            timestep=timesteps.to(x.dtype) / 1000,  # rounded before it is divided, as in diffusers' pipeline
            guidance=told["timestep_cond"],
            pooled_projections=told["added_cond_kwargs"]["text_embeds"],
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3, device=x.device, dtype=x.dtype),
            img_ids=self._places[size],
            return_dict=False,
        )[0]
        return (self._pipe._unpack_latents(out, height, width, vae_scale_factor=1),)

    def encode(self, text: str, negative: str, is_guided: bool) -> list[tuple[Tensor, Tensor | None]]:
        embedded, pooled, _ = self._pipe.encode_prompt(
            text, prompt_2=None, device=self._pipe.text_encoder.device
        )
        return [(embedded[0], pooled[0])]

    def told_guidance(self, scale: float) -> Tensor | None:
        return torch.tensor(scale)

    def timing(self, latent_shape: tuple[int, ...]) -> Timing:
        return _timing(self._pipe.scheduler, latent_shape, self.PATCH, max_shift=1.15, is_even=True)


FAMILIES: dict[str, type[ModelFamily]] = {
    "StableDiffusionPipeline": UNetFamily,
    "StableDiffusionXLPipeline": UNetFamily,
    "StableDiffusion3Pipeline": SD3Family,
    "FluxPipeline": FluxFamily,
}


def _encode(
    pipe: Any, text: str, negative: str, is_guided: bool, **more: Any
) -> list[tuple[Tensor, Tensor | None]]:
    encoded: Any = pipe.encode_prompt(
        text,
        device=pipe.text_encoder.device,  # the pipeline's own `device` is that of any one of its modules
        num_images_per_prompt=1,
        do_classifier_free_guidance=is_guided,
        # None, not "", for no negative prompt: SDXL's base model then uses zeros, as in its training.
        negative_prompt=negative or None,
        **more,
    )
    # Stable Diffusion: prompt, negative. XL and 3: prompt, negative, pooled prompt, pooled negative.
    texts, pooled = encoded[:2], encoded[2:] or (None, None)
    return [
        (rows[0], None if pool is None else pool[0])
        for rows, pool in zip(texts, pooled, strict=True)
        if rows is not None  # the negative of an unguided prompt
    ]


def _timing(
    scheduler: Any, latent_shape: tuple[int, ...], patch: int, *, max_shift: float, is_even: bool
) -> Timing:
    """Shifts the schedule towards noise for pictures with more tokens, as `calculate_shift` of diffusers' pipelines."""
    config = scheduler.config
    mu = None
    if config.get("use_dynamic_shifting"):
        tokens = (latent_shape[1] // patch) * (latent_shape[2] // patch)
        few, many = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
        low, high = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
        mu = low + (high - low) * (tokens - few) / (many - few)
    return Timing(mu=mu, is_even=is_even and not config.get("use_flow_sigmas"), rounds_up=True)
