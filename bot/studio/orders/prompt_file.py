"""Reads a prompt from a file: the words of a text file, or the parameters in a picture. It is used as if it were typed.

Parameters in a picture prove nothing about a job: they are text, and are screened as text.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

from bot.studio import NoPromptInFile
from bot.studio.orders.inline import SEED_LIMIT
from bot.studio.orders.parameters import ASPECTS, PromptInput, is_blank
from db import Note, NoteKind
from generation import MAX_LORA_WEIGHT, ImageSize, ModelEntry
from generation.files.images import NotAPicture
from generation.files.infotext import Infotext, looks_like_infotext, read_infotext, read_picture

MAX_TEXT = 4 * 2**10
"""Bytes: the longest prompt fits in any script."""
MAX_PNG = 10 * 2**20
"""Bytes: the largest file that the bot posts on every server. Where it may post larger ones, it reads them too."""
_MAX_INFOTEXT = 5000
"""Characters: more than two of the longest prompts and all fields."""
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
"""How a PNG, a JPEG and a WebP begin."""
_SIZE_LIMIT = 9999  # pixels a side, as in `--ar`


def prompt_in_file(
    content: bytes, typed: PromptInput, models: Sequence[ModelEntry], default: ModelEntry
) -> PromptInput:
    """Reads the request in the file. When `typed` (already parsed) names another model, the file's model settings are ignored.

    A file without a prompt can go with a typed one. Raises NoPromptInFile.
    """
    if content.startswith(_PICTURES):
        read = _of_picture(content)
    else:
        text = _text(content)
        read = read_infotext(text) if looks_like_infotext(text) else None
        if read is None:
            return PromptInput(prompt=text)
    if is_blank(read.prompt) and is_blank(typed.prompt):
        raise NoPromptInFile
    return _wish(read, typed, models, default)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoPromptInFile from error
    if len(content) > MAX_TEXT or any(sign < " " and not sign.isspace() for sign in text) or is_blank(text):
        raise NoPromptInFile
    return text


def _of_picture(content: bytes) -> Infotext:
    try:
        read = read_picture(content)
    except NotAPicture as error:
        raise NoPromptInFile from error
    if read is None or len(read.prompt) + len(read.negative) > _MAX_INFOTEXT:
        raise NoPromptInFile
    return read


def _wish(
    read: Infotext, typed: PromptInput, models: Sequence[ModelEntry], default: ModelEntry
) -> PromptInput:
    known = {entry.name.casefold(): entry for entry in models}
    drawn_by = known.get(read.fields.get("Model", "").casefold())
    model = drawn_by if typed.model is None else known.get(typed.model.strip().casefold())
    wish = PromptInput(
        prompt=read.prompt,
        negative=read.negative or None,
        aspect=_aspect(read.fields.get("Size", ""), model or default),
        seed=_seed(read.fields.get("Seed", "")),
        images=1,  # a file is one picture
        model=drawn_by and drawn_by.name,
    )
    loras, gone = _loras(read, model or default)
    if gone:
        wish = replace(wish, notes=(Note(kind=NoteKind.LORAS, names=(str(gone),)),))
    wish = replace(wish, lora=loras or None)
    if drawn_by is None or model is not drawn_by:
        return wish  # the other parameters apply only to the model that drew the picture
    return replace(
        wish,
        steps=read.fields.get("Steps"),
        guidance=read.fields.get("CFG scale"),
        scheduler=read.scheduler if read.scheduler in drawn_by.schedulers else None,
    )


def _seed(text: str) -> str | None:
    """Returns a seed that can be typed here, or None. Other tools' seeds may be larger."""
    return (
        text if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= SEED_LIMIT else None
    )


def _aspect(text: str, model: ModelEntry) -> str | None:
    """Returns the aspect of a size such as "768x512": one that gives this size again with the model, else the nearest typeable
    one.
    """
    wide, _, high = text.partition("x")
    if not (wide.isascii() and wide.isdecimal() and high.isascii() and high.isdecimal() and len(text) < 12):
        return None
    size = ImageSize(width=int(wide), height=int(high))
    for name, ratio in ASPECTS.items():
        if model.size_for(ratio) == size:
            return name
    if not min(size.width, size.height) > 0 or max(size.width, size.height) > _SIZE_LIMIT:
        return None
    if size.width > 3 * size.height:
        return "3:1"
    if size.height > 3 * size.width:
        return "1:3"
    divisor = gcd(size.width, size.height)
    return f"{size.width // divisor}:{size.height // divisor}"


def _loras(read: Infotext, model: ModelEntry) -> tuple[str, int]:
    """Returns the LoRAs that the model has, as they are typed, and the number of the others."""
    names = {lora.name.casefold() for lora in model.loras}
    known = [
        f"{name}:{weight:.3f}"
        for name, weight in read.loras
        if name.casefold() in names and abs(weight) <= MAX_LORA_WEIGHT
    ]
    return " ".join(known), len(read.loras) - len(known)
