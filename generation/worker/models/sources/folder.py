"""Loads a model from a folder in diffusers' layout."""

from typing import Any

import torch
from diffusers import DiffusionPipeline

from generation.files.model_folder import OPTIONAL, ModelFolder
from generation.worker.models.sources.vision_processor import vision_processor


def load_folder(folder: ModelFolder, dtype: torch.dtype, given: dict[str, Any] | None = None) -> Any:
    """Loads a folder. `given`: components to use instead of its own; None stands for no component."""
    # Stable Diffusion's safety checker alone takes 1.2 GB. A null in model_index.json is no default for diffusers.
    left_out = dict.fromkeys((*OPTIONAL, *folder.left_out))
    return DiffusionPipeline.from_pretrained(
        str(folder.path),
        dtype=dtype,
        variant=folder.variant,
        local_files_only=True,
        # Files of torch's pickle format may run code when they are read.
        use_safetensors=True,
        **{**left_out, **vision_processor(folder), **(given or {})},
    )
