"""IP-Adapters with random weights for the tiny models, in the layout of https://huggingface.co/h94/IP-Adapter."""

from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

_SEEN, _TOKENS = 24, 4


def tiny_style_adapter(model: Path, folder: Path, *, is_plus: bool = False) -> Path:
    """Creates an adapter for the model folder's U-Net, and its image encoder beside it. Returns the file.

    Its weights are large enough that a style changes every picture.
    """
    torch.manual_seed(6)
    unet: Any = UNet2DConditionModel.from_pretrained(model / "unet")
    config = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=_SEEN,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    width: int = unet.config.cross_attention_dim
    tensors: dict[str, Tensor] = (
        _plus(width, config.hidden_size)
        if is_plus
        else {
            "image_proj.proj.weight": torch.randn(_TOKENS * width, _SEEN),
            "image_proj.proj.bias": torch.randn(_TOKENS * width),
            "image_proj.norm.weight": torch.ones(width),
            "image_proj.norm.bias": torch.randn(width),
        }
    )
    names = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(names):
        hidden: int = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for each in "kv":
            tensors[f"ip_adapter.{2 * number + 1}.to_{each}_ip.weight"] = torch.randn(hidden, width) * 0.3
    file = folder / "ip-adapter.safetensors"
    save_file(tensors, file)
    return file


def _plus(width: int, seen: int) -> dict[str, Tensor]:
    """Returns the resampler of an IP-Adapter Plus: four layers with one head, which is 64 wide in every such adapter."""
    inner = 64
    shapes: dict[str, tuple[int, ...]] = {
        "latents": (1, _TOKENS, inner),
        "proj_in.weight": (inner, seen),
        "proj_in.bias": (inner,),
        "proj_out.weight": (width, inner),
        "proj_out.bias": (width,),
        "norm_out.weight": (width,),
        "norm_out.bias": (width,),
    }
    for layer in range(4):
        shapes |= {
            f"layers.{layer}.0.{norm}.{each}": (inner,)
            for norm in ("norm1", "norm2")
            for each in ("weight", "bias")
        }
        shapes |= {
            f"layers.{layer}.0.to_q.weight": (inner, inner),
            f"layers.{layer}.0.to_kv.weight": (2 * inner, inner),
            f"layers.{layer}.0.to_out.weight": (inner, inner),
            f"layers.{layer}.1.0.weight": (inner,),
            f"layers.{layer}.1.0.bias": (inner,),
            f"layers.{layer}.1.1.weight": (4 * inner, inner),
            f"layers.{layer}.1.3.weight": (inner, 4 * inner),
        }
    return {f"image_proj.{name}": torch.randn(shape) * 0.3 for name, shape in shapes.items()}
