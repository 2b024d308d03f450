"""Loads the tiny autoencoder (TAESD) that draws a model's previews."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file

from generation.files.tiny_autoencoder import check_fit, decoder_names, inspect_tiny


def load_preview_decoder(source: str, vae: Any, dtype: torch.dtype) -> Any:
    """Returns an AutoencoderTiny in the host's memory, without its encoder. `vae`: of the model. Raises BrokenModelFolder."""
    tiny = inspect_tiny(source)
    check_fit(source, tiny, dict(vae.config) | {"_class_name": type(vae).__name__})
    made: Any
    if Path(source).is_dir():
        made = AutoencoderTiny.from_pretrained(source, dtype=dtype, use_safetensors=True)
    else:
        made = AutoencoderTiny(
            latent_channels=tiny.channels,
            encoder_block_out_channels=tiny.widths,
            decoder_block_out_channels=tiny.widths,
            num_encoder_blocks=(0,) * len(tiny.blocks),
            num_decoder_blocks=tiny.blocks,
        )
        stored = load_file(source)
        names = decoder_names(list(stored))
        made.decoder.layers.load_state_dict({ours: stored[name] for ours, name in names.items()})
    made.encoder = None
    return made.to(dtype).eval()
