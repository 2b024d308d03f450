"""Encodes prompts to the rows of a model's call, with the text encoders of its family. Cached."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from generation.prompt import PromptText
from generation.request import ImageSize, LoraSet, Prompt
from generation.worker.denoise.kept import Kept
from generation.worker.denoise.prompt_encoding import Encoded
from generation.worker.denoise.slots import Row
from generation.worker.models.families.family import ModelFamily
from generation.worker.models.offload import Offload

CACHED_PROMPTS = 64
"""An SDXL prompt with its negative takes 630 KB in half precision."""

_NOTHING = PromptText()

_Key = tuple[PromptText, PromptText, bool, int, LoraSet]


@dataclass(slots=True, eq=False)
class Conditioner:
    """The text encoders of one model. `wear` activates a set of LoRAs in them."""

    family: ModelFamily
    device: torch.device
    dtype: torch.dtype
    offload: Offload
    wear: Callable[[LoraSet], None]
    kept: Kept[_Key, tuple[Encoded, ...]] = field(default_factory=lambda: Kept(CACHED_PROMPTS), init=False)

    @torch.inference_mode()
    def rows(self, prompt: Prompt, guidance: float, size: ImageSize, loras: LoraSet = ()) -> tuple[Row, ...]:
        """Returns one row of weight 1. With guidance of weight g: the prompt's row of weight g and the negative's row of 1 - g.

        The prompt's weight is divided among the rows of its parts. All rows have as many tokens as the longest. Raises
        BadWeights.
        """
        told = self._own(self.family.told_guidance(guidance))
        scale = 1.0 if told is not None else self.family.weight(guidance)
        is_guided = scale != 1
        first, *others = prompt.parts
        negative = prompt.negative_words if is_guided else _NOTHING
        chunks = self.family.chunks([first.words, *(part.words for part in others), negative])
        encoded = list(self._encoded(first.words, negative, is_guided, chunks, loras))
        weights = [scale * first.share, *([1 - scale] if is_guided else [])]
        unguided = [first.share, *([0.0] if is_guided else [])]
        for part in others:
            encoded += self._encoded(part.words, _NOTHING, False, chunks, loras)
            weights.append(scale * part.share)
            unguided.append(part.share)
        extents = [self.family.extent(len(text), size) for text, _ in encoded]
        time_ids = self._own(self.family.time_ids(size))
        return tuple(
            Row(
                weight=weight,
                text=embedded,
                pooled=pooled,
                time_ids=time_ids,
                guidance=told,
                unguided=share,
                extent=extent,
            )
            for weight, share, extent, (embedded, pooled) in zip(
                weights, unguided, extents, self.family.levelled(encoded), strict=True
            )
        )

    def _encoded(
        self, text: PromptText, negative: PromptText, is_guided: bool, chunks: int, loras: LoraSet
    ) -> tuple[Encoded, ...]:
        """Encodes the text, and the negative if guided."""

        def encoded() -> tuple[Encoded, ...]:
            with self.offload.at_work("text"):
                self.wear(loras)
                found = self.family.encode(text, negative, is_guided, chunks)
            return tuple((one.to(self.device, self.dtype), self._own(pooled)) for one, pooled in found)

        return self.kept.of((text, negative, is_guided, chunks, loras), encoded)

    def _own(self, told: Tensor | None) -> Tensor | None:
        return None if told is None else told.to(self.device, self.dtype)
