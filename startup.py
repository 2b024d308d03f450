"""Errors that end a start; each has a sentence for the owner. Every layer may import this module; it imports none."""

import re
from typing import ClassVar

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and line breaks. No name or path of the settings holds one."""


def printable(text: str) -> str:
    """Escapes control characters, so that a sentence that quotes a file stays one line."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


class StartError(Exception):
    """An error that ends a start. `str()` is a sentence for the owner: the fault, its place, and the remedy."""

    may_pass: ClassVar[bool] = False
    """Whether a later start may succeed without any change by the owner."""
