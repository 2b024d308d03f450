"""Is this folder a model that can be loaded? Reads headers only and imports no torch, so that the bot can say it at start."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
"""Components that no picture needs; pictures are checked elsewhere."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_TORCH_CLASS = re.compile(r"Model|UNet|Autoencoder|Transformer|Encoder")
_NEEDS_FULL = "Download the model again, or point `source` at a complete folder in diffusers' layout."


@dataclass(eq=False)
class BrokenModelFolder(Exception):
    source: str
    reason: str  # a sentence: what is wrong
    advice: str  # a sentence: what to do

    def __str__(self) -> str:
        return f"{self.source}: {self.reason} {self.advice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder whose files are all there and whole."""

    path: Path
    pipeline: str  # diffusers' class
    variant: str | None  # "fp16" where only half-precision files are there


def is_hub_name(source: str) -> bool:
    """Whether it names a model of a hub ("owner/name") and no folder of that name exists."""
    return _HUB_NAME.fullmatch(source) is not None and not Path(source).exists()


def inspect(source: str) -> ModelFolder | None:
    """None for a hub name, which only the hub can tell more about. Raises BrokenModelFolder."""
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
    variants = {
        _inspect_component(source, folder / name, class_name)
        for name, class_name in _components(index).items()
        if name not in OPTIONAL
    }
    return ModelFolder(path=folder, pipeline=pipeline, variant="fp16" if "fp16" in variants else None)


def count_weights(source: str) -> int | None:
    """Numbers in the weights that would be loaded; None for a hub name. Raises BrokenModelFolder."""
    folder = inspect(source)
    if folder is None:
        return None
    index = _read_json(source, folder.path / "model_index.json")
    total = 0
    for name in _components(index).keys() - OPTIONAL:
        weights = list((folder.path / name).glob("*.safetensors"))
        halves = [file for file in weights if ".fp16" in file.name]
        chosen = halves if folder.variant else [file for file in weights if file not in halves]
        for file in chosen or weights:
            total += sum(math.prod(shape) for shape in shapes_of(file).values())
    return total


def shapes_of(file: Path) -> dict[str, tuple[int, ...]]:
    """Of the tensors in a whole safetensors file, by name."""
    with file.open("rb") as stream:
        header: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return {name: tuple(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"}


def _components(index: dict[str, Any]) -> dict[str, str]:
    """Name of the folder -> name of the class, as `model_index.json` lists them ([library, class], or nulls)."""
    named: dict[str, str] = {}
    for name, value in index.items():
        if (
            not name.startswith("_")
            and isinstance(value, list)
            and len(cast("list[Any]", value)) == 2
            and value[1]
        ):
            named[name] = str(cast("list[Any]", value)[1])
    return named


def _inspect_component(source: str, folder: Path, class_name: str) -> str | None:
    """The variant of its weights, None for plain ones and for components without weights."""
    if not folder.is_dir():
        raise BrokenModelFolder(source, f"The folder {folder.name}/ ({class_name}) is missing.", _NEEDS_FULL)
    for file in sorted(folder.glob("*.json")):
        _read_json(source, file)
    if not _TORCH_CLASS.search(class_name):
        return None
    if not (folder / "config.json").is_file():
        raise BrokenModelFolder(source, f"{folder.name}/config.json is missing.", _NEEDS_FULL)
    for index in folder.glob("*.index*.json"):
        for shard in sorted(set(_read_json(source, index).get("weight_map", {}).values())):
            if not (folder / str(shard)).is_file():
                raise BrokenModelFolder(source, f"{folder.name}/{shard} is missing.", _NEEDS_FULL)
    weights = sorted(folder.glob("*.safetensors"))
    for file in weights:
        check_safetensors(source, file)
    plain = [file for file in weights if ".fp16" not in file.name]
    if not weights and not list(folder.glob("*.bin")):
        raise BrokenModelFolder(source, f"{folder.name}/ holds no weights (*.safetensors).", _NEEDS_FULL)
    return "fp16" if weights and not plain else None


def check_safetensors(source: str, file: Path) -> None:
    """Eight bytes of length, a JSON header of that length, then tensors up to the largest offset that it names.

    https://github.com/huggingface/safetensors#format
    """
    name = f"{file.parent.name}/{file.name}"
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise BrokenModelFolder(source, f"{name} is cut off in its header ({size} bytes).", _NEEDS_FULL)
        try:
            header: dict[str, Any] = json.loads(stream.read(length))
            ends = [int(tensor["data_offsets"][1]) for key, tensor in header.items() if key != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise BrokenModelFolder(source, f"{name} is no safetensors file.", _NEEDS_FULL) from None
    expected = 8 + length + max(ends, default=0)
    if size != expected:
        reason = f"{name} has {size} bytes where its header says {expected}."
        raise BrokenModelFolder(source, reason, _NEEDS_FULL)


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
