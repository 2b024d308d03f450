"""Files that members may send as a picture, made on the spot: odd ones that are read, and bad ones that get a sentence."""

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

from bot.studio.errors import PictureFault

WIDE, HIGH = 64, 48

HEIC = base64.b64decode(
    """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA
    ACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAIcAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt
    AAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA
    AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5j
    bHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBp
    eGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAI9tZGF0AAAAgygBrwngPfMi///yPzf//LDOy/vFxFe//8dbw7/U
    lg//5BV6YSgwK4fJZOV/OjuvTe0nzRSLF6VXROUsfyV5YE0dz5ScPKu0k7mrR5Zm03rO8lbypFTqxOw5etvY1hyVJ2YWxFMxWkiE
    CHU6E8t7/aXrC6g/pw39+aqK+UFz2Mj7hoeO
    """
)
"""The picture of `halves`. Encoders of HEVC are not among the tests' packages."""


def halves(mode: str = "RGB", size: tuple[int, int] = (WIDE, HIGH)) -> Image.Image:
    """Returns a picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (size[0] // 2, 0, *size))
    return picture.convert(mode)


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def with_hole(mode: str) -> Image.Image:
    """Returns `halves` with a transparent right half."""
    picture = halves("RGBA")
    picture.putalpha(Image.new("L", picture.size, 255))
    picture.paste((0, 0, 0, 0), (WIDE // 2, 0, WIDE, HIGH))
    return picture.convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """Returns a PNG with this header and these rows. `extra`: chunks before the rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *extra,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def tall_png(width: int, height: int) -> bytes:
    """Returns an RGBA PNG of one colour, made a row at a time."""
    press, rows = zlib.compressobj(1), bytearray()
    for _ in range(height):
        rows += press.compress(bytes(1 + 4 * width))
    rows += press.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", bytes(rows)), chunk(b"IEND", b"")]
    )


def deep_png() -> bytes:
    """Returns `halves` with 16 bits a channel."""
    row = b"\0" + b"\xff\xff\0\0\0\0" * (WIDE // 2) + b"\0\0\0\0\xff\xff" * (WIDE // 2)
    return raw_png(WIDE, HIGH, 16, 2, row * HIGH)


def turned(orientation: int) -> bytes:
    """Returns a JPEG that shows `halves` once its Exif data are obeyed."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(halves().transpose(back[orientation]), "JPEG", quality=95, exif=exif)


def located() -> bytes:
    """Returns a JPEG that says where it was taken, and by which camera."""
    exif = Image.Exif()
    exif[0x010F] = "the secret camera"
    exif.get_ifd(0x8825)[1] = "N"
    return saved(halves(), "JPEG", quality=95, exif=exif)


def animated(form: str, **options: Any) -> bytes:
    later = [Image.new("RGB", (WIDE, HIGH), "green"), Image.new("RGB", (WIDE, HIGH), "white")]
    return saved(halves(), form, save_all=True, append_images=later, **options)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.sh", "echo hello")
    return out.getvalue()


def jpeg_with(segment: bytes) -> bytes:
    """Returns a JPEG with a comment at its beginning."""
    content = saved(halves(), "JPEG", quality=95)
    return content[:2] + b"\xff\xfe" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def noise(size: tuple[int, int] = (WIDE, HIGH)) -> Image.Image:
    return Image.effect_noise(size, 80).convert("RGB")


Made = Callable[[], bytes]

READ: dict[str, Made] = {
    "PNG": lambda: saved(halves(), "PNG"),
    "PNG with a palette": lambda: saved(halves("P"), "PNG"),
    "PNG with 16 bits a channel": deep_png,
    "PNG with more frames": lambda: animated("PNG"),
    "PNG with an unknown chunk": lambda: raw_png(
        WIDE, HIGH, 8, 2, (b"\0" + b"\xff\0\0" * 32 + b"\0\0\xff" * 32) * HIGH, chunk(b"zzZz", b"what")
    ),
    "JPEG": lambda: saved(halves(), "JPEG", quality=95),
    "JPEG with four bytes as of a drawing, by chance": lambda: jpeg_with(b"\x13<sVg\x8f\x02"),
    "JPEG in CMYK": lambda: saved(halves("CMYK"), "JPEG", quality=95),
    "progressive JPEG": lambda: saved(halves(), "JPEG", quality=95, progressive=True),
    "JPEG with its place in Exif data": located,
    "JPEG with broken Exif data": lambda: saved(
        halves(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"
    ),
    "JPEG with a film behind it": lambda: (
        saved(halves(), "JPEG", quality=95) + b"\0\0\0\x18ftypmp42" + bytes(99)
    ),
    "JPEG with a picture behind it": lambda: saved(halves(), "JPEG", quality=95) + saved(halves(), "JPEG"),
    **{f"JPEG turned {each}": lambda each=each: turned(each) for each in range(2, 9)},
    "GIF": lambda: saved(halves(), "GIF"),
    "animated GIF": lambda: animated("GIF", duration=50, loop=0),
    "WebP": lambda: saved(halves(), "WEBP", quality=95),
    "lossless WebP": lambda: saved(halves(), "WEBP", lossless=True),
    "animated WebP": lambda: animated("WEBP", lossless=True),
    "AVIF": lambda: saved(halves(), "AVIF", quality=95),
    "animated AVIF": lambda: animated("AVIF", quality=95),
}
"""Each shows `halves`."""

WITH_HOLE: dict[str, Made] = {
    "PNG with alpha": lambda: saved(with_hole("RGBA"), "PNG"),
    "PNG with alpha in a palette": lambda: saved(with_hole("RGBA").quantize(8), "PNG"),
    "GIF with a transparent colour": lambda: saved(with_hole("RGBA"), "GIF"),
    "WebP with alpha": lambda: saved(with_hole("RGBA"), "WEBP", lossless=True),
    "AVIF with alpha": lambda: saved(with_hole("RGBA"), "AVIF", quality=95),
    "PNG with a transparent colour": lambda: raw_png(
        WIDE,
        HIGH,
        8,
        2,
        (b"\0" + b"\xff\0\0" * 32 + b"\0\0\xff" * 32) * HIGH,
        chunk(b"tRNS", b"\0\0\0\0\0\xff"),
    ),
}
"""Each shows the left half of `halves`; the right half is white."""

GREY: dict[str, Made] = {
    "PNG with 1 bit": lambda: saved(Image.new("1", (WIDE, HIGH), 1), "PNG"),
    "grey PNG with 16 bits": lambda: saved(Image.new("I;16", (WIDE, HIGH), 0x8080), "PNG"),
    "grey PNG with alpha": lambda: saved(Image.new("LA", (WIDE, HIGH), (128, 255)), "PNG"),
    "grey JPEG": lambda: saved(Image.new("L", (WIDE, HIGH), 128), "JPEG"),
}
"""Each has one colour: white or the middle grey."""

BAD: dict[str, tuple[Made, PictureFault]] = {
    "nothing": (lambda: b"", PictureFault.UNKNOWN),
    "a text": (lambda: b"a fox in the snow", PictureFault.UNKNOWN),
    "a page": (lambda: b"<!doctype html><html></html>", PictureFault.UNKNOWN),
    "a drawing in SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', PictureFault.UNKNOWN),
    "a PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", PictureFault.UNKNOWN),
    "an archive": (zipped, PictureFault.UNKNOWN),
    "a program": (lambda: b"\x7fELF\x02\x01\x01" + bytes(64), PictureFault.UNKNOWN),
    "a film": (lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64), PictureFault.UNKNOWN),
    "a sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(64), PictureFault.UNKNOWN),
    "a TIFF": (lambda: saved(halves(), "TIFF"), PictureFault.UNKNOWN),
    "a BMP": (lambda: saved(halves(), "BMP"), PictureFault.UNKNOWN),
    "an icon": (lambda: saved(halves(), "ICO"), PictureFault.UNKNOWN),
    "a PostScript": (lambda: saved(halves(), "EPS"), PictureFault.UNKNOWN),
    "a PPM": (lambda: saved(halves(), "PPM"), PictureFault.UNKNOWN),
    "the first bytes of a PNG": (lambda: b"\x89PNG\r\n\x1a\n", PictureFault.BROKEN),
    "the first bytes of a JPEG": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0", PictureFault.BROKEN),
    "the first bytes of a GIF": (lambda: b"GIF89a", PictureFault.BROKEN),
    "the first bytes of a WebP": (lambda: b"RIFF\x24\0\0\0WEBPVP8 ", PictureFault.BROKEN),
    "half a PNG": (lambda: (made := saved(noise(), "PNG"))[: len(made) // 2], PictureFault.BROKEN),
    "half a JPEG": (lambda: (made := saved(noise(), "JPEG"))[: len(made) // 2], PictureFault.BROKEN),
    "half a GIF": (lambda: (made := saved(noise(), "GIF"))[: len(made) // 2], PictureFault.BROKEN),
    "half a WebP": (lambda: (made := saved(noise(), "WEBP"))[: len(made) // 2], PictureFault.BROKEN),
    "half an AVIF": (lambda: (made := saved(noise(), "AVIF"))[: len(made) // 2], PictureFault.BROKEN),
    "a PNG with a wrong checksum": (
        lambda: saved(halves(), "PNG").replace(b"IDAT", b"IDAT\xff", 1),
        PictureFault.BROKEN,
    ),
    "a PNG whose rows are no zlib": (
        lambda: b"".join(
            [
                b"\x89PNG\r\n\x1a\n",
                chunk(b"IHDR", struct.pack(">IIBBBBB", WIDE, HIGH, 8, 2, 0, 0, 0)),
                chunk(b"IDAT", b"no zlib at all" * 9),
                chunk(b"IEND", b""),
            ]
        ),
        PictureFault.BROKEN,
    ),
    "a PNG with a bomb of text": (
        lambda: raw_png(
            WIDE,
            HIGH,
            8,
            2,
            (b"\0" + bytes(3 * WIDE)) * HIGH,
            chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(90_000_000), 9)),
        ),
        PictureFault.BROKEN,
    ),
    "a JPEG of a thousand scans": (
        lambda: saved(halves(), "JPEG", progressive=True) + b"\xff\xda\0\x02" * 1000,
        PictureFault.BROKEN,
    ),
    "a PNG of 900 megapixels": (lambda: raw_png(30_000, 30_000, 1, 0, bytes(30_000)), PictureFault.PIXELS),
    "a PNG of 25 megapixels and a row": (lambda: raw_png(5000, 5001, 1, 0, b""), PictureFault.PIXELS),
    "a PNG of the greatest size": (lambda: raw_png(2**31 - 1, 2**31 - 1, 8, 6, b""), PictureFault.PIXELS),
    "a GIF of 4,000 megapixels": (
        lambda: b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;",
        PictureFault.PIXELS,
    ),
    "a JPEG of 4,000 megapixels": (
        lambda: saved(halves(), "JPEG").replace(
            struct.pack(">HH", HIGH, WIDE), struct.pack(">HH", 65_000, 65_000), 1
        ),
        PictureFault.PIXELS,
    ),
    "a WebP of 268 megapixels": (
        lambda: b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0VP8 \x1a\0\0\0" + bytes(40),
        PictureFault.PIXELS,
    ),
    "one pixel": (lambda: saved(Image.new("RGB", (1, 1)), "PNG"), PictureFault.SMALL),
    "a line": (lambda: saved(Image.new("RGB", (4000, 2)), "PNG"), PictureFault.SMALL),
    "a PNG and an archive": (lambda: saved(halves(), "PNG") + zipped(), PictureFault.MIXED),
    "a JPEG and an archive": (lambda: saved(halves(), "JPEG") + zipped(), PictureFault.MIXED),
    "a PNG and a RAR": (
        lambda: saved(halves(), "PNG") + b"Rar!\x1a\x07\x01\0" + bytes(9),
        PictureFault.MIXED,
    ),
    "a WebP and a 7z": (
        lambda: saved(halves(), "WEBP") + b"7z\xbc\xaf\x27\x1c" + bytes(9),
        PictureFault.MIXED,
    ),
    "a GIF and a script": (
        lambda: saved(halves(), "GIF") + b"<SCRIPT>alert(1)</SCRIPT>",
        PictureFault.MIXED,
    ),
    "a JPEG and a page in its comment": (lambda: jpeg_with(b"<html><body>"), PictureFault.MIXED),
    "a JPEG and a PDF": (lambda: jpeg_with(b"%PDF-1.4\n1 0 obj"), PictureFault.MIXED),
    "a GIF and PHP": (lambda: saved(halves(), "GIF") + b"<?php system('id');", PictureFault.MIXED),
    "a PNG and a page in its text": (
        lambda: raw_png(
            WIDE, HIGH, 8, 2, (b"\0" + bytes(3 * WIDE)) * HIGH, chunk(b"tEXt", b"Comment\0<html>")
        ),
        PictureFault.MIXED,
    ),
}
