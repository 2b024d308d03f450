"""Prompts -> the rows that a model's call is told, through the pipeline's own `encode_prompt`. Cached."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from generation.request import ImageSize, Prompt
from generation.worker.slots import Row

CACHED_PROMPTS = 64
"""An SDXL prompt with its negative is 630 KB in half precision."""


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    """One prompt: (tokens, width), and for SDXL (width,)."""

    text: Tensor
    pooled: Tensor | None


class Conditioner:
    """The text encoders of one pipeline."""

    def __init__(self, pipe: Any, device: torch.device, dtype: torch.dtype) -> None:
        self._pipe = pipe
        self._device = device
        self._dtype = dtype
        self._cache: OrderedDict[tuple[str, str, bool], tuple[_Encoded, ...]] = OrderedDict()
        # Distilled models (LCM) are told the guidance scale instead of being guided.
        self._told_guidance: int | None = pipe.unet.config.time_cond_proj_dim

    @torch.inference_mode()
    def rows(self, prompt: Prompt, guidance: float, size: ImageSize) -> tuple[Row, ...]:
        """One row of weight 1, or with guidance g above 1 the prompt's row of weight g and the negative's of 1 - g. The prompt's
        weight is shared out among the rows of its parts. Raises BadWeights."""
        is_guided = guidance > 1 and self._told_guidance is None
        first, *others = prompt.parts
        scale = guidance if is_guided else 1.0
        encoded = list(self._encoded(first.text, prompt.negative if is_guided else "", is_guided))
        weights = [scale * first.share, *([1 - scale] if is_guided else [])]
        for part in others:
            encoded += self._encoded(part.text, "", False)
            weights.append(scale * part.share)
        return tuple(
            Row(
                weight=weight,
                text=one.text,
                pooled=one.pooled,
                time_ids=None if one.pooled is None else self._time_ids(size),
                guidance=None
                if self._told_guidance is None
                else self._guidance(guidance, self._told_guidance),
            )
            for weight, one in zip(weights, encoded, strict=True)
        )

    def _encoded(self, text: str, negative: str, is_guided: bool) -> tuple[_Encoded, ...]:
        key = (text, negative, is_guided)
        if key in self._cache:
            self._cache.move_to_end(key)
        else:
            self._cache[key] = self._encode(text, negative, is_guided)
            if len(self._cache) > CACHED_PROMPTS:
                self._cache.popitem(last=False)
        return self._cache[key]

    def _encode(self, text: str, negative: str, is_guided: bool) -> tuple[_Encoded, ...]:
        """The text, and if guided the negative."""
        encoded: Any = self._pipe.encode_prompt(
            text,
            device=self._device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=is_guided,
            # None, not "", for no negative prompt: SDXL's base model then takes zeros, which it was trained with.
            negative_prompt=negative or None,
        )
        # Stable Diffusion: prompt, negative. XL: prompt, negative, pooled prompt, pooled negative.
        texts, pooled = encoded[:2], encoded[2:] or (None, None)
        return tuple(
            _Encoded(self._one(rows), None if pool is None else self._one(pool))
            for rows, pool in zip(texts, pooled, strict=True)
            if rows is not None  # the negative of an unguided prompt
        )

    def _one(self, batch: Tensor) -> Tensor:
        return batch[0].to(self._dtype)

    def _time_ids(self, size: ImageSize) -> Tensor:
        """SDXL's micro-conditioning (its paper, section 2.2): original size, top left of the crop, target size."""
        sides = (size.height, size.width)
        return torch.tensor((*sides, 0, 0, *sides), dtype=self._dtype, device=self._device)

    def _guidance(self, scale: float, width: int) -> Tensor:
        embedded: Tensor = self._pipe.get_guidance_scale_embedding(
            torch.tensor([scale - 1]), embedding_dim=width
        )
        return embedded[0].to(self._device, self._dtype)
