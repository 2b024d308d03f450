"""Captured calls of a denoiser. Here a captured call is simply run again; test_cuda.py uses a GPU's graphs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from generation.protocol import Configure, Finished, Generate, Strained
from generation.request import Lora, LoraEntry, LoraName, ModelName
from generation.worker.denoise import cuda_graphs
from generation.worker.denoise.cuda_graphs import RECORDINGS, CudaGraphs, Denoise, Recording
from generation.worker.memory import MEASUREMENTS
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.tiny_loras import tiny_lora

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Recorder:
    """A recorder that keeps the memory of a call's tensors, as a graph does."""

    def __init__(self) -> None:
        self.recorded: list[torch.Size] = []
        self.played = 0
        self.refuses: RuntimeError | None = None
        self.idle_bytes = 0

    def __call__(self, denoise: Denoise, x: Tensor, timesteps: Tensor, told: Mapping[str, Any]) -> Recording:
        if self.refuses is not None:
            raise self.refuses
        x, timesteps, text = x.clone(), timesteps.clone(), told["encoder_hidden_states"].clone()
        pooled = told["added_cond_kwargs"]["text_embeds"]
        more = [] if pooled is None else [pooled.clone(), told["added_cond_kwargs"]["time_ids"].clone()]
        names = ("text_embeds", "time_ids")
        own = {
            **told,
            "encoder_hidden_states": text,
            "added_cond_kwargs": dict(zip(names, more or (None, None), strict=True)),
        }
        output = torch.full_like(x, torch.nan)

        def play() -> None:
            self.played += 1
            output.copy_(denoise(x, timesteps, **own)[0])

        self.recorded.append(x.shape)
        return Recording((x, timesteps, text, *more), output, play, self.idle_bytes)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    yield Recorder()


def replaying(stage: Stage, recorder: Recorder) -> CudaGraphs:
    stage.loop.take_orders()
    model = stage.loop.model_cache.take(ModelName("tiny"))
    model.cuda_graphs = CudaGraphs(model.unet, recorder)
    return model.cuda_graphs


@pytest.mark.parametrize("folder", ["sd_folder", "sdxl_folder"])
def test_replayed_steps_draw_the_same_pictures(
    folder: str, recorder: Recorder, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(folder)
    orders = [
        Generate(request=order("a", images=2, steps=6)),
        Generate(request=order("b", images=1, steps=9, guidance=3.0, seed=5)),
    ]
    plain, replayed = Stage(source), Stage(source)
    replaying(replayed, recorder)
    for stage in (plain, replayed):
        stage.say(*orders)
        stage.finish()
    assert recorder.played > 0
    for one, other in zip(plain.of(Finished), replayed.of(Finished), strict=True):
        assert one.pictures == other.pictures


def test_the_first_calls_of_a_shape_are_plain_so_that_their_memory_can_be_measured(
    sd_folder: Path, recorder: Recorder
) -> None:
    stage = Stage(sd_folder)
    replaying(stage, recorder)
    stage.say(Generate(request=order("a", steps=MEASUREMENTS + 3)))
    stage.finish()
    assert len(recorder.recorded) == 1
    assert recorder.played == 3


def test_what_cannot_be_recorded_is_drawn_all_the_same_and_tried_once(
    sd_folder: Path, recorder: Recorder
) -> None:
    stage = Stage(sd_folder)
    replaying(stage, recorder)
    recorder.refuses = torch.AcceleratorError("operation not permitted when stream is capturing")
    stage.say(Generate(request=order("a", steps=8)))
    stage.finish()
    recorder.refuses = None
    stage.loop.image_encoder = type(stage.loop.image_encoder)(stage.events.append)
    stage.say(Generate(request=order("b", steps=8)))
    stage.finish()
    assert len(stage.of(Finished)) == 2
    assert not recorder.recorded


def test_when_memory_is_short_recordings_are_given_up_before_anything_else(
    sd_folder: Path, recorder: Recorder
) -> None:
    stage = Stage(sd_folder)
    replaying(stage, recorder)
    model = stage.loop.model_cache.take(ModelName("tiny"))

    def full_when_recorded(*_: Any) -> None:
        if recorder.played == 2:
            recorder.played += 1
            raise torch.OutOfMemoryError("tried to allocate")

    hook = model.pipe.unet.register_forward_pre_hook(full_when_recorded)
    stage.say(Generate(request=order("a", images=2, steps=10)))
    stage.finish()
    hook.remove()
    assert [event.action for event in stage.of(Strained)] == ["halved"]
    assert len(stage.of(Finished)) == 1
    assert recorder.played == 3, "none after that"


def test_a_step_with_a_lora_is_not_replayed_and_the_others_are(
    sd_folder: Path, tmp_path: Path, recorder: Recorder
) -> None:
    pixel = tiny_lora(sd_folder, tmp_path / "pixel.safetensors", 1, "unet")
    entries = (entry(sd_folder, loras=(LoraEntry(name=LoraName("pixel"), source=str(pixel)),)),)
    wearing = order("lora", steps=7, seed=4, loras=(Lora(name=LoraName("pixel"), weight=0.8),))
    stages = Stage(), Stage()
    for stage, is_replaying in zip(stages, (False, True), strict=True):
        stage.say(Configure(models=entries, default=ModelName("tiny")))
        if is_replaying:
            replaying(stage, recorder)
        stage.say(Generate(request=order("a", steps=12)), Generate(request=wearing))
        stage.finish()
    plain, replayed = ({one.job: one.pictures for one in stage.of(Finished)} for stage in stages)
    assert len(plain) == 2
    assert plain == replayed
    assert recorder.played > 0


def test_only_so_many_recordings_are_kept_and_none_once_they_were_given_up(recorder: Recorder) -> None:
    calls = 0

    def denoise(x: Tensor, timesteps: Tensor, **_: Any) -> tuple[Tensor]:
        nonlocal calls
        calls += 1
        return (2 * x,)

    replay = CudaGraphs(denoise, recorder)
    told = {
        "encoder_hidden_states": torch.zeros(1, 2, 3),
        "timestep_cond": None,
        "added_cond_kwargs": {"text_embeds": None, "time_ids": None},
    }
    sizes = range(1, RECORDINGS + 3)
    for size in sizes:
        for value in range(MEASUREMENTS + 2):
            x = torch.full((size, 1, 1, 1), float(value))
            assert torch.equal(replay(x, torch.zeros(size), **told)[0], 2 * x)
    assert len(recorder.recorded) == len(sizes)
    played = recorder.played
    x = torch.ones(sizes[-1], 1, 1, 1)
    assert torch.equal(replay(x, torch.zeros(len(x)), **told)[0], 2 * x)
    assert (recorder.played, len(recorder.recorded)) == (played + 1, len(sizes)), "the last is kept"
    replay(torch.ones(1, 1, 1, 1), torch.zeros(1), **told)
    assert len(recorder.recorded) == len(sizes) + 1, "the first is not"
    replay.give_up()
    before, played = calls, recorder.played
    for _ in range(MEASUREMENTS + 2):
        assert torch.equal(replay(x, torch.zeros(len(x)), **told)[0], 2 * x)
    assert (recorder.played, len(recorder.recorded)) == (played, len(sizes) + 1)
    assert calls == before + MEASUREMENTS + 2


def called(replay: CudaGraphs, times: int, rows: int = 1) -> None:
    told: dict[str, Any] = {
        "encoder_hidden_states": torch.zeros(1, 2, 3),
        "timestep_cond": None,
        "added_cond_kwargs": {"text_embeds": None, "time_ids": None},
    }
    for _ in range(times):
        replay(torch.ones(rows, 1, 1, 1), torch.zeros(rows), **told)


def doubled(x: Tensor, timesteps: Tensor, **_: Any) -> tuple[Tensor]:
    return (2 * x,)


def test_after_a_lack_of_memory_steps_are_recorded_again_later_and_later(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "FIRST_PAUSE", 5)
    replay = CudaGraphs(doubled, recorder)
    pauses: list[int] = []
    for _ in range(3):
        called(replay, MEASUREMENTS + 1)
        replay.give_up()
        replay.give_up()  # halving and climbing in one lack of memory count once
        recorded, pause = len(recorder.recorded), 0
        while len(recorder.recorded) == recorded and pause < 100:
            called(replay, 1)
            pause += 1
        pauses.append(pause)
    assert pauses == [6, 11, 21]


def test_memory_that_runs_out_while_a_step_is_recorded_is_no_reason_to_give_recording_up(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "FIRST_PAUSE", 5)
    replay = CudaGraphs(doubled, recorder)
    recorder.refuses = torch.OutOfMemoryError("tried to allocate")
    called(replay, MEASUREMENTS + 1)
    recorder.refuses = None
    called(replay, 20)
    assert len(recorder.recorded) == 1


def test_a_model_whose_modules_move_is_not_recorded(sd_folder: Path, recorder: Recorder) -> None:
    stage = Stage(sd_folder)
    replay = replaying(stage, recorder)
    model = stage.loop.model_cache.take(ModelName("tiny"))
    key = model.seat(order().drawing, 0).key
    assert model.denoiser(key) is replay
    model.offload.climb("apart")
    assert model.denoiser(key) is model.unet
    model.offload.descend()
    assert model.denoiser(key) is replay


def test_memory_that_is_kept_for_recordings_is_not_free(
    sd_folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = [
        {"segment_pool_id": (0, 0), "total_size": 900, "allocated_size": 100},
        {"segment_pool_id": (0, 1), "total_size": 50, "allocated_size": 20},
        {"segment_pool_id": (0, 1), "total_size": 10, "allocated_size": 0},
    ]
    monkeypatch.setattr(torch.cuda, "memory_snapshot", lambda: segments)
    recorder.idle_bytes = cuda_graphs.idle_bytes((0, 1))
    assert recorder.idle_bytes == 40
    stage = Stage(sd_folder)
    replaying(stage, recorder)
    recovery = stage.loop.oom_recovery
    monkeypatch.setattr(recovery.meter, "free", lambda: 1000)
    assert recovery._free_bytes() == 1000  # pyright: ignore[reportPrivateUsage]
    stage.say(Generate(request=order("a", steps=MEASUREMENTS + 2)))
    stage.finish()
    recovery.free_memory()  # forgets the last answer
    assert recovery._free_bytes() == 960  # pyright: ignore[reportPrivateUsage]
