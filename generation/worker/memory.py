"""How much memory the device has left, what work has been seen to take of it, and so how much work fits. Knows no models."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

MARGIN = 0.9
"""Of the free memory. The rest is for what fragments, and for what kernels take that is counted nowhere."""

BELIEVED = 2
"""Times that a size of work is measured; the least counts. The first time, kernels are loaded and weights paged in as well."""

_MARK = re.compile(r"^VmHWM:\s*(\d+)", re.MULTILINE)
_HOST_IS_FULL = re.compile(r"DefaultCPUAllocator: (can't allocate memory|not enough memory)")


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch has an exception for a full GPU; a full CPU is any RuntimeError (c10/core/impl/alloc_cpu.cpp)."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _HOST_IS_FULL.search(str(error)) is not None


class CudaMeter:
    """Bytes. Asks PyTorch's allocator, which waits for nothing; and the driver, how much other programs have left."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0

    def free(self) -> int:
        """What work may take, if it begins now."""
        unused, _ = torch.cuda.mem_get_info(self._device)
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return unused + kept

    def begin(self) -> None:
        self._before = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)

    def taken(self) -> int:
        """The most at once since `begin`, beyond what was taken then."""
        return torch.cuda.max_memory_allocated(self._device) - self._before


class HostMeter:
    """Reads the host's memory. What a call took is known on Linux alone (/proc/self/status, in kilobytes: proc_pid_status(5),
    proc_pid_clear_refs(5)); elsewhere it is None."""

    def __init__(self) -> None:
        self._before: int | None = None

    def free(self) -> int:
        return psutil.virtual_memory().available

    def begin(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is taken now
        except OSError:
            self._before = None
        else:
            self._before = _high_water_mark()

    def taken(self) -> int | None:
        mark = _high_water_mark()
        return None if mark is None or self._before is None else max(0, mark - self._before)


Meter = CudaMeter | HostMeter


def meter_for(device: torch.device) -> Meter:
    return CudaMeter(device) if device.type == "cuda" else HostMeter()


def _high_water_mark() -> int | None:
    """Bytes."""
    try:
        found = _MARK.search(Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None


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
