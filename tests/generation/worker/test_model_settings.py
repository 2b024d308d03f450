"""Settings of a model's entry that change its pictures, against diffusers' pipeline with the same arguments."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from torch import Tensor

from generation.protocol import Configure, Finished, Generate
from generation.request import GenerationRequest, Prompt
from generation.worker.denoise.batch_state import _rescaled  # pyright: ignore[reportPrivateUsage]
from generation.worker.models.clip_skip import name_text_model
from generation.worker.models.loading import BrokenModel, Model, load
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.pictures import SIDE
from tests.tiny_models import edit_json

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def by_the_pipeline(one: Model, request: GenerationRequest, **more: Any) -> Tensor:
    drawing = request.drawing
    one.pipe.set_progress_bar_config(disable=True)
    texts = {"prompt": drawing.prompt.text, "negative_prompt": drawing.prompt.negative or None}
    if more.get("clip_skip") and one.family.clip:
        texts = texts_read_early(one.pipe, drawing.prompt, more.pop("clip_skip"))
    return one.pipe(
        **texts,
        num_inference_steps=drawing.steps,
        guidance_scale=drawing.guidance,
        generator=torch.Generator().manual_seed(drawing.seed),
        height=SIDE,
        width=SIDE,
        output_type="latent",
        **more,
    ).images[0]


def texts_read_early(pipe: Any, prompt: Prompt, skipped: int) -> dict[str, Any]:
    """Returns the embeddings of both texts. diffusers' pipelines skip layers for the prompt alone; AUTOMATIC1111 for both."""
    name_text_model(pipe)
    asked = {"device": pipe.device, "num_images_per_prompt": 1, "do_classifier_free_guidance": False}
    own, negative = (
        pipe.encode_prompt(text, clip_skip=skipped, **asked) for text in (prompt.text, prompt.negative)
    )
    del pipe.text_encoder.__dict__["text_model"]  # LoRAs are read by the encoder's own names
    told = {"prompt_embeds": own[0], "negative_prompt_embeds": negative[0]}
    if len(own) == 4:
        told |= {"pooled_prompt_embeds": own[2], "negative_pooled_prompt_embeds": negative[2]}
        if not prompt.negative:  # XL's base model takes zeros
            told |= {name: torch.zeros_like(told[name]) for name in told if name.startswith("negative")}
    return told


def compared(folder: Path, settings: Mapping[str, Any], **arguments: Any) -> list[float]:
    """Draws guided and unguided pictures in one batch. Returns how each differs from a picture without the setting."""
    one, plain = model(folder, **settings), model(folder)
    requests = [
        order("a", guidance=7.0, negative="rain"),
        order("b", guidance=1.0, seed=3, steps=6),
        order("c", guidance=3.0, seed=5, steps=5),
    ]
    drawn = draw_in_company([(one, request) for request in requests], seed=1)
    differences: list[float] = []
    for slot, request in zip(drawn, requests, strict=True):
        expected = by_the_pipeline(one, request, **arguments)
        assert (slot.sample - expected).abs().max() / expected.abs().max() < 1e-4, request.job
        without = by_the_pipeline(plain, request)
        differences.append(float((without - expected).abs().max() / expected.abs().max()))
    return differences


@pytest.mark.parametrize("folder", ["sd_folder", "sdxl_folder"])
def test_guided_pictures_are_rescaled_as_by_the_pipeline_and_others_are_not(
    folder: str, request: pytest.FixtureRequest
) -> None:
    differences = compared(request.getfixturevalue(folder), {"rescale": 0.7}, guidance_rescale=0.7)
    assert differences[0] > 0.01 and differences[2] > 0.001
    assert differences[1] == 0


def test_rescaling_is_diffusers_formula_and_leaves_the_others_to_the_bit() -> None:
    guided, text = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    got = _rescaled(guided, text, torch.tensor([0.7, 0.0, 1.0])[:, None, None, None])
    assert torch.allclose(got[0], rescale_noise_cfg(guided, text, 0.7)[0], atol=1e-6)
    assert torch.equal(got[1], guided[1])
    assert torch.allclose(got[2], rescale_noise_cfg(guided, text, 1.0)[2], atol=1e-6)


@pytest.mark.parametrize(
    ("folder", "clip_skip", "skipped"),
    [
        ("sdxl_folder", 3, 1),
        ("sdxl_folder", 2, None),
        ("sd3_folder", 3, 1),
        ("sd_folder", 1, None),
        ("sd_folder", 2, 1),
    ],
)
def test_the_layer_of_clip_is_counted_from_the_last(
    folder: str, clip_skip: int, skipped: int | None, request: pytest.FixtureRequest
) -> None:
    differences = compared(request.getfixturevalue(folder), {"clip_skip": clip_skip}, clip_skip=skipped)
    assert (min(differences) > 1e-4) == (skipped is not None)


@pytest.mark.parametrize(("key", "value"), [("clip_skip", 2), ("rescale", 0.7)])
def test_a_setting_that_a_model_does_not_have_is_said_when_it_is_loaded(
    flux_folder: Path, key: str, value: float
) -> None:
    settings: dict[str, Any] = {key: value}
    with pytest.raises(BrokenModel, match=f"a FluxPipeline has no `{key}`"):
        load(entry(flux_folder, **settings), torch.device("cpu"), torch.float32)


def test_a_whole_pipeline_is_told_the_settings(sd_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sd_folder, tmp_path / "whole")
    edit_json(folder / "model_index.json", _class_name="StableDiffusionPAGPipeline")
    pictures: set[bytes] = set()
    every: list[dict[str, Any]] = [{}, {"rescale": 0.7}]
    for settings in every:
        stage = Stage(folder)
        wears = entry(folder, **settings)
        stage.say(Configure(models=(wears,), default=wears.name), Generate(request=order(guidance=9.0)))
        stage.finish()
        pictures.add(stage.of(Finished)[0].pictures[0])
    assert len(pictures) == 2
