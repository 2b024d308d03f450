"""Reads the parameters in a PNG: the text that `generation.files.images.parameters_of` and AUTOMATIC1111 write.

Any person can write such a text, so it proves nothing about how the picture was made.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

# Same rules as `re_param` and `parse_generation_parameters` in
# https://github.com/AUTOMATIC1111/stable-diffusion-webui/blob/master/modules/infotext_utils.py
_FIELD = re.compile(r'\s*(\w[\w \-/]{1,40}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_LORA = re.compile(r"\s*<lora:([\w-]+):(-?\d{1,2}(?:\.\d+)?)>")
_NEGATIVE = "Negative prompt:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Infotext:
    prompt: str
    negative: str
    loras: tuple[tuple[str, float], ...]  # name and weight, as written in the prompt
    fields: Mapping[str, str]  # keys are "Steps", "CFG scale", "Seed", "Size", "Model" and more


def read_infotext(text: str) -> Infotext:
    """Parses a parameters text. Without a line of fields, the whole text is the prompt. An empty text gives empty values."""
    lines = text.strip().split("\n")
    fields: dict[str, str] = {}
    if lines[-1].startswith("Steps: "):
        fields = {name: _unquoted(value) for name, value in _FIELD.findall(lines.pop())}
    start = next((i for i, line in enumerate(lines) if i and line.startswith(_NEGATIVE)), len(lines))
    prompt = "\n".join(lines[:start])
    return Infotext(
        prompt=_LORA.sub("", prompt).strip(),
        negative="\n".join(lines[start:]).removeprefix(_NEGATIVE).strip(),
        loras=tuple((name, float(weight)) for name, weight in _LORA.findall(prompt)),
        fields=fields,
    )


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        with suppress(ValueError):
            return str(json.loads(value))
    return value
