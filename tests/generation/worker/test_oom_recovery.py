"""The reaction to short memory: every rung of the fallback ladder in order, the same pictures, no lost jobs, and the return to
normal."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from generation.protocol import Failed, Finished, Generate, Strained
from generation.request import DRAFT_STEPS, ImageSize, MemberId, ModelName
from generation.worker.memory import HostMeter
from generation.worker.models.loading import Model
from generation.worker.models.offload import HOST, Offload, PipelineOffload
from generation.worker.oom_recovery import FIRST_PATIENCE
from generation.worker.output.image_encoder import ImageEncoder
from generation.worker.warm_up import warm_up
from tests.generation.worker.requests import order
from tests.generation.worker.test_loop import Stage

TILED_PSNR = 25.0
"""Minimum dB between a picture decoded in tiles and as a whole. Random weights with tiles of 16 latents are a hard case. Two
different pictures of this VAE differ by 12 dB."""


class Device:
    """A simulated memory limit: work on a model's modules raises when it does not fit."""

    def __init__(self, stage: Stage, folder: str = "tiny") -> None:
        stage.loop.take_orders()
        self.model: Model = stage.loop.model_cache.take(ModelName(folder))
        self.rows = self.pictures = 64  # the most rows of a step and pictures of a decode that fit
        self.side = 1000  # the largest side of a picture, in latents, that fits the decoder
        self.needs: dict[str, str] = {}  # verb: the rung without which it does not fit
        self.now = 0.0
        stage.loop.oom_recovery.clock = lambda: self.now
        parts = {"step": self.model.pipe.unet, "decode": self.model.pipe.vae.decoder}
        parts["encode"] = self.model.pipe.text_encoder
        for verb, part in parts.items():
            part.register_forward_pre_hook(self.hook(verb), with_kwargs=True)

    def hook(self, verb: str) -> Any:
        def check(_: Any, arguments: tuple[Any, ...], __: Any) -> None:
            most = {"step": self.rows, "decode": self.pictures}.get(verb)
            wanted = self.needs.get(verb)
            is_full = most is not None and len(arguments[0]) > most
            is_full |= verb == "decode" and arguments[0].shape[-1] > self.side
            if is_full or (wanted and wanted not in self.model.offload.rungs):
                raise torch.OutOfMemoryError("tried to allocate")

        return check

    @property
    def rungs(self) -> list[str]:
        return list(self.model.offload.rungs)


def actions(stage: Stage) -> list[str]:
    return [event.action for event in stage.of(Strained)]


def pictures(stage: Stage) -> dict[str, list[np.ndarray[Any, Any]]]:
    return {
        event.job: [np.asarray(Image.open(io.BytesIO(one)), np.float64) for one in event.pictures]
        for event in stage.of(Finished)
    }


@pytest.fixture
def undisturbed(sd_folder: Path) -> dict[str, list[np.ndarray[Any, Any]]]:
    stage = Stage(sd_folder)
    say(stage)
    stage.finish()
    return pictures(stage)


def say(stage: Stage) -> None:
    stage.say(*(Generate(request=order(f"{n}", seed=10 * n, images=2, steps=3 + n)) for n in range(3)))


def psnr(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> float:
    error = float(((left - right) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def test_a_step_that_does_not_fit_halves_then_puts_aside_then_streams_and_draws_the_same(
    sd_folder: Path, undisturbed: dict[str, list[np.ndarray[Any, Any]]]
) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    device.needs["step"] = "streamed"
    say(stage)
    stage.finish()
    assert actions(stage)[:4] == ["halved", "halved", "aside", "streamed"]
    assert device.rungs == ["aside", "streamed"]
    assert not stage.of(Failed)
    drawn = pictures(stage)
    assert drawn.keys() == undisturbed.keys()
    for job, expected in undisturbed.items():
        for one, other in zip(drawn[job], expected, strict=True):
            assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(
    ("needed", "climbed"),
    [("tiled", ["tiled"]), ("aside", ["tiled", "aside"]), ("apart", ["tiled", "aside", "apart"])],
)
def test_a_decode_that_does_not_fit_halves_then_tiles_then_offloads(
    sd_folder: Path, undisturbed: dict[str, list[np.ndarray[Any, Any]]], needed: str, climbed: list[str]
) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    device.needs["decode"] = needed
    say(stage)
    stage.finish()
    said = actions(stage)
    assert said[said.index("tiled") - 1] == "halved", "one picture alone before the tiles"
    assert [action for action in said if action != "halved"] == climbed == device.rungs
    assert not stage.of(Failed)
    drawn = pictures(stage)
    assert drawn.keys() == undisturbed.keys()
    for job, expected in undisturbed.items():
        for one, other in zip(drawn[job], expected, strict=True):
            assert np.abs(one - other).max() <= 1, "these are no larger than a tile"


def test_a_picture_decoded_in_tiles_is_nearly_the_one_decoded_whole(sd_folder: Path) -> None:
    large = ImageSize(width=192, height=192)
    drawn: list[list[np.ndarray[Any, Any]]] = []
    for most in (24, 16):  # largest side, in latents, for which the decoder has memory
        stage = Stage(sd_folder)
        device = Device(stage)
        device.side = most
        stage.say(Generate(request=order("a", size=large, images=2)))
        stage.finish()
        drawn.append(pictures(stage)["a"])
        assert actions(stage) == ([] if most == 24 else ["halved", "tiled"])
    assert all(psnr(*pair) > TILED_PSNR for pair in zip(*drawn, strict=True))
    assert psnr(*drawn[0]) < TILED_PSNR, "the bound tells pictures apart"


def test_a_text_that_does_not_fit_puts_aside_and_its_order_is_drawn(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    device.needs["encode"] = "apart"
    say(stage)
    stage.finish()
    assert actions(stage) == ["aside", "apart"]
    assert len(stage.of(Finished)) == 3


def test_when_no_rung_is_left_the_order_alone_fails(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    device.needs["step"] = "nothing"
    stage.say(Generate(request=order("a")))
    stage.finish()
    assert actions(stage) == ["aside", "streamed"]
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("a", "memory")]
    device.needs.clear()
    stage.loop.image_encoder = ImageEncoder(stage.events.append)
    stage.say(Generate(request=order("b")))
    stage.finish()
    assert [event.job for event in stage.of(Finished)] == ["b"]


def test_after_a_bad_minute_all_is_taken_back_last_first(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    device.needs = {"step": "streamed", "decode": "tiled"}
    say(stage)
    stage.finish()
    climbed = list(device.rungs)
    assert set(climbed) == {"aside", "streamed", "tiled"}
    device.needs = {}
    stage.loop.oom_recovery.relax()
    assert device.rungs == climbed, "not at once"
    back: list[str] = []
    while device.rungs or stage.loop.oom_recovery.limits:
        device.now += FIRST_PATIENCE
        stage.loop.oom_recovery.relax()
        back.append(stage.of(Strained)[-1].detail)
    assert back[: len(climbed)] == [f"no longer {rung}" for rung in reversed(climbed)]
    assert set(back[len(climbed) :]) == {"twice as many pictures at once"}
    stage.loop.image_encoder = ImageEncoder(stage.events.append)
    stage.say(Generate(request=order("after", images=4)))
    said = len(stage.of(Strained))
    stage.finish()
    assert len(stage.of(Strained)) == said
    assert not stage.of(Failed)
    assert len(stage.of(Finished)) == 4


def test_what_was_taken_back_too_early_is_tried_again_later_and_later(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    device.rows = 2
    stage.say(*(Generate(request=order(f"{n}", seed=n, steps=60)) for n in range(2)))
    tried: list[float] = []
    for _ in range(40):
        stage.turn()
        device.now += FIRST_PATIENCE / 4
        relaxed = actions(stage).count("relaxed")
        if relaxed > len(tried):
            tried.append(device.now)
    gaps = np.diff(tried)
    assert len(tried) >= 3
    assert all(later >= 1.8 * earlier for earlier, later in pairwise(gaps))


def test_memory_that_comes_and_goes_loses_no_order(
    sd_folder: Path, undisturbed: dict[str, list[np.ndarray[Any, Any]]]
) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    say(stage)
    chance = np.random.default_rng(5)
    for _ in range(400):
        device.rows = int(chance.choice([2, 3, 6, 64]))
        device.pictures = int(chance.choice([1, 2, 64]))
        wanted = chance.choice(["", "tiled", "aside"])
        device.needs = {"decode": wanted, "step": "aside" if wanted == "aside" else ""}
        device.now += float(chance.choice([0, FIRST_PATIENCE, 40 * FIRST_PATIENCE]))
        stage.turn()
        if not stage.loop.jobs:
            break
    stage.loop.image_encoder.close()
    assert {"halved", "tiled", "aside"} <= set(actions(stage))
    assert not stage.of(Failed)
    drawn = pictures(stage)
    assert drawn.keys() == undisturbed.keys()
    for job, expected in undisturbed.items():
        for one, other in zip(drawn[job], expected, strict=True):
            assert np.abs(one - other).max() <= 1


# ---- the number that fits


class Ruler(HostMeter):
    """A device of `total` bytes on which a row takes 100 bytes and every call 50 more."""

    def __init__(self, device: Device, total: int) -> None:
        super().__init__()
        self.total = total
        self._taken = 0
        for part, each in ((device.model.pipe.unet, 100), (device.model.pipe.vae.decoder, 300)):
            part.register_forward_pre_hook(partial(self._note, each))

    def _note(self, each: int, _: Any, arguments: tuple[Any, ...]) -> None:
        self._taken = max(self._taken, 50 + each * len(arguments[0]))

    def free(self) -> int:
        return self.total

    def begin(self) -> None:
        self._taken = 0

    def taken(self) -> int:
        return self._taken


def test_warming_up_measures_how_many_pictures_fit_and_that_bounds_what_is_seated(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=16)
    device = Device(stage)
    ruler = Ruler(device, total=1000)  # 0.9 of it: 8 rows
    stage.loop.oom_recovery.meter = ruler
    warm_up(device.model, stage.loop.oom_recovery)
    assert stage.loop.oom_recovery.slots(16) == 4
    device.rows, device.pictures = 8, 2
    stage.say(*(Generate(request=order(f"long{n}", images=4, steps=DRAFT_STEPS + 1)) for n in range(3)))
    stage.turn()
    assert stage.seated == {"long0": 4}
    stage.say(*(Generate(request=order(f"draft{n}", images=3)) for n in range(3)))
    stage.say(Generate(request=order("other", member=MemberId(2), images=2, steps=DRAFT_STEPS + 1)))
    stage.turn()
    assert stage.seated == {"long0": 4, "draft0": 3, "draft1": 1}, "as many again, and no more"
    while stage.loop.jobs:
        stage.turn()
        assert sum(stage.seated.values()) <= 8
    stage.loop.image_encoder.close()
    assert actions(stage) == [], "nothing was tried that does not fit"
    assert len(stage.of(Finished)) == 7


def test_memory_that_others_take_is_looked_at_again(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    ruler = Ruler(device, total=10_000)
    stage.loop.oom_recovery.meter = ruler
    warm_up(device.model, stage.loop.oom_recovery)
    stage.say(Generate(request=order("a", images=4, steps=6)))
    stage.turn()
    assert [job.steps_done for job in stage.loop.jobs.values()] == [4]
    ruler.total = 520  # two guided pictures
    device.rows = 4
    device.now += 10
    stage.turn()
    assert [job.steps_done for job in stage.loop.jobs.values()] == [6]
    assert actions(stage) == []


def test_a_short_lack_of_memory_takes_no_slots_for_good(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=4)
    device = Device(stage)
    ruler = Ruler(device, total=300)  # one guided picture
    stage.loop.oom_recovery.meter = ruler
    warm_up(device.model, stage.loop.oom_recovery)
    assert stage.loop.oom_recovery.slots(4) == 1
    ruler.total = 10_000
    device.now += 10
    stage.say(Generate(request=order("a", images=4, steps=DRAFT_STEPS + 1)))
    stage.turn()
    assert stage.seated == {"a": 4}
    assert [job.steps_done for job in stage.loop.jobs.values()] == [4]


def test_slots_that_a_step_had_no_memory_for_come_back_when_it_was_quiet(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=4)
    device = Device(stage)
    device.rows = 2
    stage.say(Generate(request=order("a", images=4, steps=60)))
    stage.turn()
    assert stage.loop.oom_recovery.slots(4) == 1
    device.rows = 64
    had = [1]
    while stage.loop.oom_recovery.limits:
        device.now += FIRST_PATIENCE
        stage.loop.oom_recovery.relax()
        had.append(stage.loop.oom_recovery.slots(4))
    assert had[:3] == [1, 2, 4]
    stage.turn()
    assert [job.steps_done for job in stage.loop.jobs.values()] == [4 + 4], "all at once"
    assert actions(stage).count("halved") == 2


# ---- the device of modules


class Traveller(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place = torch.device("cuda")
        self.streams = False

    def to(self, device: torch.device) -> Traveller:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.place = device
        return self


class Pipe:
    def __init__(self) -> None:
        self.unet, self.vae, self.text_encoder = Traveller(), Traveller(), Traveller()

    @property
    def components(self) -> dict[str, Any]:
        return {"unet": self.unet, "vae": self.vae, "text_encoder": self.text_encoder, "tokenizer": None}


@pytest.fixture
def travelling() -> Iterator[tuple[Pipe, Offload]]:
    pipe = Pipe()
    yield pipe, Offload(pipe, torch.device("meta"))


def test_who_rests_while_who_works(travelling: tuple[Pipe, Offload]) -> None:
    pipe, home = travelling
    device = torch.device("meta")
    for module in (pipe.unet, pipe.vae, pipe.text_encoder):
        module.to(device)
    home.climb("aside")
    assert (pipe.vae.place, pipe.text_encoder.place, pipe.unet.place) == (HOST, HOST, device)
    with home.at_work("vae"):
        assert (pipe.vae.place, pipe.text_encoder.place, pipe.unet.place) == (device, HOST, device)
    home.climb("apart")
    with home.at_work("text"):
        assert (pipe.vae.place, pipe.text_encoder.place, pipe.unet.place) == (HOST, device, HOST)
    with home.at_work("denoiser"):
        assert (pipe.vae.place, pipe.text_encoder.place, pipe.unet.place) == (HOST, HOST, device)
    assert [home.descend() for _ in range(3)] == ["apart", "aside", None]
    assert (pipe.vae.place, pipe.text_encoder.place, pipe.unet.place) == (device, device, device)


class OffloadedPipe:
    """A pipeline whose `to` runs out of memory with a part of its modules moved."""

    def __init__(self) -> None:
        self.where = "device"
        self.is_full = False

    def remove_all_hooks(self) -> None:
        self.where = "nowhere in particular"

    def enable_model_cpu_offload(self, device: torch.device) -> None:
        self.where = "modules come and go"

    def enable_sequential_cpu_offload(self, device: torch.device) -> None:
        self.where = "layers come and go"

    def to(self, device: torch.device) -> None:
        if self.is_full:
            self.where = "here and there"
            raise RuntimeError("CUDA error: out of memory")
        self.where = "device"


def test_a_pipeline_that_finds_no_memory_to_come_back_keeps_coming_and_going() -> None:
    pipe = OffloadedPipe()
    home = PipelineOffload(pipe, torch.device("cuda"))
    home.climb("aside")
    home.climb("streamed")
    assert pipe.where == "layers come and go"
    assert home.descend() == "streamed"
    assert pipe.where == "modules come and go"
    pipe.is_full = True
    with pytest.raises(RuntimeError, match="out of memory"):
        home.descend()
    assert (pipe.where, home.rungs) == ("modules come and go", ["aside"])
    pipe.is_full = False
    assert home.descend() == "aside"
    assert (pipe.where, home.rungs) == ("device", [])


def test_the_way_back_that_finds_no_memory_is_tried_again_later(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(sd_folder)
    device = Device(stage)
    recovery = stage.loop.oom_recovery
    recovery.climb("step", device.model)

    def full() -> None:
        raise RuntimeError("CUDA error: out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(device.model.offload, "descend", full)
        device.now += FIRST_PATIENCE
        recovery.relax()
    assert device.rungs == ["aside"]
    device.now += 2 * FIRST_PATIENCE
    recovery.relax()
    assert device.rungs == []
