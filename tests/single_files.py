"""Writes tiny models as one file in the layout of their first publication, which diffusers calls the original layout."""

import importlib
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusion3Pipeline, StableDiffusionXLPipeline
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


def sd3_with_two_widths(tiny: Path, folder: Path) -> Path:
    """Builds the tiny Stable Diffusion 3 with CLIPs of different widths, the first without a projection, as in its files."""
    pipe: Any = StableDiffusion3Pipeline.from_pretrained(tiny)
    torch.manual_seed(12)
    for name, width in (("text_encoder", 24), ("text_encoder_2", 40)):
        config = getattr(pipe, name).config.to_dict() | {"hidden_size": width, "projection_dim": width}
        setattr(pipe, name, CLIPTextModelWithProjection(CLIPTextConfig(**config)))
    torch.nn.init.eye_(pipe.text_encoder.text_projection.weight)
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


def packed(name: str, value: Tensor, kind: str) -> tuple[Any, str]:
    """Returns the array that a GGUF file holds of a tensor, and its type, as ComfyUI-GGUF chooses it: `kind` for matrices whose
    rows it divides, float32 for the rest. Z-Image's padding is in bfloat16 and lacks its first dimension, as in some files.
    """
    gguf = importlib.import_module("gguf")
    is_padding = name.endswith("_pad_token")
    own = "BF16" if is_padding else kind if value.ndim == 2 and value.shape[1] % 32 == 0 else "F32"
    values = (value[0] if is_padding else value).numpy()
    return gguf.quants.quantize(values, gguf.GGMLQuantizationType[own]), own


def unpacked(name: str, value: Tensor, kind: str) -> Tensor:
    """Returns the tensor as it comes out of a GGUF file. diffusers unpacks to float16."""
    gguf = importlib.import_module("gguf")
    data, own = packed(name, value, kind)
    out = torch.from_numpy(gguf.quants.dequantize(data, gguf.GGMLQuantizationType[own]).copy())
    return (out.half().float() if own == kind else out).reshape(value.shape)


def save_gguf(tensors: dict[str, Tensor], file: Path, kind: str) -> Path:
    gguf = importlib.import_module("gguf")
    writer = gguf.GGUFWriter(file, arch="tiny")
    for name, value in tensors.items():
        data, own = packed(name, value, kind)
        writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[own])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
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


def original_z_image(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of Z-Image's transformer in its original layout, where the three of an attention are one."""
    state = _fused(state, [f".attention.to_{one}." for one in "qkv"], ".attention.qkv.")
    return _renamed(
        state,
        {
            "all_final_layer.2-1.": "final_layer.",
            "all_x_embedder.2-1.": "x_embedder.",
            ".attention.norm_k.": ".attention.k_norm.",
            ".attention.norm_q.": ".attention.q_norm.",
            ".attention.to_out.0.": ".attention.out.",
        },
    )


def original_qwen_image(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of Qwen-Image's transformer, which diffusers names as they were published."""
    return state


def original_flux(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of FLUX.1's transformer in its original layout."""
    double, single, outer = _streams(state)
    double = _fused(double, [f".attn.to_{one}." for one in "qkv"], ".img_attn.qkv.")
    double = _fused(double, [f".attn.add_{one}_proj." for one in "qkv"], ".txt_attn.qkv.")
    mixed = [*(f".attn.to_{one}." for one in "qkv"), ".proj_mlp."]
    embedder, ways = "time_text_embed.", ("timestep_embedder", "text_embedder", "guidance_embedder")
    names = {
        f"{embedder}{way}.linear_{number}.": f"{theirs}.{layer}."
        for way, theirs in zip(ways, ("time_in", "vector_in", "guidance_in"), strict=True)
        for number, layer in ((1, "in_layer"), (2, "out_layer"))
    }
    return (
        _renamed(
            double, _DOUBLE | {".norm1.linear.": ".img_mod.lin.", ".norm1_context.linear.": ".txt_mod.lin."}
        )
        | _renamed(_fused(single, mixed, ".linear1."), _SINGLE)
        | _renamed(_shift_first(outer), _OUTER | names)
    )


def original_chroma(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of Chroma's transformer in its original layout: FLUX.1's with another embedding of the time."""
    names = {"norms.0.weight": "norms.0.scale", ".linear_1.": ".in_layer.", ".linear_2.": ".out_layer."}
    return _renamed(original_flux(state), names)


def original_flux2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of FLUX.2's transformer in its original layout."""
    double, single, outer = _streams(state)
    double = _fused(double, [f".attn.to_{one}." for one in "qkv"], ".img_attn.qkv.")
    double = _fused(double, [f".attn.add_{one}_proj." for one in "qkv"], ".txt_attn.qkv.")
    embedder = "time_guidance_embed."
    names = {
        f"{embedder}timestep_embedder.linear_1.": "time_in.in_layer.",
        f"{embedder}timestep_embedder.linear_2.": "time_in.out_layer.",
        f"{embedder}guidance_embedder.linear_1.": "guidance_in.in_layer.",
        f"{embedder}guidance_embedder.linear_2.": "guidance_in.out_layer.",
        "_modulation_img.linear.": "_modulation_img.lin.",
        "_modulation_txt.linear.": "_modulation_txt.lin.",
        "_modulation.linear.": "_modulation.lin.",
    }
    in_double = {
        ".ff.linear_in.": ".img_mlp.0.",
        ".ff.linear_out.": ".img_mlp.2.",
        ".ff_context.linear_in.": ".txt_mlp.0.",
        ".ff_context.linear_out.": ".txt_mlp.2.",
    }
    in_single = {".attn.to_qkv_mlp_proj.": ".linear1.", ".attn.to_out.": ".linear2."}
    return (
        _renamed(double, _DOUBLE | in_double)
        | _renamed(single, _SINGLE | in_single)
        | _renamed(_shift_first(outer), _OUTER | names)
    )


def original_sd3(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of Stable Diffusion 3's transformer in its original layout."""
    state = _fused(state, [f".attn.to_{one}." for one in "qkv"], ".x_block.attn.qkv.")
    state = _fused(state, [f".attn.add_{one}_proj." for one in "qkv"], ".context_block.attn.qkv.")
    last = max(name.split(".norm1_context.")[0] for name in state if ".norm1_context." in name)
    return _renamed(
        _shift_first(state, f"{last}.norm1_context."),
        {
            "transformer_blocks.": "joint_blocks.",
            "pos_embed.pos_embed": "pos_embed",
            "pos_embed.proj.": "x_embedder.proj.",
            "time_text_embed.timestep_embedder.linear_1.": "t_embedder.mlp.0.",
            "time_text_embed.timestep_embedder.linear_2.": "t_embedder.mlp.2.",
            "time_text_embed.text_embedder.linear_1.": "y_embedder.mlp.0.",
            "time_text_embed.text_embedder.linear_2.": "y_embedder.mlp.2.",
            ".attn.to_out.0.": ".x_block.attn.proj.",
            ".attn.to_add_out.": ".context_block.attn.proj.",
            ".norm1.linear.": ".x_block.adaLN_modulation.1.",
            ".norm1_context.linear.": ".context_block.adaLN_modulation.1.",
            ".ff.net.0.proj.": ".x_block.mlp.fc1.",
            ".ff.net.2.": ".x_block.mlp.fc2.",
            ".ff_context.net.0.proj.": ".context_block.mlp.fc1.",
            ".ff_context.net.2.": ".context_block.mlp.fc2.",
            "norm_out.linear.": "final_layer.adaLN_modulation.1.",
            "proj_out.": "final_layer.linear.",
        },
    )


_DOUBLE = {
    "transformer_blocks.": "double_blocks.",
    ".attn.norm_q.weight": ".img_attn.norm.query_norm.scale",
    ".attn.norm_k.weight": ".img_attn.norm.key_norm.scale",
    ".attn.norm_added_q.weight": ".txt_attn.norm.query_norm.scale",
    ".attn.norm_added_k.weight": ".txt_attn.norm.key_norm.scale",
    ".attn.to_out.0.": ".img_attn.proj.",
    ".attn.to_add_out.": ".txt_attn.proj.",
    ".ff.net.0.proj.": ".img_mlp.0.",
    ".ff.net.2.": ".img_mlp.2.",
    ".ff_context.net.0.proj.": ".txt_mlp.0.",
    ".ff_context.net.2.": ".txt_mlp.2.",
}
_SINGLE = {
    "single_transformer_blocks.": "single_blocks.",
    ".attn.norm_q.weight": ".norm.query_norm.scale",
    ".attn.norm_k.weight": ".norm.key_norm.scale",
    ".norm.linear.": ".modulation.lin.",
    ".proj_out.": ".linear2.",
}
_OUTER = {
    "context_embedder.": "txt_in.",
    "x_embedder.": "img_in.",
    "norm_out.linear.": "final_layer.adaLN_modulation.1.",
    "proj_out.": "final_layer.linear.",
}


def _streams(state: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Returns the tensors of the blocks of two streams, those of the blocks of one, and the others."""
    starts = ("transformer_blocks.", "single_transformer_blocks.")
    found = [{name: each for name, each in state.items() if name.startswith(start)} for start in starts]
    return [*found, {name: each for name, each in state.items() if not name.startswith(starts)}]


def _fused(state: dict[str, Tensor], parts: list[str], whole: str) -> dict[str, Tensor]:
    """Makes one layer of several, in every block. `parts` and `whole`: parts of names."""
    first, *others = parts
    fused: dict[str, Tensor] = {}
    for name, value in state.items():
        if first in name:
            fused[name.replace(first, whole)] = torch.cat(
                [state[name.replace(first, each)] for each in parts]
            )
        elif not any(each in name for each in others):
            fused[name] = value
    return fused


def _shift_first(state: dict[str, Tensor], *more: str) -> dict[str, Tensor]:
    """Swaps the halves of the last norm's layer, and of those whose names begin with `more`: diffusers has the scale first."""

    def swapped(name: str, value: Tensor) -> Tensor:
        return torch.cat(value.chunk(2)[::-1]) if name.startswith(("norm_out.", *more)) else value

    return {name: swapped(name, value) for name, value in state.items()}


def _renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    """Replaces parts of names, in the order of `names`."""
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        renamed[name] = value
    return renamed


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
