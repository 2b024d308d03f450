"""A member's words inside a sentence or card: no markdown, no link, no mention of theirs takes effect."""

import re

import discord

_MARKS = re.compile(r"[\\`*_~|<>\[\]]|:(?=//)|^[#-]")
"""What begins markdown, a mention, a link or a heading. discord.py's own escaping leaves links, and markdown in them, alone."""

_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing, also of what stands behind the member's words."""


def plain(text: str) -> str:
    """The words on one line, escaped."""
    line = _MARKS.sub(r"\\\g<0>", _one_line(text))
    return discord.utils.escape_mentions(line)


def code(text: str, limit: int = 100) -> str:
    """The words to stand between backticks; never empty, for two backticks alone would not close."""
    return short(_one_line(text).replace("`", "'"), limit) or " "


def short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _one_line(text: str) -> str:
    return " ".join(_TURNS.sub("", text).split())
