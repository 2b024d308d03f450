"""Which models lie on the device, and when one makes room for another. Pure bookkeeping: no clock, no torch, no files.

Orders for a model that is there go first. What fits beside the others is loaded at once; for the rest, models that nobody uses or
waits for make room, the one used longest ago first. When a model has been waited for as long as the bound, the models that are
longest unused make room even though they are asked for: they take no new orders (they are closed), finish what they have
begun (they drain), and go. A model in use is never evicted, and one swap is under way at a time: that of who has waited longest.

While pictures are drawn, a quarter of the bound lies between a swap and the next one: the least residence of a model, so that the
device draws more than it loads. So a model is waited for at most the bound, and then a residence, a drain and a load for each
model that was waited for longer.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from generation.request import ModelName

RESIDENCE = 0.25
"""Of the bound: what lies between a swap and the next one while pictures are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be done now: first `evict`, then `load`."""

    evict: tuple[ModelName, ...] = ()
    load: ModelName | None = None


NO_CHANGE = Change()


class EvictionPolicy:
    def __init__(self, budget: int, *, bound: float) -> None:
        """budget: bytes. bound: seconds that a model is waited for before others make room for it although they are asked for."""
        self.budget = budget
        self._bound = bound
        self._sizes: dict[ModelName, int] = {}  # bytes; the model used longest ago first
        self._since: dict[ModelName, float] = {}  # since when it is waited for and not open; longest first
        self._fresh: set[ModelName] = set()  # loaded for somebody who has not been seated yet
        self._closing: tuple[ModelName, tuple[ModelName, ...]] | None = None  # for whom, and who makes room
        self._is_swapping = False  # until the next decision
        self._settled_at = 0.0  # seconds: the residence after the last swap ends

    @property
    def resident(self) -> tuple[ModelName, ...]:
        """The model used longest ago first."""
        return tuple(self._sizes)

    @property
    def resident_bytes(self) -> int:
        return sum(self._sizes.values())

    def is_open(self, name: ModelName) -> bool:
        """Whether it is there and takes new orders."""
        return name in self._sizes and (self._closing is None or name not in self._closing[1])

    def loaded(self, name: ModelName, size: int) -> None:
        """Also for a resident model whose size has changed. size: bytes."""
        is_new = name not in self._sizes
        self._sizes[name] = size
        if is_new and self._since.pop(name, None) is not None:
            self._fresh.add(name)

    def used(self, name: ModelName) -> None:
        """A picture of it takes a seat."""
        self._sizes[name] = self._sizes.pop(name)
        self._fresh.discard(name)

    def evicted(self, name: ModelName) -> None:
        del self._sizes[name]
        self._fresh.discard(name)

    def decide(self, now: float, wanted: Mapping[ModelName, int], in_use: Set[ModelName]) -> Change:
        """wanted: the models of orders that have not begun, in order of arrival, and their bytes as far as known. in_use: the
        models of orders that have begun. now: seconds, of any clock that only rises.

        What comes back must be done before the next call: the residence after a swap begins there.
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
                    break  # nobody takes the next swap from under who has waited long enough
            if first is not None and is_due:
                self._close(now, first, wanted, in_use)
            elif spare < 0 and idle:
                # What was loaded turned out larger than it looked.
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
            self._closing = None  # cancelled; nobody need make room
        self._since = {
            name: since for name, since in self._since.items() if name in wanted and not self.is_open(name)
        }
        for name in wanted:
            if not self.is_open(name):
                self._since.setdefault(name, now)

    def _need(self, name: ModelName, wanted: Mapping[ModelName, int]) -> int:
        """What is larger than the budget may lie there alone."""
        return min(wanted[name], self.budget)

    def _victims(self, candidates: Sequence[ModelName], missing: int) -> tuple[ModelName, ...]:
        """The first of the candidates that together free `missing` bytes, without those that need not go; empty if none do."""
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
        """Begins to make room for `name`."""
        missing = self._need(name, wanted) - self.budget + self.resident_bytes
        # Whoever was loaded last is to have had something of it.
        candidates = sorted(
            (one for one in self._sizes if one not in self._fresh),
            key=lambda one: one in in_use or one in wanted,  # stable: within each, longest unused first
        )
        if victims := self._victims(candidates, missing):
            self._closing = (name, victims)
            for one in victims:
                if one in wanted:
                    self._since.setdefault(one, now)

    def _swap(self, evict: Iterable[ModelName], load: ModelName | None) -> Change:
        self._is_swapping, self._closing = True, None
        return Change(evict=tuple(evict), load=load)
