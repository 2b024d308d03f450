"""Writes tiny models as one file in the layout of their first publication, which diffusers calls the original layout."""

import re
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection


def sdxl_with_two_widths(tiny: Path, folder: Path) -> Path:
    """Builds the tiny SDXL with text encoders of different widths: by their width they are told apart in a file."""
    pipe: Any = StableDiffusionXLPipeline.from_pretrained(tiny)
    torch.manual_seed(11)
    for name, kind, width in (
        ("text_encoder", CLIPTextModel, 24),
        ("text_encoder_2", CLIPTextModelWithProjection, 40),
    ):
        config: dict[str, Any] = {**getattr(pipe, name).config.to_dict(), "hidden_size": width}
        setattr(pipe, name, kind(CLIPTextConfig(**config)))
    pipe.save_pretrained(folder)
    return folder


def original_sdxl(pipe: Any) -> dict[str, Tensor]:
    """Returns the tensors of a Stable Diffusion XL in its original layout."""
    tensors = {f"model.diffusion_model.{name}": value for name, value in original_unet(pipe.unet).items()}
    tensors |= {f"first_stage_model.{name}": value for name, value in original_vae(pipe.vae).items()}
    tensors |= {
        f"conditioner.embedders.0.transformer.text_model.{name.removeprefix('text_model.')}": value
        for name, value in pipe.text_encoder.state_dict().items()
    }
    return tensors | {
        f"conditioner.embedders.1.model.{name}": value
        for name, value in _open_clip(pipe.text_encoder_2).items()
    }


def save(tensors: dict[str, Tensor], file: Path, **metadata: str) -> Path:
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, file, metadata)
    return file


def original_unet(unet: Any) -> dict[str, Tensor]:
    layers = unet.config.layers_per_block
    resnet = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    outer = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }

    def place(name: str) -> str:
        for ours, theirs in outer.items():
            if name.startswith(f"{ours}."):
                return name.replace(ours, theirs)
        if match := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", name):
            kind, number, rest = match.groups()
            return f"middle_block.{1 if kind == 'attentions' else 2 * int(number)}.{within(kind, rest)}"
        match = re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.+)", name)
        assert match
        way, block, kind, number, rest = match.groups()
        if way == "down":
            index = (layers + 1) * int(block) + int(number) + 1
            if kind == "downsamplers":
                return f"input_blocks.{(layers + 1) * (int(block) + 1)}.0.{rest.replace('conv', 'op')}"
            return f"input_blocks.{index}.{int(kind == 'attentions')}.{within(kind, rest)}"
        index = (layers + 1) * int(block) + int(number)
        if kind == "upsamplers":
            has_attention = "CrossAttn" in unet.config.up_block_types[int(block)]
            return f"output_blocks.{(layers + 1) * int(block) + layers}.{1 + has_attention}.{rest}"
        return f"output_blocks.{index}.{int(kind == 'attentions')}.{within(kind, rest)}"

    def within(kind: str, rest: str) -> str:
        head, _, tail = rest.partition(".")
        return f"{resnet[head]}.{tail}" if kind == "resnets" else rest

    return {place(name): value for name, value in unet.state_dict().items()}


def original_vae(vae: Any) -> dict[str, Tensor]:
    blocks = len(vae.config.block_out_channels)

    def place(name: str) -> str:
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = re.sub(
            r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{blocks - 1 - int(m[1])}.block.{m[2]}", name
        )
        return re.sub(
            r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{blocks - 1 - int(m[1])}.upsample", name
        )

    return {place(name): value for name, value in vae.state_dict().items()}


def original_z_image(transformer: Any) -> dict[str, Tensor]:
    """Returns the tensors of Z-Image's transformer in its original layout, where the three of an attention are one."""
    state = transformer.state_dict()
    names = {
        "all_final_layer.2-1.": "final_layer.",
        "all_x_embedder.2-1.": "x_embedder.",
        ".attention.norm_k.": ".attention.k_norm.",
        ".attention.norm_q.": ".attention.q_norm.",
        ".attention.to_out.0.": ".attention.out.",
    }
    tensors: dict[str, Tensor] = {}
    for name, value in state.items():
        if match := re.fullmatch(r"(.+\.attention)\.to_q\.weight", name):
            qkv = [state[f"{match[1]}.to_{one}.weight"] for one in "qkv"]
            tensors[f"{match[1]}.qkv.weight"] = torch.cat(qkv)
        elif not re.search(r"\.attention\.to_[kv]\.", name):
            for ours, theirs in names.items():
                name = name.replace(ours, theirs)
            tensors[name] = value
    return tensors


def _open_clip(encoder: Any) -> dict[str, Tensor]:
    state = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
    tensors = {
        "token_embedding.weight": state.pop("embeddings.token_embedding.weight"),
        "positional_embedding": state.pop("embeddings.position_embedding.weight"),
        "text_projection": state.pop("text_projection.weight").T,
        "ln_final.weight": state.pop("final_layer_norm.weight"),
        "ln_final.bias": state.pop("final_layer_norm.bias"),
    }
    parts = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    for layer in range(encoder.config.num_hidden_layers):
        ours, theirs = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            qkv = [state[f"{ours}.self_attn.{one}_proj.{kind}"] for one in "qkv"]
            tensors[f"{theirs}.attn.in_proj_{kind}"] = torch.cat(qkv)
            for our, their in parts.items():
                tensors[f"{theirs}.{their}.{kind}"] = state[f"{ours}.{our}.{kind}"]
    return tensors
