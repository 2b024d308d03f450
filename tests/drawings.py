"""Short ways to write drawings."""

from typing import Any

from db.jobs import Parent
from generation.request import (
    Drawing,
    ImageSize,
    InputPicture,
    JobId,
    MemberId,
    ModelName,
    Prompt,
    Role,
    UpscaleRequest,
)


def drawing(text: str = "a fox", negative: str = "", **more: Any) -> Drawing[Any]:
    usual: dict[str, Any] = {
        "prompt": Prompt(text=text, negative=negative),
        "model": ModelName("small"),
        "size": ImageSize(width=64, height=64),
        "steps": 10,
        "guidance": 7.0,
        "seed": 0,
        "images": 1,
    }
    return Drawing(**usual | more)


def grown_from(
    job: JobId, image: int = 0, strength: float = 0.6, role: Role = Role.START
) -> tuple[InputPicture[Parent], ...]:
    return (InputPicture(source=Parent(job=job, image=image), role=role, strength=strength),)


def start_from(content: bytes, strength: float, mask: bytes | None = None) -> tuple[InputPicture[bytes], ...]:
    """Returns the input pictures of an image-to-image order."""
    start = InputPicture(source=content, role=Role.START, strength=strength)
    return (start, InputPicture(source=mask, role=Role.MASK)) if mask else (start,)


def upscale_of(content: bytes, job: str = "large") -> UpscaleRequest:
    pictures = (InputPicture(source=content, role=Role.UPSCALE),)
    return UpscaleRequest(job=JobId(job), member=MemberId(1), drawing=drawing(pictures=pictures))
