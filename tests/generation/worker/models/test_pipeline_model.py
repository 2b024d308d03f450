"""Pipelines that the loop can't take apart still draw their pictures step by step."""

import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting, DiffusionPipeline

from generation.files.images import fitted, open_picture
from generation.prompt import Notation
from generation.protocol import Cancel, Cancelled, Failed, Finished, Generate, ModelBroken, Started, Stepped
from generation.request import ImageSize, JobId, MemberId, ModelName, Prompt
from generation.worker.denoise.inpaint import Mask
from generation.worker.heartbeat import Heartbeat
from generation.worker.models.pipeline_model import PipelineSlot, sibling
from generation.worker.output.decode import to_bytes, to_tensor
from tests.drawings import start_from
from tests.generation.worker.denoise.test_inpaint import mask, pixels
from tests.generation.worker.requests import order, png
from tests.generation.worker.test_loop import Stage
from tests.tiny_models import edit_json, tiny_sd

# variants of Stable Diffusion that the loop leaves to their own classes
WITH_STEPS, WITHOUT_STEPS = "StableDiffusionPAGPipeline", "StableDiffusionSAGPipeline"


@pytest.fixture
def folders(sd_folder: Path, tmp_path: Path) -> Any:
    def of(pipeline: str) -> Path:
        folder = shutil.copytree(sd_folder, tmp_path / pipeline)
        edit_json(folder / "model_index.json", _class_name=pipeline)
        return folder

    return of


@pytest.fixture(scope="module")
def pix2pix_unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net that sees the picture to edit beside the latents."""
    return tiny_sd(tmp_path_factory.mktemp("pix2pix"), in_channels=8) / "unet"


def drawn_alone(
    folder: Path,
    seed: int,
    prompt: str = "a red fox",
    negative: str | None = None,
    *,
    is_tiled: bool = False,
) -> Any:
    pipe: Any = DiffusionPipeline.from_pretrained(folder, safety_checker=None)
    if is_tiled:
        pipe.vae.enable_tiling()
    generator = torch.Generator().manual_seed(seed)
    asked = {"num_inference_steps": 4, "guidance_scale": 4.0, "height": 64, "width": 64}
    drawn = pipe(prompt, negative_prompt=negative, generator=generator, **asked)
    return np.asarray(drawn.images[0]).astype(int)


def test_two_pictures_of_a_pipeline_are_drawn_one_after_the_other_and_are_the_pipelines_own(
    folders: Any,
) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder, preview_seconds=0.0)
    stage.say(Generate(request=order("a", images=2)))
    stage.finish()
    # Decoding after the last step is a separate turn.
    assert [event.done for event in stage.of(Stepped)] == [1, 2, 3, 3, 4, 5, 6, 7, 7, 8]
    (finished,) = stage.of(Finished)
    for index, picture in enumerate(finished.pictures):
        assert np.abs(pixels(picture) - drawn_alone(folder, seed=1 + index)).max() <= 1


def test_a_picture_that_comes_while_another_is_drawn_waits_for_its_end(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.say(Generate(request=order("first", steps=6)))
    stage.turn(2)
    stage.say(Generate(request=order("second", member=MemberId(2), steps=2)))
    stage.finish()
    assert [event.job for event in stage.of(Stepped)] == ["first"] * 7 + ["second"] * 3


def test_of_weights_a_pipeline_is_told_what_is_left_out(folders: Any) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder)
    prompt = Prompt(text="a red fox::2 a blue sky::-1 a hill::3", negative="rain")
    stage.say(Generate(request=order("a", prompt=prompt)))
    stage.finish()
    (finished,) = stage.of(Finished)
    told = drawn_alone(folder, 1, "a red fox a hill", "rain, a blue sky")
    assert np.abs(pixels(finished.pictures[0]) - told).max() <= 1
    assert np.abs(drawn_alone(folder, 1, prompt.text, "rain") - told).max() > 1


def test_it_shares_the_line_with_models_that_batch(folders: Any, sd_folder: Path) -> None:
    stage = Stage(sd_folder, folders(WITH_STEPS))
    for member, name in enumerate(("tiny", "other"), start=1):
        stage.say(Generate(request=order(name, model=ModelName(name), member=MemberId(member))))
    stage.turn(3)
    assert {event.job for event in stage.of(Stepped)} == {"tiny", "other"}
    stage.finish()
    assert {event.job for event in stage.of(Finished)} == {"tiny", "other"}


def test_a_cancelled_picture_ends_its_pipeline_and_the_next_is_drawn_as_ever(folders: Any) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder)
    stage.say(Generate(request=order("a", steps=50)))
    stage.turn(2)
    (slot,) = stage.loop.jobs[JobId("a")].slots.values()
    assert isinstance(slot, PipelineSlot)
    assert slot.run is not None
    run = weakref.ref(slot.run)
    del slot
    stage.say(Cancel(job=JobId("a")), Generate(request=order("b")))
    stage.turn()
    assert run() is None, "not at some later step"
    assert [event.job for event in stage.of(Cancelled)] == ["a"]
    assert torch.is_grad_enabled(), "as it was before the pipeline switched it off"
    stage.finish()
    (finished,) = stage.of(Finished)
    assert np.abs(pixels(finished.pictures[0]) - drawn_alone(folder, seed=1)).max() <= 1


def test_a_pipeline_without_a_callback_pauses_behind_its_scheduler(folders: Any) -> None:
    folder = folders(WITHOUT_STEPS)
    stage = Stage(folder)
    stage.say(Generate(request=order("a")), Generate(request=order("b", steps=50)))
    stage.turn(5)
    assert [(event.done, event.total) for event in stage.of(Stepped)] == [
        (1, 4),
        (2, 4),
        (3, 4),
        (3, 4),
        (4, 4),
    ]
    stage.turn(2)
    stage.say(Cancel(job=JobId("b")))
    stage.finish()
    assert [event.job for event in stage.of(Cancelled)] == ["b"]
    (finished,) = stage.of(Finished)
    assert np.abs(pixels(finished.pictures[0]) - drawn_alone(folder, seed=1)).max() <= 1


def test_out_of_memory_begins_the_picture_anew(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.loop.take_orders()
    refusals = [torch.OutOfMemoryError("full")]

    def full_once(_: Any, arguments: Any) -> None:
        if len(refusals) and stage.of(Stepped):
            raise refusals.pop()

    hook = stage.loop.model_cache.take(ModelName("tiny")).pipe.unet.register_forward_pre_hook(full_once)
    stage.say(Generate(request=order("a", images=2)))
    stage.finish()
    hook.remove()
    assert not stage.of(Failed)
    assert len(stage.of(Finished)[0].pictures) == 2


def test_out_of_memory_after_another_picture_was_finished_stops_neither(folders: Any) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder)
    stage.loop.take_orders()
    calls: list[int] = []

    def full_at_the_fifth(_: Any, arguments: Any) -> None:
        calls.append(len(arguments[0]))
        if len(calls) == 5:
            raise torch.OutOfMemoryError("full")

    hook = stage.loop.model_cache.take(ModelName("tiny")).pipe.unet.register_forward_pre_hook(
        full_at_the_fifth
    )
    stage.say(Generate(request=order("short", steps=2)), Generate(request=order("long", steps=4)))
    stage.finish()
    hook.remove()
    assert len(calls) == 2 + 3 + 4
    drawn = {event.job: event.pictures[0] for event in stage.of(Finished)}
    assert drawn.keys() == {"short", "long"}
    assert np.abs(pixels(drawn[JobId("long")]) - drawn_alone(folder, seed=1, is_tiled=True)).max() <= 1


def test_a_failing_pipeline_fails_its_own_job(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.loop.take_orders()

    def fail(*_: Any) -> None:
        raise RuntimeError("a kernel that does not exist")

    hook = stage.loop.model_cache.take(ModelName("tiny")).pipe.unet.register_forward_pre_hook(fail)
    stage.say(Generate(request=order("a")))
    stage.finish()
    hook.remove()
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("a", "bug")]


def test_an_inpainting_model_wants_a_picture_and_a_mask(folders: Any) -> None:
    stage = Stage(folders("StableDiffusionInpaintPipeline"))
    init = start_from(png(), strength=0.8, mask=mask())
    stage.say(Generate(request=order("a")), Generate(request=order("b", pictures=init)))
    stage.finish()
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("a", "mask")]
    assert "a picture and a mask" in stage.of(Failed)[0].reason
    assert [event.job for event in stage.of(Finished)] == ["b"]


@pytest.mark.parametrize("kind", ["start", "mask"])
def test_a_pipeline_starts_from_a_picture_by_its_sibling_class(folders: Any, kind: str) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder)
    pictures = start_from(png(), strength=0.5, mask=mask() if kind == "mask" else None)
    stage.say(Generate(request=order("a", steps=6, pictures=pictures)), Generate(request=order("b")))
    stage.finish()
    drawn = {event.job: event.pictures[0] for event in stage.of(Finished)}
    base: Any = DiffusionPipeline.from_pretrained(folder, safety_checker=None)
    task = AutoPipelineForInpainting if kind == "mask" else AutoPipelineForImage2Image
    pipe: Any = task.from_pipe(base)
    assert type(pipe).__name__.startswith("StableDiffusionPAGI")
    size = ImageSize(width=64, height=64)
    asked: dict[str, Any] = {"image": fitted(open_picture(png()), size), "strength": 0.5}
    if kind == "mask":
        asked["mask_image"] = fitted(open_picture(mask()).convert("L"), size)
    generator = torch.Generator().manual_seed(1)
    told = to_tensor(
        pipe("a red fox", num_inference_steps=6, guidance_scale=4.0, generator=generator, **asked).images[0]
    )
    if kind == "mask":  # what is kept is pasted over it
        told = Mask.read(png(), mask(), size, (1, 64, 64), torch.device("cpu")).paste(told)
    expected = to_bytes(told).numpy().astype(int)
    assert np.abs(pixels(drawn[JobId("a")]) - expected).max() <= 1
    assert np.abs(pixels(drawn[JobId("b")]) - drawn_alone(folder, seed=1)).max() <= 1


@pytest.mark.parametrize(
    "pipeline", ["StableDiffusionImg2ImgPipeline", "StableDiffusionInstructPix2PixPipeline"]
)
def test_a_model_that_changes_pictures_draws_no_prompt_alone(
    folders: Any, pix2pix_unet: Path, pipeline: str
) -> None:
    folder = folders(pipeline)
    if "Pix2Pix" in pipeline:
        shutil.copytree(pix2pix_unet, folder / "unet", dirs_exist_ok=True)
    stage = Stage(folder)
    stage.say(
        Generate(request=order("a")), Generate(request=order("b", pictures=start_from(png(), strength=0.5)))
    )
    stage.finish()
    (failed,) = stage.of(Failed)
    assert (failed.job, failed.kind) == ("a", "text")
    assert pipeline in failed.reason
    (finished,) = stage.of(Finished)
    pipe: Any = DiffusionPipeline.from_pretrained(folder, safety_checker=None)
    asked: dict[str, Any] = {} if "Pix2Pix" in pipeline else {"strength": 0.5}
    told = pipe(
        "a red fox",
        image=open_picture(png()),
        num_inference_steps=4,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(1),
        **asked,
    )
    assert np.abs(pixels(finished.pictures[0]) - np.asarray(told.images[0]).astype(int)).max() <= 1


def test_a_sibling_shares_its_modules_and_leaves_their_dtypes(folders: Any) -> None:
    pipe: Any = DiffusionPipeline.from_pretrained(folders(WITH_STEPS), safety_checker=None)
    pipe.unet.to(torch.bfloat16)
    made = sibling(pipe, diffusers.StableDiffusionPAGImg2ImgPipeline)
    assert (made.unet, made.vae) == (pipe.unet, pipe.vae)
    assert (made.unet.dtype, made.vae.dtype) == (torch.bfloat16, torch.float32)


class Resting(Heartbeat):
    is_resting = False

    def begin_rest(self) -> None:
        self.is_resting = True

    def end_rest(self) -> None:
        self.is_resting = False


def test_a_model_that_tells_no_steps_does_not_count_as_hung(folders: Any) -> None:
    stage = Stage(folders(WITHOUT_STEPS))
    stage.turn()
    drawn = stage.loop.model_cache.take(ModelName("tiny"))
    drawn.abilities = replace(drawn.abilities, tells_steps=False)
    stage.loop.heartbeat = heartbeat = Resting(is_cpu=False)
    seen: list[bool] = []

    def note(*_: Any) -> None:
        seen.append(heartbeat.is_resting)

    hook = drawn.pipe.unet.register_forward_pre_hook(note)
    stage.say(Generate(request=order("a")))
    stage.finish()
    hook.remove()
    assert seen
    assert all(seen)
    assert not heartbeat.is_resting


def test_a_class_that_diffusers_lacks_is_said(folders: Any) -> None:
    stage = Stage(folders("NoSuchPipeline"))
    stage.loop.take_orders()
    assert "NoSuchPipeline" in stage.of(ModelBroken)[0].reason


def test_a_pipeline_draws_the_words_without_notation_and_tells_what_it_left_out(folders: Any) -> None:
    folder = folders(WITH_STEPS)
    stage = Stage(folder)
    written = r"(a red fox:1.3) \(sleeping\) AND [snow] BREAK fog" + " x" * 80
    stage.say(Generate(request=order("a", text=written, negative="((rain))")))
    stage.finish()
    (started,) = stage.of(Started)
    assert started.reading is not None
    assert started.reading.ignored == tuple(Notation)
    assert (started.reading.read, started.reading.tokens) == (75, 7 + 10 + 4 + 3 + 80)
    (finished,) = stage.of(Finished)
    alone = drawn_alone(folder, 1, "a red fox (sleeping) snow fog" + " x" * 80, "rain")
    assert np.abs(pixels(finished.pictures[0]) - alone).max() <= 1


def test_weights_that_cannot_be_used_fail_the_order_of_a_pipeline(folders: Any) -> None:
    stage = Stage(folders(WITH_STEPS))
    stage.say(Generate(request=order("a", text="a (fox:99)")))
    stage.finish()
    (failed,) = stage.of(Failed)
    assert (failed.kind, failed.reason) == ("weights", "At character 8, 99: a word's weight is -10 to 10.")
