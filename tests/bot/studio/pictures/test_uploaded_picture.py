"""A picture that a member supplies is read as it should be seen, or refused with a sentence, within bounded memory."""

import io
import subprocess
import sys
from importlib.util import find_spec

import pytest
from PIL import Image

from bot.studio.errors import PictureFault, UnusablePicture
from bot.studio.pictures import uploaded_picture
from bot.studio.pictures.uploaded_picture import KEPT_SIDE, read_apart, read_upload
from bot.texts import ENGLISH, language
from tests.bot.studio.pictures.odd_pictures import (
    BAD,
    GREY,
    HEIC,
    HIGH,
    READ,
    WIDE,
    WITH_HOLE,
    Made,
    halves,
    located,
    saved,
    tall_png,
)

MOST_MEMORY = 200
"""MB of the bot's process: it holds the file and the result, and none of the 100 MB of pixels."""


def shown(content: bytes) -> Image.Image:
    found = read_upload(content)
    picture = Image.open(io.BytesIO(found.content))
    assert (picture.format, picture.mode, picture.size) == (
        "PNG",
        "RGB",
        (found.size.width, found.size.height),
    )
    assert not picture.info, "metadata"
    return picture


def colours(picture: Image.Image) -> tuple[object, object]:
    """Returns the colours in the middle of both halves."""
    return picture.getpixel((picture.width // 4, picture.height // 2)), picture.getpixel(
        (picture.width * 3 // 4, picture.height // 2)
    )


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in READ.items()])
def test_an_odd_picture_is_read_as_it_should_be_seen(made: Made) -> None:
    picture = shown(made())
    assert picture.size == (WIDE, HIGH)
    left, right = colours(picture)
    assert left == pytest.approx((255, 0, 0), abs=12) and right == pytest.approx((0, 0, 255), abs=12)


@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in WITH_HOLE.items()])
def test_what_is_transparent_is_white(made: Made) -> None:
    left, right = colours(shown(made()))
    assert left == pytest.approx((255, 0, 0), abs=12) and right == pytest.approx((255, 255, 255), abs=12)


@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in GREY.items()])
def test_a_picture_without_colour_keeps_its_brightness(made: Made) -> None:
    left, right = colours(shown(made()))
    assert left == right and left in ((255, 255, 255), (128, 128, 128))


@pytest.mark.parametrize(("made", "fault"), [pytest.param(*each, id=name) for name, each in BAD.items()])
def test_a_bad_file_is_refused_with_a_sentence(made: Made, fault: PictureFault) -> None:
    with pytest.raises(UnusablePicture) as refused:
        read_upload(made())
    assert refused.value.fault is fault
    assert language(ENGLISH).sentence(refused.value)


def test_the_table_has_forty_bad_or_odd_files() -> None:
    assert len(BAD) >= 40 and {fault for _, fault in BAD.values()} >= {*PictureFault} - {PictureFault.HEIC}


def test_nothing_but_pixels_is_kept() -> None:
    assert b"secret camera" in located() and b"secret camera" not in read_upload(located()).content


@pytest.mark.skipif(find_spec("pi_heif") is None, reason="the package that reads HEIC is not installed")
def test_a_heic_is_read() -> None:
    left, right = colours(shown(HEIC))
    assert left == pytest.approx((255, 0, 0), abs=12) and right == pytest.approx((0, 0, 255), abs=12)


def test_without_its_reader_a_heic_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploaded_picture, "_reads_heif", lambda: False)
    with pytest.raises(UnusablePicture) as refused:
        read_upload(HEIC)
    assert (language(ENGLISH).sentence(refused.value) or "").startswith("HEIC is not read here.")


@pytest.mark.parametrize("mode", ["RGB", "P", "L"])
def test_a_large_picture_is_reduced_and_keeps_its_proportions(mode: str) -> None:
    picture = shown(saved(halves(mode, (3000, 1000)), "PNG"))
    assert picture.size == (KEPT_SIDE, round(KEPT_SIDE / 3))


HEAVY = """
import asyncio
import bot.app
from bot.studio.pictures.uploaded_picture import read_apart
from tests.bot.studio.pictures.odd_pictures import tall_png
found = asyncio.run(read_apart(tall_png(5000, 5000)))
assert found.size.width == 2048
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_largest_picture_takes_its_memory_in_a_process_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAVY], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < MOST_MEMORY


@pytest.mark.slow
async def test_a_process_of_its_own_gives_the_same_answers() -> None:
    assert await read_apart(saved(halves(), "PNG")) == read_upload(saved(halves(), "PNG"))
    with pytest.raises(UnusablePicture) as refused:
        await read_apart(tall_png(5000, 5001))
    assert (refused.value.fault, refused.value.pixels) == (PictureFault.PIXELS, 25_005_000)


@pytest.mark.slow
async def test_a_decoder_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploaded_picture, "_PATIENCE", 0.0)
    with pytest.raises(UnusablePicture) as refused:
        await read_apart(saved(halves(), "PNG"))
    assert refused.value.fault is PictureFault.BROKEN
