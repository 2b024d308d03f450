"""Reads a picture that a member supplies. Only its pixels are kept: no metadata, no further frames, nothing behind its end.

No Discord, and no database. Run as a program, it reads a file from its input: a picture of 25 megapixels takes up to 400 MB and
three seconds, and a broken decoder ends that process alone.
"""

import asyncio
import importlib
import io
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageOps

from bot.studio.errors import PictureFault, UnusablePicture
from generation import ImageSize
from generation.files import images

MAX_BYTES = 25 * 2**20
"""Of the file: more than Discord's upload limit without payment."""
MAX_PIXELS = 25_000_000
"""Width times height."""
MIN_SIDE = 16  # pixels
KEPT_SIDE = 2048
"""Pixels. Larger pictures are reduced: no model starts from more, and each waiting order holds its picture in memory."""

_BRANDS = {
    "AVIF": {b"avif", b"avis"},
    "HEIF": {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"},
}
"""Of ISO's file format: each names the code of the pixels. A file of brand mif1 names it among its compatible brands."""
_PATIENCE = 20.0
"""Seconds that a picture may take. The largest ones take four on a slow core."""
_MOST_MEMORY = 2**30
"""Bytes of address space of the process that reads. The largest pictures take half of it."""
_READ, _REFUSED = b"read", b"refused"
_MOST_BRANDS = 32
_MOST_SCANS = 100
"""Of a progressive JPEG; usual files have ten. Each is decoded over the whole picture, so thousands would take minutes."""
_SCRIPTS = re.compile(rb"(?i)<(?:script|\?php|html|svg[\s>])")
"""With a sign behind "svg": the four bytes alone stand by chance in one picture of fifty, if it has 10 MB."""
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_PDF_WITHIN = 1024
"""Bytes. Readers look that far for a PDF's beginning."""
_ZIP_WITHIN = 2**16 + 22
"""Bytes before the end in which a ZIP's directory ends. Readers of ZIPs look for it from the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedPicture:
    content: bytes  # PNG in RGB, without metadata
    size: ImageSize


async def read_apart(content: bytes) -> UploadedPicture:
    """Reads the picture as `read_upload` does, in a process of its own. Raises UnusablePicture."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            said, _ = await process.communicate(content)
    except TimeoutError as late:
        raise UnusablePicture(PictureFault.BROKEN) from late
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    head, _, rest = said.partition(b"\n")
    match head.split():
        case [word, width, height] if word == _READ:
            return UploadedPicture(content=rest, size=ImageSize(width=int(width), height=int(height)))
        case [word, fault, pixels, limit] if word == _REFUSED:
            raise UnusablePicture(PictureFault(fault.decode()), int(pixels), int(limit))
        case _:  # the decoder crashed, or wanted too much memory
            raise UnusablePicture(PictureFault.BROKEN)


def _run() -> None:
    """Answers with one line, and the PNG behind it."""
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        limits = importlib.import_module("resource")
        limits.setrlimit(limits.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    try:
        found = read_upload(sys.stdin.buffer.read())
    except UnusablePicture as error:
        answer = b"%s %s %d %d\n" % (_REFUSED, error.fault.encode(), error.pixels, error.limit)
    else:
        answer = b"%s %d %d\n%s" % (_READ, found.size.width, found.size.height, found.content)
    sys.stdout.buffer.write(answer)


def read_upload(content: bytes) -> UploadedPicture:
    """Returns the picture as it should be seen: first frame, upright, transparency on white, at most KEPT_SIDE wide and high.

    The name and the stated type of the file mean nothing: its content decides. Raises UnusablePicture.
    """
    form = _form_of(content)
    if form is None:
        raise UnusablePicture(PictureFault.UNKNOWN)
    if form == "HEIF" and not _reads_heif():
        raise UnusablePicture(PictureFault.HEIC)
    if _is_mixed(content):
        raise UnusablePicture(PictureFault.MIXED)
    try:
        picture = _decoded(content, form)
        out = images.to_png(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise UnusablePicture(
            PictureFault.PIXELS, 2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS), MAX_PIXELS
        ) from bomb
    except UnusablePicture:
        raise
    except Exception as broken:
        # For broken files, readers raise OSError, SyntaxError, ValueError, struct.error, RuntimeError and more.
        raise UnusablePicture(PictureFault.BROKEN) from broken
    return UploadedPicture(content=out, size=ImageSize(width=picture.width, height=picture.height))


def _form_of(content: bytes) -> str | None:
    """Returns Pillow's name of the form that the content begins with."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp":
        end = min(int.from_bytes(content[:4], "big"), 16 + 4 * _MOST_BRANDS)
        brands = {content[8:12], *(content[at : at + 4] for at in range(16, end, 4))}
        return next((form for form, known in _BRANDS.items() if brands & known), None)
    return None


@lru_cache(maxsize=1)
def _reads_heif() -> bool:
    """Returns whether the package that reads HEIC is installed."""
    try:
        reader = importlib.import_module("pi_heif")
    except ImportError:
        return False
    reader.register_heif_opener(thumbnails=False)
    return True


def _is_mixed(content: bytes) -> bool:
    """Returns whether another program reads the file as an archive, a document or a script.

    Pictures of phones have films and more pictures behind their end; those are left alone.
    """
    if b"%PDF-" in content[:_PDF_WITHIN] or any(sign in content for sign in _ARCHIVES):
        return True
    if _SCRIPTS.search(content):
        return True
    at = content.rfind(b"PK\x05\x06", -_ZIP_WITHIN)
    # By chance, these four bytes stand in one file of 65,000; then the length behind them fits in one of as many.
    return at >= 0 and int.from_bytes(content[at + 20 : at + 22], "little") == len(content) - at - 22


def _decoded(content: bytes, form: str) -> Image.Image:
    if form == "JPEG" and content.count(b"\xff\xda") > _MOST_SCANS:
        raise UnusablePicture(PictureFault.BROKEN)
    with Image.open(io.BytesIO(content), formats=(form,)) as picture:
        pixels = picture.width * picture.height
        if pixels > MAX_PIXELS:
            raise UnusablePicture(PictureFault.PIXELS, pixels, MAX_PIXELS)
        if min(picture.size) < MIN_SIDE:
            raise UnusablePicture(PictureFault.SMALL, limit=MIN_SIDE)
        picture.draft("RGB", (KEPT_SIDE, KEPT_SIDE))  # a JPEG is decoded at a half or less of its size
        picture.load()
        found = _reduced(picture)
    with suppress(Exception):  # orientation in metadata that are broken: the picture itself is not
        found = ImageOps.exif_transpose(found)
    if min(found.size) < 1:
        raise UnusablePicture(PictureFault.SMALL, limit=MIN_SIDE)
    found = images.as_rgb(found.convert("RGBA") if found.has_transparency_data else found)
    found.info.clear()
    return found


def _reduced(picture: Image.Image) -> Image.Image:
    """Returns a picture of at most KEPT_SIDE. It is reduced before any other work, which copies all pixels."""
    if max(picture.size) <= KEPT_SIDE:
        return picture
    if picture.mode in ("1", "P", "PA") or (picture.mode == "RGB" and picture.has_transparency_data):
        exif = picture.info.get("exif")
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        picture.info["exif"] = exif or b""
    picture.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture


if __name__ == "__main__":
    _run()
