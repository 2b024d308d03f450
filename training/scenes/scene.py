"""The contents of a composition. The composer puts them into words and the painter paints them. No torch, no files."""

from dataclasses import dataclass
from typing import Literal

from training.scenes.wordings import WORDINGS

Kind = Literal["single", "small", "pair", "alone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The frequencies of the kinds of scene. Shares are probabilities; `common` is a ratio."""

    tinted: float
    small: float
    pair: float
    flat: float  # share of pictures in the flat style, when the drawing exists in it
    white: float  # share of plain backgrounds that are white
    backdrop: float  # share of backgrounds that are painted instead of a plain colour
    alone: float  # share of painted backgrounds without an object
    common: float  # factor by which common concepts are more frequent
    usual: float  # share of the first one among several pictures or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One caption and the contents of its picture."""

    caption: str
    kind: Kind
    concepts: tuple[str, ...]  # one name; two for left and right; none for the backdrop alone
    drawings: tuple[str, ...]  # the archive's name of each
    background: str  # a colour of training.scenes.colours or a backdrop of training.scenes.wordings
    tint: str | None = None  # the colour in which the object is repainted
    is_flat: bool = False

    @property
    def key(self) -> str:
        """Returns a key of the contents, independent of the words. Two scenes with one key differ only in wording and
        geometry."""
        style = "flat" if self.is_flat else "3d"
        return "|".join((self.kind, "+".join(self.concepts), self.tint or "", self.background, style))

    @property
    def has_backdrop(self) -> bool:
        return self.background in WORDINGS

    @property
    def keys(self) -> frozenset[str]:
        """Returns the keys by which it can be held out: its own, and one for each object in front of its backdrop."""
        before = self.concepts if self.has_backdrop else ()
        return frozenset((self.key, *(in_front_of(concept, self.background) for concept in before)))


def in_front_of(concept: str, backdrop: str) -> str:
    """Returns the key of all scenes with this object in front of this backdrop."""
    return f"{concept}@{backdrop}"


def article(noun: str) -> str:
    """Returns the noun with `a` or `an`, even when English uses neither, because people type "a french fries"."""
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'o', 'um')) else 'a'} {noun}"
