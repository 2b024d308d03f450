"""A picture is recognised after common changes, and different pictures are not confused with it."""

import io
from itertools import combinations

import pytest
from PIL import Image, ImageEnhance

from moderation.pictures.perceptual_hash import SAME, distance, fingerprint, nearest
from tests.pictures import blobs, jpeg, waves

pytestmark = pytest.mark.slow

SEEDS = range(12)


def changed(picture: Image.Image, way: str) -> Image.Image:
    half = (picture.width // 2, picture.height // 2)
    match way:
        case "JPEG 80":
            return Image.open(io.BytesIO(jpeg(picture, 80)))
        case "half":
            return picture.resize(half, Image.Resampling.LANCZOS)
        case "half, JPEG 80":
            return Image.open(io.BytesIO(jpeg(picture.resize(half), 80)))
        case "brighter":
            return ImageEnhance.Brightness(picture).enhance(1.1)
        case _:
            return picture.convert("L")


@pytest.mark.parametrize("way", ["JPEG 80", "half", "half, JPEG 80", "brighter", "grey"])
def test_a_changed_picture_is_known_again(way: str) -> None:
    for seed in SEEDS:
        picture = waves(seed, 512, 384)
        print, again = fingerprint(picture), fingerprint(changed(picture, way))
        assert print is not None
        assert again is not None
        assert distance(print, again) <= SAME


def test_unrelated_pictures_are_far_apart() -> None:
    prints = [print for seed in SEEDS if (print := fingerprint(waves(seed))) is not None]
    prints += [print for seed in SEEDS if (print := fingerprint(blobs(seed))) is not None]
    assert len(prints) > 20
    assert min(distance(first, second) for first, second in combinations(prints, 2)) > 2 * SAME


def test_a_plain_picture_has_none_and_matches_nothing() -> None:
    assert fingerprint(Image.new("RGB", (512, 512), "teal")) is None
    seen = fingerprint(waves(1))
    assert seen is not None
    assert nearest(None, [("it", seen)]) is None


def test_the_nearest_is_found() -> None:
    known = [(seed, print) for seed in SEEDS if (print := fingerprint(waves(seed))) is not None]
    assert nearest(fingerprint(changed(waves(7), "half, JPEG 80")), known) == (7, pytest.approx(0, abs=SAME))
    assert nearest(fingerprint(waves(99)), known) is None
