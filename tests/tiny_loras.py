"""LoRAs with random weights for the tiny models, saved in the format of diffusers' training scripts."""

from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model_state_dict

_ATTENTION = {
    "unet": ["to_q", "to_k", "to_v", "to_out.0"],
    "transformer": ["to_q", "to_k", "to_v", "to_out.0"],
    "text_encoder": ["q_proj", "v_proj"],
    "text_encoder_2": ["q_proj", "v_proj"],
}


def tiny_lora(model: Path, file: Path, seed: int, *parts: str, rank: int = 4) -> Path:
    """Creates a LoRA for the model folder's `parts`, large enough to change every picture."""
    pipe: Any = DiffusionPipeline.from_pretrained(model, **dict.fromkeys(["safety_checker"]))
    torch.manual_seed(seed)
    layers: dict[str, Any] = {}
    for part in parts:
        module: Any = getattr(pipe, part)
        # not zero at first, unlike in training
        module.add_adapter(
            LoraConfig(r=rank, lora_alpha=2 * rank, init_lora_weights=False, target_modules=_ATTENTION[part])
        )
        layers[f"{part}_lora_layers"] = convert_state_dict_to_diffusers(get_peft_model_state_dict(module))
    type(pipe).save_lora_weights(file.parent, weight_name=file.name, **layers)
    return file
