"""Measures free device memory and the memory that work takes, and computes how much work fits. Knows no models."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

USABLE_SHARE = 0.9
"""Usable share of the free memory. The rest is for fragmentation, and for memory that kernels take but no counter shows."""

MEASUREMENTS = 2
"""Number of measurements for each size of work. The smallest counts: the first run also loads kernels and pages in weights.
CUDA graphs are recorded only after them.
"""

_MARK = re.compile(r"^VmHWM:\s*(\d+)", re.MULTILINE)  # kilobytes
_IS_FULL = re.compile(
    r"DefaultCPUAllocator: (can't allocate memory|not enough memory)"  # c10/core/impl/alloc_cpu.cpp
    r"|(CUDA|HIP)( driver)? error: out of memory"
    # cuBLAS, cuDNN, cuFFT and their like allocate by themselves.
    r"|[A-Z]_ALLOC(ATION)?_FAILED\b"
)


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether the error says that the device or the host is out of memory."""
    # PyTorch's own exception comes from its allocator for the GPU alone. All others are RuntimeErrors; those of the driver are
    # AcceleratorErrors.
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _IS_FULL.search(str(error)) is not None


def is_device_lost(error: BaseException) -> bool:
    """Returns whether the device has failed. Every later call of this process fails too, so the process must end.

    The bot then starts a new worker and sends the jobs again.
    """
    return isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error)


@contextmanager
def optional_work() -> Generator[None]:
    """For work that is left out if memory is short."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise


OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def host_free() -> int:
    """Returns the bytes of host memory that this process may still take: of the machine, and of its control groups, which limit
    containers and services.

    See https://docs.kernel.org/admin-guide/cgroup-v2.html and
    https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
    """
    free = psutil.virtual_memory().available
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return free  # not Linux
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if not controllers:  # version 2
            root, files = GROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = GROUPS / "memory"
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        own = root / path.lstrip("/")
        # The group and all above it. A container sees its own group as the root, or does not see the path.
        for group in (own, *own.parents):
            if group.is_relative_to(root) and (left := _left_in(group, *files)) is not None:
                free = min(free, left)
    return free


def _left_in(group: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    """Returns how many bytes may still be taken in a control group; None if it has no limit."""
    try:
        most = (group / limit).read_text(encoding="ascii").strip()
        used = int((group / usage).read_text(encoding="ascii"))
        found = re.search(rf"^{reclaimable} (\d+)$", (group / "memory.stat").read_text("ascii"), re.MULTILINE)
    except OSError:
        return None
    if most == "max":
        return None
    return max(0, int(most) - used + (int(found[1]) if found else 0))


class CudaMeter:
    """A meter of GPU memory, in bytes. Never synchronises. One measurement at a time: `begin` resets PyTorch's peak counter."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0

    def free(self) -> int:
        """Returns what work may take now: the device's free memory, and what PyTorch has reserved but does not use."""
        unused, _ = torch.cuda.mem_get_info(self._device)
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return unused + kept

    def begin(self) -> None:
        self._before = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)

    def taken(self) -> int:
        """Returns the peak since `begin`, minus the memory in use at `begin`."""
        return torch.cuda.max_memory_allocated(self._device) - self._before


class HostMeter:
    """A meter of host memory, in bytes. `taken` needs Linux and returns None elsewhere.

    See proc_pid_status(5) and proc_pid_clear_refs(5).
    """

    def __init__(self) -> None:
        self._before: int | None = None

    def free(self) -> int:
        return host_free()

    def begin(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark to the present use
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
    """Returns the process's peak memory in bytes; None if it is unknown."""
    try:
        found = _MARK.search(Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None


@dataclass(slots=True)
class Footprint:
    """Memory that one kind of work takes, by the number of rows (of a step) or pictures (of a decode) processed at once."""

    _least: dict[int, int] = field(
        default_factory=dict[int, int], init=False
    )  # count: smallest peak in bytes
    _measurements: dict[int, int] = field(default_factory=dict[int, int], init=False)

    def is_known(self, count: int) -> bool:
        return self._measurements.get(count, 0) >= MEASUREMENTS

    def learn(self, count: int, taken: int) -> None:
        """Adds one measurement. `taken`: peak bytes of `count` rows or pictures at once."""
        self._least[count] = min(taken, self._least.get(count, taken))
        self._measurements[count] = self._measurements.get(count, 0) + 1

    def most(self, free: int) -> int | None:
        """Returns the largest count that fits into `free` bytes, at least 1.

        None: no limit is known, because too little was measured, or because more rows took no more memory.
        """
        known = sorted(count for count in self._least if self.is_known(count))
        if not known:
            return None
        few, many = known[0], known[-1]
        if few == many:
            fixed, each = 0.0, self._least[few] / few  # too high if there is a fixed part
        else:
            each = (self._least[many] - self._least[few]) / (many - few)
            fixed = self._least[many] - each * many
        if each <= 0:
            return None
        return max(1, int((USABLE_SHARE * free - fixed) / each))
