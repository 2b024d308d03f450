"""Runs GPU work in the largest batch that fits; on out-of-memory halves the batch, then climbs the fallback ladder.

The batch size is computed anew each time. It is the number that fits into the free memory by measurement, and at most the limit
set when memory last ran out: half of the failed size, doubled after every quiet period. If one picture alone does not fit, its
model climbs a rung (`models/offload.py`): the decode is tiled, then modules are moved to host memory. A job fails only if no rung
is left. Each change is reported to the bot, and later undone step by step.
"""

import logging
import weakref
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf

import torch

from generation.protocol import Event, Strained
from generation.request import BatchKey, CostKey
from generation.worker.denoise.batch_state import COMPILED_ROW_COUNTS, ROW_COUNTS
from generation.worker.job import Job, Seat, jobs_of
from generation.worker.memory import Footprint, is_device_lost, is_out_of_memory, meter_for
from generation.worker.models.loading import Model
from generation.worker.models.offload import Rung, Verb

Work = Callable[[Sequence[Seat]], None]

log = logging.getLogger(__name__)

FIRST_PATIENCE, LONGEST_PATIENCE = 60.0, 3600.0
"""Seconds without trouble before a change is undone: the first value and the longest. Doubled each time this was too early."""

MOST = COMPILED_ROW_COUNTS[-1]
"""A limit that has grown to this many is removed."""

FREE_SECONDS = 1.0
"""Seconds for which the free memory is cached: asking the driver takes as long as launching a dozen kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcomes:
    """The loop's callbacks for the outcome of work."""

    is_alive: Callable[[Job], bool]
    account: Callable[[Verb, Sequence[Seat], float], None]  # seconds
    fail: Callable[[Job, str, str], object]  # kind, reason
    fail_for: Callable[[Job, Exception], object]


class DeviceTimer:
    """A timer of work on the device. It lets the host run ahead of the device by one piece of work.

    GPU launches return immediately, before the work is done. So work is timed by events on the device's own stream. While the
    device computes one step, the host plans and launches the next; the device never waits for bookkeeping. On a CPU, work is done
    when it returns.
    """

    def __init__(self, device: torch.device, clock: Callable[[], float]) -> None:
        self._is_cuda = device.type == "cuda"
        self._clock = clock  # seconds
        self._ahead: tuple[torch.cuda.Event, torch.cuda.Event, Callable[[float], None]] | None = None

    @contextmanager
    def timed(self, tell: Callable[[float], None]) -> Generator[None]:
        """Times the work in the block. `tell` gets the seconds when the work is done. On a CPU that is before the block returns;
        on a GPU when the next work was launched, or in `settle`. If the work raises, `tell` is not called.
        """
        if not self._is_cuda:
            began = self._clock()
            yield
            tell(self._clock() - began)
            return
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        yield
        end.record()
        self.settle()
        self._ahead = (start, end, tell)

    def settle(self) -> None:
        """Waits for the launched work. Errors of the device are raised here (torch.AcceleratorError)."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            start, end, tell = ahead
            end.synchronize()
            tell(start.elapsed_time(end) / 1000)


class OomRecovery:
    def __init__(
        self,
        device: torch.device,
        tell: Callable[[Event], None],
        clock: Callable[[], float],
        outcomes: JobOutcomes,
        graph_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        """`graph_bytes`: returns what PyTorch keeps for recorded steps (`CudaGraphs.idle_bytes`)."""
        self._device = device
        self._tell = tell
        self.clock = clock
        self._outcomes = outcomes
        self._graph_bytes = graph_bytes
        self._timer = DeviceTimer(device, lambda: self.clock())
        self.meter = meter_for(device)
        self._pinned = 0
        # Rows of a step, or pictures of a decode: half of the number that last failed, doubled after every quiet period.
        self.limits: dict[tuple[Verb, CostKey], int] = {}
        self.climbed: list[tuple[weakref.ref[Model], Rung]] = []
        self._footprints: defaultdict[tuple[Verb, CostKey], Footprint] = defaultdict(Footprint)
        self._free: tuple[float, int] = (float("-inf"), 0)  # time of the request, bytes
        self._stepped: tuple[CostKey, float] | None = None  # the last step's key, and its rows per picture
        self._patience = FIRST_PATIENCE
        self._quiet_since = self._relaxed_at = self._trouble_at = float("-inf")

    # ---- how many

    def pin(self, rows: int) -> None:
        """Pads every step to exactly this many rows, so that a picture is equal to the bit in every batch. A single picture with
        more rows keeps its own number. 0: no fixed number.
        """
        self._pinned = rows

    def sizes(self, model: Model) -> Sequence[int]:
        """Returns the numbers of rows that the model's steps are padded to."""
        if self._pinned:
            return (self._pinned,)
        if model.entry.compile:
            return COMPILED_ROW_COUNTS
        return ROW_COUNTS if self._device.type == "cuda" else ()

    def slots(self, asked: int) -> int:
        """Returns how many of `asked` pictures fit at once into a step like the last one; at least 1."""
        if self._stepped is None:
            return asked
        key, rows = self._stepped
        return max(1, int(min(asked, self._room("step", key) / rows)))

    def fitting(self, verb: Verb, seats: Sequence[Seat]) -> Sequence[Seat]:
        """Returns the first of `seats` that should fit at once; at least one. All seats share a BatchKey."""
        if not seats:
            return seats
        room = self._room(verb, seats[0].slot.key.cost_key)
        if verb == "step" and self._pinned:
            room = min(room, self._pinned)
        count = len(seats)
        while count > 1 and self._units(verb, seats[:count]) > room:
            count -= 1
        return seats[:count]

    def _room(self, verb: Verb, key: CostKey) -> float:
        """Returns the rows or pictures that fit into memory now, as far as known."""
        measured = self._footprints[verb, key].most(self._free_bytes())
        limit = self.limits.get((verb, key), inf)
        return limit if measured is None else min(limit, measured)

    def _units(self, verb: Verb, seats: Sequence[Seat]) -> int:
        """Returns the unit of memory use: the rows of a step with padding, or the pictures of a decode."""
        if verb != "step":
            return len(seats)
        rows = _rows(seats)
        return next((size for size in self.sizes(seats[0].model) if size >= rows), rows)

    def _free_bytes(self) -> int:
        now = self.clock()
        if now - self._free[0] > FREE_SECONDS:
            self._free = (now, self.meter.free() - self._graph_bytes())
        return self._free[1]

    @contextmanager
    def measured(self, verb: Verb, seats: Sequence[Seat]) -> Generator[None]:
        """Learns the memory taken by the work in the block, which must be done for all of `seats` at once."""
        key, units = seats[0].slot.key.cost_key, self._units(verb, seats)
        if verb == "step":
            self._stepped = (key, _rows(seats) / len(seats))
        footprint = self._footprints[verb, key]
        if footprint.is_known(units):
            yield
            return
        self.meter.begin()
        yield
        if (taken := self.meter.taken()) is not None:
            footprint.learn(units, taken)

    # ---- the work

    def timed(self, tell: Callable[[float], None]) -> AbstractContextManager[None]:
        """As `DeviceTimer.timed`."""
        return self._timer.timed(tell)

    def run(self, verb: Verb, seats: Sequence[Seat], work: Work) -> None:
        """Does the work for all seats, as many at once as fit. They share a BatchKey."""
        while seats:
            batch = self.fitting(verb, seats)
            reason = self._attempt(verb, batch, work)
            if reason is not None and self._gives_way(verb, batch):
                continue
            if reason is not None:
                self._outcomes.fail(batch[0].job, "memory", reason)
            seats = [seat for seat in seats[len(batch) :] if self._outcomes.is_alive(seat.job)]

    def _attempt(self, verb: Verb, batch: Sequence[Seat], work: Work) -> str | None:
        """Returns a reason if memory is short. After another error each job of the batch is tried alone: one may be the cause.

        One that fails alone has failed.
        """
        try:
            with self._timer.timed(partial(self._outcomes.account, verb, batch)), self.measured(verb, batch):
                work(batch)
        except Exception as error:
            if is_out_of_memory(error):
                return str(error)
            if is_device_lost(error):
                raise
            jobs = jobs_of(batch)
            if len(jobs) == 1:
                self._outcomes.fail_for(jobs[0], error)
                return None
            log.warning("a %s of %d orders failed; each is tried alone: %s", verb, len(jobs), error)
        else:
            return None
        # Outside the except block, because the traceback would keep the allocated tensors alive.
        for job in jobs:
            self.run(verb, [seat for seat in batch if seat.job is job], work)
        return None

    def _gives_way(self, verb: Verb, batch: Sequence[Seat]) -> bool:
        """Reduces the memory use after an out-of-memory error. Returns whether the next try takes less."""
        model, key = batch[0].model, batch[0].slot.key
        model.make_room()
        self.free_memory()
        if len(batch) == 1:
            return self.climb(verb, model)
        self.limits[verb, key.cost_key] = self._units(verb, batch) // 2
        self._note_trouble()
        fit = len(self.fitting(verb, batch))
        self._say("halved", f"{verb} of {_named(key)}: {fit} of {len(batch)} pictures at once")
        return True

    def climb(self, verb: Verb, model: Model) -> bool:
        """Climbs the next rung for this work. Returns False if no rung is left that would help."""
        if (rung := model.offload.rung_for(verb)) is None:
            return False
        model.make_room()
        model.offload.climb(rung)
        self.climbed.append((weakref.ref(model), rung))
        self._note_trouble()
        self.free_memory()
        self._say(rung, f"{model.entry.name}, for a {verb}")
        return True

    # ---- undoing

    def relax(self) -> None:
        """Undoes the last change after a period without trouble."""
        now = self.clock()
        if not (self.limits or self.climbed) or now - self._quiet_since < self._patience:
            return
        self._quiet_since = self._relaxed_at = now
        if not self.climbed:
            grown = {key: 2 * limit for key, limit in self.limits.items()}
            self.limits = {key: limit for key, limit in grown.items() if limit < MOST}
            self._say("relaxed", "twice as many pictures at once")
            return
        model, rung = self.climbed[-1][0](), self.climbed[-1][1]
        try:
            if model is not None:
                model.offload.descend()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
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
        """Waits for the device, so that finished work is accounted for."""
        self._timer.settle()

    def free_memory(self) -> None:
        self._free = (float("-inf"), 0)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _rows(seats: Sequence[Seat]) -> int:
    return sum(len(seat.slot.rows) for seat in seats)


def _named(key: BatchKey) -> str:
    return f"{key.model} at {key.latent_shape[-1]} x {key.latent_shape[-2]} latents"
