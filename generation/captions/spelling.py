"""Spelling of prompts and of the tables' phrases: one form, so that they can be compared. No tables."""

import re
import unicodedata
from typing import Final

WORD: Final = re.compile(r"[^\W_]+")
_DROPPED: Final = re.compile("[\u064b-\u065f\u0640\u200b-\u200c\u200e\u200f]")
"""Arabic vowel signs and stretching, and marks without width. The joiner of emoji stays."""
_BARE: Final = re.compile("[\ufe0f\ufe0e\U0001f3fb-\U0001f3ff]")
"""Variation selectors and skin tones."""


def normalised(text: str) -> str:
    """Returns the text in lower case and compatibility form, without vowel signs."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text).lower())


def bare_emoji(text: str) -> str:
    return _BARE.sub("", text)


def phrase_of(text: str) -> str:
    """Returns the words of a table's phrase, with one space between them."""
    return " ".join(WORD.findall(normalised(text)))
