"""What is asked of the generation loop: plain values, no torch, no Discord."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, NewType, TypeVar, cast

from msgspec import Meta

from generation.prompt import Prompt as Prompt

JobId = NewType("JobId", str)
"""Ten characters of a-z and 2-7, time-ordered; short enough for a button's custom_id."""

MemberId = NewType("MemberId", int)
GuildId = NewType("GuildId", int)
"""A Discord server."""

DIRECT = GuildId(0)
"""Direct messages, which share like a server."""

ModelName = NewType("ModelName", str)

LoraName = NewType("LoraName", str)
"""Letters, digits, - and _: PEFT names modules after it."""

Source = TypeVar("Source")

DRAFT_STEPS = 8
"""A picture with as many steps or fewer is a draft: few-step models, and a little change to another picture."""

MAX_SEED = 2**63 - 1
"""SQLite and torch both hold 64 signed bits."""

MAX_GUIDANCE = 30.0

MAX_LORA_WEIGHT = 2.0
"""Either way. Beyond, pictures fall apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    width: int  # pixels
    height: int  # pixels


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Lora:
    """One that a picture is drawn with."""

    name: LoraName
    weight: float  # 1: as its maker meant it; below 0: away from it


LoraSet = tuple[Lora, ...]
"""Sorted by name, none twice, none of weight 0: equal sets are equal."""


class Role(StrEnum):
    """What a picture that is handed in is for."""

    START = "start"  # image-to-image starts from it
    MASK = "mask"  # of the start: white is drawn anew, black stays to the pixel
    UPSCALE = "upscale"  # made larger as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPicture(Generic[Source]):
    source: Source
    role: Role
    strength: float = 1.0  # 0 < strength <= 1; of the start: the share of the schedule that is run again


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing(Generic[Source]):
    """What is drawn. Picture i starts from noise drawn with `seed + i`, so one job's third picture can be drawn again alone.

    `Source` is what a picture that is handed in is known by: a kept one's place in orders and jobs, its content in requests (PNG,
    JPEG or WebP; the worker cuts it to the proportions and resizes it).
    """

    prompt: Prompt
    model: ModelName
    size: ImageSize
    steps: int
    guidance: float  # classifier-free guidance scale; 1 switches it off
    seed: int  # 0 <= seed, seed + images - 1 <= MAX_SEED
    images: int  # 1 to 4
    loras: tuple[Lora, ...] = ()
    pictures: tuple[InputPicture[Source], ...] = ()

    @property
    def lora_set(self) -> LoraSet:
        return tuple(sorted(lora for lora in self.loras if lora.weight))

    def picture(self, role: Role) -> InputPicture[Source] | None:
        """The first that plays this role."""
        for each in self.pictures:
            if each.role is role:
                return each
        return None

    def with_contents(self, contents: Iterable[bytes]) -> Drawing[bytes]:
        """`contents`: one for each of the pictures."""
        pairs = zip(self.pictures, contents, strict=True)
        pictures = tuple(replace(each, source=content) for each, content in pairs)
        return cast(Any, replace(self, pictures=pictures))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    job: JobId
    member: MemberId
    guild: GuildId = DIRECT
    drawing: Drawing[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest(_Asked):
    @property
    def is_draft(self) -> bool:
        return self.cost <= DRAFT_STEPS * self.drawing.images

    @property
    def cost(self) -> float:
        """Picture-steps: what the fair line charges before device seconds are known."""
        start = self.drawing.picture(Role.START)
        return max(1.0, self.drawing.images * self.drawing.steps * (start.strength if start else 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleRequest(_Asked):
    """The drawing's picture to upscale, `factor` times as wide and as high."""

    factor: int = 2
    is_draft: ClassVar[bool] = True
    cost: ClassVar[float] = 10.0  # picture-steps


Request = GenerationRequest | UpscaleRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchKey:
    """What must be equal for two pictures to share a forward pass."""

    model: ModelName
    latent_shape: tuple[int, ...]  # (channels, height / vae scale, width / vae scale)
    text_shape: tuple[int, ...]  # (tokens, width) of one prompt's embedding
    dtype: str
    loras: LoraSet = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraEntry:
    """A LoRA of the settings."""

    # `--lora NAME:WEIGHT` is one word, and PEFT names modules after it.
    name: Annotated[
        LoraName, Meta(pattern=r"\A[A-Za-z0-9_-]{1,40}\Z", description="one word of letters, digits, - _")
    ]
    source: Annotated[str, Meta(min_length=1)]  # a .safetensors file, or the folder that holds it
    licence: str = ""
    description: str = ""
    # Where the member names none.
    weight: Annotated[float, Meta(ge=-MAX_LORA_WEIGHT, le=MAX_LORA_WEIGHT)] = 1.0
    trigger: str = ""  # words that the prompt must hold; they are put before it where they are missing


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model of the settings: where it is, what it costs to use, what it likes."""

    # `--model NAME` inside a prompt takes one word.
    name: Annotated[
        ModelName, Meta(pattern=r"\A[\w.-]{1,60}\Z", description="one word of letters, digits, - . _")
    ]
    source: Annotated[str, Meta(min_length=1)]  # a folder in diffusers' layout, or a hub name
    licence: str
    description: str = ""
    side: Annotated[int, Meta(ge=8, le=4096)] = 512  # pixels: of the square that the model was trained on
    multiple: Annotated[int, Meta(ge=8, le=1024)] = 64  # pixels: width and height are multiples of this
    steps: Annotated[int, Meta(ge=1, le=1000)] = 25
    max_steps: Annotated[int, Meta(ge=1, le=1000)] = 100
    guidance: Annotated[float, Meta(ge=0, le=MAX_GUIDANCE)] = 7.0
    scheduler: str = ""  # a diffusers scheduler class's name; empty: the model's own
    dtype: Literal["", "float32", "bfloat16", "float16"] = ""  # empty: what the device is good at
    compile: bool = False  # torch.compile: minutes at the start, faster steps afterwards
    enlarge: Literal[1, 2, 4] = 1  # finished pictures are enlarged this many times before anybody sees them
    variation_strength: Annotated[float, Meta(gt=0, le=1)] = 0.6
    loras: tuple[LoraEntry, ...] = ()

    def size_for(self, aspect: tuple[int, int]) -> ImageSize:
        """The size nearest to the model's pixel count with this width : height."""
        wide, high = aspect
        pixels = self.side * self.side
        width = (pixels * wide / high) ** 0.5
        height = pixels / width

        def fit(length: float) -> int:
            return max(self.multiple, round(length / self.multiple) * self.multiple)

        return ImageSize(width=fit(width), height=fit(height))
