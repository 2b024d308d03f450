"""Checks what a model's entry names: a folder, a hub's model or a single file, and the parts from elsewhere. Imports no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from generation.control.nets import ControlSources, inspect_controls
from generation.files.checkpoint import LAYOUTS, SUFFIXES, Checkpoint, inspect_checkpoint, inspect_vae
from generation.files.hub_cache import find_snapshot, is_hub_name
from generation.files.model_folder import ModelFolder, inspect, inspect_part, read_json
from generation.files.tensor_file import BrokenModelFolder, unreadable
from generation.files.tiny_autoencoder import check_fit, inspect_tiny
from generation.request import ModelEntry

QUANTISER = "torchao==0.18.0"
_VAE = "AutoencoderKL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """Where a model's parts are."""

    folder: ModelFolder | None  # of a single file: its `base`
    checkpoint: Checkpoint | None = None
    to_fetch: str = ""  # the hub name of `folder`, if it is not completely in the cache
    vae_to_fetch: str = ""  # that of the entry's `vae`, likewise
    controls: ControlSources = field(default_factory=ControlSources)

    @property
    def is_complete(self) -> bool:
        """Returns whether all files are on this machine."""
        return not (self.to_fetch or self.parts_to_fetch)

    @property
    def parts_to_fetch(self) -> tuple[str, ...]:
        """Returns the hub names of the VAE and the ControlNets that are not completely in the cache."""
        return (*filter(None, (self.vae_to_fetch,)), *self.controls.to_fetch)

    def bytes(self, itemsize: int) -> int | None:
        """Returns the memory that the weights would take; None if that is not known before a hub's model is fetched.

        `itemsize`: bytes of a weight that is not packed.
        """
        if self.to_fetch:
            return None
        parts = self.folder.parts if self.folder else {}
        nets = self.controls.weights * itemsize
        if self.checkpoint is None:
            return sum(parts.values()) * itemsize + nets
        own = self.checkpoint.packed or self.checkpoint.weights * itemsize
        others = sum(count for part, count in parts.items() if part not in self.checkpoint.parts)
        return own + others * itemsize + nets


def is_single_file(source: str) -> bool:
    return source.lower().endswith(SUFFIXES) and not Path(source).is_dir()


def inspect_entry(entry: ModelEntry) -> ModelSource:
    """Checks an entry's files. Raises BrokenModelFolder."""
    try:
        source = _inspect_source(entry)
        if entry.preview:
            _check_preview(entry, source)
        if entry.vae and is_single_file(entry.vae):
            _check_kind_of_vae(entry, source)
        return replace(source, controls=_inspect_controls(entry, source))
    except OSError as error:  # a folder that the bot's user may not enter, or a name that is too long
        at = str(error.filename or entry.source)
        raise unreadable(entry.source, at, Path(at), error) from None


def _inspect_source(entry: ModelEntry) -> ModelSource:
    if entry.quantise and find_spec("torchao") is None:
        advice = f"Install it: pip install {QUANTISER}."
        raise BrokenModelFolder(entry.source, "`quantise` needs the package torchao.", advice)
    vae_to_fetch = _inspect_vae(entry.vae)
    if not is_single_file(entry.source):
        if entry.base:
            advice = "Remove `base`: it is for models in a single file."
            raise BrokenModelFolder(entry.source, "The source is no single file.", advice)
        folder = inspect(entry.source, entry.revision)
        return ModelSource(folder=folder, to_fetch="" if folder else entry.source, vae_to_fetch=vae_to_fetch)
    checkpoint = inspect_checkpoint(entry.source)
    if not entry.base:
        _check_complete(entry, checkpoint)
    if checkpoint.is_gguf and entry.quantise:
        raise BrokenModelFolder(entry.source, "A GGUF file is quantised already.", "Remove `quantise`.")
    if not entry.base:
        return ModelSource(folder=None, checkpoint=checkpoint, vae_to_fetch=vae_to_fetch)
    folder = _base(entry, checkpoint)
    to_fetch = "" if folder else entry.base
    return ModelSource(folder=folder, checkpoint=checkpoint, to_fetch=to_fetch, vae_to_fetch=vae_to_fetch)


def _check_complete(entry: ModelEntry, checkpoint: Checkpoint) -> None:
    """Raises BrokenModelFolder for a file that needs a `base`."""
    architecture = checkpoint.architecture
    missing = [part for part in checkpoint.missing if not (part == "vae" and entry.vae)]
    if not architecture.layout or missing:
        what = f"{checkpoint.path.name} holds {' and '.join(checkpoint.parts)} of {architecture.name} alone."
        pipeline = " or ".join(architecture.pipelines)
        advice = f"Set `base` to a folder or hub name of a {pipeline}, which the other parts are taken from."
        raise BrokenModelFolder(entry.source, what, advice)


def _check_preview(entry: ModelEntry, source: ModelSource) -> None:
    """Raises BrokenModelFolder. Whether it fits a model that is not fetched yet shows when it is loaded."""
    tiny = inspect_tiny(entry.preview)
    if config := _vae_config(entry, source):
        check_fit(entry.preview, tiny, config)


def _check_kind_of_vae(entry: ModelEntry, source: ModelSource) -> None:
    """Raises BrokenModelFolder for a VAE in one file where the model's own is no AutoencoderKL. Other kinds load as folders."""
    kind = _vae_config(entry, source).get("_class_name", _VAE)
    if kind != _VAE:
        what = f"It is one file, and the VAE of {entry.base or entry.source} is an {kind}."
        raise BrokenModelFolder(entry.vae, what, f"Set `vae` to the folder of an {kind}.")


def _vae_config(entry: ModelEntry, source: ModelSource) -> Mapping[str, Any]:
    """Returns the configuration of the model's own VAE; empty where that is still to be fetched."""
    if source.folder is not None:
        file = source.folder.path / "vae" / "config.json"
        return read_json(entry.base or entry.source, file) if file.is_file() else {}
    if source.checkpoint is not None:
        layout = LAYOUTS / f"{source.checkpoint.architecture.layout}.json"
        return json.loads(layout.read_bytes())["vae/config.json"]
    return {}


def _inspect_controls(entry: ModelEntry, source: ModelSource) -> ControlSources:
    """Raises BrokenModelFolder. Whether the nets fit a model that is not fetched yet shows when it is loaded."""
    pipeline, denoiser = "", None
    if source.folder is not None:
        pipeline = source.folder.pipeline
        files = (source.folder.path / name / "config.json" for name in ("unet", "transformer"))
        denoiser = next((read_json(entry.source, file) for file in files if file.is_file()), None)
    elif source.checkpoint is not None:
        architecture = source.checkpoint.architecture
        pipeline = architecture.pipelines[0]
        if architecture.layout:
            layout = json.loads((LAYOUTS / f"{architecture.layout}.json").read_bytes())
            denoiser = layout[f"{architecture.denoiser}/config.json"]
    return inspect_controls(entry.controls, pipeline, denoiser)


def _inspect_vae(source: str) -> str:
    """Checks the VAE that replaces a model's own. Returns its hub name if it is not completely in the cache, otherwise ""."""
    if is_single_file(source):
        inspect_vae(source)
    elif is_hub_name(source):
        snapshot = find_snapshot(source)
        try:
            if snapshot is None:
                return source
            inspect_part(source, snapshot)
        except BrokenModelFolder:
            return source
    elif source:
        inspect_part(source, Path(source).absolute())
    return ""


def _base(entry: ModelEntry, checkpoint: Checkpoint) -> ModelFolder | None:
    """Checks the folder that a single file's other parts come from. None: a hub's model that is not in the cache."""
    folder = inspect(entry.base, entry.revision, checkpoint.parts)
    if folder:
        check_base(entry.base, folder, checkpoint)
    return folder


def check_base(source: str, folder: ModelFolder, checkpoint: Checkpoint) -> None:
    """Raises BrokenModelFolder for a folder of another model than the file's. `source`: its name in errors."""
    architecture = checkpoint.architecture
    if folder.pipeline not in architecture.pipelines:
        what = f"It is a {folder.pipeline}, and {checkpoint.path.name} is {architecture.name}."
        wanted = " or ".join(architecture.pipelines)
        raise BrokenModelFolder(source, what, f"Set `base` to a folder or hub name of a {wanted}.")
    config = read_json(source, folder.path / architecture.denoiser / "config.json")
    if (
        folder.pipeline == "FluxPipeline"
        and bool(config.get("guidance_embeds")) != checkpoint.is_told_guidance
    ):
        what = f"FLUX.1 dev is told its guidance and schnell is not; it is not the kind of {checkpoint.path.name}."
        raise BrokenModelFolder(source, what, "Set `base` to the other kind.")
    # diffusers would leave out the blocks that the configuration lacks, unsaid.
    for key, depth in checkpoint.depths.items():
        if (wanted := config.get(key)) != depth:
            what = f"Its denoiser has {wanted} blocks ({key}) where {checkpoint.path.name} has {depth}."
            raise BrokenModelFolder(source, what, "Set `base` to the model that the file was made from.")
