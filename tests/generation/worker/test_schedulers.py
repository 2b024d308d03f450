"""A model with several schedulers: each order's own, in one batch, equal to diffusers' pipeline with that scheduler."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from generation.files.images import read_parameters
from generation.files.infotext import read_infotext
from generation.protocol import Configure, Finished, Generate, ModelBroken
from generation.request import GenerationRequest
from generation.scheduler_names import SCHEDULERS, find_scheduler, unsuitable
from generation.worker.models.loading import BrokenModel, Model
from generation.worker.models.model import UnusableRequest
from tests.generation.worker import reference
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.tiny_models import edit_json

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")

FLOWING = ("Euler", "Heun", "DPM++ 2M", "UniPC")


def by_the_pipeline(one: Model, request: GenerationRequest) -> Tensor:
    scheduler = one.named_tables[request.drawing.scheduler].scheduler
    pipe = type(one.pipe)(**{**one.pipe.components, "scheduler": scheduler})
    pipe.set_progress_bar_config(disable=True)
    return reference.latents(pipe, request.drawing, 0)


def in_one_batch(one: Model, names: Sequence[str]) -> None:
    requests = [order(name, steps=3 + i % 4, seed=i, scheduler=name) for i, name in enumerate(names)]
    drawn = draw_in_company([(one, request) for request in requests], seed=4)
    for slot, request in zip(drawn, requests, strict=True):
        expected = by_the_pipeline(one, request)
        assert (slot.sample - expected).abs().max() / expected.abs().max() < 1e-4, request.drawing.scheduler
    for i in range(len(drawn)):
        again = one.seat(replace(requests[i].drawing, scheduler=names[i - 1]), 0)
        assert again.table is not drawn[i].table


def test_all_schedulers_of_a_model_share_a_batch_and_draw_what_the_pipeline_draws(sd_folder: Path) -> None:
    in_one_batch(model(sd_folder, schedulers=tuple(SCHEDULERS)), tuple(SCHEDULERS))


def test_those_that_suit_a_flow_model_draw_what_its_pipeline_draws(sd3_folder: Path) -> None:
    in_one_batch(model(sd3_folder, schedulers=FLOWING), FLOWING)


@pytest.mark.parametrize(
    ("name", "class_name", "expected"),
    [
        ("Euler a", "EulerAncestralDiscreteScheduler", {"timestep_spacing": "linspace"}),
        ("DPM++ 2M", "DPMSolverMultistepScheduler", {"use_karras_sigmas": False, "solver_order": 2}),
        (
            "DPM++ 2M SDE Karras",
            "DPMSolverMultistepScheduler",
            {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++", "final_sigmas_type": "zero"},
        ),
        ("DDIM", "DDIMScheduler", {"timestep_spacing": "leading", "steps_offset": 1}),
    ],
)
def test_a_name_means_a_class_and_its_config(
    sd_folder: Path, name: str, class_name: str, expected: dict[str, Any]
) -> None:
    scheduler: Any = model(sd_folder, schedulers=(name,)).named_tables[name].scheduler
    assert type(scheduler).__name__ == class_name
    assert {key: scheduler.config[key] for key in expected} == expected
    assert scheduler.config.beta_end == 0.012, "the rest is the model's own"


def test_a_model_made_for_trailing_timesteps_keeps_them(bundled_folder: Path) -> None:
    tables = model(bundled_folder, schedulers=("Euler", "DDIM")).named_tables
    spacings = {name: one.scheduler.config.timestep_spacing for name, one in tables.items()}
    assert spacings == {"Euler": "trailing", "DDIM": "trailing"}
    assert {one.scheduler.config.prediction_type for one in tables.values()} == {"v_prediction"}


@pytest.mark.parametrize(("folder", "name"), [("sd3_folder", "Euler a"), ("flux_folder", "Heun")])
def test_a_scheduler_that_does_not_suit_is_said_when_the_model_is_loaded(
    folder: str, name: str, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(folder)
    with pytest.raises(BrokenModel, match=f"scheduler {name} does not suit"):
        model(source, schedulers=("Euler", name))
    assert unsuitable(("Euler", "Euler a"), str(source)) == "Euler a"


def test_the_names_of_comfyui_are_understood_and_others_are_not() -> None:
    spelled = ("euler ancestral", "dpmpp_2m_sde_karras", "DPM++ 2m karras", "uni_pc", "ddim")
    named = [find_scheduler(each) for each in spelled]
    assert named == ["Euler a", "DPM++ 2M SDE Karras", "DPM++ 2M Karras", "UniPC", "DDIM"]
    assert find_scheduler("DPM++ SDE") is None
    assert unsuitable(("Euler a",), "owner/name") is None


def test_an_order_with_a_scheduler_that_left_the_settings_fails_alone(sd_folder: Path) -> None:
    with pytest.raises(UnusableRequest, match="has no scheduler LCM"):
        model(sd_folder, schedulers=("Euler",)).seat(order(scheduler="LCM").drawing, 0)


def test_the_name_is_in_the_picture_and_a_whole_pipeline_draws_with_it_too(
    sd_folder: Path, tmp_path: Path
) -> None:
    whole = shutil.copytree(sd_folder, tmp_path / "whole")
    edit_json(whole / "model_index.json", _class_name="StableDiffusionPAGPipeline")
    for folder in (sd_folder, whole):
        stage = Stage(folder)
        chooses = entry(folder, schedulers=("Euler a", "DPM++ 2M Karras"))
        stage.say(Configure(models=(chooses,), default=chooses.name))
        for name in ("", "Euler a", "DPM++ 2M Karras"):
            stage.say(Generate(request=order(name or "own", seed=5, scheduler=name)))
        stage.finish()
        assert not stage.of(ModelBroken)
        pictures = {event.job: event.pictures[0] for event in stage.of(Finished)}
        samplers = {read_infotext(read_parameters(each)).fields["Sampler"] for each in pictures.values()}
        assert samplers == {"DDIM", "Euler a", "DPM++ 2M Karras"}
        assert len(set(pictures.values())) == 3
        assert torch.is_grad_enabled()
