"""Records failures with their reasons, and decides when to retry: later each time. Pure bookkeeping: no clock."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

FIRST, LAST = 30.0, 1800.0
"""Seconds before a retry: the first delay and the longest. The delay doubles each time."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class FailedLoad:
    reason: str  # a sentence
    pause: float  # seconds from the failure to the next try
    until: float  # seconds, of the caller's clock

    @property
    def sentence(self) -> str:
        return f"{self.reason} It is tried again after {self.pause:.0f} s, when an order asks for it."


class Backoff(Generic[Key]):
    def __init__(self) -> None:
        self._known: dict[Key, FailedLoad] = {}

    def fail(self, what: Key, reason: str, now: float) -> FailedLoad:
        known = self._known.get(what)
        pause = min(LAST, 2 * known.pause) if known else FIRST
        self._known[what] = FailedLoad(reason, pause, now + pause)
        return self._known[what]

    def clear(self, what: Key) -> None:
        """Records success: the next failure counts as the first."""
        self._known.pop(what, None)

    def standing(self, what: Key, now: float) -> FailedLoad | None:
        """Returns the failure that prevents a try now; None if it may be tried."""
        known = self._known.get(what)
        return known if known and now < known.until else None
