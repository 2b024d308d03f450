"""How long until a job starts: what a unit of cost takes, and how the slots will empty. No clock."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Device seconds a unit of cost, over the last few jobs.

    A job's device seconds are its share of the batches it was in. So the shares of jobs that ran together add
    up to the time that passed, and the loading of a model does not count as slowness.
    """

    kept: float = 0.8  # of the past at every job: the last five have two thirds of the weight
    _seconds: float = field(default=0.0, init=False)
    _cost: float = field(default=0.0, init=False)

    @property
    def seconds_per_cost(self) -> float | None:
        """None before anything was measured."""
        return self._seconds / self._cost if self._cost else None

    def learn(self, seconds: float, cost: float) -> None:
        self._seconds = self.kept * self._seconds + seconds
        self._cost = self.kept * self._cost + cost

    def seconds_for(self, cost: float) -> float | None:
        pace = self.seconds_per_cost
        return None if pace is None else pace * cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is left of one job."""

    pictures: int
    cost: float  # of all its pictures together


def costs_until_start(running: Iterable[Work], waiting: Iterable[Work], slots: int) -> Iterator[float]:
    """For each waiting job in order: what the device gets through before the job's first picture has a slot.

    The pictures in the slots share the device equally. So count in what one of them receives: a picture that
    enters at level v and costs c is done at level v + c, and raising the level by d takes d times the number
    of pictures.
    """
    level, spent = 0.0, 0.0
    ends = [work.cost / work.pictures for work in running for _ in range(work.pictures)]
    heapq.heapify(ends)
    for work in waiting:
        for picture in range(work.pictures):
            while len(ends) >= slots:
                spent += len(ends) * (ends[0] - level)
                level = heapq.heappop(ends)
            if picture == 0:
                yield spent
            heapq.heappush(ends, level + work.cost / work.pictures)
