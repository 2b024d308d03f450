"""Decides which models are on the device, and which one is evicted for another. Pure bookkeeping: no clock, no torch, no files.

Jobs for a loaded model go first. A model that fits into the free memory is loaded immediately. Otherwise idle models, without
waiting or running jobs, are evicted, the least recently used first. If jobs have waited for a model as long as the bound, models
with jobs are evicted too, the least recently used first: they take no new jobs (closed), finish their running ones (draining),
and are then evicted. A model in use is never evicted. Only one swap happens at a time, for the model with the longest wait.

While pictures are drawn, at least a quarter of the bound passes between two swaps (the residence), so that the device draws more
than it loads. So jobs wait for a model at most the bound, plus a residence, a drain and a load for each model with a longer wait.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from generation.request import ModelName

RESIDENCE = 0.25
"""Residence as a share of the bound: the time between two swaps while pictures are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The changes to make now: first `evict`, then `load`."""

    evict: tuple[ModelName, ...] = ()
    load: ModelName | None = None


NO_CHANGE = Change()


class EvictionPolicy:
    def __init__(self, budget: int, *, bound: float) -> None:
        """`budget`: bytes. `bound`: seconds that jobs wait for a model before models with jobs are evicted for it."""
        self.budget = budget
        self._bound = bound
        self._sizes: dict[ModelName, int] = {}  # bytes; least recently used first
        self._since: dict[ModelName, float] = {}  # start of the wait for it; longest wait first
        self._fresh: set[ModelName] = set()  # loaded for a job that has no seat yet
        self._closing: tuple[ModelName, tuple[ModelName, ...]] | None = None  # to load, and victims
        self._is_swapping = False  # until the next decision
        self._settled_at = 0.0  # seconds: the residence after the last swap ends

    @property
    def resident(self) -> tuple[ModelName, ...]:
        """Returns the resident models, least recently used first."""
        return tuple(self._sizes)

    @property
    def resident_bytes(self) -> int:
        return sum(self._sizes.values())

    def is_open(self, name: ModelName) -> bool:
        """Returns whether the model is loaded and takes new jobs."""
        return name in self._sizes and (self._closing is None or name not in self._closing[1])

    def loaded(self, name: ModelName, size: int) -> None:
        """Records a loaded model. Also called when the size of a resident model changed. `size`: bytes."""
        is_new = name not in self._sizes
        self._sizes[name] = size
        if is_new and self._since.pop(name, None) is not None:
            self._fresh.add(name)

    def used(self, name: ModelName) -> None:
        """Records that a picture of the model takes a seat."""
        self._sizes[name] = self._sizes.pop(name)
        self._fresh.discard(name)

    def evicted(self, name: ModelName) -> None:
        del self._sizes[name]
        self._fresh.discard(name)

    def decide(self, now: float, wanted: Mapping[ModelName, int], in_use: Set[ModelName]) -> Change:
        """Decides what to load and evict. The caller must do it before the next call. The residence after a swap starts at that
        call.

        `wanted`: the models of jobs that have not started, in order of arrival, with their bytes as far as known. `in_use`: the
        models of jobs that have started. `now`: seconds, of any monotonic clock.
        """
        self._note(now, wanted)
        if self._closing is None:
            spare = self.budget - self.resident_bytes
            for name in self._since:
                if self._need(name, wanted) <= spare:
                    return Change(load=name)
            if in_use and now < self._settled_at:
                return NO_CHANGE
            first = next(iter(self._since), None)
            is_due = first is not None and now - self._since[first] >= self._bound
            idle = [name for name in self._sizes if name not in in_use and name not in wanted]
            for name in self._since:
                if victims := self._victims(idle, self._need(name, wanted) - spare):
                    return self._swap(victims, name)
                if is_due:
                    break  # the next swap is for the model that has waited for the bound
            if first is not None and is_due:
                self._close(now, first, wanted, in_use)
            elif spare < 0 and idle:
                # A loaded model was larger than expected.
                return self._swap(self._victims(idle, -spare) or tuple(idle), None)
        if self._closing is not None:
            name, victims = self._closing
            if not in_use & set(victims):
                return self._swap(victims, name)
        return NO_CHANGE

    def _note(self, now: float, wanted: Mapping[ModelName, int]) -> None:
        if self._is_swapping:
            self._is_swapping, self._settled_at = False, now + RESIDENCE * self._bound
        self._fresh &= wanted.keys()
        if self._closing is not None and self._closing[0] not in wanted:
            self._closing = None  # cancelled: no eviction is needed
        self._since = {
            name: since for name, since in self._since.items() if name in wanted and not self.is_open(name)
        }
        for name in wanted:
            if not self.is_open(name):
                self._since.setdefault(name, now)

    def _need(self, name: ModelName, wanted: Mapping[ModelName, int]) -> int:
        """Returns the bytes to free for the model. A model larger than the budget may be loaded alone."""
        return min(wanted[name], self.budget)

    def _victims(self, candidates: Sequence[ModelName], missing: int) -> tuple[ModelName, ...]:
        """Returns the first candidates that together free `missing` bytes, without unnecessary ones; empty if all together are
        too small.
        """
        chosen: list[ModelName] = []
        for name in candidates:
            if missing > 0:
                chosen.append(name)
                missing -= self._sizes[name]
        if missing > 0:
            return ()
        for name in tuple(chosen):
            if missing + self._sizes[name] <= 0:
                chosen.remove(name)
                missing += self._sizes[name]
        return tuple(chosen)

    def _close(
        self, now: float, name: ModelName, wanted: Mapping[ModelName, int], in_use: Set[ModelName]
    ) -> None:
        """Starts to free memory for `name`."""
        missing = self._need(name, wanted) - self.budget + self.resident_bytes
        # A newly loaded model must have drawn a picture before it is evicted.
        candidates = sorted(
            (one for one in self._sizes if one not in self._fresh),
            key=lambda one: one in in_use or one in wanted,  # stable: least recently used first in each group
        )
        if victims := self._victims(candidates, missing):
            self._closing = (name, victims)
            for one in victims:
                if one in wanted:
                    self._since.setdefault(one, now)

    def _swap(self, evict: Iterable[ModelName], load: ModelName | None) -> Change:
        self._is_swapping, self._closing = True, None
        return Change(evict=tuple(evict), load=load)
