"""Reads the parameters that programs write into a picture or beside it: `generation.files.images.parameters_of` and
AUTOMATIC1111 as a text; ComfyUI, InvokeAI, SwarmUI, Fooocus, NovelAI and Draw Things as JSON.

Any person can write such a text, so it proves nothing about how the picture was made.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from generation.files.images import read_texts
from generation.scheduler_names import find_scheduler

# Same rules as `re_param` and `parse_generation_parameters` in
# https://github.com/AUTOMATIC1111/stable-diffusion-webui/blob/master/modules/infotext_utils.py
_FIELD = re.compile(r'\s*(\w[\w \-/]{1,40}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_LORA = re.compile(r"\s*<lora:([^:<>]{1,80})(?::(-?\d{0,2}(?:\.\d+)?))?(?::[^<>]*)?>", re.I)
_NEGATIVE = "Negative prompt:"
_STEPS = re.compile(r"Steps: \d+\s*(?:,|$)")
_LONGEST_JSON = 2**20
"""Characters. The graph of ComfyUI has a hundred thousand."""
_MOST_LINKS = 30
"""Nodes of a ComfyUI graph between a sampler and its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Infotext:
    prompt: str
    negative: str
    loras: tuple[tuple[str, float], ...]  # name and weight, as written in the prompt
    fields: Mapping[str, str]  # keys are "Steps", "CFG scale", "Seed", "Size", "Model" and more

    @property
    def scheduler(self) -> str | None:
        """Returns a name in SCHEDULERS. Newer versions of AUTOMATIC1111 write Karras' sigmas into a field of their own."""
        sampler, kind = self.fields.get("Sampler", ""), self.fields.get("Schedule type", "")
        return find_scheduler(f"{sampler} {kind}") or find_scheduler(sampler)


def looks_like_infotext(text: str) -> bool:
    """Returns whether a text has lines of parameters, which no typed prompt has."""
    lines = text.strip().split("\n")
    return bool(_STEPS.match(lines[-1])) or any(line.startswith(_NEGATIVE) for line in lines)


def read_infotext(text: str) -> Infotext:
    """Parses a parameters text. Without a line of fields, the whole text is the prompt. An empty text gives empty values."""
    lines = text.strip().split("\n")
    fields: dict[str, str] = {}
    if _STEPS.match(lines[-1]):
        fields = {name: _unquoted(value) for name, value in _FIELD.findall(lines.pop())}
    start = next((i for i, line in enumerate(lines) if line.startswith(_NEGATIVE)), len(lines))
    return _infotext("\n".join(lines[:start]), "\n".join(lines[start:]).removeprefix(_NEGATIVE), fields)


def read_picture(content: bytes) -> Infotext | None:
    """Reads the parameters in a PNG, JPEG or WebP. None: there are none, or no prompt can be told apart. Raises NotAPicture."""
    return _of_texts(read_texts(content))


def _of_texts(texts: Mapping[str, str]) -> Infotext | None:
    parameters = texts.get("parameters", "").strip()
    if parameters and not parameters.startswith("{"):
        return read_infotext(parameters)
    comment = _xmp_comment(texts.get("XML:com.adobe.xmp", ""))
    named = (texts.get(name, "") for name in ("invokeai_metadata", "sd-metadata", "Comment"))
    values = (_of_values(_json(text)) for text in (parameters, *named, comment))
    graph = _of_graph(_json(texts.get("prompt", "")))
    return next((each for each in (*values, graph) if each is not None), None)


def _infotext(prompt: str, negative: str, fields: Mapping[str, str]) -> Infotext:
    return Infotext(
        prompt=_LORA.sub("", prompt).strip(),
        negative=negative.strip(),
        loras=tuple((name, float(weight or 1)) for name, weight in _LORA.findall(prompt) if weight != "-"),
        fields=fields,
    )


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        with suppress(ValueError):
            return str(json.loads(value))
    return value


def _json(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{") or len(text) > _LONGEST_JSON:
        return None
    try:
        data = json.loads(text, strict=False)  # Draw Things leaves line breaks in its texts
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None


# ---- values by name

_NAMES = {
    "Prompt": ("prompt", "positive_prompt", "positivePrompt", "c"),
    "Negative": ("negative_prompt", "negativeprompt", "negativePrompt", "uc"),
    "Seed": ("seed",),
    "Steps": ("steps",),
    "CFG scale": ("cfg_scale", "cfgscale", "guidance_scale", "scale"),
    "Size": ("size", "resolution"),
    "Model": ("model", "base_model", "model_name", "name"),
}
"""The names that SwarmUI, Fooocus, InvokeAI, NovelAI and Draw Things use for a field."""


def _of_values(data: dict[str, Any] | None) -> Infotext | None:
    if data is None:
        return None
    for inner in ("sui_image_params", "image"):  # SwarmUI; InvokeAI 2
        if isinstance(data.get(inner), dict):
            data = {**data, **data[inner]}
    found = {field: text for field in _NAMES if (text := _text(data, _NAMES[field]))}
    if {"width", "height"} <= data.keys():
        found["Size"] = f"{data['width']}x{data['height']}"
    found["Size"] = "x".join(re.findall(r"\d+", found.get("Size", ""))[:2])
    prompt, negative = found.pop("Prompt", ""), found.pop("Negative", "")
    return _infotext(prompt, negative, found) if prompt or negative else None


def _text(data: Mapping[str, Any], names: Sequence[str]) -> str:
    """Returns the first value of these names as a text: of a nested one, its own text."""
    for value in (data[name] for name in names if name in data):
        if isinstance(value, list) and value:  # InvokeAI 2: parts of a prompt
            value = cast("list[Any]", value)[0]
        if isinstance(value, dict):
            value = _text(cast("dict[str, Any]", value), (*names, *_NAMES["Model"]))
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def _xmp_comment(xmp: str) -> str:
    """Returns the JSON that Draw Things writes into XMP."""
    found = re.search(r"<exif:UserComment>.*?<rdf:li[^>]*>(.*?)</rdf:li>", xmp[:_LONGEST_JSON], re.S)
    return html.unescape(found[1]) if found else ""


# ---- ComfyUI's graph


def _of_graph(nodes: dict[str, Any] | None) -> Infotext | None:
    """Reads the first sampler's words by following its links. `nodes`: by id, each with `class_type` and `inputs`."""
    inputs = {
        id: cast("dict[str, Any]", node["inputs"])
        for id, node in (nodes or {}).items()
        if isinstance(node, dict) and isinstance(cast("dict[str, Any]", node).get("inputs"), dict)
    }
    # Other nodes pass on a positive and a negative side too; only a sampler has a seed.
    for sampler in sorted(inputs.values(), key=lambda each: not {"seed", "noise_seed"} & each.keys()):
        ends = {side: sampler.get(side) for side in ("positive", "negative")}
        if not isinstance(ends["positive"], list):
            continue
        prompt, negative = (next(_words(inputs, end, side, _MOST_LINKS), "") for side, end in ends.items())
        sizes = (each for each in inputs.values() if {"width", "height", "batch_size"} <= each.keys())
        size = next((f"{each['width']}x{each['height']}" for each in sizes), "")
        seed = sampler.get("seed", sampler.get("noise_seed", ""))
        if prompt or negative:
            return _infotext(prompt, negative, {"Seed": str(seed), "Size": size})
    return None


def _words(inputs: Mapping[str, Mapping[str, Any]], value: Any, side: str, most: int) -> Iterator[str]:
    """Yields the texts behind a link. Through nodes that change a conditioning, the way leads on on the same `side`."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, list) and value and most:
        node = inputs.get(str(cast("list[Any]", value)[0]), {})
        for name in ("text", "text_g", "clip_l", "t5xxl", "prompt", "string", "value", side, "conditioning"):
            yield from _words(inputs, node.get(name), side, most - 1)
