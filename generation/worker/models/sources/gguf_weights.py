"""Reads the weights of a GGUF file."""

from pathlib import Path
from typing import Any

import torch
from diffusers.models.model_loading_utils import load_gguf_checkpoint
from diffusers.quantizers.gguf.utils import GGUFParameter, dequantize_gguf_tensor

from generation.files.checkpoint import PREFIX

_DIMENSIONS = {"x_pad_token": 2, "cap_pad_token": 2, "pos_embed": 3}
"""Tensors whose first dimension is 1, with the number of their dimensions. Some programs write GGUF files without that one."""


def read_gguf(file: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Returns the weights of linear layers as they are in the file, and all others unpacked, in `dtype`.

    diffusers unpacks a linear layer's weights in its call. It knows no other packed weights.
    """
    read: dict[str, Any] = {}
    for name, value in load_gguf_checkpoint(str(file)).items():
        if isinstance(value, GGUFParameter) and not _is_linear(name, value):
            value = dequantize_gguf_tensor(value).to(dtype)
        missing = _DIMENSIONS.get(name.removeprefix(PREFIX), value.ndim) - value.ndim
        read[name] = value[(None,) * missing] if missing > 0 else value
    return read


def _is_linear(name: str, value: Any) -> bool:
    is_packed = value.quant_type.name != "BF16"
    return name.endswith(".weight") and len(value.quant_shape) == 2 and is_packed
