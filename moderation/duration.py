"""Spans of time as moderators and settings write them: "30m", "12h", "7d", "2w"."""

from __future__ import annotations

import re

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds_in(text: str) -> float | None:
    """None where it is no span of time."""
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*([mhdw])\s*", text.lower())
    if match is None or int(match[1]) == 0:
        return None
    return float(int(match[1]) * _UNITS[match[2]])
