"""Counts how much of a prompt a model reads, and names the notation that it can't follow. Encodes nothing."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

from transformers import CLIPTokenizer, PreTrainedTokenizerBase

from generation.prompt import Notation, Prompt, PromptText, Reading, WeightedWords
from generation.worker.denoise.prompt_encoding import ClipEncoding

_NOTHING = PromptText()


def reading_of(
    pipe: Any, clip: ClipEncoding | None, prompt: Prompt, *, has_negative: bool, has_parts: bool
) -> Reading:
    """`clip`: None if the model weighs no words. `has_negative`, `has_parts`: whether it uses them. Raises BadWeights."""
    written, negative = prompt.parts, prompt.negative_words if has_negative else _NOTHING
    texts = [part.words for part in written]
    drawn = texts if has_parts else [PromptText(((WeightedWords(prompt.unweighted),),))]
    count = clip.tokens if clip else partial(_count, pipe)
    tokens, read = map(sum, zip(*map(count, drawn), strict=True))
    negative_tokens, negative_read = count(negative)
    return Reading(
        tokens=tokens,
        read=read,
        negative_tokens=negative_tokens,
        negative_read=negative_read,
        ignored=() if clip else _ignored([*texts, negative], is_cut=len(texts) > 1 and not has_parts),
    )


def _ignored(texts: Sequence[PromptText], *, is_cut: bool) -> tuple[Notation, ...]:
    found = {
        Notation.WEIGHTS: is_cut or any(text.has_weights for text in texts),
        Notation.BREAKS: any(len(text.blocks) > 1 for text in texts),
    }
    return tuple(notation for notation, is_found in found.items() if is_found)


def _count(pipe: Any, text: PromptText) -> tuple[int, int]:
    """Returns the number of the text's tokens, and of those that the encoder with the longest window reads. 0: not known."""
    windows = dict(_windows(pipe))
    if not windows:
        return 0, 0
    tokenizer = max(windows, key=lambda each: windows[each])
    marks = len(tokenizer("").input_ids)
    tokens = len(tokenizer(text.plain).input_ids)
    return tokens - marks, min(tokens, windows[tokenizer]) - marks


def _windows(pipe: Any) -> Sequence[tuple[Any, int]]:
    """Returns the pipeline's tokenizers, and the number of tokens that it takes from each."""
    accepted = inspect.signature(pipe.__call__).parameters
    limit: Any = accepted["max_sequence_length"].default if "max_sequence_length" in accepted else None
    windows: list[tuple[Any, int]] = []
    for name, tokenizer in pipe.components.items():
        encoder = getattr(pipe, name.replace("tokenizer", "text_encoder"), None)
        if encoder is None or not isinstance(tokenizer, PreTrainedTokenizerBase):
            continue
        # diffusers' limit is that of T5 and of language models; CLIP's window is fixed.
        is_limited = isinstance(limit, int) and not isinstance(tokenizer, CLIPTokenizer)
        window: Any = limit if is_limited else tokenizer.model_max_length
        windows.append((tokenizer, window))
    return windows
