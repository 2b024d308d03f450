"""The progress line of a card, and spans of time in words. English alone: they are to move into the catalogue."""

from __future__ import annotations

import math

from generation.queue.ticket import Progress, Running, Waiting
from moderation.duration import written

_UNIT = {"w": "week", "d": "day", "h": "hour", "m": "minute"}


def withheld(number: int, of: int) -> str:
    what = "One picture" if number == 1 else f"{number} pictures"
    return f"{what} of {of} showed what is not shown here, and {'is' if number == 1 else 'are'} left out and not charged."


def progress_line(progress: Progress, *, is_ready: bool = True) -> str:
    if not is_ready:
        return "The model is loading. Your pictures come as soon as it is ready."
    match progress:
        case Waiting(place=place, seconds=seconds):
            wait = "" if seconds is None else f", about {duration(seconds)} to go"
            return "Next in line" + wait if place <= 1 else f"Place {place} in line{wait}"
        case Running(done=done, total=total, seconds=seconds):
            wait = "" if seconds is None else f", about {duration(seconds)} to go"
            share = 0.0 if total == 0 else min(1.0, done / total)
            filled = round(share * 12)
            return f"`{'█' * filled}{'░' * (12 - filled)}` {share:.0%}{wait}"


def duration(seconds: float) -> str:
    """Rounded up, so that "again in" is never too early."""
    whole = max(1, math.ceil(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = math.ceil(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{math.ceil(minutes / 60)} h"


def span(seconds: float) -> str:
    """ "2 weeks", "3 days", "1 hour": in the largest unit that is whole."""
    text = written(seconds)
    if not text:
        return duration(seconds)
    return f"{text[:-1]} {_UNIT[text[-1]]}" + ("" if text[:-1] == "1" else "s")
