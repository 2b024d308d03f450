"""Composes random scenes: their contents and the matching caption. No torch, no files.

Most scenes are one object, on white, on a named colour or in front of a backdrop. Some objects are repainted, small, in pairs, or
in the flat style. A few scenes are a backdrop alone.
"""

import random
from collections.abc import Collection

from training.scenes.colours import BACKGROUNDS, TINTS
from training.scenes.concepts import Concept
from training.scenes.scene import Kind, Mix, Scene, article
from training.scenes.wordings import WORDINGS

FLAT_WORDS = ("flat", "flat", "cartoon", "2d")


class Composer:
    """A generator of scenes with its own random stream. No scene has a key in `without`.

    `flat` names the drawings that exist in the flat style.
    """

    def __init__(
        self,
        concepts: list[Concept],
        mix: Mix,
        seed: int,
        *,
        flat: Collection[str] = (),
        without: Collection[str] = (),
    ) -> None:
        self._concepts = concepts
        self._mix = mix
        self._flat = frozenset(flat)
        self._without = frozenset(without)
        self._random = random.Random(seed)
        self._weights = [mix.common if concept.is_common else 1.0 for concept in concepts]

    def compose(self) -> Scene:
        """Returns the next scene."""
        while not self._without.isdisjoint((scene := self._scene()).keys):
            pass
        return scene

    def _scene(self) -> Scene:
        dice, mix = self._random.random(), self._mix
        background, phrase = self._background()
        if background in WORDINGS and self._random.random() < mix.alone:
            caption = self._random.choice(WORDINGS[background].alone)
            return Scene(caption=caption, kind="alone", concepts=(), drawings=(), background=background)
        if dice < mix.pair:
            return self._pair(background, phrase)
        if dice < mix.pair + mix.small:
            return self._small(background, phrase)
        if dice < mix.pair + mix.small + mix.tinted:
            return self._tinted(background, phrase)
        return self._plain(background, phrase)

    def _plain(self, background: str, phrase: str) -> Scene:
        concept = self._concept()
        drawing = self._usual(concept.pictures)
        word = self._usual(concept.words)
        # Drawing this number for every scene keeps the stream the same, independent of the existing drawings.
        is_flat = self._random.random() < self._mix.flat and drawing in self._flat
        colour = concept.colour if drawing == concept.pictures[0] else None
        if colour and colour not in word and self._random.random() < 0.25:
            word = f"{colour} {word}"
        if is_flat:
            word = f"{self._random.choice(FLAT_WORDS)} {word}"
        return self._one(
            "single", concept, drawing, background, phrase.format(self._say(word)), is_flat=is_flat
        )

    def _tinted(self, background: str, phrase: str) -> Scene:
        concept = self._concept()
        tint = self._random.choice([c for c in TINTS if c not in (concept.colour, background)])
        words = tuple(w for w in concept.words if not any(c in w.split() for c in TINTS))
        word = f"{tint} {self._usual(words or (concept.name.split()[-1],))}"
        drawing = self._usual(concept.pictures)
        return self._one("single", concept, drawing, background, phrase.format(self._say(word)), tint=tint)

    def _small(self, background: str, phrase: str) -> Scene:
        concept = self._concept()
        word = f"{self._random.choice(('small', 'tiny', 'little'))} {self._usual(concept.words)}"
        drawing = self._usual(concept.pictures)
        return self._one("small", concept, drawing, background, phrase.format(self._say(word)))

    def _pair(self, background: str, phrase: str) -> Scene:
        left, right = self._concept(), self._concept()
        joint = self._random.choice((" and ", " and ", " next to "))
        words = joint.join(article(self._usual(concept.words)) for concept in (left, right))
        return Scene(
            caption=phrase.format(words),
            kind="pair",
            concepts=(left.name, right.name),
            drawings=(self._usual(left.pictures), self._usual(right.pictures)),
            background=background,
        )

    @staticmethod
    def _one(
        kind: Kind,
        concept: Concept,
        drawing: str,
        background: str,
        caption: str,
        *,
        tint: str | None = None,
        is_flat: bool = False,
    ) -> Scene:
        return Scene(
            caption=caption,
            kind=kind,
            concepts=(concept.name,),
            drawings=(drawing,),
            background=background,
            tint=tint,
            is_flat=is_flat,
        )

    # words ------------------------------------------------------------------------------------

    def _concept(self) -> Concept:
        return self._random.choices(self._concepts, self._weights)[0]

    def _usual(self, options: tuple[str, ...]) -> str:
        if len(options) == 1 or self._random.random() < self._mix.usual:
            return options[0]
        return self._random.choice(options[1:])

    def _background(self) -> tuple[str, str]:
        """Returns the background, and its wording around a {} (only {} for most white ones)."""
        if self._random.random() < self._mix.backdrop:
            backdrop = self._random.choice(list(WORDINGS))
            return backdrop, self._random.choice(WORDINGS[backdrop].around)
        if self._random.random() < self._mix.white:
            is_said = self._random.random() < 0.12
            return "white", self._plainly("white") if is_said else "{}"
        colour = self._random.choice([name for name in BACKGROUNDS if name != "white"])
        return colour, self._plainly(colour)

    def _plainly(self, colour: str) -> str:
        return self._random.choices(
            (f"{{}} on {article(colour)} background", f"{{}} on {colour}", f"{{}}, {colour} background"),
            (0.8, 0.1, 0.1),
        )[0]

    def _say(self, noun: str) -> str:
        return self._random.choices(
            (article(noun), noun, f"the {noun}", f"a picture of {article(noun)}", f"a cute {noun}"),
            (0.6, 0.28, 0.04, 0.04, 0.04),
        )[0]
