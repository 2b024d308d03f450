"""Checks whether a file is a LoRA that fits the model. Reads headers only and imports no torch, so the bot can report errors at
start.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from generation.files.model_folder import BrokenModelFolder, read_shapes

USUAL_NAME = "pytorch_lora_weights.safetensors"
"""The file name that diffusers' own training scripts write."""

PEFT_PREFIX = "base_model.model."
"""PEFT writes it before a layer's name, and the factor of the layers' alpha into PEFT_CONFIG beside the file."""
PEFT_CONFIG = "adapter_config.json"

_MERGE = "Merge it into the model with the tool that made it, or take a plain LoRA."
_KINDS = (
    (
        r"dora_scale$|\.lora_magnitude_vector",
        "It is a DoRA: it sets the lengths of the model's weights too.",
        _MERGE,
    ),
    (r"\.hada_[wt]", "It is a LoHa: it multiplies two matrices by elements.", _MERGE),
    (r"\.lokr_[wt]", "It is a LoKr: it multiplies two matrices as Kronecker's product.", _MERGE),
    (r"\.oft_(blocks|diag|R)|\.boft_", "It is an OFT: it turns the model's weights.", _MERGE),
    (r"\.on_input$|\.ia3_", "It is an (IA)³: it scales the model's outputs.", _MERGE),
    (r"\.[ab][12]\.weight$", "It is a GLoRA: it changes the model's weights in two places.", _MERGE),
    (r"\.lora_mid\.", "It is a LoRA of Tucker's form: it has three matrices for each layer.", _MERGE),
    (
        r"\.(diff|diff_b|set_weight|w_norm|b_norm)$",
        "It holds whole weights of the model.",
        _MERGE,
    ),
    (r"^bundle_emb\.", "It bundles embeddings with the LoRA.", "Save both as files of their own."),
)
"""What a name in the header says of the file's kind, a sentence that names it, and the remedy."""

_PLAIN = re.compile(
    r"(?:lora\w*[._](?:down|up|A|B)(?:\.\w+)?\.(?:weight|bias)"  # the two matrices, in the words of every trainer
    r"|\.alpha|lora_[AB])$"
)


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
    _check_kind(source, file, shapes)
    if is_of_peft(shapes) and _has_unet(model) and not file.with_name(PEFT_CONFIG).is_file():
        raise BrokenLoraFile(source, f"PEFT wrote it: put its {PEFT_CONFIG} beside it.")
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


def _check_kind(source: str, file: Path, names: Iterable[str]) -> None:
    """Raises BrokenLoraFile if the file is not a plain LoRA, the only kind that shares a model with other pictures.

    Of other kinds diffusers drops the weights that it doesn't know, and draws a wrong picture.
    """
    for pattern, sentence, remedy in _KINDS:
        if any(re.search(pattern, name) for name in names):
            raise BrokenLoraFile(source, f"{sentence} {remedy}")
    if not any("lora" in name for name in names):
        raise BrokenLoraFile(source, f"{file.name} holds no LoRA.")
    if strange := next((name for name in names if not _PLAIN.search(name)), None):
        raise BrokenLoraFile(source, f"It holds {strange}, which no plain LoRA has. {_MERGE}")


def is_of_peft(names: Iterable[str]) -> bool:
    return any(name.startswith(PEFT_PREFIX) for name in names)


def _has_unet(model: str) -> bool:
    """Returns whether the LoRA's names are the U-Net's own. diffusers itself reads the names of its transformers."""
    return (Path(model) / "unet").is_dir()


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
