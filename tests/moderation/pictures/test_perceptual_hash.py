"""A picture is recognised after common changes, and different pictures are not confused with it."""

import io
from itertools import combinations

import pytest
from PIL import Image, ImageEnhance

from moderation.pictures.perceptual_hash import SAME, distance, fingerprint, nearest
from tests.pictures import blobs, jpeg, waves

pytestmark = pytest.mark.slow

SEEDS = range(12)


OF_THE_REFERENCE = [
    (waves(0, 512, 384), "354d6727354d7f27354d6f27354dff63154ea01435fd1e1641020885ea871df8"),
    (waves(1, 384, 512), "55558550d57aeeafc03eeeafe016f026483bf2aa40bbfaa15534f5e90033b01d"),
    (waves(2), "012f016f2bc503e769c703f269cda9f775adbb4765a944a880f1ee0c96dace50"),
    (blobs(0), "7b6c6d4e6f2ca72c858cc49c978c979c4a934393c313e37385738c6351e358e3"),
    (blobs(1), "54d9b42d9bade8cdae258433a9cfa8a78731a18d09e46b59198dcc666733c4da"),
]
"""Pictures and their hash by `pdqhash` 0.2.8, Facebook's C++. Databases contain hashes that it computed."""


@pytest.mark.parametrize(("picture", "expected"), OF_THE_REFERENCE)
def test_the_hash_is_that_of_the_reference(picture: Image.Image, expected: str) -> None:
    seen = fingerprint(picture)
    assert seen is not None
    assert seen.hex() == expected


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
