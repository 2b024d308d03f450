"""What a composition shows, said in words by the composer and painted by the painter. No torch, no files."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["single", "small", "pair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How often what is composed. Shares are probabilities; `common` is a ratio."""

    tinted: float
    small: float
    pair: float
    flat: float  # of the pictures, drawn in the flat style where the drawing exists
    white: float  # of the backgrounds
    common: float  # how many times more often a common concept is drawn
    usual: float  # the first of several pictures or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One caption and what its picture must show."""

    caption: str
    kind: Kind
    concepts: tuple[str, ...]  # one name, or two: left, right
    drawings: tuple[str, ...]  # the archive's name for each of them
    background: str  # a colour of training.colours
    tint: str | None = None  # a colour that the object is repainted in
    is_flat: bool = False

    @property
    def key(self) -> str:
        """What is shown, however it was said: two scenes with one key differ in words and geometry alone."""
        style = "flat" if self.is_flat else "3d"
        return "|".join((self.kind, "+".join(self.concepts), self.tint or "", self.background, style))


def article(noun: str) -> str:
    """`a` or `an` and the noun, even where English wants neither: people type "a french fries"."""
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'o', 'um')) else 'a'} {noun}"
