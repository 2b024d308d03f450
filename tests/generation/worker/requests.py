"""Short ways to write orders."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
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
from generation.worker.models.loading import Model, load
from tests.tiny_models import SIDE


def entry(folder: Path, name: str = "tiny", **more: Any) -> ModelEntry:
    return ModelEntry(
        name=ModelName(name), source=str(folder), licence="none", side=SIDE, multiple=16, **more
    )


def model(folder: Path, dtype: torch.dtype = torch.float32, **more: Any) -> Model:
    return load(entry(folder, **more), torch.device("cpu"), dtype)


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
