"""Requests to the generation loop, as plain values: no torch, no Discord."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import log
from typing import Annotated, Any, ClassVar, Generic, Literal, NewType, TypeVar, cast

from msgspec import Meta

from generation.control.kinds import Control, ControlEntry
from generation.prompt import Prompt as Prompt

JobId = NewType("JobId", str)
"""Ten characters of a-z and 2-7, ordered by time; short enough for a button's custom_id."""

MemberId = NewType("MemberId", int)
GuildId = NewType("GuildId", int)
"""A Discord server."""

DIRECT = GuildId(0)
"""Direct messages. They get a share like a server."""

ModelName = NewType("ModelName", str)

StyleId = NewType("StyleId", int)
"""One version of a server's style."""

LoraName = NewType("LoraName", str)
"""Letters, digits, - and _: PEFT uses it in module names."""

Source = TypeVar("Source")

DRAFT_STEPS = 8
"""The most steps of a draft picture. Drafts are few-step models and small changes to another picture."""

MAX_SEED = 2**63 - 1
"""SQLite and torch both use signed 64-bit numbers."""

MAX_GUIDANCE = 30.0

_SAME_PROPORTIONS, _MOST_EXCESS = log(1.01), log(1.35)
"""Factors, as logarithms: by which proportions may be off unnoticed, and by which a size may have more pixels than usual."""

MAX_LORA_WEIGHT = 2.0
"""The limit of a weight, positive or negative. Beyond it, pictures become unusable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    width: int  # pixels
    height: int  # pixels


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Lora:
    """A LoRA used for a picture."""

    name: LoraName
    weight: float  # 1: as its maker intended; below 0: the opposite effect


LoraSet = tuple[Lora, ...]
"""Sorted by name, no LoRA twice, none of weight 0. So sets with the same LoRAs compare equal."""


class Role(StrEnum):
    """The purpose of an input picture."""

    START = "start"  # image-to-image starts from it
    MASK = "mask"  # for the start: white is redrawn, black is kept to the pixel
    UPSCALE = "upscale"  # enlarged without redrawing
    CREATIVE = "creative"  # enlarged, then redrawn tile by tile
    STYLE = "style"  # the picture is drawn in its style; `strength` says how much
    REFERENCE = "reference"  # the prompt speaks of it: "put the hat of image 2 on the fox of image 1"
    CONTROL = "control"  # the drawing follows its lines, depths or limbs


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a start picture lies on the canvas, in shares of the canvas' sides. What lies outside the canvas is cut off; what the
    picture leaves free is drawn.
    """

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The part of a start picture that is redrawn: cells of a grid over it, numbered by rows from 0.

    Three rows and columns are what a form offers. A mask that is drawn or uploaded is the same value with a finer grid.
    """

    rows: int
    columns: int
    cells: tuple[int, ...]  # sorted, at least one


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPicture(Generic[Source]):
    source: Source
    role: Role
    # 0 < strength <= 1; of what is redrawn: the share of the schedule that is run again; of a control picture: its net's scale
    strength: float = 1.0
    placement: Placement | None = None  # of the start; None: it fills the canvas
    region: Region | None = None  # of the start; None: all of it is redrawn, or with a placement nothing
    factor: int = 0  # of a picture to enlarge: 2 or 4; 0: as the settings say
    control: Control | None = None  # of a control picture
    blended: int = 0  # of the start: the number of pictures whose mean it is; 0: it is one picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing(Generic[Source]):
    """The parameters of one job's pictures. Picture i starts from noise with `seed + i`, so each can be drawn again alone.

    `Source` identifies an input picture. In orders and jobs it is the place of the stored picture. In requests it is the content
    (PNG, JPEG or WebP); the worker crops it to the proportions and resizes it.
    """

    prompt: Prompt
    model: ModelName
    size: ImageSize
    steps: int
    guidance: (
        float  # as the model's pipeline takes it; classifier-free guidance is off at 1 or, for Z-Image, at 0
    )
    seed: int  # 0 <= seed, seed + images - 1 <= MAX_SEED
    images: int  # 1 to 4
    scheduler: str = ""  # a name in SCHEDULERS that the model's entry lists; empty: the model's own
    loras: tuple[Lora, ...] = ()
    pictures: tuple[InputPicture[Source], ...] = ()
    style: StyleId | None = None  # that words and LoRAs were taken from; for the record alone

    @property
    def lora_set(self) -> LoraSet:
        return tuple(sorted(lora for lora in self.loras if lora.weight))

    def picture(self, role: Role) -> InputPicture[Source] | None:
        """Returns the first input picture with this role."""
        for each in self.pictures:
            if each.role is role:
                return each
        return None

    @property
    def is_masked(self) -> bool:
        """Returns whether a part of the start picture is kept."""
        start = self.picture(Role.START)
        is_laid = start is not None and (start.placement is not None or start.region is not None)
        return is_laid or self.picture(Role.MASK) is not None

    @property
    def references(self) -> tuple[InputPicture[Source], ...]:
        return tuple(each for each in self.pictures if each.role is Role.REFERENCE)

    def with_contents(self, contents: Iterable[bytes]) -> Drawing[bytes]:
        """Replaces the sources by contents. `contents`: one for each input picture, in the same order."""
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
class PlannedPicture:
    """How one picture of a job differs from what was typed, for a model with tables of words."""

    prompt: Prompt  # drawn instead of the drawing's
    is_mirrored: bool = False  # left and right are swapped when it is finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of an enlarged picture that is redrawn in the model's own size. Boxes are left, top, right, bottom in pixels of the
    enlarged picture.
    """

    box: tuple[int, int, int, int]  # what the model sees
    core: tuple[int, int, int, int]  # what is new in the end, up to a soft edge; the rest is context
    turn: int  # tiles of one turn don't touch, and may be drawn at once; the next turn starts from them


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest(_Asked):
    """`drawing` is as ordered. `plan` has one entry for each picture, or none: then the drawing's prompt is drawn.

    `tiles`: of the picture with the role CREATIVE, in the order of their turns; without such a picture there are none.
    """

    plan: tuple[PlannedPicture, ...] = ()
    tiles: tuple[Tile, ...] = ()

    @property
    def parts(self) -> int:
        """Returns how many pictures or tiles are drawn."""
        return len(self.tiles) or self.drawing.images

    @property
    def parts_at_once(self) -> int:
        """Returns how many of them share steps, on average of the turns."""
        return -(-self.parts // (len({tile.turn for tile in self.tiles}) or 1))

    def drawn(self, index: int) -> Drawing[bytes]:
        """Returns the drawing with the prompt of picture `index`."""
        return replace(self.drawing, prompt=self.plan[index].prompt) if self.plan else self.drawing

    def is_mirrored(self, index: int) -> bool:
        return bool(self.plan) and self.plan[index].is_mirrored

    @property
    def is_draft(self) -> bool:
        return self.cost <= DRAFT_STEPS * self.drawing.images

    @property
    def cost(self) -> float:
        """Returns picture-steps. The fair queue charges these until device seconds are known."""
        start = self.drawing.picture(Role.START) or self.drawing.picture(Role.CREATIVE)
        return max(1.0, self.parts * self.drawing.steps * (start.strength if start else 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleRequest(_Asked):
    """A request to upscale the drawing's input picture to `factor` times its width and height."""

    factor: int = 2
    pixels: int = 1  # width times height of the input picture; its time is estimated by them
    is_draft: ClassVar[bool] = True
    cost: ClassVar[float] = 10.0  # picture-steps


Request = GenerationRequest | UpscaleRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchKey:
    """Two pictures can share a forward pass only if these values are equal."""

    model: ModelName
    latent_shape: tuple[
        int, ...
    ]  # (channels, height / vae scale, width / vae scale), or (channels, 1, room) for any size
    # (tokens, width) of one prompt's embedding; then height and width in latents of each reference picture
    text_shape: tuple[int, ...]
    dtype: str
    loras: LoraSet = ()

    @property
    def cost_key(self) -> CostKey:
        """Returns what decides the time and memory of a step. Of LoRAs this is their number: members type any weights."""
        return (self.model, self.latent_shape, self.text_shape, self.dtype, len(self.loras))


CostKey = tuple[ModelName, tuple[int, ...], tuple[int, ...], str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraEntry:
    """A LoRA in the settings."""

    # `--lora NAME:WEIGHT` takes one word, and PEFT uses the name in module names.
    name: Annotated[
        LoraName, Meta(pattern=r"\A[A-Za-z0-9_-]{1,40}\Z", description="one word of letters, digits, - _")
    ]
    source: Annotated[str, Meta(min_length=1)]  # a .safetensors file, or the folder that holds it
    licence: str = ""
    description: str = ""
    # The default, if the member gives no weight.
    weight: Annotated[float, Meta(ge=-MAX_LORA_WEIGHT, le=MAX_LORA_WEIGHT)] = 1.0
    trigger: str = ""  # words that the prompt must contain; missing ones are put before it


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingEntry:
    """A textual inversion embedding in the settings."""

    name: Annotated[
        str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,40}\Z", description="one word of letters, digits, - _")
    ]
    source: Annotated[str, Meta(min_length=1)]  # a .safetensors file
    licence: str = ""
    description: str = ""
    # The word in a prompt that stands for it; empty: its name.
    trigger: Annotated[str, Meta(pattern=r"\A\S{0,40}\Z", description="one word")] = ""

    @property
    def word(self) -> str:
        return self.trigger or self.name


LicenceClass = Literal["", "open", "use-rules", "non-commercial", "research", "revenue-limit"]
"""What a model's licence asks: nothing much, rules of use, no commercial use, research alone, or a licence above a revenue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model in the settings: its source, its limits and its defaults."""

    # `--model NAME` inside a prompt takes one word.
    name: Annotated[
        ModelName, Meta(pattern=r"\A\w[\w.-]{0,59}\Z", description="one word of letters, digits, - . _")
    ]
    source: Annotated[
        str, Meta(min_length=1)
    ]  # a .safetensors or .gguf file, a folder in diffusers' layout, or a hub name
    licence: str
    description: str = ""
    side: Annotated[int, Meta(ge=8, le=4096)] = 512  # pixels: of the square that the model was trained on
    multiple: Annotated[int, Meta(ge=8, le=1024)] = 16  # pixels: width and height are multiples of this
    steps: Annotated[int, Meta(ge=1, le=1000)] = 25
    max_steps: Annotated[int, Meta(ge=1, le=1000)] = 100
    guidance: Annotated[float, Meta(ge=0, le=MAX_GUIDANCE)] = 7.0
    scheduler: str = ""  # name of a diffusers scheduler class; empty: the model's own
    dtype: Literal["", "float32", "bfloat16", "float16"] = ""  # empty: the best for the device
    compile: bool = False  # torch.compile: takes minutes at start, then steps are faster
    enlarge: Literal[1, 2, 4] = 1  # finished pictures are upscaled by this factor before delivery
    variation_strength: Annotated[float, Meta(gt=0, le=1)] = 0.6
    adapts_prompts: bool = False  # prompts are read with the tables in the model's folder words/
    loras: tuple[LoraEntry, ...] = ()
    schedulers: tuple[str, ...] = ()  # names in SCHEDULERS that members choose from; the first is the default
    # The layer of CLIP that is read, counted from the last, as in AUTOMATIC1111; 0: the one that the model was trained with.
    clip_skip: Annotated[int, Meta(ge=0, le=12)] = 0
    rescale: Annotated[float, Meta(ge=0, le=1)] = 0.0  # of the guided output, for zero-terminal-SNR; 0: off
    negative: Annotated[str, Meta(max_length=500)] = ""  # the negative prompt of orders that give none
    prefix: Annotated[str, Meta(max_length=300)] = ""  # words put before every prompt that lacks them
    licence_class: LicenceClass = ""  # empty: not said
    embeddings: tuple[EmbeddingEntry, ...] = ()
    controls: ControlEntry = field(default_factory=ControlEntry)

    # Files: what `source` lacks, or what replaces a part of it.
    base: str = (
        ""  # the folder or hub name that the other parts of a single file come from; empty: Atelier's own
    )
    vae: str = ""  # a .safetensors file, a folder or a hub name; empty: the model's own
    style_adapter: str = ""  # the .safetensors file of an IP-Adapter, with the folder image_encoder beside it
    preview: str = ""  # the file or folder of a TAESD that draws previews; empty: a linear map of the latents
    prediction: Literal["", "epsilon", "v_prediction"] = ""  # empty: as the files say
    zero_snr: bool = False  # trained up to pure noise (zero terminal SNR); files may also say so
    quantise: Literal["", "int8"] = ""  # weights of linear layers, except in the VAE
    revision: str = ""  # of a hub's model: a branch, a tag or a commit; empty: main

    @property
    def forbids_paid(self) -> bool:
        """Returns whether the licence forbids that members pay for access to the model."""
        return self.licence_class in ("non-commercial", "research")

    @property
    def default_scheduler(self) -> str:
        """As in `Drawing.scheduler`."""
        return self.schedulers[0] if self.schedulers else ""

    def size_for(self, aspect: tuple[int, int]) -> ImageSize:
        """Returns the size with the proportions width : height that is nearest to the model's pixel count.

        The proportions are at most 1 % off where the multiples allow that with a third more or fewer pixels; otherwise the size
        is the best compromise.
        """
        wide, high = aspect
        ratio, pixels = wide / high, self.side * self.side

        def distance(size: ImageSize) -> tuple[bool, float]:
            error = abs(log(size.width / size.height / ratio))
            excess = abs(log(size.width * size.height / pixels))
            is_exact = error <= _SAME_PROPORTIONS and excess <= _MOST_EXCESS
            return not is_exact, excess if is_exact else excess + 3 * error

        widths = range(self.multiple, max(4 * self.side, self.multiple + 1), self.multiple)
        return min((size for width in widths for size in self._sizes(width, ratio)), key=distance)

    def _sizes(self, width: int, ratio: float) -> Iterable[ImageSize]:
        """Yields the sizes of this width whose height is the next multiple below and above the one that gives the ratio."""
        below = int(width / ratio) // self.multiple * self.multiple
        for height in (below, below + self.multiple):
            if height:
                yield ImageSize(width=width, height=height)
