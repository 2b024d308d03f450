"""Who is there, waiting or being served, and whose turn is soonest.

Pure bookkeeping: no clock, no torch. Turns are shared in device seconds, by the law of `generation.shares`: an order is charged
to its member and server as it is worked on, at first by what it was estimated to take and in the end by what it took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from generation.request import GuildId, JobId, MemberId, Request
from generation.shares import Claim, Shares


@dataclass(slots=True, kw_only=True, eq=False)
class _Place:
    request: Request
    seconds: float  # of the device, estimated
    charged: float = 0.0  # of them
    is_out: bool = False
    returns: int = 0  # the how-manieth to be put back; 0: never was

    @property
    def claim(self) -> Claim[_Place]:
        return Claim(
            order=self,
            guild=self.request.guild,
            member=self.request.member,
            is_draft=self.request.is_draft,
            total=self.seconds,
            had=self.charged,
        )


class WaitingLine:
    """Every job at most once; methods that name a job raise KeyError where it is not there."""

    def __init__(
        self,
        seconds_for: Callable[[Request], float] = lambda request: request.cost,
        weights: Mapping[GuildId, float] | None = None,
    ) -> None:
        """seconds_for: what an order will take of the device. weights: as for `Shares`."""
        self._seconds_for = seconds_for
        self._shares = Shares(weights)
        self._places: dict[JobId, _Place] = {}  # in the order of coming
        self._returns = 0

    def __len__(self) -> int:
        """How many wait."""
        return sum(not place.is_out for place in self._places.values())

    def __contains__(self, job: JobId) -> bool:
        """Whether it waits."""
        return job in self._places and not self._places[job].is_out

    def __iter__(self) -> Iterator[Request]:
        """Who waits, next first."""
        return (request for request in self.ranked() if not self._places[request.job].is_out)

    def ranked(self) -> list[Request]:
        """Who waits or is served, soonest first. What was served before and put back is in front."""
        ranked = self._shares.ranked([place.claim for place in self._places.values()])
        returned = sorted(
            (place for place in ranked if place.returns), key=lambda place: (not place.is_out, place.returns)
        )
        return [place.request for place in [*returned, *(place for place in ranked if not place.returns)]]

    def first(self, may: Callable[[Request], bool] = lambda request: True) -> Request | None:
        """The next of those who may; None when no such is waiting."""
        return next((request for request in self if may(request)), None)

    def put(self, request: Request) -> None:
        """Raises ValueError where the job is there already."""
        if request.job in self._places:
            raise ValueError(f"{request.job} is waiting already")
        self._places[request.job] = _Place(request=request, seconds=self._seconds_for(request))

    def take(self, job: JobId) -> Request:
        """It is served now."""
        if job not in self:
            raise KeyError(job)
        self._places[job].is_out = True
        return self._places[job].request

    def put_back(self, job: JobId) -> None:
        """It was taken and did not get done: it is next, and what was done for it is given back."""
        place = self._places[job]
        self._charge(place, -place.charged)
        self._returns += 1
        place.is_out, place.returns = False, self._returns

    def worked(self, job: JobId, share: float) -> None:
        """`share` of the order, 0 to 1, is done."""
        place = self._places[job]
        self._charge(place, max(0.0, share * place.seconds - place.charged))

    def remove(self, job: JobId, seconds: float | None = None) -> Request:
        """It goes. `seconds`: what it took of the device, where that is known; else what was charged stands."""
        place = self._places[job]
        if seconds is not None:
            self._charge(place, seconds - place.charged)
        return self._places.pop(job).request

    def images_out(self, member: MemberId | None = None) -> int:
        """Pictures being served, of one member or of all."""
        return sum(
            place.request.images
            for place in self._places.values()
            if place.is_out and member in (None, place.request.member)
        )

    def _charge(self, place: _Place, seconds: float) -> None:
        place.charged += seconds
        self._shares.charge(
            place.request.guild, place.request.member, seconds, is_draft=place.request.is_draft
        )
