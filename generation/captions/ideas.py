"""Ideas for prompts: of what a model draws well, or of what any large model draws."""

from collections.abc import Sequence
from random import Random
from typing import Final

from generation.captions.caption import OPEN_SCENES, article
from generation.captions.vocabulary import Concept, Vocabulary

_ANY_MODEL: Final = (
    "a lighthouse in a storm",
    "a fox in fresh snow",
    "a cabin by a mountain lake",
    "a cup of coffee on a rainy window sill",
    "a sailboat at sunset",
    "a street market at night after rain",
    "an owl on a mossy branch",
    "a hot air balloon over a desert",
    "a bowl of ramen, studio light",
    "a greenhouse full of ferns",
    "an old tram in autumn fog",
    "a paper crane, macro photo",
    "a robot watering flowers, watercolour",
    "a castle on a floating island",
    "a tabby cat asleep on old books",
    "a lantern in a bamboo forest",
)
_TINTS: Final = ("blue", "purple", "pink", "green")
"""Colours in which the repainted things look well."""
_USUAL: Final = 2
"""The wordings of a scene that come first are the usual ones."""
_CHANGED: Final = 0.5
"""The share of ideas with a scene or a colour."""


def ideas(vocabulary: Vocabulary | None, dice: Random, count: int) -> list[str]:
    """Returns different prompts. `vocabulary`: of the model; None: it has no tables."""
    if vocabulary is None:
        return dice.sample(_ANY_MODEL, count)
    concepts: Sequence[Concept] = vocabulary.well_drawn or vocabulary.concepts
    return [_idea(concept, vocabulary, dice) for concept in dice.sample(concepts, min(count, len(concepts)))]


def _idea(concept: Concept, vocabulary: Vocabulary, dice: Random) -> str:
    if dice.random() >= _CHANGED:
        return _with_article(concept.word)
    if vocabulary.has_backdrops:
        scene = vocabulary.scenes[dice.choice(OPEN_SCENES)]
        return dice.choice(scene.phrases[:_USUAL]).format(_with_article(concept.word))
    # A green apple is a thing of its own.
    names = vocabulary.languages["en"].names
    tints = [tint for tint in _TINTS if tint != concept.colour and f"{tint} {concept.word}" not in names]
    return _with_article(f"{dice.choice(tints)} {concept.word}")


def _with_article(noun: str) -> str:
    is_plural = noun.endswith("s") and not noun.endswith(("ss", "us"))
    return noun if is_plural else article(noun)
