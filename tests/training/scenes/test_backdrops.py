"""Backdrops differ from each other and between seeds. Objects in front of them stand or float, and are visible."""

import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.scenes import backdrops
from training.scenes.paint import Painter
from training.scenes.pictures import SIDE, Drawings
from training.scenes.scene import Scene
from training.scenes.wordings import WORDINGS

MAGENTA = (255, 0, 255)
SQUARE = Image.new("RGBA", (SIDE, SIDE), (*MAGENTA, 255))
SCENE = Scene(caption="", kind="single", concepts=("square",), drawings=("square",), background="snow")


def painted(scene: Scene, seed: int) -> Image.Image:
    shelf = {"square": SQUARE}
    return Painter(Drawings(shelf, shelf), seed).paint(scene)


def magenta(picture: Image.Image) -> NDArray[np.bool_]:
    """Returns where the square is visible in any light: (SIDE, SIDE)."""
    red, green, blue = np.asarray(picture, np.int16).transpose(2, 0, 1)
    return (red - green > 120) & (blue - green > 120)


def mean(name: str, seed: int) -> NDArray[np.float64]:
    """Returns a coarse version: (8, 8, 3)."""
    picture = backdrops.paint(name, random.Random(seed)).picture
    return np.asarray(picture.resize((8, 8), Image.Resampling.BOX), np.float64)


def test_every_backdrop_has_words() -> None:
    assert list(WORDINGS) == list(backdrops.BACKDROPS)
    assert len(WORDINGS) == 13


@pytest.mark.parametrize("name", backdrops.BACKDROPS)
def test_a_seed_paints_a_backdrop_again_and_another_seed_another(name: str) -> None:
    one, again, other = (backdrops.paint(name, random.Random(seed)) for seed in (1, 1, 2))
    assert one.picture.size == (SIDE, SIDE)
    assert one.picture.tobytes() == again.picture.tobytes() != other.picture.tobytes()


def test_a_backdrop_is_more_like_its_own_kind_than_like_any_other() -> None:
    """Compared with the mean of ten others of each kind; nearly always true."""
    means = {name: np.mean([mean(name, seed) for seed in range(10)], axis=0) for name in backdrops.BACKDROPS}
    right = [
        min(means, key=lambda kind: float(np.abs(means[kind] - mean(name, seed)).mean())) == name
        for name in backdrops.BACKDROPS
        for seed in range(10, 14)
    ]
    assert sum(right) > 0.9 * len(right)


@pytest.mark.parametrize("name", backdrops.BACKDROPS)
def test_an_object_takes_half_to_four_fifths_and_lies_off_the_middle_by_a_seventh_at_most(name: str) -> None:
    """Allows some tolerance, because the square is sometimes rotated, and waves and flames cover its foot."""
    middles: list[float] = []
    for seed in range(12):
        columns = np.flatnonzero(magenta(painted(replace(SCENE, background=name), seed)).any(0))
        width = (columns[-1] - columns[0] + 1) / SIDE
        middles.append((columns[-1] + columns[0] + 1) / 2 / SIDE)
        assert 0.46 < width < 0.95
    assert min(middles) > 0.33 and max(middles) < 0.67
    assert max(middles) - min(middles) > 0.08


def test_an_object_stands_where_there_is_a_floor_and_floats_where_there_is_none() -> None:
    for name, low, high in (("room", 0.8, 0.98), ("sky", 0.6, 1.01)):
        feet = [
            np.flatnonzero(magenta(painted(replace(SCENE, background=name), seed)).any(1))[-1] / SIDE
            for seed in range(12)
        ]
        assert low < min(feet) and max(feet) < high
        if name == "room":
            assert max(feet) - min(feet) < 0.12


def test_a_pair_stands_side_by_side() -> None:
    scene = replace(
        SCENE, kind="pair", concepts=("square",) * 2, drawings=("square",) * 2, background="forest"
    )
    columns = set(np.flatnonzero(magenta(painted(scene, 3)).any(0)).tolist())
    assert {SIDE // 4, 3 * SIDE // 4} <= columns and SIDE // 2 not in columns


def test_a_backdrop_alone_is_empty() -> None:
    scene = replace(SCENE, kind="alone", concepts=(), drawings=(), background="desert")
    assert not magenta(painted(scene, 1)).any()


def test_night_dims_what_stands_in_it() -> None:
    """Compares the median of the square's own pixels."""
    brightness: list[float] = []
    for name in ("snow", "night"):
        picture = painted(replace(SCENE, background=name), 5)
        brightness.append(float(np.median(np.asarray(picture)[magenta(picture)][:, 0])))
    day, night = brightness
    assert night < 0.9 * day
