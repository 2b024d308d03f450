"""Reads what a member writes into a prompt beside its words: `--name value`, other bots' habits, LoRA tags, links.

The names that mean nothing here, and links, are left out and named in a note on the card. Every other word stays.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.studio import BadParameter, UnknownParameter
from bot.studio.orders.permutations import MOST_ORDERS
from db import Note, NoteKind
from generation import MAX_GUIDANCE, MAX_LORA_WEIGHT, find_scheduler

NAMES = {
    "ar": "aspect",
    "aspect": "aspect",
    "seed": "seed",
    "no": "negative",
    "neg": "negative",
    "negative": "negative",
    "steps": "steps",
    "cfg": "guidance",
    "guidance": "guidance",
    "images": "images",
    "model": "model",
    "scheduler": "scheduler",
    "sampler": "scheduler",
    "lora": "lora",
    "preset": "preset",
    "style": "style",
    "r": "repeat",
    "repeat": "repeat",
    "iw": "image_weight",
}
"""Every spelling of an inline parameter, and the option that it sets."""

_NUMBER, _WORD, _LINKS = (
    r"-?\d+(?:\.\d+)?",
    r"[\w.-]+",
    r"(?:https?://\S+|\d+|random)(?:\s+(?:https?://\S+|\d+))*",
)
FOREIGN: dict[str, str | None] = {
    **dict.fromkeys(
        ["v", "version", "niji", "s", "stylize", "c", "chaos", "q", "quality", "w", "weird"], _NUMBER
    ),
    **dict.fromkeys(["stop", "cw", "sw", "ow", "exp", "sv", "bs", "sameseed"], _NUMBER),
    **dict.fromkeys(["motion", "ratio"], _WORD),
    **dict.fromkeys(["cref", "sref", "oref", "p", "profile", "end"], _LINKS),
    **dict.fromkeys(
        ["tile", "draft", "raw", "fast", "relax", "turbo", "hd", "sd", "video", "loop", "public"]
    ),
    **dict.fromkeys(["stealth", "creative", "test", "testp", "uplight", "upbeta", "upanime"]),
}
"""Midjourney's parameters that mean nothing here, and the form of their values; None: they have none.

https://docs.midjourney.com/hc/en-us/articles/32859204029709-Parameter-List
"""
_ONE_DASH = {"ar", "aspect", "seed", "no", "neg", "steps", "cfg", "images"}
"""Names that a single hyphen before them also marks. As words behind a hyphen they hardly occur."""
SEED_LIMIT = 2**53 - 4
"""The last seed of four pictures must fit Discord's whole numbers."""
MAX_IMAGE_WEIGHT = 3.0
"""As Midjourney's."""
RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, SEED_LIMIT),
    "guidance": (1, MAX_GUIDANCE),
    "images": (1, 4),
    "repeat": (1, MOST_ORDERS),
    "lora": (-MAX_LORA_WEIGHT, MAX_LORA_WEIGHT),
    "image_weight": (0, MAX_IMAGE_WEIGHT),
}

# A dash that phones and word processors make of two hyphens counts too; a hyphen inside a word does not.
_FLAG = re.compile(r"(?:^|(?<=[\s,]))(--|—|–|-)([A-Za-z][\w-]*)(?=([\s=:,]|$))")
_LINK = re.compile(r"(?i)\bhttps?://\S+")
_LORA = re.compile(r"(?i)<lora:([\w.-]+)(?::([^:>\s]*))?(?::[^>\s]*)?>")
_MORE_LORAS = re.compile(r"\s*[\w-]+(?::\S*|(?=\s*$)|,)")
"""The next LoRA of a list: it has a weight, a comma follows, or nothing does."""
_SCHEDULER_WORDS = 4
_ADDED = {"lora": " ", "negative": ", "}
"""Options whose values add up when they are given again, and what stands between them."""
_SEPARATORS = " \t\r\n,"


@dataclass(frozen=True, slots=True)
class Inline:
    """A text, and what was read from it."""

    text: str  # the rest
    values: Mapping[str, str]  # by option
    notes: tuple[Note, ...]


def take_inline(text: str) -> Inline:
    """Raises UnknownParameter, BadParameter."""
    values: dict[str, str] = {}
    names: dict[NoteKind, list[str]] = {}
    loras = [":".join(filter(None, tag)) for tag in _LORA.findall(text)]
    if loras:
        text, values["lora"] = _LORA.sub(" ", text), " ".join(loras)
    if _LINK.search(text):
        text, names[NoteKind.LINKS] = _LINK.sub(" ", text), []
    flags = [flag for flag in _FLAG.finditer(text) if _is_flag(*flag.groups())]
    pieces = [text[: flags[0].start() if flags else None]]
    ends = [*(flag.start() for flag in flags[1:]), len(text)]
    for flag, end in zip(flags, ends, strict=False):
        dash, written, mark = flag[1], flag[2].lower(), flag[3]
        rest = text[flag.end() + (mark in ("=", ":")) : end]
        if written in FOREIGN:
            names.setdefault(NoteKind.IGNORED, []).append(written)
            form = FOREIGN[written]
            pieces.append(re.sub(rf"^\s*(?:{form})(?=[\s,]|$)", "", rest) if form else rest)
            continue
        option = NAMES.get(written)
        if option is None:
            raise UnknownParameter(written, difflib.get_close_matches(written, NAMES, n=1, cutoff=0.0)[0])
        if dash == "-":
            names.setdefault(NoteKind.ONE_DASH, []).append(written)
        value, rest = _value(option, rest)
        if not value:
            raise BadParameter(written, "", option, *RANGES.get(option, ()))
        if option in _ADDED and option in values:
            value = f"{values[option]}{_ADDED[option]}{value}"
        values[option] = value
        pieces.append(rest)
    notes = (Note(kind=kind, names=tuple(dict.fromkeys(each))) for kind, each in names.items())
    return Inline(_joined(pieces), values, tuple(notes))


def _is_flag(dash: str, written: str, mark: str) -> bool:
    """Returns whether it marks a parameter. Two hyphens always do; another dash may belong to the text."""
    name = written.lower()
    return dash == "--" or (name in _ONE_DASH if dash == "-" else name in NAMES or name in FOREIGN)


def _value(option: str, rest: str) -> tuple[str, str]:
    """Cuts the option's value off the text behind its name. Returns both."""
    if option == "negative":  # all words until the next parameter
        return rest.strip(_SEPARATORS), ""
    if option == "scheduler" and (named := _scheduler(rest)):
        return named
    value, rest = _word(rest)
    while option == "lora" and value.endswith(",") and (more := _MORE_LORAS.match(rest)):
        value, rest = f"{value} {more[0].strip()}", rest[more.end() :]
    cut = value.rstrip(",")
    return cut, value[len(cut) :] + rest


def _scheduler(text: str) -> tuple[str, str] | None:
    """Cuts the longest name of a scheduler off the text: "DPM++ 2M Karras" has three words. None: no name begins it."""
    words = text.split()
    for count in range(min(_SCHEDULER_WORDS, len(words)), 0, -1):
        named = " ".join(words[:count])
        cut = named.rstrip(",")
        if find_scheduler(cut):
            return cut, f"{named[len(cut) :]} {' '.join(words[count:])}".rstrip()
    return None


def _word(text: str) -> tuple[str, str]:
    first, *rest = text.split(maxsplit=1) or [""]
    return first, f" {rest[0]}" if rest else ""


def _joined(pieces: Sequence[str]) -> str:
    """Joins what stood between the parameters. Commas beside a parameter are one comma, or none at an end."""
    if len(pieces) == 1:
        return pieces[0]
    text = ""
    for piece in pieces:
        is_listed = text.endswith(",") or piece.startswith(",")
        text, piece = text.rstrip(_SEPARATORS), piece.strip(" \t\r\n").lstrip(_SEPARATORS)
        text = (", " if is_listed else " ").join(filter(None, [text, piece]))
    return text.rstrip(_SEPARATORS)
