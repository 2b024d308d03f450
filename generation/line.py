"""Who is next. Fair between members, first come first served within one.

Pure bookkeeping: no clock, no torch. Start-time fair queueing (Goyal, Vin, Cheng, 1996,
https://doi.org/10.1145/248156.248171): every job gets a virtual start: the virtual finish of its member's job
before it, but never earlier than the line's own virtual time, which is the start of the job popped last.
The least start is next. So members share by cost, who was away has not saved up turns, and a newcomer
waits behind at most one job of every other member.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import takewhile

from generation.request import JobId, MemberId, Request


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    request: Request
    start: float  # virtual: units of cost
    number: int  # of arrival: among equal starts who came first is first
    is_returned: bool

    @property
    def order(self) -> tuple[bool, float, int]:
        return (not self.is_returned, 0.0 if self.is_returned else self.start, self.number)


class WaitingLine:
    """Every job at most once; methods that name a job raise KeyError where it is not waiting."""

    def __init__(self) -> None:
        self._places: dict[JobId, _Place] = {}
        self._now = 0.0  # virtual time
        self._finish: dict[
            MemberId, float
        ] = {}  # virtual finish of each member's newest job, where it is ahead of now
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, job: JobId) -> bool:
        return job in self._places

    def __iter__(self) -> Iterator[Request]:
        """In the order in which they would be popped if nobody came or went."""
        return (place.request for place in sorted(self._places.values(), key=lambda place: place.order))

    def put(self, request: Request) -> None:
        """Raises ValueError where the job is waiting already."""
        start = max(self._now, self._finish.get(request.member, 0.0))
        self._add(request, start, is_returned=False)
        self._finish[request.member] = start + request.cost

    def put_back(self, request: Request) -> None:
        """A popped job that did not get done: in front of all that were never popped, not charged again."""
        self._add(request, self._now, is_returned=True)

    def first(self, passing: Set[MemberId] = frozenset()) -> Request | None:
        """Who is next, members of `passing` left out; None when nobody else is waiting."""
        eligible = (place for place in self._places.values() if place.request.member not in passing)
        place = min(eligible, key=lambda place: place.order, default=None)
        return None if place is None else place.request

    def pop(self) -> Request:
        """Takes out who is next. Raises IndexError when nobody is waiting."""
        if (request := self.first()) is None:
            raise IndexError("nobody is waiting")
        return self.take(request.job)

    def take(self, job: JobId) -> Request:
        """Takes out a job because it is served now."""
        place = self._places.pop(job)
        if not place.is_returned:
            self._now = max(self._now, place.start)  # who was passed by may have an earlier start
            self._finish = {member: at for member, at in self._finish.items() if at > self._now}
        return place.request

    def remove(self, job: JobId) -> Request:
        """Takes out one job; the others keep their order. The member's newest job is not charged then."""
        place = self._places.pop(job)
        member = place.request.member
        if self._finish.get(member) == place.start + place.request.cost and not place.is_returned:
            self._finish[member] = place.start
        return place.request

    def places(self) -> tuple[JobId, ...]:
        """All jobs, next first."""
        return tuple(request.job for request in self)

    def place_of(self, job: JobId) -> int:
        """1 is next."""
        own = self._places[job].order
        return 1 + sum(place.order < own for place in self._places.values())

    def cost_before(self, job: JobId) -> float:
        """What everybody in front costs together."""
        if job not in self._places:
            raise KeyError(job)
        return sum(request.cost for request in takewhile(lambda request: request.job != job, self))

    def waiting_of(self, member: MemberId) -> tuple[JobId, ...]:
        """One member's jobs, next first."""
        return tuple(request.job for request in self if request.member == member)

    def _add(self, request: Request, start: float, is_returned: bool) -> None:
        if request.job in self._places:
            raise ValueError(f"{request.job} is waiting already")
        self._arrivals += 1
        self._places[request.job] = _Place(
            request=request, start=start, number=self._arrivals, is_returned=is_returned
        )
