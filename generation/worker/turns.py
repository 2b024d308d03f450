"""Which pictures take the next step. Pure bookkeeping: no clock, no torch."""

from __future__ import annotations

from collections.abc import Sequence

from generation.request import BatchKey
from generation.worker.jobs import Seat


class Turns:
    def __init__(self) -> None:
        self._stepped_at: dict[BatchKey, int] = {}  # the tick of a key's last step
        self._tick = 0

    def next_batch(self, seats: Sequence[Seat]) -> list[Seat]:
        """Some of `seats` that share a BatchKey; empty when all are finished.

        The newcomers of a key take their first step alone: it makes their first preview, and the others are held up by one
        step of few rows. Else all pictures of the key that has waited longest.
        """
        live = [seat for seat in seats if not seat.slot.is_finished]
        batch = [seat for seat in live if seat.slot.step == 0] or live
        if not batch:
            return []
        key = min((seat.slot.key for seat in batch), key=lambda key: self._stepped_at.get(key, 0))
        self._tick += 1
        self._stepped_at[key] = self._tick
        return [seat for seat in batch if seat.slot.key == key]
