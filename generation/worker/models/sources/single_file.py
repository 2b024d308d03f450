"""Loads a model from one *.safetensors or *.gguf file. What the file lacks comes from a folder, or from the layouts that Atelier
ships.
"""

import gzip
import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import diffusers
import torch
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from generation.files.checkpoint import LAYOUTS, PREFIX, Checkpoint
from generation.files.model_folder import OPTIONAL, ModelFolder
from generation.worker.models.sources.folder import load_folder
from generation.worker.models.sources.gguf_weights import read_gguf

_START, _END = "<|startoftext|>", "<|endoftext|>"


def load_checkpoint(
    checkpoint: Checkpoint, dtype: torch.dtype, base: ModelFolder | None, given: dict[str, Any]
) -> Any:
    """Returns a pipeline. `base`: has the configuration and the parts that the file lacks; None: the configuration is Atelier's
    own. `given`: components that replace those of the file and of `base`.
    """
    architecture = checkpoint.architecture
    if base is not None and checkpoint.parts == (architecture.denoiser,):
        denoiser = _load_denoiser(checkpoint, dtype, base.path)
        return load_folder(base, dtype, {**given, architecture.denoiser: denoiser})
    with ExitStack() as stack:
        if base is None:
            config = Path(stack.enter_context(TemporaryDirectory()))
            make: Any = getattr(diffusers, architecture.pipelines[0])
            others = write_layout(checkpoint, config)
        else:
            config = base.path
            loaded = load_folder(base, dtype, dict.fromkeys((*checkpoint.parts, *given)))
            make = type(loaded)
            others = {name: part for name, part in loaded.components.items() if name not in checkpoint.parts}
        wanted = {**dict.fromkeys(OPTIONAL), **others, **given}
        expected, _ = make._get_signature_keys(make)
        pipe = make.from_single_file(
            str(checkpoint.path),
            config=str(config),
            dtype=dtype,
            local_files_only=True,
            **{name: part for name, part in wanted.items() if name in expected},
        )
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()  # diffusers leaves T5 as in training, with dropout
    return pipe


def _load_denoiser(checkpoint: Checkpoint, dtype: torch.dtype, config: Path) -> Any:
    """Loads the denoiser alone, also from a file with parts that are taken from elsewhere. `config`: the folder of a model that
    has the same configuration.
    """
    kind: Any = getattr(diffusers, checkpoint.architecture.denoiser_class)
    more: dict[str, Any] = {}
    if checkpoint.is_gguf:
        tensors = read_gguf(checkpoint.path, dtype)
        more["quantization_config"] = diffusers.GGUFQuantizationConfig(compute_dtype=dtype)
    else:
        tensors = load_file(checkpoint.path)
    own = {name.removeprefix(PREFIX): each for name, each in tensors.items() if name.startswith(PREFIX)}
    # diffusers finds the tensors of a U-Net by their prefix alone, and those of FLUX.2 without it alone.
    prefix = PREFIX if checkpoint.architecture.denoiser == "unet" else ""
    return kind.from_single_file(
        {prefix + name: each for name, each in (own or tensors).items()},
        config=str(config),
        subfolder=checkpoint.architecture.denoiser,
        dtype=dtype,
        local_files_only=True,
        **more,
    )


def write_layout(checkpoint: Checkpoint, folder: Path) -> dict[str, Any]:
    """Writes the configuration files of the checkpoint's architecture, and returns its tokenizers."""
    layout = LAYOUTS / f"{checkpoint.architecture.layout}.json"
    tokenizers: dict[str, Any] = {}
    for name, content in json.loads(layout.read_bytes()).items():
        if name.startswith("tokenizer"):
            tokenizers[name] = clip_tokenizer(**content)
            continue
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    return tokenizers


def clip_tokenizer(pad_token: str) -> CLIPTokenizer:
    """Returns the tokenizer of CLIP's text encoders, which differ in their padding alone.

    The order of its vocabulary: bytes, bytes at the end of a word, merges, and the two marks. See
    https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py
    """
    merges = gzip.decompress((LAYOUTS / "clip_merges.txt.gz").read_bytes()).decode().split("\n")[:-1]
    letters = _byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += [merge.replace(" ", "") for merge in merges]
    vocabulary = {token: number for number, token in enumerate((*tokens, _START, _END))}
    make: Any = CLIPTokenizer  # its annotations say that merges are strings; it takes pairs
    return make(
        vocab=vocabulary,
        merges=[tuple(merge.split(" ")) for merge in merges],
        unk_token=_END,
        bos_token=_START,
        eos_token=_END,
        pad_token=pad_token,
        model_max_length=77,
    )


def _byte_letters() -> list[str]:
    """Returns the letter that stands for each byte: itself where it can be seen, else one from U+0100 on. As in GPT-2."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return [*map(chr, seen), *(chr(256 + number) for number in range(len(hidden)))]
