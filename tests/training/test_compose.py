"""Captions say what is in their pictures, a seed draws the same ones again, and what is held out is never composed."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from PIL import Image

from training import concepts, hold_out
from training.colours import BACKGROUNDS, TINTS
from training.compose import Composer
from training.paint import Painter
from training.pictures import SIDE, Drawings
from training.scene import Mix, Scene

ALL = concepts.load()
EVERYTHING = Mix(tinted=0.2, small=0.1, pair=0.1, flat=0.2, white=0.4, common=3.0, usual=0.7)
SINGLE = Mix(tinted=0, small=0, pair=0, flat=0, white=0, common=1.0, usual=1.0)
NAMES = concepts.drawings(ALL)


def drawings() -> Drawings:
    """A red square for every solid drawing, a green one for every flat one."""
    shelves: list[dict[str, Image.Image]] = []
    for colour in ((200, 60, 40), (40, 200, 60)):
        drawing = Image.new("RGBA", (SIDE, SIDE), (*colour, 0))
        drawing.paste((*colour, 255), (SIDE // 4, SIDE // 4, 3 * SIDE // 4, 3 * SIDE // 4))
        shelves.append(dict.fromkeys(NAMES, drawing))
    return Drawings(*shelves)


def composer(seed: int, mix: Mix = EVERYTHING) -> Composer:
    return Composer(ALL, mix, seed, flat=NAMES)


def test_the_simplest_words_are_taught() -> None:
    words = set(itertools.chain.from_iterable(concept.words for concept in ALL))
    assert {"apple", "star", "house", "dog", "cat", "car", "tree"} <= words


def test_no_word_means_two_things() -> None:
    words = [word for concept in ALL for word in concept.words]
    assert len(words) == len(set(words))


def test_a_seed_draws_the_same_again() -> None:
    first, again = composer(7), composer(7)
    one_painter, other_painter = Painter(drawings(), 7), Painter(drawings(), 7)
    for _ in range(20):
        one, other = first.compose(), again.compose()
        assert one == other
        assert one_painter.paint(one).tobytes() == other_painter.paint(other).tobytes()


def test_a_named_background_is_behind_the_object() -> None:
    composed, painter = composer(1, SINGLE), Painter(drawings(), 1)
    for _ in range(40):
        scene = composed.compose()
        assert scene.background in scene.caption
        assert painter.paint(scene).getpixel((1, 1)) == BACKGROUNDS[scene.background]


@pytest.mark.parametrize("share", ["tinted", "small", "pair", "flat"])
def test_captions_say_what_is_shown(share: str) -> None:
    composed = composer(3, replace(SINGLE, **{share: 1.0}))
    words = {concept.name: concept.words for concept in ALL}
    for _ in range(100):
        scene = composed.compose()
        if share == "tinted":
            assert scene.tint in TINTS and scene.tint in scene.caption
        elif share == "small":
            assert any(word in scene.caption for word in ("small", "tiny", "little"))
        elif share == "pair":
            assert all(any(word in scene.caption for word in words[name]) for name in scene.concepts)
        else:
            assert scene.is_flat
            assert any(word in scene.caption for word in ("flat", "cartoon", "2d"))


def test_the_flat_style_is_painted_from_the_flat_drawings() -> None:
    scene = composer(3, replace(SINGLE, flat=1.0)).compose()
    red, green, _ = Painter(drawings(), 0).paint(replace(scene, background="black")).getpixel((64, 64))  # pyright: ignore[reportGeneralTypeIssues]
    assert green > red


def test_what_is_held_out_is_never_composed() -> None:
    composed = composer(5)
    scenes = [composed.compose() for _ in range(50)]
    held = {scene.key for scene in scenes}
    other = Composer(ALL, EVERYTHING, 5, flat=NAMES, without=held)
    assert held.isdisjoint(other.compose().key for _ in range(400))


def test_the_key_knows_what_is_shown_not_how_it_is_said() -> None:
    scene = composer(5).compose()
    assert scene.key == replace(scene, caption="other words").key
    assert scene.key != replace(scene, background="teal").key


def test_the_held_out_scenes_are_two_hundred_different_ones_of_what_is_taught() -> None:
    held: list[Scene] = hold_out.load()
    assert len(held) == len({scene.key for scene in held}) == len({scene.caption for scene in held}) == 200
    taught = {concept.name for concept in ALL}
    assert taught.issuperset(name for scene in held for name in scene.concepts)
    # An object on white in its own colours is what the model learns the word from.
    assert not [
        scene for scene in held if scene.kind != "pair" and scene.tint is None and scene.background == "white"
    ]
