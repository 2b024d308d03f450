"""Work on the device, done at once for as many pictures as memory holds; and what is done when it holds fewer than was thought.

Out of memory halves the batch. One picture that does not fit alone has its model climb a rung (`residence.py`): the decode is
tiled, then modules are put aside. Only when no rung is left does an order fail. Everything is told, and taken back step by step
when memory has been enough for a while.
"""

from __future__ import annotations

import logging
import weakref
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch

from generation.messages import Event, Strained
from generation.request import BatchKey
from generation.worker.deck import COMPILED_ROW_COUNTS, ROW_COUNTS
from generation.worker.jobs import Job, Seat, jobs_of
from generation.worker.memory import Footprint, is_out_of_memory, meter_for
from generation.worker.models import Model
from generation.worker.residence import Rung, Verb
from generation.worker.stopwatch import Stopwatch

log = logging.getLogger(__name__)

Work = Callable[[Sequence[Seat]], None]

FIRST_PATIENCE, LONGEST_PATIENCE = 60.0, 3600.0
"""Seconds without trouble before something is taken back; doubled each time that this was too early."""

FREE_SECONDS = 1.0
"""How long the answer to how much memory is free is good for: asking the driver takes as long as launching a dozen kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    pictures: int  # at once
    failed: int  # pictures at once that did not fit: without the limit it is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the loop does with the outcome."""

    is_alive: Callable[[Job], bool]
    account: Callable[[Verb, Sequence[Seat], float], None]  # seconds
    fail: Callable[[Job, str, str], object]  # kind, reason
    fail_bug: Callable[[Job, Exception], object]


class Attempts:
    def __init__(
        self, device: torch.device, tell: Callable[[Event], None], clock: Callable[[], float], bench: Bench
    ) -> None:
        self._device = device
        self._tell = tell
        self.clock = clock
        self._bench = bench
        self._stopwatch = Stopwatch(device, lambda: self.clock())
        self.meter = meter_for(device)
        self._pinned = 0
        self.limits: dict[tuple[Verb, BatchKey], Limit] = {}
        self.climbed: list[tuple[weakref.ref[Model], Rung]] = []
        self._footprints: defaultdict[tuple[Verb, BatchKey], Footprint] = defaultdict(Footprint)
        self._free: tuple[float, int | None] = (float("-inf"), None)  # when it was asked, bytes
        self._pictures: int | None = None
        self._patience = FIRST_PATIENCE
        self._quiet_since = self._relaxed_at = self._trouble_at = float("-inf")

    # ---- how many

    def pin(self, rows: int) -> None:
        """Every step has exactly so many rows (a picture that alone has more: its own), so that a picture is the same to the
        bit in any company; 0 lets them be as many as there are."""
        self._pinned = rows

    def sizes(self, model: Model) -> Sequence[int]:
        """The numbers of rows that its steps are padded to."""
        if self._pinned:
            return (self._pinned,)
        if model.entry.compile:
            return COMPILED_ROW_COUNTS
        return ROW_COUNTS if self._device.type == "cuda" else ()

    def slots(self, asked: int) -> int:
        """Of `asked`, as many as a step of the size stepped last fits at once; at least 1."""
        return asked if self._pictures is None else min(asked, self._pictures)

    def fitting(self, verb: Verb, seats: Sequence[Seat]) -> Sequence[Seat]:
        """The first of `seats`, which share a BatchKey, that are thought to fit at once; one at least."""
        if not seats:
            return seats
        key = seats[0].slot.key
        most = self._most(verb, key)
        limit = self.limits.get((verb, key))
        count = len(seats) if limit is None else min(len(seats), limit.pictures)
        while count > 1 and (
            (most is not None and self._units(verb, seats[:count]) > most)
            or (self._pinned and verb == "step" and _rows(seats[:count]) > self._pinned)
        ):
            count -= 1
        return seats[:count]

    def _units(self, verb: Verb, seats: Sequence[Seat]) -> int:
        """What memory goes by: the rows of a step, padding included; the pictures of a decode."""
        if verb != "step":
            return len(seats)
        rows = _rows(seats)
        return next((size for size in self.sizes(seats[0].model) if size >= rows), rows)

    def _most(self, verb: Verb, key: BatchKey) -> int | None:
        free = self._free_bytes()
        return None if free is None else self._footprints[verb, key].most(free)

    def _free_bytes(self) -> int | None:
        now = self.clock()
        if now - self._free[0] > FREE_SECONDS:
            self._free = (now, self.meter.free())
        return self._free[1]

    @contextmanager
    def measured(self, verb: Verb, seats: Sequence[Seat]) -> Generator[None]:
        """Around work on all of `seats` at once: learns what it takes."""
        key, units = seats[0].slot.key, self._units(verb, seats)
        footprint = self._footprints[verb, key]
        if footprint.is_known(units):
            yield
            return
        self.meter.begin()
        yield
        if (taken := self.meter.taken()) is None:
            return
        footprint.learn(units, taken)
        if verb == "step" and (most := self._most(verb, key)) is not None:
            self._note_pictures(max(1, most * len(seats) // _rows(seats)), key)

    def _note_pictures(self, pictures: int, key: BatchKey) -> None:
        if self._pictures is None or pictures < self._pictures:
            log.info("memory holds %d pictures of %s at once", pictures, _named(key))
        self._pictures = pictures

    # ---- the work

    def run(self, verb: Verb, seats: Sequence[Seat], work: Work) -> None:
        """Does it for all of them, as many at once as fit. They share a BatchKey."""
        while seats:
            batch = self.fitting(verb, seats)
            seats = seats[len(batch) :]
            self._attempt(verb, batch, work)

    def _attempt(self, verb: Verb, seats: Sequence[Seat], work: Work) -> None:
        """What is no lack of memory fails the batch's jobs and nobody else's."""
        batch = [seat for seat in seats if self._bench.is_alive(seat.job)]
        if not batch:
            return
        try:
            with self._stopwatch.timed(partial(self._bench.account, verb, batch)), self.measured(verb, batch):
                work(batch)
        except Exception as error:
            if not is_out_of_memory(error):
                if isinstance(error, torch.AcceleratorError):
                    # The device's context is gone. The bot starts a new worker and orders again.
                    raise
                for job in jobs_of(batch):
                    self._bench.fail_bug(job, error)
                return
            reason = str(error)
        else:
            return
        # Outside the except block: its traceback would keep the failed work's tensors alive.
        batch[0].model.make_room()
        self.free_memory()
        half = len(batch) // 2
        if half:
            self._halve(verb, batch)
            self._attempt(verb, batch[:half], work)
            self._attempt(verb, batch[half:], work)
        elif self.climb(verb, batch[0].model):
            self._attempt(verb, batch, work)
        else:
            self._bench.fail(batch[0].job, "memory", reason)

    def _halve(self, verb: Verb, batch: Sequence[Seat]) -> None:
        key, half = batch[0].slot.key, len(batch) // 2
        before = self.limits.get((verb, key))
        failed = max(len(batch), before.failed if before else 0)
        self.limits[verb, key] = Limit(pictures=half, failed=failed)
        self._note_trouble()
        self._say("halved", f"{verb} of {_named(key)}: {half} of {len(batch)} pictures at once")

    def climb(self, verb: Verb, model: Model) -> bool:
        """False when there is no rung left that would help."""
        if (rung := model.residence.rung_for(verb)) is None:
            return False
        model.make_room()
        model.residence.climb(rung)
        self.climbed.append((weakref.ref(model), rung))
        self._note_trouble()
        self.free_memory()
        self._say(rung, f"{model.entry.name}, for a {verb}")
        return True

    # ---- and back

    def relax(self) -> None:
        """After a while without trouble, what was given up last is tried again."""
        now = self.clock()
        if not (self.limits or self.climbed) or now - self._quiet_since < self._patience:
            return
        self._quiet_since = self._relaxed_at = now
        if not self.climbed:
            grown = {
                key: Limit(pictures=2 * limit.pictures, failed=limit.failed)
                for key, limit in self.limits.items()
            }
            self.limits = {key: limit for key, limit in grown.items() if limit.pictures < limit.failed}
            self._say("relaxed", "twice as many pictures at once")
            return
        model, rung = self.climbed[-1][0](), self.climbed[-1][1]
        try:
            if model is not None:
                model.residence.descend()
        except torch.OutOfMemoryError:
            model = None
            self._note_trouble()
        else:
            self.climbed.pop()
            self._say("relaxed", f"no longer {rung}")
        self.free_memory()

    def _note_trouble(self) -> None:
        now = self.clock()
        if now - self._relaxed_at <= self._patience:
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
            self._relaxed_at = float("-inf")
        elif now - self._trouble_at > LONGEST_PATIENCE:
            self._patience = FIRST_PATIENCE
        self._quiet_since = self._trouble_at = now

    def _say(self, action: str, detail: str) -> None:
        self._tell(Strained(action=action, detail=detail))

    # ---- the device

    def settle(self) -> None:
        """Waits for the device, so that what it did is accounted for."""
        self._stopwatch.settle()

    def free_memory(self) -> None:
        self._free = (float("-inf"), None)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _rows(seats: Sequence[Seat]) -> int:
    return sum(len(seat.slot.rows) for seat in seats)


def _named(key: BatchKey) -> str:
    return f"{key.model} at {key.latent_shape[-1]} x {key.latent_shape[-2]} latents"
