"""Durations in seconds, and in the form that moderators and settings use: "30m", "12h", "7d", "2w"."""

import re

MINUTE, HOUR, DAY, WEEK = 60.0, 3_600.0, 86_400.0, 604_800.0
_UNITS = {"w": WEEK, "d": DAY, "h": HOUR, "m": MINUTE}  # the largest first


def seconds_in(text: str) -> float | None:
    """Parses a duration. Returns seconds; None if the text is not a duration."""
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*([mhdw])\s*", text.lower())
    if match is None or int(match[1]) == 0:
        return None
    return int(match[1]) * _UNITS[match[2]]


def written(seconds: float) -> str:
    """Writes a duration in the form of `seconds_in`, in the largest unit that gives a whole number; empty if there is none."""
    for unit, length in _UNITS.items():
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return ""
