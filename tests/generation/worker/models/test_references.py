"""Pictures that a prompt refers to: further tokens of the step loop, and arguments of whole pipelines."""

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor

from generation.protocol import Failed, Finished, Generate
from generation.request import Drawing, InputPicture, Role
from generation.worker.models.loading import Model, UnusableRequest
from generation.worker.models.sources.vision_processor import PictureProcessor
from generation.worker.output.decode import reference_picture
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.denoise.test_inpaint import pixels
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png
from tests.generation.worker.test_loop import Stage
from tests.tiny_editors import tiny_qwen_edit
from tests.tiny_models import edit_json

pytestmark = pytest.mark.slow

RED, BLUE = (200, 40, 90), (20, 60, 220)


def wide(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(png(colour))).resize((256, 64)).save(out, "PNG")
    return out.getvalue()


def referring(*contents: bytes) -> tuple[InputPicture[bytes], ...]:
    return tuple(InputPicture(source=content, role=Role.REFERENCE) for content in contents)


def told(drawing: Drawing[bytes]) -> dict[str, Any]:
    """Returns the pipeline's arguments."""
    return {
        "image": [Image.open(io.BytesIO(each.source)).convert("RGB") for each in drawing.references] or None,
        "prompt": drawing.prompt.text,
        "num_inference_steps": drawing.steps,
        "guidance_scale": drawing.guidance,
        "height": drawing.size.height,
        "width": drawing.size.width,
        "generator": torch.Generator().manual_seed(drawing.seed),
    }


def expected(one: Model, drawing: Drawing[bytes]) -> Tensor:
    """Returns the latents of the pipeline's own picture, as the transformer takes them."""
    pipe = one.pipe
    found = pipe(**told(drawing), output_type="latent").images
    if found.ndim == 3:  # FLUX.2 dev returns tokens
        scale = one.family.scale
        return found[0].T.unflatten(1, (drawing.size.height // scale, drawing.size.width // scale))
    norm = pipe.vae.bn
    mean, variance = (each.view(1, -1, 1, 1) for each in (norm.running_mean, norm.running_var))
    return ((pipe._patchify_latents(found) - mean) / (variance + pipe.vae.config.batch_norm_eps).sqrt())[0]


@pytest.mark.parametrize("name", ["klein_folder", "flux2_folder"])
def test_pictures_with_references_come_out_as_from_the_pipeline_beside_others_without(
    name: str, request: pytest.FixtureRequest
) -> None:
    base = model(request.getfixturevalue(name))
    base.pipe.set_progress_bar_config(disable=True)
    orders = [
        (base, order("1", pictures=referring(png(RED, 128)), guidance=3.0)),
        (base, order("2", pictures=referring(png(BLUE, 128)), steps=3, guidance=6.0, seed=7)),
    ]
    slots = draw_in_company(orders, seed=1)
    # As many tokens in another layout, several references, and none: each in a batch of its own.
    for pictures in (referring(wide(RED)), referring(png(RED), png(BLUE)), ()):
        orders.append((base, order("other", pictures=pictures)))
        slots += draw_in_company(orders[-1:], seed=1)
    for slot, (one, asked) in zip(slots, orders, strict=True):
        wanted = expected(one, asked.drawing)
        assert float((slot.latents - wanted).abs().max() / wanted.abs().max()) < 1e-4, asked
    assert len({slot.key for slot in slots[:2]}) == 1 and len({slot.key for slot in slots}) == 4
    other = draw_in_company([(base, replace_pictures(orders[0][1], referring(png(BLUE, 128))))], seed=1)[0]
    assert not torch.allclose(other.latents, slots[0].latents, atol=1e-3), "the reference is seen"


def replace_pictures(asked: Any, pictures: tuple[InputPicture[bytes], ...]) -> Any:
    return replace(asked, drawing=replace(asked.drawing, pictures=pictures))


def test_a_whole_pipeline_takes_them_too(klein_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(klein_folder, tmp_path / "kv")
    edit_json(folder / "model_index.json", _class_name="Flux2KleinKVPipeline")
    asked = order(pictures=referring(png(RED), png(BLUE)))
    stage = Stage(folder)
    stage.say(Generate(request=asked))
    stage.finish()
    (finished,) = stage.of(Finished)
    pipe: Any = DiffusionPipeline.from_pretrained(folder)
    arguments = told(asked.drawing)
    del arguments["guidance_scale"]  # it is distilled
    alone = np.asarray(pipe(**arguments).images[0]).astype(int)
    assert np.abs(pixels(finished.pictures[0]) - alone).max() <= 1


def test_kontext_changes_a_picture_in_the_size_that_was_ordered(flux_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(flux_folder, tmp_path / "kontext")
    edit_json(folder / "model_index.json", _class_name="FluxKontextPipeline")
    asked = order(pictures=referring(png(RED)), steps=2)
    stage = Stage(folder)
    stage.say(Generate(request=asked))
    stage.finish()
    (finished,) = stage.of(Finished)
    pipe: Any = DiffusionPipeline.from_pretrained(folder)
    arguments = told(asked.drawing)
    alone = pipe(**arguments | {"image": arguments["image"][0]}, max_area=64 * 64).images[0]
    assert np.abs(pixels(finished.pictures[0]) - np.asarray(alone).astype(int)).max() <= 1


def test_qwen_image_edit_changes_a_picture_without_torchvision(tmp_path: Path) -> None:
    folder = tiny_qwen_edit(tmp_path / "edit")
    asked = order(pictures=referring(png(RED)), steps=1, guidance=3.0)
    stage = Stage(folder)
    stage.say(Generate(request=asked))
    stage.finish()
    (finished,) = stage.of(Finished)
    pipe: Any = DiffusionPipeline.from_pretrained(
        folder, processor=PictureProcessor.from_pretrained(folder / "processor")
    )
    arguments = told(asked.drawing)
    guidance = {"true_cfg_scale": arguments.pop("guidance_scale"), "negative_prompt": " "}
    alone = np.asarray(pipe(**arguments, **guidance).images[0]).astype(int)
    assert np.abs(pixels(finished.pictures[0]) - alone).max() <= 1


@pytest.mark.parametrize("number", [1, 11])
def test_more_than_a_model_takes_is_a_sentence(klein_folder: Path, sd_folder: Path, number: int) -> None:
    folder, said = (sd_folder, "takes no reference") if number == 1 else (klein_folder, "takes at most 10")
    with pytest.raises(UnusableRequest, match=said) as refused:
        model(folder).seat(order(pictures=referring(*[png()] * number)).drawing, 0)
    assert refused.value.kind == "reference"


def test_a_broken_reference_fails_its_order_alone(klein_folder: Path) -> None:
    stage = Stage(klein_folder)
    stage.say(Generate(request=order("broken", pictures=referring(b"no picture"))))
    stage.say(Generate(request=order("whole", pictures=referring(png()))))
    stage.finish()
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("broken", "input")]
    assert [event.job for event in stage.of(Finished)] == ["whole"]


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((64, 64), (64, 64)),
        ((100, 70), (96, 64)),
        ((3, 5), (64, 64)),
        ((5000, 10), (512, 64)),
        ((2000, 1000), (1440, 720)),
    ],
)
def test_a_reference_keeps_its_proportions_within_a_million_pixels(
    size: tuple[int, int], kept: tuple[int, int]
) -> None:
    out = io.BytesIO()
    Image.new("RGB", size, RED).save(out, "PNG")
    assert reference_picture(out.getvalue(), 16).size == kept
