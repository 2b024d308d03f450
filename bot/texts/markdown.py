"""Members' words inside a sentence or card: their markdown, links and mentions have no effect."""

import re

import discord

_MARKS = re.compile(r"[\\`*_~|<>\[\]]|:(?=//)|^[#-]")
"""Starts of markdown, mentions, links and headings. discord.py's own escaping skips links and the markdown inside them."""

_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that change the writing direction, also of the text after the member's words."""


def plain(text: str) -> str:
    """Returns the words on one line, escaped."""
    line = _MARKS.sub(r"\\\g<0>", _one_line(text))
    return discord.utils.escape_mentions(line)


def code(text: str, limit: int = 100) -> str:
    """Returns the words for use between backticks; never empty, because two backticks alone would not close."""
    return short(_one_line(text).replace("`", "'"), limit) or " "


def short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _one_line(text: str) -> str:
    return " ".join(_TURNS.sub("", text).split())
