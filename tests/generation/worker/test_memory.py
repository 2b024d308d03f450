"""The available memory and the memory that work needs: calculated, and measured on this machine."""

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation.worker import memory
from generation.worker.memory import (
    MEASUREMENTS,
    USABLE_SHARE,
    Footprint,
    HostMeter,
    host_free,
    is_device_lost,
    is_out_of_memory,
)
from generation.worker.models import model_cache
from generation.worker.models.model_cache import memory_budget


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you"
            ),
            True,
        ),
        (
            torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
            True,
        ),
        (RuntimeError("CUDA driver error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"), False),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("expected scalar type Half but found Float"), False),
    ],
)
def test_what_is_a_lack_of_memory(error: Exception, is_full: bool) -> None:
    assert is_out_of_memory(error) is is_full
    assert is_device_lost(error) is (isinstance(error, torch.AcceleratorError) and not is_full)


GIB = 2**30


def grouped(folder: Path, own: str, files: dict[str, str], patch: pytest.MonkeyPatch) -> int:
    """Returns the free GiB of a process in these control groups. `files`: content by path."""
    for path, content in {"own": own, **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    patch.setattr(memory, "OWN_GROUPS", folder / "own")
    patch.setattr(memory, "GROUPS", folder)
    patch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=64 * GIB))
    return host_free() // GIB


@pytest.mark.parametrize(
    ("own", "files", "free"),
    [
        ("0::/\n", {}, 64),
        ("0::/\n", {"memory.max": "max\n", "memory.current": "5", "memory.stat": ""}, 64),
        (
            "0::/\n",
            {
                "memory.max": f"{8 * GIB}\n",
                "memory.current": f"{6 * GIB}\n",
                "memory.stat": f"anon 7\ninactive_file {3 * GIB}\n",
            },
            5,
        ),
        (  # a service of systemd, in a slice with a lower limit
            "0::/system.slice/atelier.service\n",
            {
                "system.slice/memory.max": f"{4 * GIB}",
                "system.slice/memory.current": f"{3 * GIB}",
                "system.slice/memory.stat": "",
                "system.slice/atelier.service/memory.max": f"{8 * GIB}",
                "system.slice/atelier.service/memory.current": f"{2 * GIB}",
                "system.slice/atelier.service/memory.stat": "",
            },
            1,
        ),
        (  # version 1, in a container that does not see its own path
            "5:cpu:/docker/abc\n4:memory:/docker/abc\n",
            {
                "memory/memory.limit_in_bytes": f"{8 * GIB}",
                "memory/memory.usage_in_bytes": f"{9 * GIB}",
                "memory/memory.stat": f"total_inactive_file {3 * GIB}\n",
            },
            2,
        ),
    ],
)
def test_the_memory_that_is_free_is_that_of_the_container(
    own: str, files: dict[str, str], free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grouped(tmp_path, own, files, monkeypatch) == free
    assert HostMeter().free() // GIB == free
    assert memory_budget(torch.device("cpu"), 0.0) == round(model_cache.SHARE * host_free())


def test_pytorch_says_it_so_on_this_machine() -> None:
    with pytest.raises(RuntimeError) as full:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(full.value)


@given(st.integers(0, 10**9), st.integers(10**5, 10**8), st.integers(10**6, 10**11))
def test_what_fits_by_two_measurements_fits(fixed: int, each: int, free: int) -> None:
    footprint = Footprint()
    for count in (2, 8):
        for _ in range(MEASUREMENTS):
            footprint.learn(count, fixed + each * count)
    most = footprint.most(free)
    assert most is not None
    assert most == 1 or fixed + each * most <= USABLE_SHARE * free * 1.000001
    assert fixed + each * (most + 2) > USABLE_SHARE * free


def test_the_first_time_is_not_believed_and_the_least_counts() -> None:
    footprint = Footprint()
    footprint.learn(2, 10**9)  # the weights were loaded into memory
    assert footprint.most(10**9) is None
    footprint.learn(2, 200)
    assert footprint.most(1000) == 9


def test_one_measurement_is_taken_as_rows_alone_and_none_limits_nothing() -> None:
    footprint = Footprint()
    assert footprint.most(10) is None
    for _ in range(MEASUREMENTS):
        footprint.learn(4, 0)
    assert footprint.most(10) is None, "what takes nothing has no limit"


@pytest.mark.skipif(sys.platform != "linux", reason="the meter reads Linux's /proc")
def test_the_hosts_meter_sees_what_was_taken_and_given_back() -> None:
    meter = HostMeter()
    assert meter.free() > 10 * 2**20
    meter.begin()
    taken = torch.ones(64 * 2**20 // 4)
    del taken
    assert 60 * 2**20 < (meter.taken() or 0) < 200 * 2**20
