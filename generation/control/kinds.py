"""The kinds of control pictures, as plain values, and a model's settings for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ControlKind(StrEnum):
    """What a drawing follows of its control picture."""

    SCRIBBLE = "scribble"  # a drawing by hand
    EDGES = "edges"  # where brightness changes
    DEPTH = "depth"  # what is near and what is far
    POSE = "pose"  # a person's limbs


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How a control picture is read."""

    kind: ControlKind
    is_prepared: bool = (
        False  # it is a control map already: white lines on black, grey depths, or coloured limbs
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlEntry:
    """A model's ControlNets in the settings: a folder in diffusers' layout or a hub name for each kind; empty: none.

    One net for several kinds is named at each of them, and loaded once.
    """

    scribble: str = ""
    edges: str = ""
    depth: str = ""
    pose: str = ""
    # Folders of transformers' models that make control maps; empty: members send maps of that kind.
    depth_model: str = ""
    pose_model: str = ""

    @property
    def sources(self) -> Mapping[ControlKind, str]:
        named = {kind: str(getattr(self, kind.value)) for kind in ControlKind}
        return {kind: source for kind, source in named.items() if source}

    @property
    def estimators(self) -> Mapping[ControlKind, str]:
        named = {ControlKind.DEPTH: self.depth_model, ControlKind.POSE: self.pose_model}
        return {kind: source for kind, source in named.items() if source}

    @property
    def kinds(self) -> tuple[ControlKind, ...]:
        return tuple(self.sources)

    @property
    def prepared_only(self) -> tuple[ControlKind, ...]:
        """Returns the kinds for which members must send control maps."""
        made = (ControlKind.SCRIBBLE, ControlKind.EDGES, *self.estimators)
        return tuple(kind for kind in self.kinds if kind not in made)
