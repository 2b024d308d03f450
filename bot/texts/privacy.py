"""Members' data and the audit log in sentences."""

from __future__ import annotations

from bot.studio.privacy_errors import DataTooLarge, NoHead, NotYourData
from bot.texts import members as texts


def sentence(error: Exception) -> str | None:
    """What is said instead of doing it; None for what belongs elsewhere."""
    match error:
        case NoHead():
            return f"`{texts.code(error.text)}` is no head of the audit log; one looks like `12:3fa9c07d`."
        case DataTooLarge():
            return (
                f"What I keep about you takes {error.size / 2**20:.1f} MiB, and Discord takes {error.limit / 2**20:.0f} here. "
                "Ask the owner of this bot: `python -m db export` writes it to a file."
            )
        case NotYourData():
            return "That is for somebody else's data. `/privacy delete` is for yours."
        case _:
            return None
