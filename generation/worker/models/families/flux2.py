"""FLUX.2: klein, which is guided classifier-free or distilled, and dev, which takes the guidance as an input."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from generation.worker.denoise.schedulers import Timing
from generation.worker.models.families.family import Encoded, LatentScale, ModelFamily, Places, grid

REFERENCE_TIME = 10
"""The distance of two reference pictures on the first axis; the picture that is drawn is at 0. As in diffusers' pipelines."""


class Flux2Family(ModelFamily):
    """Its latents are those of 2 x 2 places of the VAE, one below the other, scaled by the VAE's batch norm."""

    # diffusers starts from a picture only by way of reference pictures.
    STARTS: ClassVar[bool] = False
    MASKS: ClassVar[bool] = False
    REFERENCES: ClassVar[bool] = True

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels
        self.multiple: int = pipe.vae_scale_factor * 2
        self.scale = self.multiple
        self._places = Places()

    @property
    def is_fitting(self) -> bool:
        return self.channels == 4 * self._pipe.vae.config.latent_channels

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        height, width = x.shape[2:]
        text: Tensor = told["encoder_hidden_states"]
        count = text.shape[1]
        places = self._places.of((height, width), x, lambda: grid(height, width, axes=4))
        words = self._places.of(("text", count), x, lambda: _of_words(count))
        tokens, img_ids = x.flatten(2).transpose(1, 2), places.expand(len(x), -1, -1)
        if "references" in told:
            tokens = torch.cat([tokens, told["references"]], dim=1)
            img_ids = torch.cat([img_ids, told["reference_places"].to(x.dtype)], dim=1)
        out = self._pipe.transformer(
            hidden_states=tokens,
            timestep=timesteps.to(x.dtype) / 1000,
            guidance=told["timestep_cond"],
            encoder_hidden_states=text,
            txt_ids=words.expand(len(x), -1, -1),
            img_ids=img_ids,
            return_dict=False,
        )[0][:, : height * width]
        return (out.transpose(1, 2).unflatten(2, (height, width)),)

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        texts = [text, negative] if is_guided else [text]
        device = self._pipe.text_encoder.device
        return [(self._pipe.encode_prompt(one, device=device)[0][0], None) for one in texts]

    def references(self, latents: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        places = [grid(*one.shape[1:], axes=4) for one in latents]
        for number, each in enumerate(places, start=1):
            each[:, 0] = REFERENCE_TIME * number
        return torch.cat([one.flatten(1).T for one in latents]), torch.cat(places)

    def told_guidance(self, scale: float) -> Tensor | None:
        return torch.tensor(scale) if self._pipe.transformer.config.guidance_embeds else None

    def weight(self, guidance: float) -> float:
        return 1.0 if self._pipe.config.get("is_distilled") else super().weight(guidance)

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        config = self._pipe.scheduler.config
        mu = None
        if config.get("use_dynamic_shifting"):
            mu = _shift(latent_shape[1] * latent_shape[2], steps)
        return Timing(mu=mu, is_even=not config.get("use_flow_sigmas"), rounds_up=True)

    def latent_scale(self) -> LatentScale:
        norm, eps = self._pipe.vae.bn, self._pipe.vae.config.batch_norm_eps
        deviation = (norm.running_var.float() + eps).sqrt()
        return LatentScale(
            mean=norm.running_mean.float().view(1, -1, 1, 1), deviation=deviation.view(1, -1, 1, 1)
        )

    def to_vae(self, latents: Tensor) -> Tensor:
        rows, _, height, width = latents.shape
        cut = latents.reshape(rows, -1, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
        return cut.reshape(rows, -1, 2 * height, 2 * width)

    def from_vae(self, raw: Tensor) -> Tensor:
        rows, _, height, width = raw.shape
        cut = raw.view(rows, -1, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
        return cut.reshape(rows, -1, height // 2, width // 2)


def _of_words(count: int) -> Tensor:
    """Returns (count, 4): a text's positions, in the last axis."""
    places = torch.zeros(count, 4)
    places[:, 3] = torch.arange(count)
    return places


def _shift(tokens: int, steps: int) -> float:
    """Shifts towards noise for more tokens and fewer steps, as `compute_empirical_mu` of diffusers' pipelines: a straight line
    through the shifts of 10 and of 200 steps; above 4300 tokens that of 200 steps.
    """
    of_200 = 0.00016927 * tokens + 0.45666666
    if tokens > 4300:
        return of_200
    of_10 = 8.73809524e-05 * tokens + 1.89833333
    return of_10 + (steps - 10) * (of_200 - of_10) / 190
