"""The mark survives common changes of pictures, is invisible, and is never found in an unmarked picture."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from generation.provenance.watermark import MAX_NUMBER, Watermark
from tests.pictures import blobs, jpeg, waves

pytestmark = pytest.mark.slow

MARK = Watermark(b"the key of a test, of 32 bytes..")
NUMBER = 0xC0FFEE42


def pictures(side: int) -> Sequence[Image.Image]:
    """Returns pictures with much detail, with little, and with none."""
    plain = [Image.new("RGB", (side, side), colour) for colour in ("white", "black", "teal")]
    return [
        *(waves(seed, side, side) for seed in range(4)),
        *(blobs(seed, side) for seed in range(4)),
        *plain,
    ]


def peak_to_noise(first: Image.Image, second: Image.Image) -> float:
    """Returns the peak signal-to-noise ratio in dB."""
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return float(10 * np.log10(255**2 / np.mean(apart**2)))


def resized(picture: Image.Image, factor: float) -> Image.Image:
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, Image.Resampling.LANCZOS)


def encoded(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(jpeg(picture, quality)))


@pytest.mark.parametrize("side", [128, 256, 512, 768])
def test_it_survives_jpeg_80_and_half_the_size(side: int) -> None:
    for picture in pictures(side):
        marked = MARK.marked(picture, NUMBER)
        assert marked.size == picture.size
        for changed in (marked, encoded(marked, 80), resized(marked, 0.5), resized(marked, 1.7)):
            assert MARK.read(changed) == NUMBER


@pytest.mark.parametrize("side", [512, 768])
def test_larger_pictures_keep_it_through_both(side: int) -> None:
    for picture in pictures(side):
        assert MARK.read(encoded(resized(MARK.marked(picture, NUMBER), 0.5), 80)) == NUMBER


@pytest.mark.parametrize("size", [(512, 384), (320, 640), (1000, 300)])
def test_it_survives_in_pictures_of_any_shape(size: tuple[int, int]) -> None:
    marked = MARK.marked(waves(5, *size), NUMBER)
    assert MARK.read(encoded(resized(marked, 0.5), 80)) == NUMBER


def test_it_is_not_seen() -> None:
    noise = [peak_to_noise(picture, MARK.marked(picture, NUMBER)) for picture in pictures(512)]
    assert min(noise) > 45
    assert np.mean(noise) > 49


def test_the_same_picture_and_number_are_the_same_to_the_bit() -> None:
    picture = waves(1, 300, 200)
    first, second = (Watermark(MARK.key).marked(picture, NUMBER) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_no_picture_without_a_mark_has_one() -> None:
    noise = np.random.default_rng(3)
    snow = [Image.fromarray(noise.integers(0, 256, (200, 200, 3), dtype=np.uint8)) for _ in range(20)]
    for picture in [*pictures(256), *(waves(seed) for seed in range(40)), *snow]:
        assert MARK.read(picture) is None


def test_a_second_mark_replaces_the_first() -> None:
    once = MARK.marked(waves(2, 512, 512), NUMBER)
    assert MARK.read(encoded(MARK.marked(once, 7), 80)) == 7


def test_without_the_key_there_is_no_mark() -> None:
    marked = MARK.marked(waves(2, 512, 512), NUMBER)
    assert Watermark(b"another key").read(marked) is None


def test_a_crop_loses_it() -> None:
    marked = MARK.marked(waves(2, 512, 512), NUMBER)
    assert MARK.read(marked.crop((64, 64, 512, 512))) is None


@settings(max_examples=25, deadline=None)
@given(number=st.integers(0, MAX_NUMBER))
def test_every_number_is_read_again(number: int) -> None:
    assert MARK.read(MARK.marked(blobs(3), number)) == number


@pytest.mark.parametrize("number", [-1, MAX_NUMBER + 1])
def test_what_is_no_number_of_32_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        MARK.marked(waves(1), number)
