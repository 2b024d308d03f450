"""Checks whether a folder is a model that can be loaded. Reads headers only and imports no torch, so the bot can report errors at
start.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from generation.files.hub_cache import find_snapshot
from generation.files.hub_cache import is_hub_name as is_hub_name
from generation.files.tensor_file import (
    NEEDS_FULL,
    NEEDS_SAFETENSORS,
    is_lfs_pointer,
    lfs_pointer,
    unreadable,
)
from generation.files.tensor_file import BrokenModelFolder as BrokenModelFolder
from generation.files.tensor_file import read_shapes as read_shapes
from generation.files.weight_files import STEMS, NoCommonVariant, Weights, common_variant, weights_of
from generation.scheduler_names import pipeline_names, scheduler_names

OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
"""Components that no picture needs. Pictures are checked elsewhere."""

_NEEDED = ("scheduler", "tokenizer", "text_encoder", "vae")
"""Components of every model that is drawn step by step. Others differ too much to say it before loading."""

_DENOISERS = {
    "StableDiffusionPipeline": "unet",
    "StableDiffusionXLPipeline": "unet",
    "StableDiffusion3Pipeline": "transformer",
    "FluxPipeline": "transformer",
}
_MODEL_CLASS = ("Model", "UNet", "Autoencoder", "Transformer", "Encoder")
_SMALL = (".json", ".txt", ".model", ".tiktoken", ".jinja")
"""Ends of the names of configurations and vocabularies."""

_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model", "*.tiktoken")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model folder whose files are all present and complete."""

    path: Path  # of a hub's model: its folder in the cache
    pipeline: str  # the diffusers class
    variant: str | None  # such as "fp16", if a component has no files without a variant
    parts: Mapping[str, int]  # component -> number of its parameters that would be loaded
    # Components that are null in model_index.json, as T5 often is in Stable Diffusion 3.
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Component:
    name: str  # its folder, and the pipeline's argument
    library: str
    class_name: str

    @property
    def is_model(self) -> bool:
        return any(word in self.class_name for word in _MODEL_CLASS)


def inspect(source: str, revision: str = "", skip: tuple[str, ...] = ()) -> ModelFolder | None:
    """Checks a model's source. Raises BrokenModelFolder.

    Returns None for a hub name that is not completely in the cache: loading fetches it. `revision`: as in `find_snapshot`.
    `skip`: as in `inspect_folder`.
    """
    if is_hub_name(source):
        snapshot = find_snapshot(source, revision)
        try:
            return inspect_folder(source, snapshot, skip) if snapshot else None
        except BrokenModelFolder:
            return None
    folder = Path(source)
    if not folder.is_dir():
        advice = "Set the model's `source` to an existing folder, or to a hub name like `owner/name`."
        raise BrokenModelFolder(source, "There is no such folder.", advice)
    return inspect_folder(source, folder, skip)


def inspect_folder(source: str, folder: Path, skip: tuple[str, ...] = ()) -> ModelFolder:
    """Checks a folder in diffusers' layout. Raises BrokenModelFolder.

    `source`: its name in errors. `skip`: components whose weights come from elsewhere.
    """
    index = read_json(source, folder / "model_index.json")
    pipeline = str(index.get("_class_name"))
    if not pipeline.endswith("Pipeline"):
        advice = "Point `source` at a folder that diffusers' `save_pretrained` wrote."
        raise BrokenModelFolder(source, "model_index.json names no pipeline.", advice)
    if (known := pipeline_names()) and pipeline not in known:
        advice = "Use a model that this version knows, or a newer version of Atelier."
        raise BrokenModelFolder(source, f"The installed diffusers has no {pipeline}.", advice)
    components = tuple(_components(index))
    _check_list(source, pipeline, components)
    weights: dict[str, Weights] = {}
    for component in components:
        files = _list(source, folder, component)
        if component.name in skip:
            continue
        if component.is_model:
            weights[component.name] = _weights(source, component, files)
            _refuse_quantised(source, folder / component.name)
        elif (
            "Tokenizer" in component.class_name and "ByT5" not in component.class_name
        ):  # its tokens are bytes
            _check_tokenizer(source, folder / component.name, component)
        elif component.class_name.endswith("Scheduler"):
            _check_scheduler(source, component, files)
    variant = _variant(source, weights)
    return ModelFolder(
        path=folder,
        pipeline=pipeline,
        variant=variant,
        parts={name: _count(source, folder / name, each, variant) for name, each in weights.items()},
        left_out=tuple(name for name, value in index.items() if value == [None, None]),
    )


def wanted_files(
    source: str, index: dict[str, Any], names: tuple[str, ...], skip: tuple[str, ...] = ()
) -> list[str]:
    """Returns which of a repository's files are loaded. Raises BrokenModelFolder.

    `index`: its model_index.json. `names`: all files, as "unet/config.json". `skip`: components that are wanted without weights.
    """
    wanted = ["model_index.json"]
    weights: dict[str, Weights] = {}
    for component in _components(index):
        prefix = f"{component.name}/"
        files = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        wanted += [prefix + file for file in files if file.endswith(_SMALL)]
        if component.is_model and component.name not in skip:
            weights[component.name] = _weights(source, component, files)
    variant = _variant(source, weights)
    return wanted + [f"{name}/{file}" for name, each in weights.items() for file in each.of(variant)]


def wanted_part_files(source: str, names: tuple[str, ...]) -> list[str]:
    """Returns which files of a repository that holds one component, such as a VAE, are loaded. Raises BrokenModelFolder."""
    part = _Component(name=".", library="diffusers", class_name="Model")
    return ["config.json", *_weights(source, part, list(names)).of(None)]


def _variant(source: str, weights: dict[str, Weights]) -> str | None:
    try:
        return common_variant(weights)
    except NoCommonVariant as error:
        parts = "; ".join(f"{name}/ as {' or '.join(variants)}" for name, variants in error.has.items())
        reason = f"Its parts have no variant of the weights in common: {parts}."
        raise BrokenModelFolder(source, reason, NEEDS_FULL) from None


def inspect_part(source: str, folder: Path) -> int:
    """Checks the folder of one model component, such as a VAE. Returns its number of parameters. Raises BrokenModelFolder."""
    class_name = str(read_json(source, folder / "config.json").get("_class_name"))
    part = _Component(name=folder.name, library="diffusers", class_name=class_name)
    files = _list(source, folder.parent, part)
    return _count(source, folder, _weights(source, part, files), None)


def _components(index: dict[str, Any]) -> Iterator[_Component]:
    """Yields what `model_index.json` lists and a picture needs. Its values are [library, class], or nulls."""
    for name, value in index.items():
        pair = cast("list[Any]", value) if isinstance(value, list) else []
        if len(pair) == 2 and pair[1] and not name.startswith("_") and name not in OPTIONAL:
            yield _Component(name=name, library=str(pair[0]), class_name=str(pair[1]))


def _check_list(source: str, pipeline: str, components: tuple[_Component, ...]) -> None:
    """Raises BrokenModelFolder if model_index.json leaves out what pictures are drawn with."""
    names = {component.name for component in components}
    if denoiser := _DENOISERS.get(pipeline):
        for name in (*_NEEDED, denoiser):
            if name not in names:
                raise BrokenModelFolder(source, f"model_index.json names no {name}.", NEEDS_FULL)


def _list(source: str, folder: Path, component: _Component) -> list[str]:
    """Returns the names of the files of a component. Raises BrokenModelFolder if one of its JSON files can't be read."""
    place = folder / component.name
    if not place.is_dir():
        reason = f"The folder {component.name}/ ({component.class_name}) is missing."
        raise BrokenModelFolder(source, reason, NEEDS_FULL)
    try:
        files = sorted(place.iterdir())
    except OSError as error:
        raise unreadable(source, f"{component.name}/", place, error) from None
    for file in files:
        if file.suffix == ".json":
            read_json(source, file)
    return [file.name for file in files]


def _weights(source: str, component: _Component, files: list[str]) -> Weights:
    name = component.name
    if "config.json" not in files:
        raise BrokenModelFolder(source, f"{name}/config.json is missing.", NEEDS_FULL)
    weights = weights_of(files, component.library)
    if weights.by_variant:
        return weights
    if index := next((file for file in files if ".safetensors.index" in file), None):
        raise BrokenModelFolder(source, f"The files that {name}/{index} lists are missing.", NEEDS_FULL)
    if any(file.endswith((".bin", ".ckpt", ".pt", ".pth")) for file in files):
        reason = f"{name}/ holds its weights as *.bin only; such files may run code when they are read."
        raise BrokenModelFolder(source, reason, NEEDS_SAFETENSORS)
    if other := next((file for file in files if file.endswith(".safetensors")), None):
        stem = STEMS[component.library]
        advice = f"If it holds these weights, rename it to {stem}.safetensors."
        raise BrokenModelFolder(source, f"{name}/{other} is never loaded, because of its name.", advice)
    raise BrokenModelFolder(source, f"{name}/ holds no weights (*.safetensors).", NEEDS_FULL)


def _refuse_quantised(source: str, folder: Path) -> None:
    """Raises BrokenModelFolder for weights that need the package which quantised them, such as bitsandbytes or SDNQ."""
    if told := read_json(source, folder / "config.json").get("quantization_config"):
        method = cast("dict[str, Any]", told).get("quant_method") if isinstance(told, dict) else None
        what = f"Its {folder.name} is quantised by {method or 'another program'}, which can't be read."
        advice = "Take the model in half precision (`quantise` makes it smaller), or a GGUF file with `base`."
        raise BrokenModelFolder(source, what, advice)


def _count(source: str, folder: Path, weights: Weights, variant: str | None) -> int:
    """Returns the number of parameters in the files that would be loaded."""
    own = variant if variant in weights.by_variant else None
    files = weights.of(own)
    if "-of-" in "".join(files):
        stem = re.split(r"\.|-\d", min(files))[0]
        index = folder / f"{stem}.safetensors.index{f'.{own}' if own else ''}.json"
        for shard in sorted(set(read_json(source, index).get("weight_map", {}).values())):
            if not (folder / str(shard)).is_file():
                read_shapes(source, folder / str(shard))
    return sum(math.prod(shape) for file in files for shape in read_shapes(source, folder / file).values())


def _check_tokenizer(source: str, folder: Path, component: _Component) -> None:
    """Raises BrokenModelFolder without a vocabulary: transformers makes an empty tokenizer of such a folder, without an error."""
    found = [file for pattern in _VOCABULARIES for file in sorted(folder.glob(pattern))]
    if not found:
        reason = f"{component.name}/ holds no vocabulary ({component.class_name})."
        raise BrokenModelFolder(source, reason, NEEDS_FULL)
    names = {file.name for file in found}
    if all(name.endswith(".model") for name in names) and find_spec("sentencepiece") is None:
        reason = f"{component.name}/ has no tokenizer.json, and {min(names)} needs the package sentencepiece."
        raise BrokenModelFolder(source, reason, "Install it: pip install sentencepiece.")
    if "vocab.json" in names and "tokenizer.json" not in names and not (folder / "merges.txt").is_file():
        raise BrokenModelFolder(source, f"{component.name}/merges.txt is missing.", NEEDS_FULL)
    for file in found:
        name = f"{component.name}/{file.name}"
        try:
            with file.open("rb") as stream:
                start = stream.read(100)
        except OSError as error:
            raise unreadable(source, name, file, error) from None
        if is_lfs_pointer(start):
            raise lfs_pointer(source, name)


def _check_scheduler(source: str, component: _Component, files: list[str]) -> None:
    if (
        (known := scheduler_names())
        and component.library == "diffusers"
        and component.class_name not in known
    ):
        advice = "Name another class in model_index.json, or use a newer version of Atelier."
        raise BrokenModelFolder(source, f"The installed diffusers has no {component.class_name}.", advice)
    if "scheduler_config.json" not in files:
        raise BrokenModelFolder(source, f"{component.name}/scheduler_config.json is missing.", NEEDS_FULL)


def read_json(source: str, file: Path) -> dict[str, Any]:
    """Raises BrokenModelFolder, in whose words a file has the name of its folder."""
    name = file.name if file.name == "model_index.json" else f"{file.parent.name}/{file.name}"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise unreadable(source, name, file, error) from None
    if is_lfs_pointer(content):
        raise lfs_pointer(source, name)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise BrokenModelFolder(source, f"{name} is not readable as JSON.", NEEDS_FULL) from None
    if not isinstance(value, dict):
        raise BrokenModelFolder(source, f"{name} is no JSON object.", NEEDS_FULL)
    return cast("dict[str, Any]", value)
