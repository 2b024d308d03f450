"""What a composition shows, said in words by the composer and painted by the painter. No torch, no files."""

from dataclasses import dataclass
from typing import Literal

from training.scenes.wordings import WORDINGS

Kind = Literal["single", "small", "pair", "alone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How often what is composed. Shares are probabilities; `common` is a ratio."""

    tinted: float
    small: float
    pair: float
    flat: float  # of the pictures, drawn in the flat style where the drawing exists
    white: float  # of the plain backgrounds
    backdrop: float  # of the backgrounds: painted ones instead of plain colours
    alone: float  # of the painted ones: with no object
    common: float  # how many times more often a common concept is drawn
    usual: float  # the first of several pictures or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One caption and what its picture must show."""

    caption: str
    kind: Kind
    concepts: tuple[str, ...]  # one name; or two: left, right; or none: the backdrop alone
    drawings: tuple[str, ...]  # the archive's name for each of them
    background: str  # a colour of training.scenes.colours or a backdrop of training.scenes.wordings
    tint: str | None = None  # a colour that the object is repainted in
    is_flat: bool = False

    @property
    def key(self) -> str:
        """What is shown, however it was said: two scenes with one key differ in words and geometry alone."""
        style = "flat" if self.is_flat else "3d"
        return "|".join((self.kind, "+".join(self.concepts), self.tint or "", self.background, style))

    @property
    def has_backdrop(self) -> bool:
        return self.background in WORDINGS

    @property
    def keys(self) -> frozenset[str]:
        """By what it can be held out: its key, and each object with the backdrop that it is in front of."""
        before = self.concepts if self.has_backdrop else ()
        return frozenset((self.key, *(in_front_of(concept, self.background) for concept in before)))


def in_front_of(concept: str, backdrop: str) -> str:
    """The key of all scenes with this object in front of this backdrop."""
    return f"{concept}@{backdrop}"


def article(noun: str) -> str:
    """`a` or `an` and the noun, even where English wants neither: people type "a french fries"."""
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'o', 'um')) else 'a'} {noun}"
