"""Stable Diffusion 1.5 and XL with random weights, in real size or tiny. Nothing is downloaded.

U-Nets and VAEs have the original configurations. Text encoders have the original widths but only two layers, and the tokenizers
know only letters. That is enough, because the loop and the pipeline both encode a prompt only once an order.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,.!?'-"
BETAS: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}

SD15: dict[str, Any] = {
    "sample_size": 64,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "block_out_channels": (320, 640, 1280, 1280),
}
SDXL: dict[str, Any] = {
    "sample_size": 128,
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
TINY: dict[str, Any] = {
    "sample_size": 8,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "attention_head_dim": 4,
    "norm_num_groups": 16,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
VAE: dict[str, Any] = {
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
}
TINY_VAE: dict[str, Any] = {
    **VAE,
    "block_out_channels": (16,) * 4,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    name: str
    side: int  # pixels
    is_xl: bool
    is_tiny: bool = False

    def pipeline(self, device: torch.device, dtype: torch.dtype) -> Any:
        torch.manual_seed(0)
        with torch.device(device):  # draws gigabytes of random numbers directly on the device
            widths = (32, 32) if self.is_tiny else (768, 1280)
            unet_config = dict(TINY if self.is_tiny else SDXL if self.is_xl else SD15)
            if self.is_tiny:
                unet_config["cross_attention_dim"] = 64 if self.is_xl else 32
            if self.is_tiny and self.is_xl:
                unet_config |= {
                    "addition_embed_type": "text_time",
                    "addition_time_embed_dim": 8,
                    "projection_class_embeddings_input_dim": 6 * 8 + 32,
                }
            parts: dict[str, Any] = {
                "unet": UNet2DConditionModel(in_channels=4, out_channels=4, **unet_config),
                "vae": AutoencoderKL(
                    scaling_factor=0.13025 if self.is_xl else 0.18215,
                    sample_size=self.side,
                    **(TINY_VAE if self.is_tiny else VAE),
                ),
                "text_encoder": CLIPTextModel(_clip(widths[0])),
            }
            if self.is_xl:
                parts["text_encoder_2"] = CLIPTextModelWithProjection(_clip(widths[1]))
        parts |= {"tokenizer": _tokenizer(), "scheduler": EulerDiscreteScheduler(**BETAS)}
        if self.is_xl:
            pipe: Any = StableDiffusionXLPipeline(
                **parts, tokenizer_2=_tokenizer(), force_zeros_for_empty_prompt=True, add_watermarker=False
            )
        else:
            parts |= dict.fromkeys(("safety_checker", "feature_extractor"))
            pipe = StableDiffusionPipeline(**parts, requires_safety_checker=False)
        pipe.set_progress_bar_config(disable=True)
        pipe.to(device, dtype)  # includes the VAE, as in diffusers' pipelines in bfloat16
        return pipe


def _clip(width: int) -> CLIPTextConfig:
    size = 2 * len(LETTERS) + 2
    return CLIPTextConfig(
        vocab_size=size,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=2,
        num_attention_heads=max(2, width // 64),
        projection_dim=width,
        hidden_act="gelu",
    )


def _tokenizer() -> CLIPTokenizer:
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)
