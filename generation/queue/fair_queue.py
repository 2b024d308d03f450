"""The fair queue: waiting and running jobs, ordered by fair-share finish time.

Pure bookkeeping: no clock, no torch. Shares are counted in device seconds, by the rules of `generation.fair_share`. A job is
charged to its member and server as it progresses: first the estimated seconds, at the end the real ones.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from generation.fair_share import Claim, FairShare
from generation.request import GuildId, JobId, Request


@dataclass(slots=True, kw_only=True, eq=False)
class _Entry(Claim[Request]):
    """`total`: estimated device seconds. `had`: the part of them that was charged."""

    is_out: bool = False
    returns: int = 0  # its number among the jobs that were put back; 0: never put back


class FairQueue:
    """A queue that holds every job at most once. Methods that take a job raise KeyError if it is not in the queue."""

    def __init__(
        self,
        seconds_for: Callable[[Request], float] = lambda request: request.cost,
        weights: Mapping[GuildId, float] | None = None,
    ) -> None:
        """`seconds_for`: estimated device seconds of a job. `weights`: as for `FairShare`."""
        self._seconds_for = seconds_for
        self._shares = FairShare(weights)
        self._entries: dict[JobId, _Entry] = {}  # in order of arrival
        self._ranked: list[Request] | None = None  # None: outdated by an arrival, a departure or charged time
        self._returns = 0
        self._waiting = 0

    def __len__(self) -> int:
        """Returns the number of waiting jobs."""
        return self._waiting

    def __iter__(self) -> Iterator[Request]:
        """Iterates over the waiting jobs, next first."""
        return (request for request in self.ranked() if not self._entries[request.job].is_out)

    def ranked(self) -> Sequence[Request]:
        """Returns waiting and running jobs, soonest first. Jobs that were put back are in front."""
        if self._ranked is None:
            ranked = self._shares.ranked(list(self._entries.values()))
            returned = [entry for entry in self._entries.values() if entry.returns]
            returned.sort(key=lambda entry: (not entry.is_out, entry.returns))
            in_front = {entry.order.job: entry.order for entry in returned}
            self._ranked = [*in_front.values(), *(one for one in ranked if one.job not in in_front)]
        return self._ranked

    def first(self, may: Callable[[Request], bool] = lambda request: True) -> Request | None:
        """Returns the next waiting job that `may` accepts; None if there is none."""
        if not any(may(entry.order) for entry in self._entries.values() if not entry.is_out):
            return None  # saves the ranking
        return next((request for request in self if may(request)), None)

    def put(self, request: Request) -> None:
        """Adds a job. Raises ValueError if it is already in the queue."""
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
        """Marks a waiting job as running."""
        entry = self._entries[job]
        if entry.is_out:
            raise KeyError(job)
        entry.is_out = True
        self._waiting -= 1
        if entry.returns:
            self._ranked = None
        return entry.order

    def put_back(self, job: JobId) -> None:
        """Puts a taken job that did not finish back to the front. The time charged for it is given back."""
        entry = self._entries[job]
        self._charge(entry, -entry.had)
        self._returns += 1
        self._waiting += entry.is_out
        entry.is_out, entry.returns = False, self._returns

    def worked(self, job: JobId, share: float) -> None:
        """Records that `share` of the job, 0 to 1, is done."""
        entry = self._entries[job]
        self._charge(entry, max(0.0, share * entry.total - entry.had))

    def remove(self, job: JobId, seconds: float | None = None) -> Request:
        """Removes a job. `seconds`: device seconds that it took; if unknown, the charge stays unchanged."""
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
