"""What a distilled model was made for, by its configuration files. Imports no torch."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from generation.files.hub_cache import find_snapshot, is_hub_name
from generation.request import ModelEntry

_FLUX_1 = {
    "FluxPipeline",
    "FluxControlNetPipeline",
    "FluxImg2ImgPipeline",
    "FluxInpaintPipeline",
    "FluxKontextPipeline",
    "FluxKontextInpaintPipeline",
}
"""Classes that load FLUX.1 schnell as well as dev."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    steps: int
    guidance: float | None  # 1: it is not guided; None: its configuration names no number


def distilled_by(
    pipeline: str, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]
) -> Distilled | None:
    """Returns None for a model that is not distilled, or does not say so.

    `pipeline`: the diffusers class. `index`: of model_index.json. `configs`: of the parts, by name.
    """
    if index.get("is_distilled") or pipeline == "Flux2KleinKVPipeline":
        return Distilled(steps=4, guidance=1.0)
    if pipeline in _FLUX_1 and configs.get("transformer", {}).get("guidance_embeds") is False:
        return Distilled(steps=4, guidance=1.0)  # schnell
    if pipeline.startswith("SanaSprint"):
        return Distilled(steps=2, guidance=4.5)
    if configs.get("unet", {}).get("time_cond_proj_dim"):
        return Distilled(steps=4, guidance=None)  # a latent consistency model
    return None


def with_own_defaults(entry: ModelEntry, given: Collection[str] = ()) -> ModelEntry:
    """Returns the entry with the steps and the guidance that its model was distilled for.

    Keys in `given` keep the entry's values. A hub's model that is not in the cache changes nothing.
    """
    source = entry.base or entry.source
    folder = find_snapshot(source, entry.revision) if is_hub_name(source) else Path(source)
    own = _distilled_in(folder) if folder else None
    if own is None:
        return entry
    if "steps" not in given:
        entry = replace(entry, steps=min(own.steps, entry.max_steps))
    if "guidance" not in given and own.guidance is not None:
        entry = replace(entry, guidance=own.guidance)
    return entry


def _distilled_in(folder: Path) -> Distilled | None:
    try:
        index = json.loads((folder / "model_index.json").read_bytes())
        parts = {name: folder / name / "config.json" for name in ("unet", "transformer")}
        configs = {name: json.loads(file.read_bytes()) for name, file in parts.items() if file.is_file()}
        return distilled_by(str(index["_class_name"]), index, configs)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None  # what is wrong with the files is told where they are checked
