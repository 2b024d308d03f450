"""Loads the textual inversion embeddings of a model: each makes its trigger a word that the text encoders know."""

from collections.abc import Mapping
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from generation.files.embedding_file import XL_PARTS, BrokenEmbeddingFile, inspect_embedding
from generation.request import EmbeddingEntry, ModelEntry


class BrokenEmbedding(Exception):
    """An embedding can't be used. The text is a sentence for the owner."""


def load_embeddings(entry: ModelEntry, pipe: Any) -> None:
    """Raises BrokenEmbedding."""
    for embedding in entry.embeddings:
        try:
            _load(embedding, entry.source, pipe)
        except (BrokenEmbeddingFile, ValueError) as broken:  # a ValueError: the trigger is a word already
            named = f"The embedding {embedding.name} cannot be used with {entry.name}."
            raise BrokenEmbedding(f"{named} {broken}") from broken


def _load(embedding: EmbeddingEntry, model: str, pipe: Any) -> None:
    if not hasattr(pipe, "load_textual_inversion"):
        raise ValueError(f"A {type(pipe).__name__} takes none.")
    tensors: Mapping[str, Tensor] = load_file(inspect_embedding(embedding.source, model))
    for name, tensor in tensors.items():
        part = XL_PARTS.get(name, "text_encoder") if len(tensors) == 2 else "text_encoder"
        pipe.load_textual_inversion(
            tensor,
            token=embedding.word,
            text_encoder=getattr(pipe, part),
            tokenizer=getattr(pipe, part.replace("text_encoder", "tokenizer")),
        )
