import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from generation.files.images import (
    HAIRLINE,
    NotAPicture,
    PictureError,
    PictureTooLarge,
    as_rgb,
    blurred,
    cells_of,
    encode_grid,
    fitted,
    grid_of,
    open_picture,
    parameters_of,
    read_parameters,
    thumbnail,
    to_jpeg,
    to_png,
    without_number,
)
from generation.request import Drawing, ImageSize, ModelName, Prompt
from tests.drawings import drawing, start_from


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def drawn(**changes: Any) -> Drawing[bytes]:
    size = ImageSize(width=512, height=384)
    usual: dict[str, Any] = {"text": "a fox, in snow", "size": size, "steps": 20, "seed": 8, "images": 4}
    return drawing(**usual | changes)


def png_of(width: int, height: int, body: bytes = b"") -> bytes:
    """Returns a PNG whose header states this size, with any body."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("size", [(33, 17), (1, 1), (1, 9), (9, 1), (300, 200)])
def test_a_png_gives_back_its_pixels_exactly(size: tuple[int, int], is_packed: bool) -> None:
    picture = noise(*size)
    content = to_png(picture, "a fox", is_packed=is_packed)
    Image.open(io.BytesIO(content)).verify()  # the check sums of its chunks
    assert np.array_equal(np.asarray(open_picture(content)), np.asarray(picture))
    assert read_parameters(content) == "a fox"


def test_a_png_is_packed_unless_it_is_thrown_away_soon() -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    bare = 3 * picture.width * picture.height
    assert len(to_png(picture)) < bare / 20
    assert bare < len(to_png(picture, is_packed=False)) < bare + 2000


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_a_png_has_the_colours_of_a_picture_in_any_mode(mode: str) -> None:
    picture = noise(20, 10).convert(mode)
    content = to_png(picture)
    assert np.array_equal(np.asarray(open_picture(content)), np.asarray(as_rgb(picture)))
    assert Image.open(io.BytesIO(content)).mode == ("L" if mode == "L" else "RGB")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_parameters_come_back_as_they_went_in(text: str) -> None:
    assert read_parameters(to_png(Image.new("RGB", (1, 1)), text)) == text


def test_text_that_png_cannot_hold_is_replaced_and_does_not_fail() -> None:
    assert read_parameters(to_png(Image.new("RGB", (1, 1)), "a\0b \ud800")) == "ab ?"


def test_a_png_without_parameters_has_none() -> None:
    assert read_parameters(to_png(noise(2, 2))) == ""


def test_parameters_of_what_is_no_png_are_refused() -> None:
    with pytest.raises(NotAPicture):
        read_parameters(to_jpeg(noise(4, 4)))


def test_the_parameters_have_the_form_that_other_tools_read() -> None:
    text = parameters_of(drawn(prompt=Prompt(text="a fox", negative="blur")), 2, "DDIM")
    prompt, negative, fields = text.split("\n")
    assert prompt == "a fox"
    assert negative == "Negative prompt: blur"
    assert fields.startswith(
        "Steps: 20, Sampler: DDIM, CFG scale: 7, Seed: 10, Size: 512x384, Model: small, Version: Atelier"
    )


def test_image_to_image_says_its_strength_and_no_negative_prompt_leaves_no_line() -> None:
    text = parameters_of(drawn(pictures=start_from(b"", strength=0.6)), 0, "Euler")
    assert "Denoising strength: 0.6" in text
    assert "Negative prompt" not in text


def test_a_value_that_holds_separators_is_quoted() -> None:
    text = parameters_of(drawn(model=ModelName('fox, "red": 2')), 0, "DDIM")
    assert r'Model: "fox, \"red\": 2"' in text


def test_a_picture_that_is_fitted_keeps_its_middle_and_its_proportions() -> None:
    wide = Image.new("RGB", (300, 100), "white")
    wide.paste("red", (100, 0, 200, 100))
    assert fitted(wide, ImageSize(width=100, height=100)).getcolors() == [(10_000, (255, 0, 0))]
    tall = fitted(noise(64, 64), ImageSize(width=32, height=64))
    assert tall.tobytes() == noise(64, 64).crop((16, 0, 48, 64)).tobytes()
    same = noise(96, 64)
    halved = same.resize((48, 32), Image.Resampling.LANCZOS)
    assert fitted(same, ImageSize(width=48, height=32)).tobytes() == halved.tobytes()


def test_a_grid_of_one_is_the_picture_itself() -> None:
    picture = noise(8, 8)
    assert grid_of([picture]) is picture


@pytest.mark.parametrize(
    ("count", "size", "whole"),
    [
        (2, (80, 60), (162, 60)),
        (3, (80, 60), (80, 184)),
        (3, (80, 240), (244, 240)),
        (3, (240, 80), (240, 244)),
        (3, (60, 60), (184, 60)),
        (4, (80, 60), (162, 122)),
        (4, (960, 640), (1925, 1285)),
    ],
)
def test_the_cells_of_a_grid_are_its_pictures(
    count: int, size: tuple[int, int], whole: tuple[int, int]
) -> None:
    pictures = [noise(*size, seed) for seed in range(count)]
    grid = grid_of(pictures)
    assert grid.size == whole
    cells = cells_of(grid, count)
    assert all(cell.size == size for cell in cells)
    # Every pixel that belongs to no picture is one of the hairline.
    seen = np.asarray(grid).reshape(-1, 3)
    lines = (seen == HAIRLINE).all(axis=1).sum()
    assert lines >= whole[0] * whole[1] - count * size[0] * size[1]
    for cell, picture in zip(cells, pictures, strict=True):
        assert np.array_equal(np.asarray(cell), np.asarray(picture))


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("size", [(368, 208), (128, 192), (256, 256)])
def test_a_grid_that_was_shrunk_is_split_between_its_pictures(count: int, size: tuple[int, int]) -> None:
    colours = ["red", "lime", "blue", "white"][:count]
    grid = grid_of([Image.new("RGB", size, colour) for colour in colours], is_numbered=True)
    small = grid.resize((round(grid.width * 0.6), round(grid.height * 0.6)), Image.Resampling.LANCZOS)
    for cell, colour in zip(cells_of(small, count), colours, strict=True):
        inner = cell.crop((3, 3, cell.width - 3, cell.height - 3))
        edge = inner.crop((0, inner.height // 2, inner.width, inner.height))  # below the number
        assert edge.getcolors() == [
            (edge.width * edge.height, Image.new("RGB", (1, 1), colour).getpixel((0, 0)))
        ]


@pytest.mark.parametrize("ground", ["white", "black", "red", "grey"])
def test_each_picture_of_a_posted_grid_shows_a_number_that_can_be_read(ground: str) -> None:
    pictures = [Image.new("RGB", (256, 256), ground) for _ in range(4)]
    cells = cells_of(grid_of(pictures, is_numbered=True), 4)
    corners = [np.asarray(cell.crop((0, 0, 32, 32)).convert("L"), np.float64) for cell in cells]
    assert len({corner.tobytes() for corner in corners}) == 4, "four numbers"
    for cell, corner in zip(cells, corners, strict=True):
        # The contrast of WCAG 2.2 for large text is 3.
        assert (luminance(corner.max()) + 0.05) / (luminance(np.median(corner[6:18, 6:18])) + 0.05) > 3
        rest = cell.copy()
        rest.paste(ground, (0, 0, 32, 32))
        assert rest.getcolors() == [(256 * 256, Image.new("RGB", (1, 1), ground).getpixel((0, 0)))]


def test_a_number_that_is_covered_leaves_what_is_around_it() -> None:
    smooth = Image.linear_gradient("L").convert("RGB")
    numbered, _ = cells_of(grid_of([smooth, smooth], is_numbered=True), 2)
    covered = np.asarray(without_number(numbered), np.float64)
    assert np.abs(np.asarray(numbered, np.float64) - np.asarray(smooth)).max() > 100
    assert np.abs(covered - np.asarray(smooth)).max() < 25


def luminance(grey: float) -> float:
    """Returns the relative luminance of a grey from 0 to 255, in sRGB."""
    share = grey / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def test_a_picture_that_is_alone_or_tiny_has_no_number() -> None:
    alone = noise(64, 64)
    assert grid_of([alone], is_numbered=True) is alone
    tiny = [noise(16, 16, seed) for seed in range(2)]
    assert grid_of(tiny, is_numbered=True).tobytes() == grid_of(tiny).tobytes()


def test_a_grid_is_jpeg_with_full_colour() -> None:
    content, form = encode_grid(noise(32, 32))
    with Image.open(io.BytesIO(content)) as picture:
        assert form == "jpeg" == (picture.format or "").lower()
        assert {layer[1:3] for layer in picture.layer} == {(1, 1)}  # type: ignore[attr-defined]  # only JPEG files have it


@pytest.mark.parametrize("limit", [40_000, 12_000, 700])
def test_a_grid_gets_coarser_and_then_smaller_until_it_fits(limit: int) -> None:
    picture = noise(256, 256)
    assert len(encode_grid(picture)[0]) > 40_000
    content, _ = encode_grid(picture, limit)
    assert len(content) <= limit
    Image.open(io.BytesIO(content)).load()


def test_a_grid_that_can_never_fit_ends_at_one_pixel() -> None:
    content, _ = encode_grid(noise(64, 2), limit=1)
    assert Image.open(io.BytesIO(content)).size == (1, 1)


def test_a_thumbnail_keeps_the_proportions() -> None:
    picture = Image.open(io.BytesIO(thumbnail(to_png(noise(200, 100)), 50)))
    assert (picture.format, picture.size) == ("JPEG", (50, 25))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_open(form: str) -> None:
    picture = open_picture(saved(noise(9, 5), form))
    assert (picture.mode, picture.size) == ("RGB", (9, 5))


def test_what_is_transparent_becomes_white() -> None:
    picture = open_picture(saved(Image.new("RGBA", (2, 2), (0, 0, 0, 0)), "PNG"))
    assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_to_eight() -> None:
    grey = Image.fromarray(np.full((2, 2), 257 * 100, dtype=np.uint16))
    assert open_picture(saved(grey, "PNG")).getpixel((1, 1)) == (100, 100, 100)


def test_a_phones_picture_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_picture(saved(noise(9, 5), "JPEG", exif=exif)).size == (5, 9)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"GIF89a", saved(noise(2, 2), "GIF"), saved(noise(2, 2), "BMP")]
)
def test_what_is_none_of_the_three_formats_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        open_picture(content)


def test_a_picture_that_breaks_off_is_refused() -> None:
    with pytest.raises(NotAPicture):
        open_picture(to_jpeg(noise(64, 64))[:500])


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(PictureTooLarge) as refusal:
        open_picture(png_of(side, side))
    assert refusal.value.pixels > refusal.value.limit


def test_the_callers_own_limit_counts() -> None:
    with pytest.raises(PictureTooLarge) as refusal:
        open_picture(to_png(noise(11, 10)), max_pixels=109)
    assert (refusal.value.pixels, refusal.value.limit) == (110, 109)


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_damaged_bytes_give_a_picture_or_a_picture_error(form: str, data: st.DataObject) -> None:
    content = bytearray(saved(noise(8, 8), form))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PictureError):
        assert open_picture(bytes(content)).mode == "RGB"


def test_a_blurred_picture_keeps_colours_and_no_detail() -> None:
    stripes = Image.new("RGB", (640, 320), "white")
    for x in range(0, 640, 8):
        stripes.paste("black", (x, 0, x + 4, 320))
    stripes.paste((200, 30, 30), (0, 0, 320, 320))
    result = open_picture(blurred(stripes))
    assert result.size == (240, 120)
    left, right = result.crop((10, 10, 90, 110)), result.crop((150, 10, 230, 110))
    # the stripes become an even grey, and the red stays red
    assert int(np.ptp(np.asarray(right), axis=(0, 1)).max()) < 24
    red = left.resize((1, 1)).getpixel((0, 0))
    assert isinstance(red, tuple) and red[0] > 2 * red[1]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 2), (64, 64)])
def test_a_picture_of_any_shape_is_blurred(size: tuple[int, int]) -> None:
    out = open_picture(blurred(Image.new("RGB", size, "teal")))
    assert max(out.size) == 240
