"""Checks whether a file is a LoRA that fits the model. Reads headers only and imports no torch, so the bot can report errors at
start.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from generation.files.model_folder import BrokenModelFolder, read_shapes

USUAL_NAME = "pytorch_lora_weights.safetensors"
"""The file name that diffusers' own training scripts write."""


@dataclass(eq=False)
class BrokenLoraFile(Exception):
    source: str
    reason: str  # a sentence

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def inspect_lora(source: str, model: str) -> Path:
    """Returns the safetensors file of a LoRA after checking that it is complete and fits the model.

    `model`: the source of the model that will use the LoRA. Raises BrokenLoraFile.
    """
    file = _find(source)
    try:
        shapes = read_shapes(source, file)
    except BrokenModelFolder as broken:
        raise BrokenLoraFile(source, f"{broken.reason} Download it again.") from broken
    if not any("lora" in name for name in shapes):
        raise BrokenLoraFile(source, f"{file.name} holds no LoRA.")
    _check_text_width(source, shapes, model)
    return file


def _find(source: str) -> Path:
    path = Path(source)
    if path.is_file():
        if path.suffix != ".safetensors":
            raise BrokenLoraFile(
                source, "It is no .safetensors file; other kinds may run code when they are read."
            )
        return path
    if not path.is_dir():
        raise BrokenLoraFile(source, "There is no such file or folder.")
    files = sorted(path.glob("*.safetensors"))
    usual = [file for file in files if file.name == USUAL_NAME] or files
    if len(usual) != 1:
        raise BrokenLoraFile(
            source, f"The folder holds {len(files)} .safetensors files; name the one that is meant."
        )
    return usual[0]


def _check_text_width(source: str, shapes: dict[str, tuple[int, ...]], model: str) -> None:
    """Raises BrokenLoraFile if the LoRA's text width is not the model's.

    In a U-Net's cross-attention the lower matrix has the shape (rank, width of the text). A different width is the surest sign of
    a LoRA for another model.
    """
    try:
        wanted = json.loads((Path(model) / "unet" / "config.json").read_bytes()).get("cross_attention_dim")
    except (OSError, ValueError):
        return  # no U-Net, or a hub name: an error shows when it is loaded
    for name, shape in shapes.items():
        is_lower = any(part in name for part in ("lora_down", "lora_A", "lora.down"))
        if "attn2" in name and "to_k" in name and is_lower and isinstance(wanted, int) and shape[1] != wanted:
            reason = f"It was made for a model whose text is {shape[1]} wide; here it is {wanted}."
            raise BrokenLoraFile(source, reason)
