"""Every refusal as one sentence, and the small phrases of the cards. Leaves carry data; this is where it becomes prose."""

from __future__ import annotations

import math

from bot.texts.markdown import code
from generation.queue.ticket import Progress, Running, Waiting
from moderation.duration import written
from moderation.verdict import Category, Verdict

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


def why(verdict: Verdict, most: int = 8) -> str:
    """What decided, for moderators: "sexual: rule `suggestive` found `lingerie`"."""
    words = ", ".join(f"`{code(word, 40)}`" for word in verdict.words[:most])
    what = "" if verdict.category is Category.NONE else f"{verdict.category}: "
    return f"{what}rule `{code(verdict.rule, 60)}`" + (f" found {words}" if words else "")


def moment(at: float) -> str:
    """A time that Discord shows in the reader's own zone."""
    return f"<t:{int(at)}:f>"
