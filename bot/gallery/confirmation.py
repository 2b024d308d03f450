"""Which presses of 🗑️ wait for a second one. State in memory only: after a restart the bot asks again."""

import time
from collections.abc import Callable

from generation import JobId, MemberId

SECONDS = 10.0
"""Seconds in which the second press deletes."""


class Confirmation:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[tuple[MemberId, JobId], float] = {}

    def is_given(self, member: MemberId, job: JobId) -> bool:
        """Returns whether the member was asked about the job in the last `SECONDS`. Each question takes one answer."""
        asked_at = self._asked.pop((member, job), None)
        return asked_at is not None and self._clock() - asked_at <= SECONDS

    def ask(self, member: MemberId, job: JobId) -> None:
        now = self._clock()
        self._asked = {each: at for each, at in self._asked.items() if now - at <= SECONDS}
        self._asked[member, job] = now
