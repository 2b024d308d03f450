"""Encodes prompts to the rows of a model's call, with the text encoders of its family. Cached."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from generation.request import ImageSize, LoraSet, Prompt
from generation.worker.denoise.slots import Row
from generation.worker.models.families import ModelFamily
from generation.worker.models.offload import Offload

CACHED_PROMPTS = 64
"""An SDXL prompt with its negative takes 630 KB in half precision."""


_Encoded = tuple[Tensor, Tensor | None]
"""One prompt: (tokens, width), and (width,) if the model needs a pooled embedding."""


@dataclass(slots=True, eq=False)
class Conditioner:
    """The text encoders of one model. `wear` activates a set of LoRAs in them."""

    family: ModelFamily
    device: torch.device
    dtype: torch.dtype
    offload: Offload
    wear: Callable[[LoraSet], None]
    _cache: OrderedDict[tuple[str, str, bool, LoraSet], tuple[_Encoded, ...]] = field(
        default_factory=OrderedDict[tuple[str, str, bool, LoraSet], tuple[_Encoded, ...]], init=False
    )

    @torch.inference_mode()
    def rows(self, prompt: Prompt, guidance: float, size: ImageSize, loras: LoraSet = ()) -> tuple[Row, ...]:
        """Returns one row of weight 1. With guidance g above 1: the prompt's row of weight g and the negative's row of 1 - g.

        The prompt's weight is divided among the rows of its parts. Raises BadWeights.
        """
        told = self._own(self.family.told_guidance(guidance))
        is_guided = guidance > 1 and told is None
        first, *others = prompt.parts
        scale = guidance if is_guided else 1.0
        encoded = list(self._encoded(first.text, prompt.negative if is_guided else "", is_guided, loras))
        shares: list[float | None] = [first.share, *([None] if is_guided else [])]  # None: the negative
        for part in others:
            encoded += self._encoded(part.text, "", False, loras)
            shares.append(part.share)
        time_ids = self._own(self.family.time_ids(size))
        return tuple(
            Row(
                weight=1 - scale if share is None else scale * share,
                share=share or 0.0,
                is_negative=share is None,
                text=embedded,
                pooled=pooled,
                time_ids=time_ids,
                guidance=told,
            )
            for share, (embedded, pooled) in zip(shares, encoded, strict=True)
        )

    def _encoded(self, text: str, negative: str, is_guided: bool, loras: LoraSet) -> tuple[_Encoded, ...]:
        """Encodes the text, and the negative if guided."""
        key = (text, negative, is_guided, loras)
        if key in self._cache:
            self._cache.move_to_end(key)
        else:
            with self.offload.at_work("text"):
                self.wear(loras)
                encoded = self.family.encode(text, negative, is_guided)
            self._cache[key] = tuple(
                (one.to(self.device, self.dtype), self._own(pooled)) for one, pooled in encoded
            )
            if len(self._cache) > CACHED_PROMPTS:
                self._cache.popitem(last=False)
        return self._cache[key]

    def _own(self, told: Tensor | None) -> Tensor | None:
        return None if told is None else told.to(self.device, self.dtype)
