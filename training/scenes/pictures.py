"""The archive of drawings: items.json (name, tags, hex), f/HEX.webp (Fluent, solid) and n/HEX.webp (Noto, flat).

Made by training/archive.py. Every drawing becomes one square of SIDE pixels, cropped to what is opaque and
fitted to the edges.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

SIDE = 128  # pixels
FAINT = 8  # alpha at or below this (of 255) is shadow haze, not drawing


@dataclass(frozen=True, slots=True)
class Drawings:
    """By name, RGBA (SIDE × SIDE)."""

    solid: Mapping[str, Image.Image]  # Fluent 3D: the style that is drawn unasked
    flat: Mapping[str, Image.Image]  # Noto; not every name has one


def load(archive: Path, names: Iterable[str]) -> Drawings:
    """The drawings of these names. KeyError names what has no solid one."""
    with zipfile.ZipFile(archive) as opened:
        items: list[dict[str, Any]] = json.loads(opened.read("items.json"))
        code = {str(item["name"]): str(item["hex"]) for item in items}
        files = set(opened.namelist())
        wanted = list(names)
        solid = {name: fit(opened.read(f"f/{code[name]}.webp")) for name in wanted}
        flat = {name: f"n/{code[name]}.webp" for name in wanted}
        return Drawings(solid, {name: fit(opened.read(file)) for name, file in flat.items() if file in files})


def fit(encoded: bytes) -> Image.Image:
    """Decode, crop to the opaque part, scale the longer edge to SIDE, centre."""
    picture = Image.open(io.BytesIO(encoded)).convert("RGBA")
    opaque = picture.getchannel("A").point([0] * (FAINT + 1) + [255] * (255 - FAINT))
    picture = picture.crop(opaque.getbbox())
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(picture, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square
