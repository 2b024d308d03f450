"""Checks whether a folder is a model that can be loaded. Reads headers only and imports no torch, so the bot can report errors at
start.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
"""Components that no picture needs. Pictures are checked elsewhere."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_TORCH_CLASS = re.compile(r"Model|UNet|Autoencoder|Transformer|Encoder")
_NEEDS_SAFETENSORS = "Download the model's *.safetensors files, or convert it with `save_pretrained(…, safe_serialization=True)`."
_NEEDS_FULL = "Download the model again, or point `source` at a complete folder in diffusers' layout."


@dataclass(eq=False)
class BrokenModelFolder(Exception):
    source: str
    reason: str  # a sentence: the problem
    advice: str  # a sentence: the remedy

    def __str__(self) -> str:
        return f"{self.source}: {self.reason} {self.advice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model folder whose files are all present and complete."""

    pipeline: str  # the diffusers class
    variant: str | None  # "fp16" if there are only half-precision files
    weights: int  # number of parameters that would be loaded


def is_hub_name(source: str) -> bool:
    """Returns whether `source` names a model of a hub ("owner/name") and no folder of that name exists."""
    return _HUB_NAME.fullmatch(source) is not None and not Path(source).exists()


def inspect(source: str) -> ModelFolder | None:
    """Checks a model's source. Returns None for a hub name, which can't be checked offline. Raises BrokenModelFolder."""
    if is_hub_name(source):
        return None
    folder = Path(source)
    if not folder.is_dir():
        advice = "Set the model's `source` to an existing folder, or to a hub name like `owner/name`."
        raise BrokenModelFolder(source, "There is no such folder.", advice)
    index = _read_json(source, folder / "model_index.json")
    pipeline = str(index.get("_class_name"))
    if not pipeline.endswith("Pipeline"):
        advice = "Point `source` at a folder that diffusers' `save_pretrained` wrote."
        raise BrokenModelFolder(source, "model_index.json names no pipeline.", advice)
    numbers = [
        _inspect_component(source, folder / name, class_name)
        for name, class_name in _components(index).items()
        if name not in OPTIONAL
    ]
    is_half = any(half and not plain for plain, half in numbers)
    weights = sum((half or plain) if is_half else (plain or half) for plain, half in numbers)
    return ModelFolder(pipeline=pipeline, variant="fp16" if is_half else None, weights=weights)


def count_weights(source: str) -> int | None:
    """Returns the number of parameters that would be loaded; None for a hub name. Raises BrokenModelFolder."""
    folder = inspect(source)
    return folder.weights if folder else None


def _components(index: dict[str, Any]) -> dict[str, str]:
    """Returns folder name -> class name, as `model_index.json` lists them. Its values are [library, class], or nulls."""
    pairs = {name: cast("list[Any]", value) for name, value in index.items() if isinstance(value, list)}
    named = {name: pair[1] for name, pair in pairs.items() if len(pair) == 2 and pair[1]}
    return {name: str(class_name) for name, class_name in named.items() if not name.startswith("_")}


def _inspect_component(source: str, folder: Path, class_name: str) -> tuple[int, int]:
    """Returns the number of parameters in its plain files and in its half-precision files; 0 if it has no such files."""
    if not folder.is_dir():
        raise BrokenModelFolder(source, f"The folder {folder.name}/ ({class_name}) is missing.", _NEEDS_FULL)
    for file in sorted(folder.glob("*.json")):
        _read_json(source, file)
    if not _TORCH_CLASS.search(class_name):
        return 0, 0
    if not (folder / "config.json").is_file():
        raise BrokenModelFolder(source, f"{folder.name}/config.json is missing.", _NEEDS_FULL)
    for index in folder.glob("*.index*.json"):
        for shard in sorted(set(_read_json(source, index).get("weight_map", {}).values())):
            if not (folder / str(shard)).is_file():
                raise BrokenModelFolder(source, f"{folder.name}/{shard} is missing.", _NEEDS_FULL)
    files = sorted(folder.glob("*.safetensors"))
    if not files and any(folder.glob("*.bin")):
        reason = (
            f"{folder.name}/ holds its weights as *.bin only; such files may run code when they are read."
        )
        raise BrokenModelFolder(source, reason, _NEEDS_SAFETENSORS)
    if not files:
        raise BrokenModelFolder(source, f"{folder.name}/ holds no weights (*.safetensors).", _NEEDS_FULL)
    plain = half = 0
    for file in files:
        count = sum(map(math.prod, read_shapes(source, file).values()))
        plain, half = (plain, half + count) if ".fp16" in file.name else (plain + count, half)
    return plain, half


class _Tensor(msgspec.Struct):
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def read_shapes(source: str, file: Path) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors in a safetensors file, by name. Raises BrokenModelFolder if the file is not complete.

    The file has eight bytes of length, a JSON header of that length, then tensors up to the largest offset in the header. See
    https://github.com/huggingface/safetensors#format
    """
    name = f"{file.parent.name}/{file.name}"
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise BrokenModelFolder(source, f"{name} is cut off in its header ({size} bytes).", _NEEDS_FULL)
        try:
            header = msgspec.json.decode(stream.read(length), type=dict[str, msgspec.Raw])
            header.pop("__metadata__", None)
            tensors = {name: msgspec.json.decode(entry, type=_Tensor) for name, entry in header.items()}
        except ValueError:
            raise BrokenModelFolder(source, f"{name} is no safetensors file.", _NEEDS_FULL) from None
    expected = 8 + length + max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
    if size != expected:
        reason = f"{name} has {size} bytes where its header says {expected}."
        raise BrokenModelFolder(source, reason, _NEEDS_FULL)
    return {name: tensor.shape for name, tensor in tensors.items()}


def _read_json(source: str, file: Path) -> dict[str, Any]:
    name = file.name if file.name == "model_index.json" else f"{file.parent.name}/{file.name}"
    try:
        value = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise BrokenModelFolder(source, f"{name} is missing.", _NEEDS_FULL) from None
    except (ValueError, OSError):
        raise BrokenModelFolder(source, f"{name} is not readable as JSON.", _NEEDS_FULL) from None
    if not isinstance(value, dict):
        raise BrokenModelFolder(source, f"{name} is no JSON object.", _NEEDS_FULL)
    return cast("dict[str, Any]", value)
