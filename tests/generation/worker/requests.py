"""Short ways to write orders and models' entries. No torch: the fast tests use them too."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from generation.request import (
    Drawing,
    GenerationRequest,
    ImageSize,
    JobId,
    MemberId,
    ModelEntry,
    ModelName,
    Prompt,
)
from tests.pictures import SIDE


def entry(folder: Path, name: str = "tiny", **more: Any) -> ModelEntry:
    return ModelEntry(
        name=ModelName(name), source=str(folder), licence="none", side=SIDE, multiple=16, **more
    )


def order(job: str = "job", text: str = "a red fox", negative: str = "", **more: Any) -> GenerationRequest:
    """Builds an order. `more` holds fields of the drawing, `member` and `guild`."""
    whose: dict[str, Any] = {name: more.pop(name) for name in ("member", "guild") if name in more}
    usual: dict[str, Any] = {
        "model": ModelName("tiny"),
        "prompt": Prompt(text=text, negative=negative),
        "size": ImageSize(width=SIDE, height=SIDE),
        "steps": 4,
        "guidance": 4.0,
        "seed": 1,
        "images": 1,
    }
    drawing: Drawing[bytes] = Drawing(**usual | more)
    return replace(GenerationRequest(job=JobId(job), member=MemberId(1), drawing=drawing), **whose)


def png(colour: tuple[int, int, int] = (200, 40, 90), side: int = SIDE) -> bytes:
    out = io.BytesIO()
    gradient = Image.linear_gradient("L").resize((side, side)).convert("RGB")
    Image.blend(gradient, Image.new("RGB", (side, side), colour), 0.5).save(out, "PNG")
    return out.getvalue()
