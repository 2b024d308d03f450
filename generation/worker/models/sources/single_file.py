"""Loads a model from one *.safetensors file. What the file lacks comes from a folder, or from the layouts that Atelier ships."""

import gzip
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import diffusers
import torch
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from generation.files.checkpoint import LAYOUTS, PREFIX, Checkpoint
from generation.files.model_folder import OPTIONAL

_START, _END = "<|startoftext|>", "<|endoftext|>"


def load_checkpoint(
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    base: Path | None,
    load_base: Callable[[dict[str, Any]], Any] | None,
    given: dict[str, Any],
) -> Any:
    """Returns a pipeline. `base`: the folder of its configuration; None: Atelier's own. `load_base`: loads the pipeline in `base`
    with some of its components given; None stands for no component. `given`: components that replace those of the file.
    """
    architecture = checkpoint.architecture
    if base is not None and load_base is not None and checkpoint.parts == (architecture.denoiser,):
        return load_base({**given, architecture.denoiser: _load_denoiser(checkpoint, dtype, base)})
    with ExitStack() as stack:
        if base is None or load_base is None:
            base = Path(stack.enter_context(TemporaryDirectory()))
            make: Any = getattr(diffusers, architecture.pipelines[0])
            others = write_layout(checkpoint, base)
        else:
            loaded = load_base(dict.fromkeys((*checkpoint.parts, *given)))
            make = type(loaded)
            others = {name: part for name, part in loaded.components.items() if name not in checkpoint.parts}
        wanted = {**dict.fromkeys(OPTIONAL), **others, **given}
        expected, _ = make._get_signature_keys(make)
        return make.from_single_file(
            str(checkpoint.path),
            config=str(base),
            dtype=dtype,
            local_files_only=True,
            **{name: part for name, part in wanted.items() if name in expected},
        )


def _load_denoiser(checkpoint: Checkpoint, dtype: torch.dtype, base: Path) -> Any:
    """Loads a file without other parts. diffusers finds the tensors of a U-Net by their prefix alone."""
    kind: Any = getattr(diffusers, checkpoint.architecture.denoiser_class)
    tensors: dict[str, torch.Tensor] = load_file(checkpoint.path)
    if checkpoint.architecture.denoiser == "unet" and not any(name.startswith(PREFIX) for name in tensors):
        tensors = {PREFIX + name: value for name, value in tensors.items()}
    return kind.from_single_file(
        tensors,
        config=str(base),
        subfolder=checkpoint.architecture.denoiser,
        dtype=dtype,
        local_files_only=True,
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
