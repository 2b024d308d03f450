"""Spans of time in seconds, and as moderators and settings write them: "30m", "12h", "7d", "2w"."""

import re

MINUTE, HOUR, DAY, WEEK = 60.0, 3_600.0, 86_400.0, 604_800.0
_UNITS = {"w": WEEK, "d": DAY, "h": HOUR, "m": MINUTE}  # the largest first


def seconds_in(text: str) -> float | None:
    """None where it is no span of time."""
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*([mhdw])\s*", text.lower())
    if match is None or int(match[1]) == 0:
        return None
    return int(match[1]) * _UNITS[match[2]]


def written(seconds: float) -> str:
    """As `seconds_in` reads it, in the largest unit that is whole; empty where none is."""
    for unit, length in _UNITS.items():
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return ""
