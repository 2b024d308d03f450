"""Checks what a model's entry names: a folder, a hub's model or a single file, and the parts from elsewhere. Imports no torch."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from generation.files.checkpoint import SUFFIXES, Checkpoint, inspect_checkpoint, inspect_vae
from generation.files.hub_cache import find_snapshot, is_hub_name
from generation.files.model_folder import ModelFolder, inspect, inspect_part
from generation.files.tensor_file import BrokenModelFolder
from generation.request import ModelEntry

QUANTISER = "torchao==0.18.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """Where a model's parts are."""

    folder: ModelFolder | None  # of a single file: its `base`
    checkpoint: Checkpoint | None = None
    to_fetch: str = ""  # the hub name of `folder`, if it is not completely in the cache
    vae_to_fetch: str = ""  # that of the entry's `vae`, likewise

    @property
    def is_complete(self) -> bool:
        """Returns whether all files are on this machine."""
        return not (self.to_fetch or self.vae_to_fetch)

    @property
    def weights(self) -> int | None:
        """Returns the number of parameters that would be loaded; None if that is not known before a hub's model is fetched."""
        if self.to_fetch:
            return None
        if self.checkpoint is None:
            return self.folder.weights if self.folder else None
        others = self.folder.parts if self.folder else {}
        from_elsewhere = sum(count for part, count in others.items() if part not in self.checkpoint.parts)
        return self.checkpoint.weights + from_elsewhere


def is_single_file(source: str) -> bool:
    return source.lower().endswith(SUFFIXES) and not Path(source).is_dir()


def inspect_entry(entry: ModelEntry) -> ModelSource:
    """Checks an entry's files. Raises BrokenModelFolder."""
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
    if entry.base:
        folder = _base(entry, checkpoint)
        return ModelSource(
            folder=folder,
            checkpoint=checkpoint,
            to_fetch="" if folder else entry.base,
            vae_to_fetch=vae_to_fetch,
        )
    missing = [part for part in checkpoint.missing if not (part == "vae" and entry.vae)]
    if not checkpoint.architecture.layout or missing:
        what = f"{checkpoint.path.name} holds {' and '.join(checkpoint.parts)} of {checkpoint.architecture.name} alone."
        pipeline = " or ".join(checkpoint.architecture.pipelines)
        advice = f"Set `base` to a folder or hub name of a {pipeline}, which the other parts are taken from."
        raise BrokenModelFolder(entry.source, what, advice)
    return ModelSource(folder=None, checkpoint=checkpoint, vae_to_fetch=vae_to_fetch)


def count_weights(entry: ModelEntry) -> int | None:
    """Returns `ModelSource.weights` of an entry. Raises BrokenModelFolder."""
    return inspect_entry(entry).weights


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
    source = entry.base
    folder = inspect(source, entry.revision, checkpoint.parts)
    if folder and folder.pipeline not in checkpoint.architecture.pipelines:
        what = f"It is a {folder.pipeline}, and {checkpoint.path.name} is {checkpoint.architecture.name}."
        wanted = " or ".join(checkpoint.architecture.pipelines)
        raise BrokenModelFolder(source, what, f"Set `base` to a folder or hub name of a {wanted}.")
    if folder and folder.pipeline == "FluxPipeline":
        config = json.loads((folder.path / "transformer" / "config.json").read_bytes())
        if bool(config.get("guidance_embeds")) != checkpoint.is_told_guidance:
            what = f"FLUX.1 dev is told its guidance and schnell is not; it is not the kind of {checkpoint.path.name}."
            raise BrokenModelFolder(source, what, "Set `base` to the other kind.")
    return folder
