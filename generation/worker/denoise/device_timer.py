"""What work takes of the device, and how far the host runs ahead of it: by one piece of work.

A GPU works behind the host's back: launches return at once. So work is timed by events on the device's own stream, and while
the device is at one step the host plans and launches the next; the device never waits for bookkeeping. On a CPU work is done
when it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Tell = Callable[[float], None]
"""Is told the seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class _Launched:
    began: torch.cuda.Event
    ended: torch.cuda.Event
    tell: Tell


class DeviceTimer:
    def __init__(self, device: torch.device, clock: Callable[[], float]) -> None:
        self._is_cuda = device.type == "cuda"
        self._clock = clock  # seconds
        self._ahead: _Launched | None = None

    @contextmanager
    def timed(self, tell: Tell) -> Generator[None]:
        """Around a piece of work. `tell` is called when it is done: before this returns on a CPU, and on a GPU when the next
        piece was launched, or in `settle`. Work that raises is not told."""
        if not self._is_cuda:
            began = self._clock()
            yield
            tell(self._clock() - began)
            return
        launched = _Launched(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True), tell)
        launched.began.record()
        yield
        launched.ended.record()
        self.settle()
        self._ahead = launched

    def settle(self) -> None:
        """Waits for what is ahead. The device's errors come up here (torch.AcceleratorError)."""
        launched, self._ahead = self._ahead, None
        if launched is not None:
            launched.ended.synchronize()
            launched.tell(launched.began.elapsed_time(launched.ended) / 1000)
