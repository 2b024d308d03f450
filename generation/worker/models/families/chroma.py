"""Chroma: FLUX.1's layout with classifier-free guidance, and with a mask over the text's padding."""

from typing import Any, ClassVar

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


class ChromaFamily(ModelFamily):
    """A row's pooled embedding is the mask of its text: 1 for a token, and for the first one of the padding."""

    # diffusers 0.42: ChromaInpaintPipeline, which would be compared with, asks for a field that the transformer lacks.
    MASKS: ClassVar[bool] = False
    IS_RECORDED: ClassVar[bool] = False  # its transformer makes a tensor on the host in every call

    def __init__(self, pipe: Any) -> None:
        super().__init__(pipe)
        self.unet = self._denoise
        self.channels: int = pipe.transformer.config.in_channels // 4
        self.multiple: int = pipe.vae_scale_factor * 2
        self._places = Places()

    def _denoise(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor]:
        rows, _, height, width = x.shape
        text, mask = told["encoder_hidden_states"], told["added_cond_kwargs"]["text_embeds"]
        size = (height // 2, width // 2)
        tokens = tokens_of(x)
        out = self._pipe.transformer(
            hidden_states=tokens,
            timestep=timesteps.to(x.dtype) / 1000,
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3, device=x.device, dtype=x.dtype),
            img_ids=self._places.of(size, x, lambda: grid(*size, axes=3)),
            attention_mask=torch.cat([mask, mask.new_ones(rows, tokens.shape[1])], dim=1),
            return_dict=False,
        )[0]
        return (latents_of(out, height, width),)

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        prompt, _, mask, other, _, other_mask = self._pipe.encode_prompt(
            text,
            negative_prompt=negative,
            device=self._pipe.text_encoder.device,
            do_classifier_free_guidance=is_guided,
        )
        pairs = [(prompt, mask), (other, other_mask)] if is_guided else [(prompt, mask)]
        return [(embedded[0], its_mask[0]) for embedded, its_mask in pairs]

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        return shifted(self._pipe.scheduler, latent_shape, 2, max_shift=1.15, is_even=True)
