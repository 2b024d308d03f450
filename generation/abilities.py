"""What a model can do, as one plain value. The worker computes it from the model's pipeline class and configuration, and sends it
to the bot. Cards, options, sentences and doctor ask this value; no other code there knows what a pipeline class can do.
"""

from dataclasses import dataclass
from enum import StrEnum

from generation.control.kinds import ControlKind


class GuidanceKind(StrEnum):
    FREE = "free"  # classifier-free: the difference of two predictions, with and without the prompt
    EMBEDDED = "embedded"  # an input of a distilled model: one prediction
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    kind: GuidanceKind = GuidanceKind.FREE
    argument: str = "guidance_scale"  # its name in the pipeline's call; empty if there is none
    off: float = 1.0  # with this value or less there is no guidance; only for FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """The defaults are those of Stable Diffusion 1.x in the step loop."""

    pipeline: str  # the diffusers class
    is_batched: bool = True  # its pictures share steps
    draws_text: bool = True  # from a prompt alone
    starts_by: str = ""  # the class that starts from a picture; empty: it can't
    has_strength: bool = True  # it may stay near to that picture; otherwise it edits it as the prompt says
    masks_by: str = ""  # the class that fills in a mask; empty: it can't
    references: int = 0  # pictures that the prompt may refer to, at most
    controls: tuple[str, ...] = ()  # inputs that it can't draw without, such as "control_image"
    control_kinds: tuple[ControlKind, ...] = ()  # of control pictures that it can follow
    prepared_only: tuple[ControlKind, ...] = ()  # those of which it takes control maps alone
    takes_negative: bool = True
    guidance: Guidance = Guidance()
    weighs_words: bool = False  # `(word:1.3)` in a prompt
    multiple: int = 0  # pixels: width and height are multiples of it; 0: unknown
    tells_steps: bool = True  # it can be cancelled between two steps
    steps: int = 0  # a distilled model's number of steps, by its configuration; 0: it has no such number
    scale: float = 0.0  # and its guidance; 0: no such number

    @property
    def starts(self) -> bool:
        """Returns whether it can start from a picture: variations and remixes."""
        return bool(self.starts_by)

    @property
    def masks(self) -> bool:
        return bool(self.masks_by)

    @property
    def edits(self) -> int:
        """Returns how many pictures it changes as a prompt says, at most; 0: none."""
        return self.references or int(self.starts and not self.has_strength)

    @property
    def is_useful(self) -> bool:
        return self.draws_text or self.starts or self.masks

    @property
    def is_guided(self) -> bool:
        return self.guidance.kind is not GuidanceKind.NONE

    @property
    def advice(self) -> str:
        """Returns a sentence for the owner if the model can't draw from a prompt alone; otherwise an empty text."""
        if self.draws_text:
            return ""
        named = f"It is a {self.pipeline}, which can't draw from a prompt alone"
        if self.starts:
            verb = "starts from a picture" if self.has_strength else "edits a picture"
            use = "in a remix" if self.has_strength else "with /edit and in a remix"
            return f"{named}: it {verb}. Members use it {use}."
        if self.masks:
            return f"{named}: it fills in a part of a picture."
        wanted = f": it needs {', '.join(self.controls)}" if self.controls else ""
        return f"{named}{wanted}. No order can use it."
