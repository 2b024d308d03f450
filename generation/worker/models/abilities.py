"""Computes what a model can do from diffusers' pipeline classes and the model's own configuration files. Loads no weights."""

import inspect
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
from diffusers.pipelines import auto_pipeline

from generation.abilities import Abilities, Guidance, GuidanceKind
from generation.control.nets import NETS
from generation.files.distilled import distilled_by
from generation.request import ModelEntry
from generation.worker.models.families import FAMILIES

log = logging.getLogger(__name__)

_Config = Mapping[str, Any]

# diffusers' tables of sibling classes (`AutoPipelineForImage2Image.from_pipe`) lack these.
_STARTS = {
    "ChromaPipeline": "ChromaImg2ImgPipeline",
    "SanaSprintPipeline": "SanaSprintImg2ImgPipeline",
}
_MASKS = {
    "Flux2KleinPipeline": "Flux2KleinInpaintPipeline",
}

_REFERENCES = {
    "Flux2Pipeline": 10,
    "Flux2KleinPipeline": 10,
    "Flux2KleinKVPipeline": 10,
    "FluxKontextPipeline": 1,
    "QwenImage21Pipeline": 10,
    "QwenImageEditPipeline": 1,
    "QwenImageEditPlusPipeline": 3,
    "ZImageOmniPipeline": 4,
    "DreamLitePipeline": 1,
    "DreamLiteMobilePipeline": 1,
    "GlmImagePipeline": 4,
    "BriaFibo2Pipeline": 1,
}
"""Pipelines that take pictures for a prompt to refer to. In a call these have no strength."""

_NEED_THEIR_PICTURE = {"QwenImageEditPipeline", "QwenImageEditPlusPipeline"}

_OTHER_WORK = re.compile(
    "Upscale|SuperResolution|Adapter|Prior|Decoder|Video|LDM3D|Layered|Audio|Music|ChromaInpaint"
)
"""In the names of classes that make something else than pictures, or need more than a prompt and a picture. ChromaInpaintPipeline
of diffusers 0.42 does not run.
"""

_PLAIN = {"self", "prompt", "image", "mask_image", "args", "kwargs"}
"""Parameters without a default that an order can fill."""


def of_files(source: str) -> Abilities | None:
    """Returns what a model folder can do, before it is loaded; None for a hub name, or a source that can't be read so."""
    folder = Path(source)
    try:
        index = json.loads((folder / "model_index.json").read_bytes())
        pipeline = getattr(diffusers, str(index["_class_name"]))
        parts = {name: folder / name / "config.json" for name in ("unet", "transformer")}
        configs = {name: json.loads(file.read_bytes()) for name, file in parts.items() if file.is_file()}
        return of_class(pipeline, index, configs)
    except (OSError, ValueError, KeyError, AttributeError, ImportError) as unknown:
        log.debug("%s: what it can do is unknown until it is loaded: %s", source, unknown)
        return None


def of_pipe(pipe: Any) -> Abilities:
    """Returns what a loaded pipeline can do."""
    parts = {name: getattr(pipe, name, None) for name in ("unet", "transformer")}
    configs: dict[str, _Config] = {name: part.config for name, part in parts.items() if part is not None}
    return of_class(type(pipe), dict(pipe.config), configs)


def with_controls(can: Abilities, entry: ModelEntry) -> Abilities:
    """Returns what the model can do with the ControlNets of its entry."""
    if can.pipeline not in NETS:
        return can
    controls = entry.controls
    return replace(can, control_kinds=controls.kinds, prepared_only=controls.prepared_only)


def of_class(pipeline: type[Any], index: _Config, configs: Mapping[str, _Config]) -> Abilities:
    """`index`: of model_index.json. `configs`: of the parts, by name."""
    name = pipeline.__name__
    accepts = inspect.signature(pipeline.__call__).parameters
    needs = {
        each for each, parameter in accepts.items() if parameter.default is inspect.Parameter.empty
    } - _PLAIN
    guidance = _guidance(name, accepts, index, configs)
    distilled = distilled_by(name, index, configs)
    is_guided = guidance.kind is not GuidanceKind.NONE
    is_usable = "prompt" in accepts and not needs and not _draws_other_things(name, accepts)
    controls = tuple(sorted(needs))
    if "ControlNet" in name or "Control" in name:
        controls = ("control_image",)
        is_usable = False
    family = FAMILIES.get(name)
    starts = masks = ""
    has_strength = True
    draws_text = is_usable
    if is_usable and {"image", "strength"} <= set(accepts):
        draws_text = False
        if "mask_image" in accepts:
            masks = name
        else:
            starts = name
    elif is_usable and "mask_image" in accepts:
        draws_text = False
    elif is_usable and "image" in accepts and (name not in _REFERENCES or name in _NEED_THEIR_PICTURE):
        draws_text, starts, has_strength = False, name, False
    elif is_usable:
        starts = _sibling(name, auto_pipeline.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING, _STARTS, {"strength"})
        masks = _sibling(
            name, auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING, _MASKS, {"strength", "mask_image"}
        )
    if family is not None:
        starts, masks = (starts if family.STARTS else "", masks if family.MASKS else "")
    return Abilities(
        pipeline=name,
        is_batched=family is not None,
        draws_text=draws_text,
        starts_by=starts,
        has_strength=has_strength,
        masks_by=masks,
        references=_REFERENCES.get(name, 0),
        controls=controls,
        takes_negative=_takes_negative(name, accepts, guidance),
        guidance=guidance,
        weighs_words=family is not None and family.WEIGHS_WORDS and _reads_by_clip(index),
        tells_steps="callback_on_step_end" in accepts or "num_inference_steps" in accepts,
        steps=distilled.steps if distilled else 0,
        scale=(distilled.guidance or 0.0) if distilled and is_guided else 0.0,
    )


def _reads_by_clip(index: _Config) -> bool:
    """Returns whether the text encoders are CLIP's, for which `ClipEncoding` weighs words."""
    classes = [index.get(name) or ("", "") for name in ("text_encoder", "text_encoder_2")]
    named = [str(one[1]) for one in classes if one[1]]
    return bool(named) and all(each.startswith("CLIPText") for each in named)


def _draws_other_things(name: str, accepts: Mapping[str, Any]) -> bool:
    """Returns whether it makes videos, sound or text, or does only a part of the work."""
    is_video = {"num_frames", "video", "video_length"} & set(accepts)
    is_picture = {"height", "image"} & set(accepts) or name in ("UnCLIPPipeline", "VQDiffusionPipeline")
    return bool(_OTHER_WORK.search(name) or is_video) or not is_picture


def _sibling(name: str, table: Any, more: Mapping[str, str], wanted: set[str]) -> str:
    """Returns the class with the same modules that does another task; empty if there is none that takes `image` and `wanted`."""
    # diffusers' public way to a sibling needs the loaded pipeline.
    find: Any = auto_pipeline._get_task_class  # pyright: ignore[reportPrivateUsage]
    own: Any = find(table, name, throw_error_if_not_exist=False)
    own = own or getattr(diffusers, more.get(name, ""), None)
    if own is None:
        return ""
    accepts = inspect.signature(own.__call__).parameters
    needs = {each for each, one in accepts.items() if one.default is inspect.Parameter.empty} - _PLAIN
    return own.__name__ if {"image", *wanted} <= set(accepts) and not needs else ""


def _guidance(
    name: str, accepts: Mapping[str, Any], index: _Config, configs: Mapping[str, _Config]
) -> Guidance:
    embeds = configs.get("transformer", {}).get("guidance_embeds")
    if configs.get("unet", {}).get("time_cond_proj_dim") or name.startswith("SanaSprint"):
        return Guidance(kind=GuidanceKind.EMBEDDED)
    if embeds:
        is_named = "distilled_guidance_scale" in accepts
        argument = "distilled_guidance_scale" if is_named else "guidance_scale"
        return Guidance(kind=GuidanceKind.EMBEDDED, argument=argument)
    if index.get("is_distilled") or (
        embeds is False and name.startswith("Flux") and "true_cfg_scale" in accepts
    ):
        return Guidance(kind=GuidanceKind.NONE, argument="")
    if "true_cfg_scale" in accepts:
        return Guidance(argument="true_cfg_scale")
    if "guidance_scale" in accepts:
        return Guidance(off=0.0 if name.startswith("ZImage") else 1.0)
    return Guidance(kind=GuidanceKind.NONE, argument="")


def _takes_negative(name: str, accepts: Mapping[str, Any], guidance: Guidance) -> bool:
    if guidance.kind is not GuidanceKind.FREE:
        return False
    family = FAMILIES.get(name)
    return "negative_prompt" in accepts or (family is not None and family.TAKES_NEGATIVE)
