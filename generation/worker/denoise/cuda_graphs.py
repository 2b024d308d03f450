"""Records a denoiser's call for each shape after its first plain calls, then replays it, with CUDA graphs.

For a few rows, Python needs longer to launch a U-Net's thousand kernels than a large GPU needs to run them. A replay launches
them all together. See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from generation.worker.memory import MEASUREMENTS, is_out_of_memory

log = logging.getLogger(__name__)

Denoise = Callable[..., tuple[Tensor, ...]]

RECORDINGS = 24
"""Maximum number of recordings; the least recently used is dropped. They share memory, but each keeps
its inputs and its kernels.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recorded call. `play` computes `output` from the values in `inputs`."""

    inputs: tuple[Tensor, ...]
    output: Tensor
    play: Callable[[], None]


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
        self._is_off = False

    def __call__(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor, ...]:
        inputs = (x, timesteps, *_tensors(told))
        shape = tuple((one.shape, one.dtype) for one in inputs)
        if (recording := self._recordings.get(shape)) is None:
            self._calls[shape] += 1
            # The first calls of a shape run plainly: they select kernels, and their memory is measured (memory.Footprint).
            if not self._is_off and self._calls[shape] > MEASUREMENTS:
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
        """Discards all recordings, and records nothing again. Called when memory is short.

        Recordings keep memory, and they contain addresses that change when modules move.
        """
        if self._recordings:
            log.info("steps are no longer replayed: memory is short")
        self._is_off = True
        self._recordings.clear()

    def _recorded(self, x: Tensor, timesteps: Tensor, told: Mapping[str, Any]) -> Recording | None:
        try:
            return self._record(self._denoise, x, timesteps, told)
        except RuntimeError as error:
            # A module that copies from the host or waits for the device can't be recorded, but a plain call works. If the device
            # has failed, the plain call that follows raises the error.
            reason = "memory is short" if is_out_of_memory(error) else str(error).split("\n")[0]
            log.warning("steps are not replayed: %s", reason)
            self._is_off = True
            self._recordings.clear()
            return None


class CudaRecorder:
    """A recorder for the calls of one model. All its recordings share one memory pool, because only one is replayed at a time."""

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, denoise: Denoise, x: Tensor, timesteps: Tensor, told: Mapping[str, Any]) -> Recording:
        x, timesteps, told = x.clone(), timesteps.clone(), _cloned(told)
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream()
        try:
            # Other threads synchronise for previews meanwhile; this must not fail the recording.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                output = denoise(x, timesteps, **told)[0]
        except RuntimeError:
            torch.cuda.set_stream(stream)  # torch.cuda.graph does not always restore it after an error
            raise
        self._pool = self._pool or graph.pool()
        return Recording((x, timesteps, *_tensors(told)), output, graph.replay)


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
