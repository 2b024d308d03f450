"""Reads the LoRAs that PEFT's `save_pretrained` writes for a U-Net or its text encoder; diffusers itself does not."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from generation.files.lora_file import PEFT_CONFIG, PEFT_PREFIX, is_of_peft

_UNET = ("down_blocks.", "mid_block.", "up_blocks.", "conv_", "time_embedding.", "add_embedding.")
"""How the names of a U-Net's layers begin."""


def read_peft(file: Path) -> dict[str, Tensor] | None:
    """Returns the LoRA in diffusers' names, its alpha multiplied in. None: the names are not PEFT's.

    The names don't tell one text encoder from another, so theirs are taken for the first.
    """
    with safe_open(file, "pt") as stored:  # pyright: ignore[reportNoUnknownVariableType]
        names: list[str] = list(stored.keys())
        if not is_of_peft(names):
            return None
        read = {name.removeprefix(PEFT_PREFIX): stored.get_tensor(name) for name in names}
    config: dict[str, Any] = json.loads(file.with_name(PEFT_CONFIG).read_bytes())
    part = "unet" if any(name.startswith(_UNET) for name in read) else "text_encoder"
    ranks = {name.partition(".lora_B.")[0]: t.shape[1] for name, t in read.items() if ".lora_B." in name}
    for layer, rank in ranks.items():
        alpha = _alpha(layer, config)
        name = f"{layer}.lora_B.weight"
        read[name] = read[name] * (alpha / (rank**0.5 if config.get("use_rslora") else rank))
    return {f"{part}.{name}": tensor for name, tensor in read.items()}


def _alpha(layer: str, config: Mapping[str, Any]) -> float:
    """Returns the alpha of a layer. The keys of `alpha_pattern` are the ends of layers' names, as regular expressions."""
    patterns: Mapping[str, float] = config.get("alpha_pattern") or {}
    own = (alpha for end, alpha in patterns.items() if re.fullmatch(rf"(?:.*\.)?(?:{end})", layer))
    return float(next(own, config["lora_alpha"]))
