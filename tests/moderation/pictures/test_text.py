"""What is written in a picture is read, straight or turned, large or small, on any ground; patterns without letters are not."""

import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence

import numpy as np
import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from moderation.pictures.asked_process import AskedProcess
from moderation.pictures.check import DetectorBroken
from moderation.pictures.registry import load_reader
from moderation.pictures.text import rapidocr
from moderation.pictures.text.apart import NICE, ReaderApart
from moderation.pictures.text.lines import find_lines
from tests.pictures import blobs, waves

WORDS = "a naked woman in the snow"

installed = pytest.mark.skipif(
    not rapidocr.is_installed(), reason=f"the package is missing: {rapidocr.ADVICE}"
)


@pytest.fixture(scope="module")
def reader() -> rapidocr.RapidOcr:
    return rapidocr.load()


def written(
    text: str,
    *,
    letters: int = 40,
    angle: float = 0,
    ground: Image.Image | None = None,
    ink: str = "black",
    size: tuple[int, int] = (640, 640),
) -> Image.Image:
    """Returns a picture with the text in its middle. `letters`: their height in pixels; `angle`: degrees."""
    picture = ground.copy() if ground else Image.new("RGB", size, "white")
    mask = Image.new("L", picture.size)
    middle = (picture.width / 2, picture.height / 2)
    font = ImageFont.load_default(letters)
    ImageDraw.Draw(mask).multiline_text(middle, text, fill=255, font=font, anchor="mm", align="center")
    picture.paste(ink, (0, 0), mask.rotate(angle, resample=Image.Resampling.BICUBIC))
    return picture


@installed
@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(written(WORDS), id="straight"),
        pytest.param(written(WORDS, letters=12), id="small"),
        pytest.param(written(WORDS, letters=30, size=(2048, 2048)), id="small in a large picture"),
        pytest.param(written(WORDS, ground=waves(3, 640, 640), ink="white"), id="on a busy ground"),
        pytest.param(written(WORDS, ink="#e4e4e4"), id="pale"),
        pytest.param(written(WORDS, angle=20), id="turned"),
        pytest.param(written(WORDS, angle=90), id="downwards"),
        pytest.param(written(WORDS, angle=180), id="on its head"),
        pytest.param(written("a naked\nwoman in\nthe snow"), id="in three lines"),
    ],
)
def test_what_is_written_is_read(reader: rapidocr.RapidOcr, picture: Image.Image) -> None:
    assert reader.read(picture) == WORDS


@installed
def test_small_pictures_are_enlarged_to_be_read(reader: rapidocr.RapidOcr) -> None:
    assert reader.read(written("naked", letters=18, size=(64, 64))) == "naked"


@installed
def test_nothing_is_read_in_pictures_without_text(reader: rapidocr.RapidOcr) -> None:
    found = [reader.read(each) for each in (blobs(30), waves(1), Image.new("RGB", (300, 40), "white"))]
    assert found == ["", "", ""]


@installed
def test_a_page_of_text_is_read_in_the_order_of_its_lines(reader: rapidocr.RapidOcr) -> None:
    lines = [f"line number {number}" for number in range(1, 13)]
    assert reader.read(written("\n".join(lines), letters=24)) == " ".join(lines)


def test_without_the_package_there_is_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapidocr, "PACKAGE", "atelier-has-no-such-package")
    assert load_reader() is None
    with pytest.raises(DetectorBroken, match="no-such-package is not installed"):
        rapidocr.load()


# ---- in a process of its own


@pytest.fixture
def apart() -> Generator[ReaderApart]:
    reader = load_reader()
    assert isinstance(reader, ReaderApart)
    yield reader
    reader.asked.close()


@installed
def test_a_process_of_its_own_reads_and_leaves_the_processor_to_others(apart: ReaderApart) -> None:
    process = psutil.Process(apart.asked.process.pid)
    assert process.nice() == psutil.Process().nice() + NICE
    # At a stop of the bot, the signal reaches both processes, and the bot still finishes pictures.
    os.kill(process.pid, signal.SIGTERM)
    assert apart.read(written("in the\nsnow")) == "in the snow"
    assert apart.read(blobs(30)) == "", "a picture without text has an empty reply, which is no death"
    apart.asked.process.kill()
    apart.asked.process.wait()
    assert apart.read(written("snow").convert("L")) == "snow", "the next picture starts another process"


def test_what_libraries_print_is_no_reply_and_every_letter_arrives() -> None:
    code = "from moderation.pictures.asked_process import answer_questions as answer\n"
    code += "answer(lambda: print('loaded', flush=True) or (lambda picture: f'日本 {picture.size}'))"
    asked = AskedProcess("any", [sys.executable, "-c", code], "")
    replies = [asked.ask(Image.new("L", (side, 5))) for side in (7, 9)]
    asked.close()
    assert replies == ["日本 (7, 5)", "日本 (9, 5)"]


@installed
def test_a_process_that_dies_with_a_picture_is_told(apart: ReaderApart) -> None:
    os.kill(apart.asked.process.pid, signal.SIGSTOP)
    threading.Timer(0.3, apart.asked.process.kill).start()
    with pytest.raises(DetectorBroken, match="its process died"):
        apart.read(written("snow"))


# ---- the lines, without a network


def scores_of(*quads: Sequence[tuple[int, int]], size: tuple[int, int] = (200, 120)) -> np.ndarray:
    """Returns a map of scores, 0.9 inside the shapes."""
    picture = Image.new("L", size)
    for each in quads:
        ImageDraw.Draw(picture).polygon(list(each), fill=255)
    return np.asarray(picture, np.float32) / 255 * np.float32(0.9)


def test_a_line_is_the_widened_rectangle_around_its_area() -> None:
    (line,) = find_lines(scores_of([(40, 50), (139, 50), (139, 59), (40, 59)]), 10)
    # 100 by 10 pixels: widened by 1.6 · 1000 / 220 on each side
    assert (line.width, line.height) == pytest.approx((100 + 14.5, 10 + 14.5), abs=1)
    assert line.corners.mean(0) == pytest.approx((90, 55), abs=0.6)


def test_turned_lines_begin_at_their_left_end_and_high_ones_at_the_top() -> None:
    rising, high = [(20, 80), (100, 40), (104, 48), (24, 88)], [(150, 10), (160, 10), (160, 110), (150, 110)]
    found = find_lines(scores_of(rising, high), 10)
    turned, downwards = sorted(found, key=lambda each: float(each.corners[:, 0].mean()))
    along = turned.corners[1] - turned.corners[0]
    assert along[0] > 0 > along[1] and turned.width > 3 * turned.height
    assert downwards.width > 3 * downwards.height
    assert abs(downwards.corners[1] - downwards.corners[0])[1] > 100


def test_the_largest_lines_are_kept_in_the_order_of_reading() -> None:
    boxes = [
        [(x, y), (x + w, y), (x + w, y + 8), (x, y + 8)]
        for x, y, w in ((110, 12, 50), (10, 10, 60), (20, 60, 90), (20, 90, 5))
    ]
    found = find_lines(scores_of(*boxes), 3)
    assert [round(float(each.corners[:, 0].mean())) for each in found] == [40, 136, 66]


def test_specks_and_doubtful_areas_are_no_lines() -> None:
    assert find_lines(scores_of([(10, 10), (11, 10), (11, 11), (10, 11)]), 10) == []
    doubtful = scores_of([(40, 50), (139, 50), (139, 59), (40, 59)]) * np.float32(0.4)
    assert find_lines(doubtful, 10) == []
