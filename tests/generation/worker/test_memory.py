"""The available memory and the memory that work needs: calculated, and measured on this machine."""

import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation.worker.memory import MEASUREMENTS, USABLE_SHARE, Footprint, HostMeter, is_out_of_memory


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
        (RuntimeError("expected scalar type Half but found Float"), False),
    ],
)
def test_what_is_a_lack_of_memory(error: Exception, is_full: bool) -> None:
    assert is_out_of_memory(error) is is_full


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
