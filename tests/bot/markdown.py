"""The part of Discord's markdown that tests need: which characters are still active, and the text that a reader sees."""

import re
from dataclasses import dataclass

from hypothesis import strategies as st

_ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
_ANYWHERE = re.compile(r"[`*_~|<>\[\]]|://|@(?=everyone|here)|[\r\n\u2028\u2029\x85]")
_AT_THE_START = re.compile(r"\s*(?:#{1,3} |-# |[-*] |>)")
_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Read:
    seen: str  # the visible text, without zero-width spaces
    live: tuple[str, ...]  # the active markup


def read(text: str) -> Read:
    """Parses one line, as the middle or the beginning of a text."""
    bare = _ESCAPE.sub("\0", text)  # an escaped character is inactive, and no markup spans it
    start = _AT_THE_START.match(bare)
    live = (*([start[0]] if start else []), *_ANYWHERE.findall(bare), *_TURNS.findall(bare))
    return Read(_ESCAPE.sub(r"\1", text).replace("\u200b", ""), live)


def without_code(text: str) -> str:
    """Returns the text without its code spans and timestamps, which are the bot's own."""
    return re.sub(r"(\\[^0-9A-Za-z\s])|`[^`\n]+`|<t:\d+:\w>", lambda found: found[1] or "", text)


def words_of(text: str) -> str:
    """Returns the visible part of a member's text."""
    return " ".join(_CONTROL.sub(" ", _TURNS.sub("", text)).split()).replace("\u200b", "")


HOSTILE = st.sampled_from(
    [
        *"\\`*_~|<>[]()#-:@!.\"'/ \n\r\t",
        *(
            "**",
            "||",
            "```",
            "~~",
            "://",
            "> ",
            ">>> ",
            "# ",
            "-# ",
            "- ",
            "\\\\",
            "\u200b",
            "\u202e",
            "\u2066",
        ),
        *("@everyone", "@here", "<@80351110224678912>", "<@&80351110224678912>", "<#80351110224678912>"),
        *("https://example.com/**x**", "[a **b**](https://example.com)", "<https://example.com/_`_>"),
        *(
            "</mod:80351110224678912>",
            "<t:0:R>",
            "<:fox:80351110224678912>",
            "attachment://x",
            "🦊",
            "👩‍👩‍👧",
            "ﷺ",
            "e\u0301",
            "狐",
        ),
    ]
)
"""Fragments that break out of a text that is not escaped properly."""

PIECES = HOSTILE | st.text(max_size=8)
words = st.lists(PIECES, max_size=40).map("".join)
long_words = st.tuples(words, HOSTILE, st.integers(1, 1000)).map(
    lambda each: (each[0] + each[1] * each[2])[:1000]
)
"""At most as long as a prompt may be."""
