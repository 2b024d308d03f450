"""Encodes captions to the token states that the U-Net attends to, as StableDiffusionPipeline does."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import BertModel, BertTokenizer

WIDTH = 384  # size of a token's state


class TextEncoder:
    """The frozen text encoder of a Stable Diffusion folder (text_encoder/ and tokenizer/)."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = BertTokenizer.from_pretrained(folder / "tokenizer")
        self.model = BertModel.from_pretrained(
            folder / "text_encoder", add_pooling_layer=False, dtype=torch.float32
        ).eval()
        self.length: int = self.tokenizer.model_max_length  # tokens, including padding

    @torch.no_grad()
    def encode(self, captions: Sequence[str], batch: int = 64) -> Tensor:
        """Returns states (n, length, WIDTH), float32. Padding is masked inside the encoder only."""
        return torch.cat([self._encode(captions[i : i + batch]) for i in range(0, len(captions), batch)])

    def _encode(self, captions: Sequence[str]) -> Tensor:
        tokens = self.tokenizer(
            list(captions),
            padding="max_length",
            max_length=self.length,
            truncation=True,
            return_tensors="pt",
        )
        return self.model(tokens.input_ids, attention_mask=tokens.attention_mask)[0]
