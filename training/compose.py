"""A caption and its picture, drawn together at random. No torch, no files.

Most pictures are one object on white or on a named colour; some are tinted, small, or pairs.
"""

import random
from dataclasses import dataclass

from PIL import Image

from training.colours import BACKGROUNDS, TINTS, Rgb, tint
from training.concepts import Concept
from training.pictures import SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How often what is composed. Shares are probabilities; `common` is a ratio."""

    tinted: float
    small: float
    pair: float
    white: float  # of the backgrounds
    common: float  # how many times more often a common concept is drawn
    usual: float  # the first of several pictures or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    caption: str
    picture: Image.Image  # RGB, SIDE × SIDE


def article(noun: str) -> str:
    """`a` or `an` and the noun, even where English wants neither: people type "a french fries"."""
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'o', 'um')) else 'a'} {noun}"


class Composer:
    """Draws compositions from its own random stream."""

    def __init__(
        self,
        concepts: list[Concept],
        drawings: dict[str, Image.Image],
        mix: Mix,
        seed: int,
    ) -> None:
        self._concepts = concepts
        self._drawings = drawings
        self._mix = mix
        self._random = random.Random(seed)
        self._weights = [mix.common if concept.is_common else 1.0 for concept in concepts]

    def compose(self) -> Composition:
        dice, mix = self._random.random(), self._mix
        first = self._concept()
        backdrop, phrase = self._background()
        canvas = Image.new("RGB", (SIDE, SIDE), backdrop)
        if dice < mix.pair:
            subject = self._paste_pair(canvas, first, self._concept())
        elif dice < mix.pair + mix.small:
            subject = self._say(self._paste_small(canvas, first))
        elif dice < mix.pair + mix.small + mix.tinted:
            subject = self._say(self._paste_tinted(canvas, first, backdrop))
        else:
            subject = self._say(self._paste_single(canvas, first))
        return Composition(caption=subject + phrase, picture=canvas)

    # what is in it ----------------------------------------------------------------------------

    def _concept(self) -> Concept:
        return self._random.choices(self._concepts, self._weights)[0]

    def _usual(self, options: tuple[str, ...]) -> str:
        if len(options) == 1 or self._random.random() < self._mix.usual:
            return options[0]
        return self._random.choice(options[1:])

    def _paste_single(self, canvas: Image.Image, concept: Concept) -> str:
        drawing = self._usual(concept.pictures)
        self._paste(canvas, self._drawings[drawing], *self._centre(), self._size(0.8, 1.0))
        word = self._usual(concept.words)
        colour = concept.colour if drawing == concept.pictures[0] else None
        if colour and colour not in word and self._random.random() < 0.25:
            return f"{colour} {word}"
        return word

    def _paste_tinted(self, canvas: Image.Image, concept: Concept, backdrop: Rgb) -> str:
        colours = [c for c in TINTS if c != concept.colour and BACKGROUNDS[c] != backdrop]
        colour = self._random.choice(colours)
        picture = tint(self._drawings[self._usual(concept.pictures)], colour)
        self._paste(canvas, picture, *self._centre(), self._size(0.8, 1.0))
        words = tuple(w for w in concept.words if not any(c in w.split() for c in TINTS))
        return f"{colour} {self._usual(words or (concept.name.split()[-1],))}"

    def _paste_small(self, canvas: Image.Image, concept: Concept) -> str:
        x, y = (SIDE * self._random.uniform(0.35, 0.65) for _ in range(2))
        self._paste(canvas, self._drawings[concept.pictures[0]], x, y, self._size(0.4, 0.55))
        return f"{self._random.choice(('small', 'tiny', 'little'))} {self._usual(concept.words)}"

    def _paste_pair(self, canvas: Image.Image, left: Concept, right: Concept) -> str:
        for concept, x in ((left, 0.26), (right, 0.74)):
            y = SIDE * self._random.uniform(0.46, 0.54)
            drawing = self._drawings[concept.pictures[0]]
            self._paste(canvas, drawing, SIDE * x, y, self._size(0.45, 0.52))
        joint = self._random.choice((" and ", " and ", " next to "))
        return joint.join(article(self._usual(concept.words)) for concept in (left, right))

    # where it is ------------------------------------------------------------------------------

    def _centre(self) -> tuple[float, float]:
        return (
            SIDE * self._random.uniform(0.48, 0.52),
            SIDE * self._random.uniform(0.48, 0.52),
        )

    def _size(self, low: float, high: float) -> int:
        return round(SIDE * self._random.uniform(low, high))

    def _paste(self, canvas: Image.Image, drawing: Image.Image, x: float, y: float, size: int) -> None:
        """Centre the drawing at (x, y) pixels, now and then mirrored or leaning a little."""
        if self._random.random() < 0.25:
            drawing = drawing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self._random.random() < 0.25:
            drawing = drawing.rotate(self._random.uniform(-12, 12), Image.Resampling.BICUBIC)
        scaled = drawing.resize((size, size), Image.Resampling.BICUBIC)
        canvas.paste(scaled, (round(x - size / 2), round(y - size / 2)), scaled)

    # words ------------------------------------------------------------------------------------

    def _background(self) -> tuple[Rgb, str]:
        """The colour behind, and the words for it ("" for most white ones)."""
        if self._random.random() < self._mix.white:
            is_said = self._random.random() < 0.12
            return BACKGROUNDS["white"], self._backdrop("white") if is_said else ""
        colour = self._random.choice([name for name in BACKGROUNDS if name != "white"])
        return BACKGROUNDS[colour], self._backdrop(colour)

    def _backdrop(self, colour: str) -> str:
        return self._random.choices(
            (f" on {article(colour)} background", f" on {colour}", f", {colour} background"),
            (0.8, 0.1, 0.1),
        )[0]

    def _say(self, noun: str) -> str:
        return self._random.choices(
            (article(noun), noun, f"the {noun}", f"a picture of {article(noun)}", f"a cute {noun}"),
            (0.6, 0.28, 0.04, 0.04, 0.04),
        )[0]
