"""Pipelines that the loop cannot take apart draw their pictures step by step all the same."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from generation.messages import Cancel, Cancelled, Failed, Finished, Generate, ModelBroken, Stepped
from generation.request import JobId, MemberId, ModelName
from tests.drawings import start_from
from tests.generation.worker.requests import order, png
from tests.generation.worker.test_inpaint import mask, pixels
from tests.generation.worker.test_loop import Stage
from tests.tiny_models import edit_json

# Layouts of Stable Diffusion that the loop leaves to their own classes.
WITH_STEPS, WITHOUT_STEPS = "StableDiffusionPAGPipeline", "StableDiffusionSAGPipeline"


@pytest.fixture
def folders(sd_folder: Path, tmp_path: Path) -> Any:
    def of(pipeline: str) -> Path:
        folder = shutil.copytree(sd_folder, tmp_path / pipeline)
        edit_json(folder / "model_index.json", _class_name=pipeline)
        return folder

    return of


def pipelines() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pipeline"]


def drawn_alone(folder: Path, seed: int) -> Any:
    pipe: Any = DiffusionPipeline.from_pretrained(folder, safety_checker=None)
    generator = torch.Generator().manual_seed(seed)
    asked = {"num_inference_steps": 4, "guidance_scale": 4.0, "height": 64, "width": 64}
    return np.asarray(pipe("a red fox", generator=generator, **asked).images[0]).astype(int)


def test_two_pictures_of_a_pipeline_take_turns_and_are_the_pipelines_own(folders: Any) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder, preview_seconds=0.0)
    stage.say(Generate(request=order("a", images=2)))
    stage.finish()
    # What comes after the last step, decoding, is a turn of its own.
    assert [event.done for event in stage.of(Stepped)] == [2, 4, 6, 6, 8]
    (finished,) = stage.of(Finished)
    for index, picture in enumerate(finished.pictures):
        assert np.abs(pixels(picture) - drawn_alone(folder, seed=1 + index)).max() <= 1
    assert not pipelines()


def test_it_shares_the_line_with_models_that_batch(folders: Any, sd_folder: Path) -> None:
    stage = Stage(sd_folder, folders(WITH_STEPS))
    for member, name in enumerate(("tiny", "other"), start=1):
        stage.say(Generate(request=order(name, model=ModelName(name), member=MemberId(member))))
    stage.turn(3)
    assert {event.job for event in stage.of(Stepped)} == {"tiny", "other"}
    stage.finish()
    assert {event.job for event in stage.of(Finished)} == {"tiny", "other"}


def test_a_cancelled_picture_ends_its_pipeline(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.say(Generate(request=order("a", steps=50)))
    stage.turn(2)
    (thread,) = pipelines()
    stage.say(Cancel(job=JobId("a")))
    stage.turn()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert [event.job for event in stage.of(Cancelled)] == ["a"]


def test_a_pipeline_that_tells_no_steps_draws_in_one(folders: Any) -> None:
    stage = Stage(folders(WITHOUT_STEPS))
    stage.say(Generate(request=order("a")))
    stage.finish()
    assert [(event.done, event.total) for event in stage.of(Stepped)] == [(1, 1)]
    assert stage.of(Finished)


def test_out_of_memory_begins_the_picture_anew(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.loop.take_orders()
    refusals = [torch.OutOfMemoryError("full")]

    def full_once(_: Any, arguments: Any) -> None:
        if len(refusals) and stage.of(Stepped):
            raise refusals.pop()

    hook = stage.loop.shelf.take(ModelName("tiny")).pipe.unet.register_forward_pre_hook(full_once)
    stage.say(Generate(request=order("a", images=2)))
    stage.finish()
    hook.remove()
    assert not stage.of(Failed)
    assert len(stage.of(Finished)[0].pictures) == 2


def test_a_failing_pipeline_fails_its_own_job(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.loop.take_orders()

    def fail(*_: Any) -> None:
        raise RuntimeError("a kernel that does not exist")

    hook = stage.loop.shelf.take(ModelName("tiny")).pipe.unet.register_forward_pre_hook(fail)
    stage.say(Generate(request=order("a")))
    stage.finish()
    hook.remove()
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("a", "bug")]


def test_an_inpainting_model_wants_a_picture_and_a_mask(folders: Any) -> None:
    stage = Stage(folders("StableDiffusionInpaintPipeline"))
    init = start_from(png(), strength=0.8, mask=mask())
    stage.say(Generate(request=order("a")), Generate(request=order("b", pictures=init)))
    stage.finish()
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("a", "input")]
    assert "a picture and a mask" in stage.of(Failed)[0].reason
    assert [event.job for event in stage.of(Finished)] == ["b"]


def test_a_class_that_diffusers_lacks_is_said(folders: Any) -> None:
    stage = Stage(folders("NoSuchPipeline"))
    stage.loop.take_orders()
    assert "NoSuchPipeline" in stage.of(ModelBroken)[0].reason
