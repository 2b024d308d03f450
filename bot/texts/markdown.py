"""Members' words inside a sentence or card: their markdown, links and mentions have no effect."""

import re

import discord

_MARKS = re.compile(r"[\\`*_~|<>\[\]]|:(?=//)|^[#-]")
"""Starts of markdown, mentions, links and headings. discord.py's own escaping skips links and the markdown inside them."""

_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that change the writing direction, also of the text after the member's words."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs. Discord refuses some of them, and terminals obey them."""


NO_WORDS = "–"
"""Stands for a prompt without words: variations of a picture need none."""


def plain(text: str) -> str:
    """Returns the words on one line, escaped."""
    line = _MARKS.sub(r"\\\g<0>", one_line(text))
    return discord.utils.escape_mentions(line)


def code(text: str, limit: int = 100) -> str:
    """Returns the words for use between backticks; never empty, because two backticks alone would not close."""
    return short(one_line(text).replace("`", "'"), limit) or " "


def short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """Returns the words on one line, without escapes: for places that show no markdown, such as a picture's description."""
    return " ".join(_CONTROL.sub(" ", _TURNS.sub("", text)).split())
