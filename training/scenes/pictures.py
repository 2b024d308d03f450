"""The archive of drawings: items.json (name, tags, hex), f/HEX.webp (Fluent, solid) and n/HEX.webp (Noto, flat).

Made by training/archive.py. Every drawing becomes one square of SIDE pixels, cropped to its opaque part and scaled to the
edges.
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
FAINT = 8  # alpha (of 255) up to this value is shadow haze, not drawing


@dataclass(frozen=True, slots=True)
class Drawings:
    """Drawings by name, RGBA (SIDE × SIDE)."""

    solid: Mapping[str, Image.Image]  # Fluent 3D: the default style
    flat: Mapping[str, Image.Image]  # Noto; some names have none


def load(archive: Path, names: Iterable[str]) -> Drawings:
    """Returns the drawings of these names. KeyError names a drawing without a solid version."""
    with zipfile.ZipFile(archive) as opened:
        items: list[dict[str, Any]] = json.loads(opened.read("items.json"))
        code = {str(item["name"]): str(item["hex"]) for item in items}
        files = set(opened.namelist())
        wanted = list(names)
        solid = {name: fit(opened.read(f"f/{code[name]}.webp")) for name in wanted}
        flat = {name: f"n/{code[name]}.webp" for name in wanted}
        return Drawings(solid, {name: fit(opened.read(file)) for name, file in flat.items() if file in files})


def fit(encoded: bytes) -> Image.Image:
    """Decodes a drawing, crops it to the opaque part, scales the longer edge to SIDE and centres it."""
    picture = Image.open(io.BytesIO(encoded)).convert("RGBA")
    opaque = picture.getchannel("A").point([0] * (FAINT + 1) + [255] * (255 - FAINT))
    picture = picture.crop(opaque.getbbox())
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(picture, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square
