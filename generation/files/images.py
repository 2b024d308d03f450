"""Encodes and decodes pictures: grids, thumbnails, and PNG with the parameters inside. Uses no torch."""

import io
import json
import struct
import tempfile
import zlib
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata

import numpy as np
from isal import isal_zlib
from PIL import ExifTags, Image, ImageDraw, ImageFont, ImageOps
from PIL.PngImagePlugin import PngInfo

from generation.request import Drawing, ImageSize, Role

FORMATS = ("PNG", "JPEG", "WEBP")
"""The formats that members may upload. Pillow's rarer readers stay disabled, because untrusted files break those first."""

MAX_PIXELS = 50_000_000
"""Width times height. Phone cameras stay below this. In RGB, an open picture of this size takes 150 MB."""

GRID_LIMIT = 8 * 2**20
"""Bytes. It is below Discord's smallest attachment limit in use, with room for the rest of the message."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AS_IS, _UP = 0, 2  # filters of lines, https://www.w3.org/TR/png-3/#9Filter-types
_COLOUR_TYPES = {"L": 0, "RGB": 2}
_PARAMETERS = "parameters"  # the name of the PNG text chunk, as AUTOMATIC1111 names it
_EMPTY_CELL = (32, 34, 37)
HAIRLINE = (
    128,
    132,
    142,
)  # seen between dark and between light pictures, on Discord's dark and its light theme
_LEAST_GAP, _LEAST_NUMBER, _LEAST_NUMBERED = 2, 12, 48  # pixels
_GROUND_ALPHA = 130  # of 255
_QUALITIES = (92, 88, 84, 78, 70, 60, 50, 40, 30)


class PictureError(Exception):
    """Base of the errors raised for bytes that should be a picture."""


@dataclass(eq=False)
class NotAPicture(PictureError):
    """The bytes are not PNG, JPEG or WebP, or are broken. `reason` is the message of the reader, for the log."""

    reason: str


@dataclass(eq=False)
class PictureTooLarge(PictureError):
    """A decompression bomb or a very large scan. It is refused by its header, before any pixel is decoded."""

    pixels: int
    limit: int


def open_picture(content: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Returns the picture as it should be seen: first frame, upright, RGB, transparency on white.

    Raises NotAPicture or PictureTooLarge.
    """
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = picture.width * picture.height
        if pixels <= max_pixels:
            picture.load()
            return as_rgb(ImageOps.exif_transpose(picture))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureTooLarge(pixels=2 * (Image.MAX_IMAGE_PIXELS or max_pixels), limit=max_pixels) from None
    except Exception as broken:
        # For broken files, Pillow raises OSError, SyntaxError, ValueError, struct.error and more.
        raise NotAPicture(reason=f"{type(broken).__name__}: {broken}") from broken
    raise PictureTooLarge(pixels=pixels, limit=max_pixels)


def fitted(picture: Image.Image, size: ImageSize) -> Image.Image:
    """Resizes to this size. The parts outside its proportions are cut off equally on both sides; nothing is stretched."""
    return ImageOps.fit(picture, (size.width, size.height), Image.Resampling.LANCZOS)


def to_png(picture: Image.Image, parameters: str = "", *, is_packed: bool = True) -> bytes:
    """Encodes as PNG: a picture in mode L in grey, others in RGB.

    `is_packed`: False saves the time of compression, for a file that is read once and thrown away.
    Otherwise each line is stored as its difference from the line above, and packed by ISA-L: a fifth of the time of Pillow's
    fastest PNG, in a file that is a tenth to a fifth larger (docs/adr/0052).
    """
    picture = picture if picture.mode == "L" else as_rgb(picture)
    lines = np.asarray(picture).reshape(picture.height, -1)
    filtered = np.empty((lines.shape[0], lines.shape[1] + 1), np.uint8)
    if is_packed:
        filtered[:, 0] = _UP  # of the first line too: the one above it counts as zero
        filtered[0, 1:] = lines[0]
        np.subtract(lines[1:], lines[:-1], out=filtered[1:, 1:])
        packed = isal_zlib.compress(filtered.data, 1)
    else:
        filtered[:, 0] = _AS_IS
        filtered[:, 1:] = lines
        packed = zlib.compress(filtered.data, 0)  # ISA-L's level 0 compresses too
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, _COLOUR_TYPES[picture.mode], 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), *_texts(parameters), _chunk(b"IDAT", packed), _chunk(b"IEND", b"")]
    return _SIGNATURE + b"".join(chunks)


def _texts(parameters: str) -> list[bytes]:
    if not parameters:
        return []
    text = PngInfo()
    # NUL ends the text of a chunk, and a lone surrogate has no UTF-8 form.
    clean = parameters.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    text.add_text(_PARAMETERS, clean)  # tEXt if Latin-1 is enough, otherwise iTXt
    return [_chunk(name, content) for name, content, *_ in text.chunks]


def _chunk(name: bytes, content: bytes) -> bytes:
    check = isal_zlib.crc32(content, isal_zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def read_parameters(png: bytes) -> str:
    """Returns the parameters that `to_png` or another tool wrote; empty if there are none. Raises NotAPicture."""
    with _header(png, ("PNG",)) as picture:
        return str(picture.info.get(_PARAMETERS, ""))


def read_texts(content: bytes) -> dict[str, str]:
    """Returns the texts in a PNG by their names; those in a JPEG's or WebP's Exif data have the names that a PNG would have.

    Raises NotAPicture.
    """
    with _header(content) as picture:
        texts = {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
        exif = picture.getexif()
        if comment := exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment):
            texts.setdefault(_PARAMETERS, _user_comment(comment))
        for tag in (ExifTags.Base.Make, ExifTags.Base.Model):  # ComfyUI: "prompt:{…}", "workflow:{…}"
            name, colon, text = str(exif.get(tag, "")).partition(":")
            if colon:
                texts.setdefault(name.lower(), text)
        return texts


def _user_comment(value: bytes | str) -> str:
    """Decodes Exif's UserComment: eight bytes name the code. Programs differ in the order of bytes of "UNICODE"."""
    if isinstance(value, str):
        return value
    code, text = value[:8], value[8:]
    if code != b"UNICODE\0":
        return text.decode("utf-8", "replace")
    # Of the two orders, the right one gives more signs of the first 256.
    orders = [text.decode(order, "replace") for order in ("utf-16-be", "utf-16-le")]
    return max(orders, key=lambda each: sum(sign < "\u0100" for sign in each))


def to_jpeg(picture: Image.Image, quality: int = 75) -> bytes:
    """Encodes as JPEG with 4:2:0 colour, for previews. Takes under a millisecond for 512 pixels a side."""
    out = io.BytesIO()
    as_rgb(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


def grid_of(pictures: Sequence[Image.Image | None], *, is_numbered: bool = False) -> Image.Image:
    """Combines pictures into one grid, with a hairline between them. One picture: itself. Two: side by side. Three: in a row, or
    in a column if they are wider than high. Four: two columns.

    None leaves its cell empty, so that every picture stays at the position of its number. At least one picture must be given.
    `is_numbered`: each picture of several shows its number, from 1, in a corner.
    """
    there = [picture for picture in pictures if picture is not None]
    if len(pictures) == 1:
        return there[0]
    width = max(picture.width for picture in there)
    height = max(picture.height for picture in there)
    columns, rows = _layout(len(pictures), is_wide=width > height)
    gap = _gap(width, height)
    grid = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), HAIRLINE)
    for index, picture in enumerate(pictures):
        left, top = index % columns * (width + gap), index // columns * (height + gap)
        if picture is None:
            grid.paste(_EMPTY_CELL, (left, top, left + width, top + height))
            continue
        grid.paste(picture, (left, top))
        if is_numbered:
            _write_number(grid, index + 1, left, top, (width, height))
    return grid


def _layout(count: int, *, is_wide: bool) -> tuple[int, int]:
    """Returns columns and rows."""
    if count == 3:
        return (1, 3) if is_wide else (3, 1)
    return 2, (count + 1) // 2


def _gap(width: int, height: int) -> int:
    """Returns the pixels between two pictures of that size."""
    return max(_LEAST_GAP, round(max(width, height) / 192))


def _write_number(grid: Image.Image, number: int, left: int, top: int, size: tuple[int, int]) -> None:
    """Writes a light number on a dark, half transparent ground into the upper left corner of a cell of that size."""
    if min(size) < _LEAST_NUMBERED:
        return
    box, inset = _number_box(size)
    ground = Image.new("L", (2 * box, 2 * box))
    # Drawn at twice the size: Pillow's shapes have hard edges.
    ImageDraw.Draw(ground).rounded_rectangle((0, 0, 2 * box - 1, 2 * box - 1), box // 2, fill=_GROUND_ALPHA)
    at = (left + inset, top + inset)
    grid.paste("black", at, ground.resize((box, box), Image.Resampling.BOX))
    font = ImageFont.load_default(round(box * 0.8))
    middle = (at[0] + box / 2, at[1] + box / 2)
    ImageDraw.Draw(grid).text(middle, str(number), fill="white", font=font, anchor="mm")


def _number_box(size: tuple[int, int]) -> tuple[int, int]:
    """Returns the side of a number's ground, and its distance from the edges of its cell."""
    width, height = size
    box = max(_LEAST_NUMBER, round((width * height) ** 0.5 / 14))
    return box, round(box / 5)


def without_number(cell: Image.Image) -> Image.Image:
    """Covers the corner with the number by what is beside and below it, for marks and hashes, which it disturbs."""
    if min(cell.size) < _LEAST_NUMBERED:
        return cell
    corner = sum(_number_box(cell.size)) + 1
    beside = ImageOps.mirror(cell.crop((corner, 0, 2 * corner, corner)))
    below = ImageOps.flip(cell.crop((0, corner, corner, 2 * corner)))
    covered = cell.copy()
    covered.paste(Image.blend(beside, below, 0.5), (0, 0))
    return covered


def cells_of(grid: Image.Image, count: int) -> list[Image.Image]:
    """Splits a grid that `grid_of` made, at any scale, or one of an older version without hairlines.

    All its pictures must have one size. The cells may have up to two pixels less than the pictures on each side.
    """
    if count == 1:
        return [grid]
    columns, rows = _layout(count, is_wide=grid.width < grid.height)
    gap = _gap(grid.width // columns, grid.height // rows)
    width, height = (grid.width + gap) // columns - gap, (grid.height + gap) // rows - gap
    corners = [(index % columns * (width + gap), index // columns * (height + gap)) for index in range(count)]
    return [grid.crop((left, top, left + width, top + height)) for left, top in corners]


def grid_without(contents: Sequence[bytes], kept: Collection[int]) -> tuple[bytes, str]:
    """Returns the encoded grid with only the pictures whose numbers (from 0) are in `kept`, each in its own place.

    Raises the same errors as `open_picture`.
    """
    cells = [open_picture(content) if index in kept else None for index, content in enumerate(contents)]
    return encode_grid(grid_of(cells, is_numbered=True))


def encode_grid(picture: Image.Image, limit: int = GRID_LIMIT) -> tuple[bytes, str]:
    """Encodes as JPEG with full colour (4:4:4) at the best quality that fits into `limit` bytes. Returns it with the format's
    name.

    If the lowest quality is still too large, the picture is halved until it fits.
    """
    picture = as_rgb(picture)
    while True:
        for quality in _QUALITIES:
            content = _as_jpeg(picture, quality)
            if len(content) <= limit or picture.size == (1, 1):
                return content, "jpeg"
        picture = picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)))


def _as_jpeg(picture: Image.Image, quality: int) -> bytes:
    """Encodes with full colour (4:4:4)."""
    try:
        # Writes to a file, not to memory: Pillow then lets other threads run while it encodes.
        with tempfile.TemporaryFile() as out:
            picture.save(out, "JPEG", quality=quality, subsampling=0)
            out.seek(0)
            return out.read()
    except OSError:  # the disk is full; the code that stores the picture reports it
        memory = io.BytesIO()
        picture.save(memory, "JPEG", quality=quality, subsampling=0)
        return memory.getvalue()


def form_of(content: bytes) -> str:
    """Returns "png", "jpeg" or "webp", read from the header alone. Raises NotAPicture."""
    with _header(content) as picture:
        return (picture.format or "").lower()


@contextmanager
def _header(content: bytes, formats: tuple[str, ...] = FORMATS) -> Generator[Image.Image]:
    """Opens a picture by its header. The pixels may still be broken. Raises NotAPicture."""
    try:
        with Image.open(io.BytesIO(content), formats=formats) as picture:
            yield picture
    except Exception as broken:  # as in open_picture
        raise NotAPicture(reason=f"{type(broken).__name__}: {broken}") from broken


def thumbnail(png: bytes, side: int) -> bytes:
    """Returns a JPEG with the same proportions, at most `side` pixels wide and high. Raises the same errors as `open_picture`."""
    picture = open_picture(png)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return to_jpeg(picture, quality=85)


def blurred(picture: Image.Image, side: int = 240) -> bytes:
    """Returns a JPEG of at most `side` pixels that keeps only the colours.

    It contains at most 6 by 6 samples of the picture, so sharpening can't restore it.
    """
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    grain = max(1, side // 6)
    coarse = picture.resize((max(1, size[0] // grain), max(1, size[1] // grain)), Image.Resampling.BOX)
    return to_jpeg(coarse.resize(size, Image.Resampling.BICUBIC), quality=80)


def parameters_of(drawing: Drawing[bytes], index: int, scheduler: str) -> str:
    """Describes how picture `index` (from 0) was made, in the text format of AUTOMATIC1111 that other tools read.

    `seed + index` is the seed that draws this picture alone. For the format and the quoting see `create_infotext` in
    https://github.com/AUTOMATIC1111/stable-diffusion-webui/blob/master/modules/processing.py
    """
    fields = {
        "Steps": str(drawing.steps),
        "Sampler": scheduler,  # other programs call the scheduler "sampler"
        "CFG scale": f"{drawing.guidance:g}",
        "Seed": str(drawing.seed + index),
        "Size": f"{drawing.size.width}x{drawing.size.height}",
        "Model": drawing.model,
    }
    if start := drawing.picture(Role.START):
        fields["Denoising strength"] = f"{start.strength:g}"
    if large := drawing.picture(Role.CREATIVE):
        fields["Denoising strength"] = f"{large.strength:g}"
        fields["Hires upscale"] = f"{large.factor:g}"
        fields["Hires upscaler"] = "Real-ESRGAN, then tiles"
    if (picture := drawing.picture(Role.CONTROL)) and picture.control:
        module = "none" if picture.control.is_prepared else picture.control.kind.value
        # As the extension sd-webui-controlnet writes it. Its module makes the control map.
        fields["ControlNet 0"] = (
            f"Module: {module}, Model: {picture.control.kind}, Weight: {picture.strength:g}"
        )
    fields["Version"] = f"Atelier {version()}".strip()
    loras = [f"<lora:{lora.name}:{lora.weight:g}>" for lora in drawing.lora_set]
    lines = [" ".join([drawing.prompt.text, *loras])]
    if drawing.prompt.negative:
        lines.append(f"Negative prompt: {drawing.prompt.negative}")
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items() if value))
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """Returns a JSON string if the value contains a separator of fields, otherwise the value unchanged."""
    return json.dumps(value, ensure_ascii=False) if any(sign in value for sign in ',:\n"') else value


def version() -> str:
    """Returns Atelier's version; empty if it runs from a checkout that is not installed."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("atelier")
    return ""


def as_rgb(picture: Image.Image) -> Image.Image:
    """Returns the picture in 8 bits a channel, transparency on white."""
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I"):  # 16 bits a pixel; convert() would cut off at 255 instead of scaling
        return picture.convert("I").point(lambda value: value / 257).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")
