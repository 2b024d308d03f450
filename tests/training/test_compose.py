"""Captions say what is in their pictures, and a seed draws the same ones again."""

from __future__ import annotations

import itertools

import pytest
from PIL import Image

from training import concepts
from training.colours import BACKGROUNDS
from training.compose import Composer, Mix
from training.muon import orthogonal
from training.pictures import SIDE

ALL = concepts.load()
EVERYTHING = Mix(tinted=0.2, small=0.1, pair=0.1, white=0.4, common=3.0, usual=0.7)


def composer(seed: int, mix: Mix = EVERYTHING) -> Composer:
    names = {name for concept in ALL for name in concept.pictures}
    drawing = Image.new("RGBA", (SIDE, SIDE), (200, 60, 40, 0))
    drawing.paste((200, 60, 40, 255), (SIDE // 4, SIDE // 4, 3 * SIDE // 4, 3 * SIDE // 4))
    return Composer(ALL, dict.fromkeys(names, drawing), mix, seed)


def test_the_simplest_words_are_taught() -> None:
    words = set(itertools.chain.from_iterable(concept.words for concept in ALL))
    assert {"apple", "star", "house", "dog", "cat", "car", "tree"} <= words


def test_a_seed_draws_the_same_again() -> None:
    first, again = composer(7), composer(7)
    for _ in range(20):
        one, other = first.compose(), again.compose()
        assert one.caption == other.caption
        assert one.picture.tobytes() == other.picture.tobytes()


def test_a_named_background_is_behind_the_object() -> None:
    single = Mix(tinted=0, small=0, pair=0, white=0, common=1.0, usual=1.0)
    drawn = composer(1, single)
    for _ in range(40):
        composition = drawn.compose()
        colour = next(
            name
            for name in sorted(BACKGROUNDS, key=len, reverse=True)
            if name in composition.caption.split(" on ")[-1].split(", ")[-1]
        )
        assert composition.picture.getpixel((1, 1)) == BACKGROUNDS[colour]


@pytest.mark.parametrize("shape", [(3, 16, 48), (3, 48, 16)])
def test_muons_step_is_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    import torch

    result = orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    singular = torch.linalg.svdvals(result)
    assert singular.min() > 0.4 and singular.max() < 1.4
