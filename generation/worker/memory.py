"""How much memory the device has left, what work has been seen to take of it, and so how much work fits. Knows no models."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

MARGIN = 0.9
"""Of the free memory. The rest is for what fragments, and for what kernels take that is counted nowhere."""

BELIEVED = 2
"""Times that a size of work is measured; the least counts. The first time, kernels are loaded and weights paged in as well."""

_HOST_IS_FULL = re.compile(r"DefaultCPUAllocator: (can't allocate memory|not enough memory)")


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch has an exception for a full GPU; a full CPU is any RuntimeError (c10/core/impl/alloc_cpu.cpp)."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _HOST_IS_FULL.search(str(error)) is not None


class Meter(Protocol):
    """Bytes of one device. None: it cannot be told here."""

    def free(self) -> int | None:
        """What work may take, if it begins now."""
        ...

    def begin(self) -> None: ...

    def taken(self) -> int | None:
        """The most at once since `begin`, beyond what was taken then."""
        ...


class CudaMeter:
    """Asks PyTorch's allocator, which waits for nothing; and the driver, how much other programs have left."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0

    def free(self) -> int:
        unused, _ = torch.cuda.mem_get_info(self._device)
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return unused + kept

    def begin(self) -> None:
        self._before = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)

    def taken(self) -> int:
        return torch.cuda.max_memory_allocated(self._device) - self._before


class HostMeter:
    """Linux's /proc, in kilobytes: proc_pid_status(5), proc_pid_clear_refs(5), proc_meminfo(5). Elsewhere nothing can be told."""

    def __init__(self) -> None:
        self._before: int | None = None

    def free(self) -> int | None:
        return _kilobytes(Path("/proc/meminfo"), "MemAvailable")

    def begin(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is taken now
        except OSError:
            self._before = None
        else:
            self._before = _kilobytes(Path("/proc/self/status"), "VmHWM")

    def taken(self) -> int | None:
        mark = _kilobytes(Path("/proc/self/status"), "VmHWM")
        return None if mark is None or self._before is None else max(0, mark - self._before)


def meter_for(device: torch.device) -> Meter:
    return CudaMeter(device) if device.type == "cuda" else HostMeter()


def _kilobytes(file: Path, name: str) -> int | None:
    """In bytes."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith(f"{name}:")), None)
    return None if found is None else 1024 * int(found)


@dataclass(slots=True)
class Footprint:
    """What one kind of work takes, by how many rows (of a step) or pictures (of a decode) it is done for at once."""

    _least: dict[int, int] = field(default_factory=dict[int, int], init=False)  # count: bytes
    _times: dict[int, int] = field(default_factory=dict[int, int], init=False)

    def is_known(self, count: int) -> bool:
        return self._times.get(count, 0) >= BELIEVED

    def learn(self, count: int, taken: int) -> None:
        self._least[count] = min(taken, self._least.get(count, taken))
        self._times[count] = self._times.get(count, 0) + 1

    def most(self, free: int) -> int | None:
        """The count that fits into `free` bytes, at least 1; None before enough was measured."""
        known = sorted(count for count in self._least if self.is_known(count))
        if not known:
            return None
        few, many = known[0], known[-1]
        if few == many:
            fixed, each = 0.0, self._least[few] / few  # more than the truth where there is a fixed part
        else:
            each = (self._least[many] - self._least[few]) / (many - few)
            fixed = self._least[many] - each * many
        if each <= 0:
            return None
        return max(1, int((MARGIN * free - fixed) / each))
