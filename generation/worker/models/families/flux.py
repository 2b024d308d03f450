"""FLUX.1 dev and schnell."""

from typing import Any

import torch
from torch import Tensor

from generation.worker.denoise.schedulers import Timing
from generation.worker.models.families.family import (
    Encoded,
    ModelFamily,
    Places,
    grid,
    latents_of,
    shifted,
    tokens_of,
)


class FluxFamily(ModelFamily):
    """A transformer that takes the guidance as an input (dev) or has none (schnell), and treats 2 x 2 latents as one token.

    Between steps the latents have the shape of a picture. Negative prompts have no effect.
    """

    TAKES_NEGATIVE = False

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels // 4
        self.multiple: int = pipe.vae_scale_factor * 2
        self._places = Places()

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        height, width = x.shape[2:]
        text: Tensor = told["encoder_hidden_states"]
        size = (height // 2, width // 2)
        out = self._pipe.transformer(
            hidden_states=tokens_of(x),
            timestep=timesteps.to(x.dtype) / 1000,  # rounded before it is divided, as in diffusers' pipeline
            guidance=told["timestep_cond"],
            pooled_projections=told["added_cond_kwargs"]["text_embeds"],
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3, device=x.device, dtype=x.dtype),
            img_ids=self._places.of(size, x, lambda: grid(*size, axes=3)),
            return_dict=False,
        )[0]
        return (latents_of(out, height, width),)

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        embedded, pooled, _ = self._pipe.encode_prompt(
            text, prompt_2=None, device=self._pipe.text_encoder.device
        )
        return [(embedded[0], pooled[0])]

    def weight(self, guidance: float) -> float:
        return 1.0

    def told_guidance(self, scale: float) -> Tensor | None:
        return torch.tensor(scale) if self._pipe.transformer.config.guidance_embeds else None

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        return shifted(self._pipe.scheduler, latent_shape, 2, max_shift=1.15, is_even=True)
