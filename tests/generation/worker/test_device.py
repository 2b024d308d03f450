"""The loop and its device: what is charged, what a lost device does, and what an evicted model leaves behind."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generation.protocol import (
    Cancel,
    Configure,
    Failed,
    Finished,
    Generate,
    Started,
    Stepped,
    Upscale,
)
from generation.request import DRAFT_STEPS, GuildId, ImageSize, JobId, MemberId, ModelName
from generation.worker import loop
from generation.worker.models import loading, model_cache
from generation.worker.models.loading import BrokenModel, Model
from generation.worker.models.loras import BrokenLora
from generation.worker.models.model_cache import GIB, footprint
from generation.worker.output.image_encoder import ImageEncoder
from tests.drawings import upscale_of
from tests.generation.worker.late_device import DECODE, ENCODE, STEP, LateDevice
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order, png
from tests.generation.worker.test_loop import Stage

TINY, OTHER = ModelName("tiny"), ModelName("other")
LONG = DRAFT_STEPS + 1

LOST = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
FULL = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def ready(*folders: Path, **settings: Any) -> tuple[Stage, Model]:
    stage = Stage(*folders, **settings)
    stage.loop.take_orders()
    return stage, stage.loop.model_cache.take(TINY)


def draw(stage: Stage) -> None:
    stage.turn()
    while stage.loop.jobs:
        stage.turn()


def raising(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


class Enlarged:
    """A picture that is enlarged when the host waits for it."""

    def __init__(self, device: LateDevice) -> None:
        self.device = device

    def wait(self) -> np.ndarray[Any, Any]:
        self.device.wait()
        return np.zeros((8, 8, 3), dtype=np.uint8)

    def picture(self) -> Image.Image:
        return Image.fromarray(self.wait())


def enlarging(stage: Stage, device: LateDevice, seconds: float, patch: pytest.MonkeyPatch) -> None:
    def enlarge(picture: Image.Image, factor: int, tell: object) -> Enlarged:
        device.launch(seconds)
        return Enlarged(device)

    patch.setattr(stage.loop.finisher, "enlarge", enlarge)


# ---- accounting


@pytest.mark.parametrize("at_once", [1, 4])
def test_device_seconds_contain_encoding_and_all_decoding_though_both_are_known_late(
    sd_folder: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(loop.DECODED_AT_ONCE, "cpu", at_once)
    stage, tiny = ready(sd_folder)
    LateDevice(stage, tiny, monkeypatch)
    stage.say(Generate(request=order("a", images=3, steps=4)))
    stage.finish()
    (finished,) = stage.of(Finished)
    decodes = 3 if at_once == 1 else 1
    assert finished.device_seconds == pytest.approx(ENCODE + 4 * STEP + decodes * DECODE)
    assert stage.loop.tally.device_seconds == pytest.approx(
        {"encode": ENCODE, "step": 4 * STEP, "decode": decodes * DECODE}
    )


def test_an_upscale_is_not_charged_with_the_step_that_the_device_still_computes(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, tiny = ready(sd_folder)
    device = LateDevice(stage, tiny, monkeypatch)
    enlarging(stage, device, 7.0, monkeypatch)
    stage.say(Generate(request=order("a", steps=LONG)), Upscale(request=upscale_of(png(side=16))))
    stage.finish()
    assert stage.of(Finished, "large")[0].device_seconds == 7.0


def test_upscales_of_one_member_leave_the_device_to_another_member_for_an_equal_share(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, tiny = ready(sd_folder)
    device = LateDevice(stage, tiny, monkeypatch)
    enlarging(stage, device, 10 * STEP, monkeypatch)
    stage.say(Generate(request=order("before", member=MemberId(2), steps=3)))  # the step's cost is known then
    draw(stage)
    stage.say(*(Upscale(request=upscale_of(png(side=16), f"large{n}")) for n in range(8)))
    stage.say(Generate(request=order("a", member=MemberId(2), steps=2 * LONG)))
    stage.finish()
    told = [event.job for event in stage.events if isinstance(event, Started | Stepped)]
    last = len(told) - 1 - told[::-1].index(JobId("a"))
    assert len([job for job in told[:last] if job.startswith("large")]) <= 3, "not one a step"
    assert len(stage.of(Finished)) == 10


def test_a_server_with_a_larger_share_is_served_more_by_the_worker_too(sd_folder: Path) -> None:
    def last_step_of(heavy: GuildId) -> int:
        stage = Stage(sd_folder, weights={heavy: 8.0})
        for number, guild in enumerate((GuildId(1), GuildId(2))):
            size = ImageSize(width=64, height=64 + 16 * number)  # they share no step
            asked = order(f"{guild}", guild=guild, member=MemberId(guild), steps=30, size=size)
            stage.say(Generate(request=asked))
        stage.finish()
        return [event.job for event in stage.of(Finished)].index(JobId(f"{heavy}"))

    assert (last_step_of(GuildId(1)), last_step_of(GuildId(2))) == (0, 0)


# ---- a lost device, and memory that others than PyTorch miss


def test_a_lost_device_ends_the_loop_though_nothing_is_seated(sd_folder: Path) -> None:
    stage, tiny = ready(sd_folder)
    hook = tiny.pipe.text_encoder.register_forward_pre_hook(raising(LOST))
    stage.say(Generate(request=order("a")))
    with pytest.raises(torch.AcceleratorError):
        stage.turn()
    hook.remove()
    assert not stage.of(Failed), "the bot sends the job to the next worker"


def test_a_lost_device_ends_the_loop_while_it_enlarges(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, _ = ready(sd_folder)
    monkeypatch.setattr(stage.loop.finisher, "enlarge", raising(LOST))
    stage.say(Upscale(request=upscale_of(png(side=16))))
    with pytest.raises(torch.AcceleratorError):
        stage.turn()
    assert not stage.of(Failed)


@pytest.mark.parametrize("error", [LOST, FULL])
def test_a_model_whose_load_the_device_fails_is_not_called_broken(
    sd_folder: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "load_pipeline", raising(error))
    with pytest.raises(type(error)) as raised:
        model(sd_folder)
    assert not isinstance(raised.value, BrokenModel)
    assert raised.value is error


def test_a_library_without_memory_halves_the_batch_as_pytorch_does(sd_folder: Path) -> None:
    stage, tiny = ready(sd_folder)

    def fits_one(_: Any, arguments: tuple[Any, ...]) -> None:
        if len(arguments[0]) > 2:
            raise FULL

    hook = tiny.unet.register_forward_pre_hook(fits_one)
    stage.say(Generate(request=order("a", images=4)))
    stage.finish()
    hook.remove()
    assert not stage.of(Failed)
    assert len(stage.of(Finished)[0].pictures) == 4


class Graphs:
    """Stands in for recorded steps."""

    def __init__(self) -> None:
        self.given_up = 0
        self.idle_bytes = 0

    def give_up(self) -> None:
        self.given_up += 1


def test_an_upscale_without_memory_makes_room_before_its_second_try(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, tiny = ready(sd_folder)
    graphs = Graphs()
    tiny.cuda_graphs = graphs  # pyright: ignore[reportAttributeAccessIssue]
    freed: list[int] = []
    monkeypatch.setattr(stage.loop.oom_recovery, "free_memory", lambda: freed.append(graphs.given_up))
    monkeypatch.setattr(stage.loop.finisher, "enlarge", raising(FULL))
    stage.say(Upscale(request=upscale_of(png(side=16))))
    stage.finish()
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("large", "memory")]
    assert freed == [1], "after the recordings are given up"
    monkeypatch.setattr(stage.loop.finisher, "enlarge", raising(ValueError("a bug")))
    stage.loop.image_encoder = ImageEncoder(stage.events.append)
    stage.say(Upscale(request=upscale_of(png(side=16))))
    stage.finish()
    assert [event.kind for event in stage.of(Failed)] == ["memory", "bug"]
    assert freed == [1]


def test_a_lora_that_breaks_in_a_step_is_told_as_a_lora(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, tiny = ready(sd_folder)
    monkeypatch.setattr(tiny, "advance", raising(BrokenLora("It is cut off.")))
    stage.say(Generate(request=order("a")))
    stage.finish()
    assert [(event.kind, event.reason) for event in stage.of(Failed)] == [("lora", "It is cut off.")]


# ---- eviction


@pytest.mark.parametrize("end", ["done", "cancelled", "failed"])
def test_an_evicted_model_is_gone_before_the_next_one_is_loaded(
    sd_folder: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = footprint(model(sd_folder).pipe) / GIB
    stage, tiny = ready(sd_folder, sd_folder, memory_gib=1.5 * size)
    gone = weakref.ref(tiny)
    if end == "cancelled":  # its last step is not accounted for
        LateDevice(stage, tiny, monkeypatch)
    del tiny
    seen: list[object] = []
    load = model_cache.load

    def watched(*arguments: Any) -> Model:
        seen.append(gone())
        return load(*arguments)

    monkeypatch.setattr(model_cache, "load", watched)
    stage.say(Generate(request=order("a", steps=LONG)))
    if end == "done":
        draw(stage)
    elif end == "cancelled":
        stage.turn(3)
        stage.say(Cancel(job=JobId("a")))
    else:  # the traceback of its error holds the model
        monkeypatch.setattr(loop.log, "error", lambda *_, **__: None)  # pyright: ignore[reportUnknownLambdaType]  # pytest keeps it

        def fail(*_: object) -> None:
            raise ValueError("a bug")

        hook = stage.loop.model_cache.take(TINY).unet.register_forward_pre_hook(fail)
        draw(stage)
        hook.remove()
        assert stage.of(Failed)
    stage.say(Generate(request=order("b", model=OTHER)))
    stage.turn()
    assert seen == [None]


def test_compiling_during_a_step_is_no_silence(sd_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resting: list[bool] = []
    stage = Stage(sd_folder)

    def backend(graph: Any, inputs: Any) -> Any:
        resting.append(stage.loop.heartbeat._rests > 0)  # pyright: ignore[reportPrivateUsage]
        return graph

    compile_denoiser = loading.compile_denoiser

    def compiled(pipe: Any, device: torch.device) -> None:
        compile_denoiser(pipe, device, backend=backend)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(loading, "compile_denoiser", compiled)
    chosen = entry(sd_folder, compile=True)
    try:
        stage.say(Configure(models=(chosen,), default=chosen.name), Generate(request=order("a", steps=2)))
        stage.turn()
    finally:
        torch.compiler.reset()
    assert resting
    assert all(resting)
    assert not stage.loop.heartbeat._rests  # pyright: ignore[reportPrivateUsage]
