"""Who is there, waiting or being served, and whose turn is soonest.

Pure bookkeeping: no clock, no torch. Turns are shared in device seconds, by the law of `generation.fair_share`: an order is
charged to its member and server as it is worked on, at first by what it was estimated to take and in the end by what it took.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from generation.fair_share import Claim, FairShare
from generation.request import GuildId, JobId, Request


@dataclass(slots=True, kw_only=True, eq=False)
class _Entry(Claim[Request]):
    """total: of the device, estimated. had: of that, charged."""

    is_out: bool = False
    returns: int = 0  # the how-manieth to be put back; 0: never was


class FairQueue:
    """Every job at most once; methods that name a job raise KeyError where it is not there."""

    def __init__(
        self,
        seconds_for: Callable[[Request], float] = lambda request: request.cost,
        weights: Mapping[GuildId, float] | None = None,
    ) -> None:
        """seconds_for: what an order will take of the device. weights: as for `FairShare`."""
        self._seconds_for = seconds_for
        self._shares = FairShare(weights)
        self._entries: dict[JobId, _Entry] = {}  # in the order of coming
        self._ranked: list[Request] | None = None  # None: somebody came or went, or was served
        self._returns = 0
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    def __iter__(self) -> Iterator[Request]:
        """Who waits, next first."""
        return (request for request in self.ranked() if not self._entries[request.job].is_out)

    def ranked(self) -> Sequence[Request]:
        """Who waits or is served, soonest first. What was served before and put back is in front."""
        if self._ranked is None:
            ranked = self._shares.ranked(list(self._entries.values()))
            returned = [entry for entry in self._entries.values() if entry.returns]
            returned.sort(key=lambda entry: (not entry.is_out, entry.returns))
            in_front = {entry.order.job: entry.order for entry in returned}
            self._ranked = [*in_front.values(), *(one for one in ranked if one.job not in in_front)]
        return self._ranked

    def first(self, may: Callable[[Request], bool] = lambda request: True) -> Request | None:
        """The next of those who may; None when no such is waiting."""
        if not any(may(entry.order) for entry in self._entries.values() if not entry.is_out):
            return None  # before turns are worked out
        return next((request for request in self if may(request)), None)

    def put(self, request: Request) -> None:
        """Raises ValueError where the job is there already."""
        if request.job in self._entries:
            raise ValueError(f"{request.job} is waiting already")
        self._entries[request.job] = _Entry(
            order=request,
            guild=request.guild,
            member=request.member,
            is_draft=request.is_draft,
            total=self._seconds_for(request),
            had=0.0,
        )
        self._waiting += 1
        self._ranked = None

    def take(self, job: JobId) -> Request:
        """It is served now."""
        entry = self._entries[job]
        if entry.is_out:
            raise KeyError(job)
        entry.is_out = True
        self._waiting -= 1
        if entry.returns:
            self._ranked = None
        return entry.order

    def put_back(self, job: JobId) -> None:
        """It was taken and did not get done: it is next, and what was done for it is given back."""
        entry = self._entries[job]
        self._charge(entry, -entry.had)
        self._returns += 1
        self._waiting += entry.is_out
        entry.is_out, entry.returns = False, self._returns

    def worked(self, job: JobId, share: float) -> None:
        """`share` of the order, 0 to 1, is done."""
        entry = self._entries[job]
        self._charge(entry, max(0.0, share * entry.total - entry.had))

    def remove(self, job: JobId, seconds: float | None = None) -> Request:
        """It goes. `seconds`: what it took of the device, where that is known; else what was charged stands."""
        entry = self._entries[job]
        if seconds is not None:
            self._charge(entry, seconds - entry.had)
        self._waiting -= not entry.is_out
        self._ranked = None
        return self._entries.pop(job).order

    def _charge(self, entry: _Entry, seconds: float) -> None:
        self._ranked = None
        entry.had += seconds
        self._shares.charge(entry.guild, entry.member, seconds, is_draft=entry.is_draft)
