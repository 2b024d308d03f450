"""Recognises a model in one *.safetensors or *.gguf file, by the names and shapes in its header. Imports no torch, so the bot can
report errors at start.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from generation.files.gguf_file import READABLE, read_gguf_header
from generation.files.tensor_file import NEEDS_FULL, BrokenModelFolder, TensorHeader, read_header, unreadable

LAYOUTS = Path(__file__).parents[2] / "models" / "layouts"
"""The configurations of models that are often one file: one JSON file each, and CLIP's vocabulary."""

PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
GGUF = ".gguf"
SUFFIXES = (".safetensors", GGUF, *PICKLES)

_HOW_TO_CONVERT = (
    "Look for the model's .safetensors file. Or convert it, on a machine without secrets: read it with "
    "torch.load(FILE, weights_only=True), and write its `state_dict` with safetensors.torch.save_file."
)
PREFIX = "model.diffusion_model."
_CLIP = "text_model.embeddings.position_embedding.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A kind of model that one file may hold."""

    name: str
    denoiser: str  # "unet" or "transformer"
    denoiser_class: str  # of diffusers
    pipelines: tuple[str, ...]  # diffusers classes that draw with it, the usual one first
    parts: Mapping[str, str]  # component -> a tensor that the file holds if it holds that component
    # How the file names the denoiser's blocks -> how the denoiser's configuration calls their number.
    blocks: Mapping[str, str] = field(default_factory=dict[str, str])
    layout: str = ""  # a file in LAYOUTS; empty: configuration and tokenizers come from `base`


_VAE = {"vae": "first_stage_model.decoder.conv_in.weight"}
_SD1 = Architecture(
    name="Stable Diffusion 1",
    denoiser="unet",
    denoiser_class="UNet2DConditionModel",
    pipelines=("StableDiffusionPipeline",),
    parts={"text_encoder": f"cond_stage_model.transformer.{_CLIP}", **_VAE},
    layout="stable-diffusion-1",
)
_SD2 = Architecture(
    name="Stable Diffusion 2",
    denoiser="unet",
    denoiser_class="UNet2DConditionModel",
    pipelines=("StableDiffusionPipeline",),
    parts={"text_encoder": "cond_stage_model.model.token_embedding.weight", **_VAE},
    layout="stable-diffusion-2",
)
_SDXL = Architecture(
    name="Stable Diffusion XL",
    denoiser="unet",
    denoiser_class="UNet2DConditionModel",
    pipelines=("StableDiffusionXLPipeline",),
    parts={
        "text_encoder": f"conditioner.embedders.0.transformer.{_CLIP}",
        "text_encoder_2": "conditioner.embedders.1.model.positional_embedding",
        **_VAE,
    },
    layout="stable-diffusion-xl",
)
_SD3 = Architecture(
    name="Stable Diffusion 3",
    denoiser="transformer",
    denoiser_class="SD3Transformer2DModel",
    pipelines=("StableDiffusion3Pipeline",),
    parts={
        "text_encoder": f"text_encoders.clip_l.transformer.{_CLIP}",
        "text_encoder_2": f"text_encoders.clip_g.transformer.{_CLIP}",
        "text_encoder_3": "text_encoders.t5xxl.transformer.shared.weight",
        **_VAE,
    },
    blocks={"joint_blocks": "num_layers"},
)
_TWO_STREAMS = {"double_blocks": "num_layers", "single_blocks": "num_single_layers"}
_FLUX = Architecture(
    name="FLUX.1",
    denoiser="transformer",
    denoiser_class="FluxTransformer2DModel",
    pipelines=("FluxPipeline",),
    parts={},
    blocks=_TWO_STREAMS,
)
_BY_KEY: tuple[tuple[str, Architecture], ...] = (
    (
        "distilled_guidance_layer.in_proj.bias",
        Architecture(
            name="Chroma",
            denoiser="transformer",
            denoiser_class="ChromaTransformer2DModel",
            pipelines=("ChromaPipeline",),
            parts={},
            blocks=_TWO_STREAMS,
        ),
    ),
    (
        "single_stream_modulation.lin.weight",
        Architecture(
            name="FLUX.2",
            denoiser="transformer",
            denoiser_class="Flux2Transformer2DModel",
            pipelines=("Flux2KleinPipeline", "Flux2Pipeline"),
            parts={},
            blocks=_TWO_STREAMS,
        ),
    ),
    ("double_blocks.0.img_attn.norm.key_norm.scale", _FLUX),
    ("joint_blocks.0.context_block.adaLN_modulation.1.bias", _SD3),
    (
        "layers.0.adaLN_modulation.0.weight",
        Architecture(
            name="Z-Image",
            denoiser="transformer",
            denoiser_class="ZImageTransformer2DModel",
            pipelines=("ZImagePipeline",),
            parts={},
            blocks={"layers": "n_layers"},
        ),
    ),
    (
        "transformer_blocks.0.img_mod.1.weight",
        Architecture(
            name="Qwen-Image",
            denoiser="transformer",
            denoiser_class="QwenImageTransformer2DModel",
            pipelines=("QwenImagePipeline",),
            parts={},
            blocks={"transformer_blocks": "num_layers"},
        ),
    ),
)
"""A tensor that no other architecture has -> its architecture."""

_TEXT = ("token_embd.", "enc.blk.", "model.embed_tokens.", "text_model.", "encoder.block.", "shared.weight")
"""How names of language models begin: those of llama.cpp, Qwen, CLIP and T5."""

_U_NET = "input_blocks.0.0.weight"
_TEXT_WIDTHS = {768: _SD1, 1024: _SD2, 2048: _SDXL}
_EXTRA = {9: "an inpainting model", 8: "a model that edits pictures", 5: "a model for depth or upscaling"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file that holds a denoiser, and perhaps the other parts of the model."""

    path: Path
    architecture: Architecture
    parts: tuple[str, ...]  # components that it holds, the denoiser first
    missing: tuple[str, ...]  # components that its architecture may have in a file and that it lacks
    prediction: str  # "epsilon" or "v_prediction", if the file says it; else empty
    has_zero_snr: bool  # the file says that its last training timestep was pure noise
    weights: int  # number of parameters in `parts`
    depths: Mapping[str, int]  # of the denoiser: the number of blocks, as `Architecture.blocks` names it
    packed: int = 0  # bytes of a GGUF file's weights, which keep their types; 0: they take the model's dtype
    is_told_guidance: bool = False  # FLUX.1 dev, not schnell

    @property
    def is_gguf(self) -> bool:
        return self.path.suffix.lower() == GGUF


def inspect_checkpoint(source: str) -> Checkpoint:
    """Checks a model in one file. Raises BrokenModelFolder."""
    path = Path(source)
    header = _read(source, path)
    names = {name.removeprefix(PREFIX): name for name in header.shapes}
    architecture = _architecture(source, header, names)
    is_gguf = path.suffix.lower() == GGUF
    if is_gguf:
        _check_gguf(source, header, architecture)
    _refuse_quantised(source, header)
    present = [part for part, name in architecture.parts.items() if name in header.shapes]
    return Checkpoint(
        path=path,
        architecture=architecture,
        parts=(architecture.denoiser, *present),
        missing=tuple(part for part in architecture.parts if part not in present),
        prediction=_prediction(header),
        has_zero_snr="ztsnr" in header.shapes or header.metadata.get("ss_zero_terminal_snr") == "True",
        weights=_count(header, architecture),
        depths={key: _depth(names, blocks) for blocks, key in architecture.blocks.items()},
        packed=header.bytes if is_gguf else 0,
        is_told_guidance="guidance_in.in_layer.weight" in names,
    )


def inspect_vae(source: str) -> int:
    """Checks a VAE in one file. Returns its number of parameters. Raises BrokenModelFolder."""
    if Path(source).suffix.lower() == GGUF:
        raise BrokenModelFolder(source, "A VAE in a GGUF file can't be read.", "Use a .safetensors file.")
    header = _read(source, Path(source))
    if not any(name.removeprefix("first_stage_model.") == "decoder.conv_in.weight" for name in header.shapes):
        advice = "Set `vae` to the file or folder of an AutoencoderKL."
        raise BrokenModelFolder(source, "It holds no VAE.", advice)
    return sum(map(math.prod, header.shapes.values()))


def _read(source: str, path: Path) -> TensorHeader:
    if path.suffix.lower() in PICKLES:
        reason = f"{path.name} is a pickle (*{path.suffix}); such files may run code when they are read."
        raise BrokenModelFolder(source, reason, _HOW_TO_CONVERT)
    if not path.is_file():
        reason = unreadable(source, path.name, path, FileNotFoundError()).reason
        advice = "Name an existing file or folder in the settings, or a hub name."
        raise BrokenModelFolder(source, reason, advice)
    return read_gguf_header(source, path) if path.suffix.lower() == GGUF else read_header(source, path)


def _architecture(source: str, header: TensorHeader, names: Mapping[str, str]) -> Architecture:
    for key, architecture in _BY_KEY:
        if key in names:
            return architecture
    if _U_NET in names:
        return _unet_architecture(source, header, names)
    if any(name.startswith(_TEXT) for name in names):
        advice = (
            "Set `source` to the file of the transformer, and `base` to what its text encoders come from."
        )
        raise BrokenModelFolder(source, "It holds a text encoder or a language model.", advice)
    if any("lora" in name.lower() for name in names):
        advice = "Name it in [[models.loras]] of the model that it was made for."
        raise BrokenModelFolder(source, "It is a LoRA, not a model.", advice)
    if any(name.startswith(("down_blocks.", "transformer_blocks.", "decoder.")) for name in names):
        advice = "Set `source` to the folder that holds model_index.json, or to the model as one file."
        raise BrokenModelFolder(source, "It holds a single part of a model.", advice)
    known = ", ".join(dict.fromkeys(each.name for each in (_SD1, _SD2, _SDXL, *dict(_BY_KEY).values())))
    advice = f"Known are: {known}. Others work as a folder in diffusers' layout."
    raise BrokenModelFolder(source, "It holds no model that is known as a single file.", advice)


def _unet_architecture(source: str, header: TensorHeader, names: Mapping[str, str]) -> Architecture:
    texts = {original for key, original in names.items() if key.endswith(".attn2.to_k.weight")}
    if any(len(header.shapes[each]) < 2 for each in (names[_U_NET], *texts)):
        raise BrokenModelFolder(source, "Its weights have shapes of no U-Net.", NEEDS_FULL)
    channels = header.shapes[names[_U_NET]][1]
    if what := _EXTRA.get(channels):
        raise BrokenModelFolder(source, f"It takes more than latents ({what}).", "Use a plain model.")
    if any(name.startswith("edm_") for name in names):
        advice = "Use the model as a folder in diffusers' layout."
        raise BrokenModelFolder(source, "Its noise is scaled in its own way (EDM).", advice)
    widths = {header.shapes[each][1] for each in texts}
    if "conditioner.embedders.0.model.positional_embedding" in names or 1280 in widths:
        advice = "Use the base model."
        raise BrokenModelFolder(source, "It is a refiner, which only improves pictures.", advice)
    for architecture in (_SDXL, _SD2, _SD1):
        if architecture.parts["text_encoder"] in header.shapes:
            return architecture
    for width in widths:
        if width in _TEXT_WIDTHS:
            return _TEXT_WIDTHS[width]
    if "label_emb.0.0.weight" in names:
        return _SDXL
    raise BrokenModelFolder(source, f"Its text is {min(widths, default=0)} wide.", "Use a plain model.")


def _check_gguf(source: str, header: TensorHeader, architecture: Architecture) -> None:
    """Raises BrokenModelFolder for what diffusers can't read from a GGUF file."""
    if architecture.denoiser == "unet":
        advice = "Use the model's .safetensors file; `quantise` makes it smaller."
        raise BrokenModelFolder(source, f"{architecture.name} can't be read from a GGUF file.", advice)
    readable = [name for name, *_ in READABLE.values()]
    if other := next((dtype for dtype in header.dtypes.values() if dtype not in readable), None):
        advice = f"Take a file of one of the types {', '.join(readable)}."
        raise BrokenModelFolder(source, f"It holds weights of the type {other}, which can't be read.", advice)


def _depth(names: Iterable[str], blocks: str) -> int:
    """Returns the number of blocks, whose names are as "double_blocks.7.img_attn.qkv.weight"."""
    prefix = f"{blocks}."
    return len({name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)})


def _refuse_quantised(source: str, header: TensorHeader) -> None:
    """Raises BrokenModelFolder for weights that mean nothing without scales: diffusers would read them as they are."""
    ends = (".scale_weight", ".weight_scale", ".comfy_quant", ".absmax", ".quant_map")
    if "scaled_fp8" in header.shapes or any(name.endswith(ends) for name in header.shapes):
        advice = "Use the file in float16, bfloat16 or plain fp8."
        raise BrokenModelFolder(source, "Its weights are quantised with scales of their own.", advice)


def _prediction(header: TensorHeader) -> str:
    """See https://github.com/Stability-AI/ModelSpec for the metadata; the tensors `v_pred` and `ztsnr` are empty marks."""
    if "v_pred" in header.shapes or header.metadata.get("ss_v_parameterization") == "True":
        return "v_prediction"
    told = header.metadata.get("modelspec.prediction_type", "")
    return {"v": "v_prediction", "v_prediction": "v_prediction", "epsilon": "epsilon"}.get(told, "")


def _count(header: TensorHeader, architecture: Architecture) -> int:
    """Returns the number of parameters that are loaded: a file may hold averages (EMA) and what training needs, too."""
    left_out = ("model_ema.", "first_stage_model.loss.", "optimizer")
    if not architecture.parts and any(name.startswith(PREFIX) for name in header.shapes):
        return sum(math.prod(shape) for name, shape in header.shapes.items() if name.startswith(PREFIX))
    return sum(math.prod(shape) for name, shape in header.shapes.items() if not name.startswith(left_out))
