"""Reports whether the loop still turns, and its work so far. The loop's thread writes; another thread reports once a second.

There are no locks: every field has one writer, and the reporter reads only numbers.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from generation.protocol import Event, Vitals

PERIOD = 1.0
"""Minimum seconds between two Vitals."""

WORKING = 0.02
"""Share of a core. A process that uses more than this is computing. The threads that answer pings and
send Vitals use about 1 %.
"""


@dataclass(slots=True)
class WorkTally:
    """The work since the worker started; device seconds by kind of work."""

    slots: int = 0  # pictures seated now
    steps: int = 0
    rows: int = 0
    device_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def count(self, verb: str, seconds: float, rows: int) -> None:
        """Adds the work of one batch. `rows` are counted only for steps."""
        self.device_seconds[verb] += seconds
        if verb == "step":
            self.steps += 1
            self.rows += rows


class Heartbeat:
    """A detector of a hung loop. The loop calls `beat` at every turn. It is inside `rest` while it waits for orders, loads a
    model or compiles one.
    """

    def __init__(
        self,
        *,
        is_cpu: bool,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = time.process_time,
    ) -> None:
        """`is_cpu`: this process computes by itself, so that a long step of a large model is visible as CPU time."""
        self._clock = clock
        self._work = work if is_cpu else lambda: 0.0
        self._has_begun = False
        self._rests = 0  # they may be nested
        self._sign = self._looked = clock()
        self._worked = self._work()

    def beat(self) -> None:
        self._sign, self._has_begun = self._clock(), True

    def begin_rest(self) -> None:
        self._rests += 1

    def end_rest(self) -> None:
        self._rests -= 1
        self.beat()

    @contextmanager
    def rest(self) -> Generator[None]:
        self.begin_rest()
        try:
            yield
        finally:
            self.end_rest()

    def silent_seconds(self) -> float:
        """Returns the seconds since the last sign of life. Only one thread may call it."""
        now, work = self._clock(), self._work()
        is_working = work - self._worked > WORKING * (now - self._looked)
        self._looked, self._worked = now, work
        if not self._has_begun or self._rests or is_working:
            self._sign = now
        return max(0.0, now - self._sign)


class VitalsReporter:
    """A reporter that makes Vitals from a tally and a heartbeat."""

    def __init__(self, heartbeat: Heartbeat, tally: WorkTally, tell: Callable[[Event], None]) -> None:
        self._heartbeat, self._tally, self._tell = heartbeat, tally, tell
        self._told = WorkTally()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="vitals").start()

    def tell(self) -> None:
        """Sends Vitals, if anything changed or the loop is silent."""
        now, last = replace(self._tally, device_seconds=self._tally.device_seconds.copy()), self._told
        silent = self._heartbeat.silent_seconds()
        if now == last and silent < PERIOD:
            return
        self._told = now
        self._tell(
            Vitals(
                silent_seconds=round(silent, 2),
                slots=now.slots,
                steps=now.steps - last.steps,
                rows=now.rows - last.rows,
                device_seconds={
                    verb: round(seconds - last.device_seconds[verb], 4)
                    for verb, seconds in now.device_seconds.items()
                },
            )
        )

    def _run(self) -> None:
        while True:
            time.sleep(PERIOD)
            self.tell()
