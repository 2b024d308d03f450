"""Z-Image, Turbo and Base. Its transformer takes lists: one call draws pictures of several sizes, with texts of any length."""

import math
from typing import Any, ClassVar

from torch import Tensor

from generation.request import ImageSize
from generation.worker.denoise.schedulers import Timing
from generation.worker.models.families.family import Encoded, ModelFamily, padded, shifted

_LONGEST = 512
"""Tokens that the pipelines read. Texts are kept padded to it, so that all share steps, and cut to their length in the call."""

_ROOM = 1.25
"""Latents that a picture may have to share a step with others, as a share of those of the model's own square."""


class ZImageFamily(ModelFamily):
    IS_RECORDED: ClassVar[bool] = (
        False  # the lists' lengths are numbers of Python, which a recording would repeat
    )

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels
        self.multiple: int = pipe.vae_scale_factor * 2

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        """`x`: (rows, channels, 1, room): the latents of each row's picture in a line, then zeros."""
        texts: Tensor = told["encoder_hidden_states"]
        extents: tuple[tuple[int, int, int], ...] = told["extents"]
        pictures = [
            row[:, 0, : height * width].view(-1, 1, height, width)
            for row, (_, height, width) in zip(x, extents, strict=True)
        ]
        drawn = self._pipe.transformer(
            pictures,
            (1000 - timesteps) / 1000,
            [text[:length] for text, (length, _, _) in zip(texts, extents, strict=True)],
            controlnet_block_samples=told.get("control_samples"),
            return_dict=False,
        )[0]
        out = x.new_zeros(x.shape)
        for row, picture in zip(out, drawn, strict=True):
            row[:, 0, : math.prod(picture.shape[2:])] = -picture.flatten(1)
        return (out,)

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        texts = [text, negative] if is_guided else [text]
        device = self._pipe.text_encoder.device
        return [
            (self._pipe.encode_prompt(one, device=device, do_classifier_free_guidance=False)[0][0], None)
            for one in texts
        ]

    def levelled(self, encoded: list[Encoded]) -> list[Encoded]:
        return [(text, None) for text in padded([text for text, _ in encoded], _LONGEST)]

    def extent(self, tokens: int, size: ImageSize) -> tuple[int, int, int] | None:
        return (tokens, size.height // self.scale, size.width // self.scale)

    def state_shape(self, latent_shape: tuple[int, int, int], side: int) -> tuple[int, ...]:
        channels, height, width = latent_shape
        room = round(_ROOM * (side / self.scale) ** 2)
        return (channels, 1, max(room, height * width))

    def weight(self, guidance: float) -> float:
        return 1 + max(0.0, guidance)  # its pipelines add the difference to the prompt's own prediction

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        return shifted(self._pipe.scheduler, latent_shape, 2, max_shift=1.15, is_even=True)
