"""Qwen-Image: a transformer with texts of any length, guided classifier-free and then scaled back."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from generation.worker.denoise.schedulers import Timing
from generation.worker.models.families.family import (
    Encoded,
    LatentScale,
    ModelFamily,
    latents_of,
    padded,
    shifted,
    tokens_of,
)

_BUCKET = 64
"""Tokens. Texts are padded to a multiple of it, so that most pictures can share a step."""

BLANK = " "
"""Guidance acts only beside a negative prompt."""


class QwenImageFamily(ModelFamily):
    """A row's pooled embedding is the mask of its text's padding."""

    IS_RECORDED: ClassVar[bool] = (
        False  # its transformer copies the text's length to the device in every call
    )
    RESCALES: ClassVar[bool] = True
    HAS_FRAMES: ClassVar[bool] = True

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels // 4
        self.multiple: int = pipe.vae_scale_factor * 2

    @property
    def is_fitting(self) -> bool:
        return self.channels == self._pipe.vae.config.z_dim

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        rows, _, height, width = x.shape
        out = self._pipe.transformer(
            hidden_states=tokens_of(x),
            timestep=timesteps.to(x.dtype) / 1000,
            guidance=told["timestep_cond"],
            encoder_hidden_states_mask=told["added_cond_kwargs"]["text_embeds"],
            encoder_hidden_states=told["encoder_hidden_states"],
            img_shapes=[[(1, height // 2, width // 2)]] * rows,
            controlnet_block_samples=told.get("control_samples"),
            return_dict=False,
        )[0]
        return (latents_of(out, height, width),)

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        texts = [text, negative or BLANK] if is_guided else [text]
        device = self._pipe.text_encoder.device
        return [(self._pipe.encode_prompt(one, device=device)[0][0], None) for one in texts]

    def levelled(self, encoded: list[Encoded]) -> list[Encoded]:
        texts = padded([text for text, _ in encoded], _BUCKET)
        masks = padded([text.new_ones(len(text)) for text, _ in encoded], _BUCKET)
        return list(zip(texts, masks, strict=True))

    def told_guidance(self, scale: float) -> Tensor | None:
        return torch.tensor(scale) if self._pipe.transformer.config.guidance_embeds else None

    def rescaled(self, output: Tensor, unguided: Tensor) -> Tensor:
        """Gives each token of the guided output the length that it has without guidance."""
        height, width = output.shape[2:]
        tokens = tokens_of(output)
        wanted = tokens_of(unguided).norm(dim=-1, keepdim=True)
        length = tokens.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(output.dtype).tiny)
        return latents_of(tokens * (wanted / length), height, width)

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        return shifted(self._pipe.scheduler, latent_shape, 2, max_shift=1.15, is_even=True)

    def latent_scale(self) -> LatentScale:
        config = self._pipe.vae.config
        mean, deviation = (
            torch.tensor(one).view(1, -1, 1, 1) for one in (config.latents_mean, config.latents_std)
        )
        return LatentScale(mean=mean, deviation=deviation)
