"""Checks whether a file is a textual inversion embedding that fits the model. Reads headers only and imports no torch."""

import json
from collections.abc import Mapping
from pathlib import Path

from generation.files.lora_file import BrokenLoraFile
from generation.files.model_folder import BrokenModelFolder, read_shapes

XL_PARTS = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
"""The tensors of an embedding for Stable Diffusion XL, and the encoders that they belong to."""


class BrokenEmbeddingFile(BrokenLoraFile):
    """`source` and `reason` as of a LoRA's file."""


def inspect_embedding(source: str, model: str) -> Path:
    """Returns the file of an embedding after checking that it is complete and fits the model.

    `model`: the source of the model. Of a hub name only the file's form is checked. Raises BrokenEmbeddingFile.
    """
    file = Path(source)
    if not file.is_file():
        raise BrokenEmbeddingFile(source, "There is no such file.")
    if file.suffix != ".safetensors":
        reason = "It is no .safetensors file; other kinds may run code when they are read."
        raise BrokenEmbeddingFile(source, reason)
    try:
        shapes = read_shapes(source, file)
    except BrokenModelFolder as broken:
        raise BrokenEmbeddingFile(source, f"{broken.reason} Download it again.") from broken
    is_xl = set(shapes) == set(XL_PARTS)
    if not (is_xl or len(shapes) == 1) or any(len(shape) not in (1, 2) for shape in shapes.values()):
        raise BrokenEmbeddingFile(source, f"{file.name} holds no embedding.")
    _check_fit(source, shapes, Path(model))
    return file


def _check_fit(source: str, shapes: Mapping[str, tuple[int, ...]], model: Path) -> None:
    parts = XL_PARTS if len(shapes) == 2 else dict.fromkeys(shapes, "text_encoder")
    if not model.is_dir():
        return  # a hub name: an error shows when it is loaded
    if ("text_encoder_2" in parts.values()) != (model / "text_encoder_2").is_dir():
        kind = "Stable Diffusion XL" if "text_encoder_2" in parts.values() else "one text encoder"
        raise BrokenEmbeddingFile(
            source, f"It was made for {kind}, which this model is not or does not have."
        )
    for name, part in parts.items():
        try:
            wanted = json.loads((model / part / "config.json").read_bytes()).get("hidden_size")
        except (OSError, ValueError):
            continue
        if isinstance(wanted, int) and shapes[name][-1] != wanted:
            width = shapes[name][-1]
            raise BrokenEmbeddingFile(
                source, f"It is {width} wide; the text encoder of this model is {wanted}."
            )
