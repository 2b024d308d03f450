"""Members' data and the audit log in sentences."""

from __future__ import annotations

from bot import texts
from bot.privacy_errors import NoHead


def sentence(error: Exception) -> str | None:
    """What is said instead of doing it; None for what belongs elsewhere."""
    match error:
        case NoHead():
            return f"`{texts.code(error.text)}` is no head of the audit log; one looks like `12:3fa9c07d`."
        case _:
            return None
