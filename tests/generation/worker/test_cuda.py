"""Tests that need a GPU: graphs draw the same as plain calls, and a step never synchronises. Skipped without a GPU."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from generation.protocol import Failed, Finished, Generate, Previewed, Upscale
from generation.worker.denoise.batch_state import ROW_COUNTS
from generation.worker.denoise.cuda_graphs import CudaGraphs, CudaRecorder
from generation.worker.models.loading import load
from tests.drawings import upscale_of
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

DEVICE = torch.device("cuda")


@pytest.fixture(autouse=True)
def on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("generation.worker.loop.pick_device", lambda: DEVICE)
    yield


def pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=np.int16)


def in_single_precision(device: torch.device, wanted: str) -> torch.dtype:
    return torch.float32


@pytest.mark.parametrize("folder", ["sd_folder", "sdxl_folder", "sd3_folder", "flux_folder", "flux2_folder"])
def test_replayed_steps_are_the_plain_ones(folder: str, request: pytest.FixtureRequest) -> None:
    source: Path = request.getfixturevalue(folder)
    one = load(entry(source), DEVICE, torch.float32)
    assert one.cuda_graphs is not None
    plain, replayed = (
        [one.seat(order("a", steps=8, images=3).drawing, index) for index in range(3)] for _ in range(2)
    )
    replay, one.cuda_graphs = one.cuda_graphs, None
    for _ in range(8):
        one.advance(plain, sizes=ROW_COUNTS)
    one.cuda_graphs = replay
    for _ in range(8):
        one.advance(replayed, sizes=ROW_COUNTS)
    assert replay._recordings, "nothing was recorded"  # pyright: ignore[reportPrivateUsage]
    for a, b in zip(plain, replayed, strict=True):
        assert float((a.sample - b.sample).abs().max() / a.sample.abs().max()) < 1e-4


def test_a_call_that_cannot_be_recorded_leaves_the_device_usable(sd_folder: Path) -> None:
    one = load(entry(sd_folder), DEVICE, torch.float32)
    unet = one.unet

    def waiting(*arguments: object, **more: object) -> tuple[torch.Tensor, ...]:
        out = unet(*arguments, **more)
        float(out[0].sum())  # waits for the device
        return out

    one.cuda_graphs = CudaGraphs(waiting, CudaRecorder())
    slots = [one.seat(order("a", steps=8).drawing, 0)]
    for _ in range(8):
        one.advance(slots, sizes=ROW_COUNTS)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert bool(slots[0].sample.isfinite().all())


def test_steps_are_recorded_again_after_a_pause_and_their_memory_is_known(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.worker.denoise.cuda_graphs.FIRST_PAUSE", 2)
    one = load(entry(sd_folder), DEVICE, torch.float32)
    assert one.cuda_graphs is not None
    slots = [one.seat(order("a", steps=16).drawing, 0)]
    for steps in (6, 10):
        for _ in range(steps):
            one.advance(slots, sizes=ROW_COUNTS)
        assert one.cuda_graphs.idle_bytes > 0
        one.make_room()
        torch.cuda.empty_cache()
        assert one.cuda_graphs.idle_bytes == 0


def test_a_step_waits_for_nothing(sd_folder: Path) -> None:
    one = load(entry(sd_folder), DEVICE, torch.float32)
    slots = [one.seat(order("a", steps=9, images=2).drawing, index) for index in range(2)]
    for _ in range(5):
        one.advance(slots, sizes=ROW_COUNTS)
    torch.cuda.set_sync_debug_mode("error")
    try:
        one.advance(slots, sizes=ROW_COUNTS)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_loop_draws_previews_and_enlarges_on_the_gpu_as_on_the_cpu(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [Generate(request=order(f"{n}", images=1 + n % 3, steps=4 + n, seed=n)) for n in range(6)]
    gpu = Stage(sd_folder, preview_seconds=0.0)
    monkeypatch.setattr("generation.worker.loop.pick_device", lambda: torch.device("cpu"))
    cpu = Stage(sd_folder, preview_seconds=0.0)
    # the same dtype on both, so that only the device differs
    monkeypatch.setattr("generation.worker.models.model_cache.pick_dtype", in_single_precision)
    for stage in (gpu, cpu):
        stage.say(*orders)
        stage.finish()
        assert not stage.of(Failed)
        assert stage.of(Previewed)
    theirs = {one.job: one.pictures for one in cpu.of(Finished)}
    for one in gpu.of(Finished):
        assert one.device_seconds > 0
        for a, b in zip(one.pictures, theirs[one.job], strict=True):
            assert int(np.abs(pixels(a) - pixels(b)).max()) <= 4
    upscaled = Stage(sd_folder)
    content = gpu.of(Finished)[0].pictures[0]
    upscaled.say(Upscale(request=upscale_of(content)))
    upscaled.finish()
    (large,) = upscaled.of(Finished)
    assert pixels(large.pictures[0]).shape[0] == 2 * pixels(content).shape[0]
