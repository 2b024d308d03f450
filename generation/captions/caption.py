"""Writes captions in the form that the model was taught, and throws what the prompt leaves open: the ground, and the side.

Size is not thrown: of small things the bundled model draws lumps.

Every throw follows from the picture's own seed, so that a picture can be drawn again alone. Neighbouring seeds throw differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from generation.captions.reading import Reading, Thing
from generation.captions.vocabulary import Vocabulary

_OPEN: Final = (
    "light blue", "orange", "purple", "white", "green", "dark blue", "yellow", "pink", "blue", "gray", "red",
)  # fmt: skip
"""Grounds for a prompt that names none. Neighbours differ much."""
_NEUTRAL: Final = ("white", "gray", "light blue")
"""Grounds for repainted things: their colour is weak on a strong one."""
OPEN_SCENES: Final = ("sky", "forest", "snow", "sunset", "sea", "night", "desert", "space", "room")
"""Scenes for a prompt that names none, in every second picture of a model that draws scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throw:
    """A picture's open choices."""

    caption: str
    is_mirrored: bool


def nouns(reading: Reading, vocabulary: Vocabulary) -> str:
    """Returns the caption's words for the things, without ground: "a fox and a star". Empty without things."""
    things: Sequence[Thing] = reading.things
    if not things and reading.scene and not vocabulary.has_backdrops:
        things = (Thing(vocabulary.scenes[reading.scene].stand_in),)
    if len(things) == 1:
        style = "flat " * reading.is_flat or "small " * (reading.is_small and vocabulary.has_small)
        return article(style + _noun(things[0], vocabulary))
    # The model was not taught to repaint one of two things.
    return " and ".join(article(vocabulary.by_name[thing.concept].word) for thing in things)


def throw(
    reading: Reading,
    vocabulary: Vocabulary,
    seed: int,
    *,
    parent: str = "",
    is_fixed: bool = False,
    is_reworded: bool = False,
) -> Throw:
    """Returns the caption and the side of the picture with this seed.

    `parent`: the ground of the picture that it starts from; every second picture keeps it. `is_fixed`: parts of that picture
    stay, so it is not mirrored and its ground is kept. `is_reworded`: its words are new, and a ground in the colour that they
    give the thing is not kept.
    """
    text = nouns(reading, vocabulary)
    name = reading.scene
    if (
        not name
        and not reading.ground
        and vocabulary.has_backdrops
        and not is_fixed
        and not parent
        and seed % 2
    ):
        name = OPEN_SCENES[seed // 2 % len(OPEN_SCENES)]
    scene = vocabulary.scenes.get(name)
    if scene is not None and vocabulary.has_backdrops and not reading.ground:
        phrases = scene.phrases if text else scene.alone
        caption = phrases[seed % len(phrases)].format(text)
    else:
        is_kept = is_fixed or (parent and seed % 2 == 0)
        is_open = not reading.ground and scene is None
        tints = {thing.tint for thing in reading.things} - {""}
        is_lost = is_reworded and (not parent or _is_like(parent, tints))
        keeps = is_open and is_kept and not is_lost
        caption = _on(text, parent if keeps else _ground(reading, vocabulary, seed))
    return Throw(caption=caption, is_mirrored=not is_fixed and seed.bit_count() % 2 == 1)


def described(reading: Reading, vocabulary: Vocabulary) -> str:
    """Returns what all pictures of a prompt have in common, for its screening: things, scene, colours."""
    ground = f"{reading.ground} background" if reading.ground else ""
    # Without things, one stands for the scene, or the scene is all.
    scene = reading.scene if reading.things or vocabulary.has_backdrops else ""
    return ", ".join(filter(None, [nouns(reading, vocabulary), scene, ground]))


def _ground(reading: Reading, vocabulary: Vocabulary, seed: int) -> str:
    """Returns a colour for the ground: the prompt's, the scene's, or a thrown one that differs from the things' colours."""
    if reading.ground:
        return reading.ground
    if scene := vocabulary.scenes.get(reading.scene):
        return scene.colours[seed % len(scene.colours)]
    tints = {thing.tint for thing in reading.things} - {""} if len(reading.things) == 1 else set[str]()
    own = {vocabulary.by_name[thing.concept].colour for thing in reading.things} - {""}
    grounds = [colour for colour in (_NEUTRAL if tints else _OPEN) if not _is_like(colour, tints or own)]
    return grounds[seed % len(grounds)]


def _is_like(ground: str, colours: set[str]) -> bool:
    return any(colour in ground.split() for colour in colours)


def _noun(thing: Thing, vocabulary: Vocabulary) -> str:
    word = vocabulary.by_name[thing.concept].word
    return f"{thing.tint} {word}" if thing.tint else word


def _on(text: str, ground: str) -> str:
    return f"{text} on {article(ground)} background" if ground and ground != "white" else text


def article(noun: str) -> str:
    """Returns the noun with `a` or `an`, by the rule of the training's captions."""
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'o', 'um')) else 'a'} {noun}"
