"""Encodes long and weighted prompts as AUTOMATIC1111 does, with the CLIP encoders of Stable Diffusion 1.x, 2.x and XL.

The tokens are cut into chunks that fill the encoder's window. Each chunk is encoded alone, and the embeddings are joined. The
weight of a word multiplies the embeddings of its tokens; then the chunk's mean is restored.

Written from the description at https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#infinite-prompt-length
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from generation.prompt import PromptText

MAX_CHUNKS = 8
"""Of one prompt: 600 tokens. Each chunk makes every step longer, and a prompt of emoji has thousands of tokens."""

BACKTRACK = 20
"""Tokens. A chunk ends behind its last comma, if at most as many tokens follow that."""

MOST_RESTORED = 10.0
"""The largest factor that restores a mean. Beyond it, the weights have cancelled each other out."""

_COMMA = ",</w>"

Encoded = tuple[Tensor, Tensor | None]
"""One prompt: (tokens, width), and (width,) if the model needs a pooled embedding."""


@dataclass(slots=True)
class _Chunk:
    """The tokens between the start token and the end token."""

    ids: list[int] = field(default_factory=list[int])
    weights: list[float] = field(default_factory=list[float])
    comma: int = -1  # the index of the last one; -1: none that a chunk may end behind


class ClipEncoding:
    """The text encoders of one pipeline: one CLIP, or the two of XL."""

    def __init__(self, pipe: Any, pairs: list[tuple[Any, Any]], *, is_xl: bool) -> None:
        self._pipe = pipe
        self._pairs = pairs  # tokenizer and encoder
        self._is_xl = is_xl

    @classmethod
    def of(cls, pipe: Any, *, is_xl: bool) -> "ClipEncoding | None":
        """Returns None for a pipeline with another text encoder, which knows no chunks."""
        names = ("", "_2") if is_xl else ("",)
        pairs = [(getattr(pipe, f"tokenizer{each}"), getattr(pipe, f"text_encoder{each}")) for each in names]
        pairs = [(tokenizer, encoder) for tokenizer, encoder in pairs if encoder is not None]
        is_clip = all(
            isinstance(encoder, CLIPTextModel | CLIPTextModelWithProjection)
            and not getattr(encoder.config, "use_attention_mask", False)
            for _, encoder in pairs
        )
        return cls(pipe, pairs, is_xl=is_xl) if pairs and is_clip else None

    def tokens(self, text: PromptText) -> tuple[int, int]:
        """Returns the number of the text's tokens, and of those that are read."""
        counts = [len(chunk.ids) for chunk in self._cut(text, self._pairs[0][0])]
        return sum(counts), sum(counts[:MAX_CHUNKS])

    def chunks(self, texts: Iterable[PromptText]) -> int:
        """Returns the number of chunks that the longest of the texts needs, at most MAX_CHUNKS."""
        needed = [len(self._cut(text, tokenizer)) for text in texts for tokenizer, _ in self._pairs]
        return min(MAX_CHUNKS, max(needed))

    def encode(
        self, text: PromptText, negative: PromptText, is_guided: bool, chunks: int, skipped: int | None = None
    ) -> list[Encoded]:
        """Returns the text's embeddings and, if guided, the negative's. Both are padded to `chunks`. `skipped`: the argument
        `clip_skip` of diffusers' pipelines.
        """
        encoded = [self._encoded(text, chunks, skipped)]
        if not is_guided:
            return encoded
        if self._is_xl and not negative.plain and self._pipe.config.force_zeros_for_empty_prompt:
            # SDXL's base model takes zeros for no negative prompt, as in its training.
            embedded, pooled = encoded[0]
            zeros = torch.zeros_like(embedded), None if pooled is None else torch.zeros_like(pooled)
            return [*encoded, zeros]
        return [*encoded, self._encoded(negative, chunks, skipped)]

    def _encoded(self, text: PromptText, chunks: int, skipped: int | None) -> Encoded:
        embedded: list[Tensor] = []
        pooled: Tensor | None = None
        for tokenizer, encoder in self._pairs:
            cut = self._cut(text, tokenizer)[:chunks]
            cut += [_Chunk() for _ in range(chunks - len(cut))]
            ids = _padded(cut, tokenizer).to(encoder.device)
            out = encoder(ids, attention_mask=None, output_hidden_states=True)
            if out[0].ndim == 2:
                pooled = out[0][0]  # the first chunk's, without weights
            embedded.append(_weighed(self._hidden(encoder, out, skipped or 0), cut).flatten(0, 1))
        return torch.cat(embedded, dim=-1), pooled

    def _hidden(self, encoder: Any, out: Any, skipped: int) -> Tensor:
        """Returns the layer that the denoiser was trained with, or an earlier one: (chunks, window, width)."""
        if self._is_xl:
            return out.hidden_states[-2 - skipped]
        if not skipped:
            return out.last_hidden_state
        return getattr(encoder, "text_model", encoder).final_layer_norm(out.hidden_states[-1 - skipped])

    def _cut(self, text: PromptText, tokenizer: Any) -> list[_Chunk]:
        """Cuts the text at every `BREAK`, and before a chunk would be longer than the window."""
        room = tokenizer.model_max_length - 2  # start and end
        comma = tokenizer.convert_tokens_to_ids(_COMMA)
        done: list[_Chunk] = []
        chunk = _Chunk()
        for number, block in enumerate(text.blocks):
            if number:
                done.append(chunk)
                chunk = _Chunk()
            for words in block:
                for token in self._ids(words.text, tokenizer):
                    if token == comma:
                        chunk.comma = len(chunk.ids)
                    elif len(chunk.ids) == room and chunk.comma >= 0 and room - chunk.comma <= BACKTRACK:
                        end = chunk.comma + 1
                        rest = _Chunk(chunk.ids[end:], chunk.weights[end:])
                        done.append(_Chunk(chunk.ids[:end], chunk.weights[:end]))
                        chunk = rest
                    if len(chunk.ids) == room:
                        done.append(chunk)
                        chunk = _Chunk()
                    chunk.ids.append(token)
                    chunk.weights.append(words.weight)
        return [*done, chunk] if chunk.ids or not done else done

    def _ids(self, text: str, tokenizer: Any) -> list[int]:
        text = self._pipe.maybe_convert_prompt(text, tokenizer)  # embeddings of several vectors
        return tokenizer(text, add_special_tokens=False, truncation=False).input_ids


def _padded(chunks: list[_Chunk], tokenizer: Any) -> Tensor:
    """Returns the ids of whole windows: (chunks, window)."""
    window = tokenizer.model_max_length
    rows = [[tokenizer.bos_token_id, *chunk.ids, tokenizer.eos_token_id] for chunk in chunks]
    return torch.tensor([row + [tokenizer.pad_token_id] * (window - len(row)) for row in rows])


def _weighed(hidden: Tensor, chunks: list[_Chunk]) -> Tensor:
    """Multiplies by the weights, and restores the mean of each chunk with weights. `hidden`: (chunks, window, width)."""
    rows = list(hidden.unbind())
    for number, chunk in enumerate(chunks):
        if all(weight == 1 for weight in chunk.weights):
            continue
        plain = rows[number]
        weights = torch.ones(len(plain), 1)
        weights[1 : len(chunk.weights) + 1, 0] = torch.tensor(chunk.weights)
        heavy = plain * weights.to(plain)
        factor = plain.float().mean() / heavy.float().mean()
        # Words of opposite weights may cancel each other out: then the mean says nothing.
        is_usable = torch.isfinite(factor) & (factor > 0) & (factor <= MOST_RESTORED)
        rows[number] = heavy * torch.where(is_usable, factor, 1.0).to(plain.dtype)
    return torch.stack(rows)
