"""Records a denoiser's call for each shape after its first plain calls, then replays it, with CUDA graphs.

For a few rows, Python needs longer to launch a U-Net's thousand kernels than a large GPU needs to run them. A replay launches
them all together. See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

import logging
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from generation.worker.memory import MEASUREMENTS, is_out_of_memory

log = logging.getLogger(__name__)

Denoise = Callable[..., tuple[Tensor, ...]]

RECORDINGS = 24
"""Maximum number of recordings; the least recently used is dropped. They share memory, but each keeps
its inputs and its kernels.
"""

FIRST_PAUSE, LONGEST_PAUSE = 1_000, 64_000
"""Plain calls after a lack of memory, before one is recorded again: the first time and at most. Doubled each time."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recorded call. `play` computes `output` from the values in `inputs`."""

    inputs: tuple[Tensor, ...]
    output: Tensor
    play: Callable[[], None]
    idle_bytes: int = 0  # free bytes in the memory of all recordings until now, which nothing else can use


Record = Callable[[Denoise, Tensor, Tensor, Mapping[str, Any]], Recording]


class CudaGraphs:
    """A denoiser whose calls are replayed. Call it like the denoiser, inside inference mode.

    The returned tensor is valid until the next call, because all recordings share memory. Keyword arguments may be tensors, None
    and dicts of them. Any other value must be the same in every call, because a recording contains it.
    """

    def __init__(self, denoise: Denoise, record: Record) -> None:
        self._denoise = denoise
        self._record = record
        self._calls = Counter[tuple[object, ...]]()
        self._recordings: OrderedDict[tuple[object, ...], Recording] = OrderedDict()
        self._plain_left = 0.0  # calls without a recording
        self._pause = FIRST_PAUSE

    @property
    def idle_bytes(self) -> int:
        """Returns the bytes that PyTorch keeps for recordings. It counts them as free, but nothing else can use them."""
        return max((recording.idle_bytes for recording in self._recordings.values()), default=0)

    def __call__(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor, ...]:
        inputs = (x, timesteps, *_tensors(told))
        shape = tuple((one.shape, one.dtype) for one in inputs)
        if (recording := self._recordings.get(shape)) is None:
            self._calls[shape] += 1
            # The first calls of a shape run plainly: they select kernels, and their memory is measured (memory.Footprint).
            self._plain_left -= 1
            if self._plain_left < 0 and self._calls[shape] > MEASUREMENTS:
                recording = self._recorded(x, timesteps, told)
            if recording is None:
                return self._denoise(x, timesteps, **told)
            self._recordings[shape] = recording
            if len(self._recordings) > RECORDINGS:
                self._recordings.popitem(last=False)
        self._recordings.move_to_end(shape)
        for own, new in zip(recording.inputs, inputs, strict=True):
            own.copy_(new)
        recording.play()
        return (recording.output,)

    def give_up(self) -> None:
        """Discards all recordings, and records nothing for a while. Called when memory is short.

        Recordings keep memory, and they contain addresses that change when modules move.
        """
        self._recordings.clear()
        if self._plain_left < 0:
            log.info("steps are not replayed for %d calls: memory is short", self._pause)
            self._plain_left = self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _recorded(self, x: Tensor, timesteps: Tensor, told: Mapping[str, Any]) -> Recording | None:
        try:
            return self._record(self._denoise, x, timesteps, told)
        except RuntimeError as error:
            # A module that copies from the host or waits for the device can't be recorded, but a plain call works. If the device
            # has failed, the plain call that follows raises the error.
            if is_out_of_memory(error):
                self.give_up()
                return None
            log.warning("steps are not replayed: %s", str(error).split("\n")[0])
            self._plain_left = math.inf
            self._recordings.clear()
            return None


class CudaRecorder:
    """A recorder for the calls of one model. All its recordings share one memory pool, because only one is replayed at a time."""

    def __init__(self) -> None:
        self._graphs: WeakSet[torch.cuda.CUDAGraph] = WeakSet()

    def __call__(self, denoise: Denoise, x: Tensor, timesteps: Tensor, told: Mapping[str, Any]) -> Recording:
        x, timesteps, told = x.clone(), timesteps.clone(), _cloned(told)
        graph = torch.cuda.CUDAGraph()
        pool = next((one.pool() for one in self._graphs), None)  # a pool ends with the last of its graphs
        stream = torch.cuda.current_stream()
        try:
            # Other threads synchronise for previews meanwhile; this must not fail the recording.
            with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                output = denoise(x, timesteps, **told)[0]
        except RuntimeError:
            torch.cuda.set_stream(stream)  # torch.cuda.graph does not always restore it after an error
            raise
        self._graphs.add(graph)
        return Recording((x, timesteps, *_tensors(told)), output, graph.replay, idle_bytes(graph.pool()))


def idle_bytes(pool: tuple[int, int]) -> int:
    """Returns the bytes that PyTorch has reserved for this pool and does not use."""
    segments: Any = torch.cuda.memory_snapshot()
    own = [segment for segment in segments if tuple(segment["segment_pool_id"]) == tuple(pool)]
    return sum(segment["total_size"] - segment["allocated_size"] for segment in own)


def _tensors(told: Mapping[str, Any]) -> Iterator[Tensor]:
    for value in told.values():
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            yield from _tensors(value)


def _cloned(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.clone()
        if isinstance(value, Tensor)
        else _cloned(value)
        if isinstance(value, dict)
        else value
        for name, value in told.items()
    }
