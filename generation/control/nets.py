"""Checks the ControlNets that a model's entry names. Reads headers only and imports no torch, so the bot can report errors at
start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from generation.control.kinds import ControlEntry, ControlKind
from generation.files.hub_cache import find_snapshot, is_hub_name
from generation.files.model_folder import inspect_part, read_json
from generation.files.tensor_file import NEEDS_SAFETENSORS, BrokenModelFolder

PLAIN, UNION, Z_IMAGE, QWEN_IMAGE = (
    "ControlNetModel",
    "ControlNetUnionModel",
    "ZImageControlNetModel",
    "QwenImageControlNetModel",
)
NETS: Mapping[str, tuple[str, ...]] = {
    "StableDiffusionPipeline": (PLAIN,),
    "StableDiffusionXLPipeline": (PLAIN, UNION),
    "ZImagePipeline": (Z_IMAGE,),
    "QwenImagePipeline": (QWEN_IMAGE,),
}
"""The classes of nets that each pipeline takes here."""

ESTIMATORS: Mapping[ControlKind, tuple[str, str]] = {
    ControlKind.DEPTH: ("depth_model", "ForDepthEstimation"),
    ControlKind.POSE: ("pose_model", "VitPoseForPoseEstimation"),
}
"""The setting, and how the class of its model ends."""

_ADDED = "addition_embed_type"
_ALIKE: Mapping[str, tuple[str, ...]] = {
    PLAIN: (
        "in_channels",
        "cross_attention_dim",
        "block_out_channels",
        "layers_per_block",
        _ADDED,
    ),
    Z_IMAGE: ("dim", "n_heads"),
    QWEN_IMAGE: ("in_channels", "num_attention_heads", "attention_head_dim", "joint_attention_dim"),
}
"""Keys of the configuration that the net has in common with its model."""

_COLOURS = 3
"""Channels of a control map."""

_OTHER_NET = "Name a ControlNet that was trained for this model, in diffusers' layout."


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSources:
    """The nets of one entry."""

    weights: int = 0  # of those on this machine
    to_fetch: tuple[str, ...] = ()  # hub names that are not completely in the cache


def inspect_controls(
    controls: ControlEntry, pipeline: str, denoiser: Mapping[str, Any] | None
) -> ControlSources:
    """Checks an entry's nets. Raises BrokenModelFolder.

    `pipeline`: the model's class; empty while that is not known. `denoiser`: the configuration of its denoiser; None while that
    is not known.
    """
    if not controls.kinds:
        if extra := next(iter(controls.estimators), None):
            key = ESTIMATORS[extra][0]
            raise _broken(key, controls.estimators[extra], "No net is named that uses it.", f"Set `{extra}`.")
        return ControlSources()
    kind, first = next(iter(controls.sources.items()))
    if pipeline and pipeline not in NETS:
        raise _broken(kind, first, f"A {pipeline} takes no ControlNet here.", "Remove `controls`.")
    weights, to_fetch = 0, list[str]()
    for source in dict.fromkeys(controls.sources.values()):
        kind = next(kind for kind, each in controls.sources.items() if each == source)
        folder = folder_of(kind, source)
        if folder is None:
            to_fetch.append(source)
            continue
        try:
            if not (own := inspect_part(source, folder)):
                raise BrokenModelFolder(source, "It holds weights of a variant alone, such as fp16.", "")
            weights += own
            config = read_json(source, folder / "config.json")
        except BrokenModelFolder as broken:
            if is_hub_name(source):
                to_fetch.append(source)
                continue
            advice = _OTHER_NET if broken.advice != NEEDS_SAFETENSORS else NEEDS_SAFETENSORS
            raise _broken(kind, source, broken.reason, advice) from broken
        if pipeline:
            check_net(kind, source, config, pipeline, denoiser)
    for kind, source in controls.estimators.items():
        _check_estimator(kind, source)
    return ControlSources(weights=weights, to_fetch=tuple(to_fetch))


def folder_of(kind: ControlKind, source: str) -> Path | None:
    """Returns the folder of a net; None for a hub name that is not in the cache. Raises BrokenModelFolder."""
    if is_hub_name(source):
        return find_snapshot(source)
    if Path(source).is_dir():
        return Path(source).absolute()
    raise _broken(kind, source, "There is no such folder.", "Name an existing folder, or a hub name.")


def check_net(
    kind: ControlKind,
    source: str,
    config: Mapping[str, Any],
    pipeline: str,
    denoiser: Mapping[str, Any] | None,
) -> None:
    """Raises BrokenModelFolder for a net of another model. `config`: of the net. Others: as in `inspect_controls`."""
    name, wanted = str(config.get("_class_name")), NETS[pipeline]
    if name not in wanted:
        what = f"It is of the class {name}, and a {pipeline} takes a {' or '.join(wanted)}."
        raise _broken(kind, source, what, _OTHER_NET)
    if (channels := config.get("conditioning_channels", _COLOURS)) != _COLOURS:
        raise _broken(kind, source, f"Its control maps have {channels} channels, not {_COLOURS}.", _OTHER_NET)
    if extra := config.get("extra_condition_channels"):
        what = f"It wants {extra} more channels, such as a mask (an inpainting net?)."
        raise _broken(kind, source, what, _OTHER_NET)
    for key in _ALIKE[PLAIN if name == UNION else name] if denoiser is not None else ():
        own, other = (_as_in_json(each.get(key)) for each in (config, denoiser or {}))
        # Older files leave out what is as usual. No added embedding is written as null.
        if own != other and (None not in (own, other) or key == _ADDED):
            what = f"Its {key} is {own} where the model's is {other}, so it was made for another model."
            raise _broken(kind, source, what, _OTHER_NET)


def _as_in_json(value: Any) -> Any:
    """Returns a list for a tuple, which a loaded model's configuration has in its place."""
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def _check_estimator(kind: ControlKind, source: str) -> None:
    """Raises BrokenModelFolder."""
    key, suffix = ESTIMATORS[kind]
    folder = Path(source)
    if not folder.is_dir():
        raise _broken(key, source, "There is no such folder.", "Name the folder of a transformers model.")
    advice = f"Name the folder of a transformers model whose class ends with {suffix}."
    try:
        config = read_json(source, folder.absolute() / "config.json")
        read_json(source, folder.absolute() / "preprocessor_config.json")
    except BrokenModelFolder as broken:
        raise _broken(key, source, broken.reason, advice) from broken
    named = config.get("architectures")
    classes = [str(each) for each in cast("list[object]", named)] if isinstance(named, list) else []
    if not any(each.endswith(suffix) for each in classes):
        raise _broken(
            key, source, f"It holds a {' and a '.join(classes) or 'model without a class'}.", advice
        )
    if not any(each.suffix == ".safetensors" for each in folder.iterdir()):
        raise _broken(key, source, "It holds no weights (*.safetensors).", NEEDS_SAFETENSORS)


def _broken(key: str, source: str, reason: str, advice: str) -> BrokenModelFolder:
    return BrokenModelFolder(source, f"controls.{key} = {source}: {reason}", advice)
