"""Step tables compared with the scheduler objects from which they were made."""

from typing import Any

import diffusers
import pytest
import torch

from generation.worker.denoise.step_table import StepTables, compile_table
from tests.tiny_models import BETAS

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")


def scheduler(name: str, **more: Any) -> Any:
    kind = getattr(diffusers, name)
    betas = {} if name.startswith("FlowMatch") else {k: v for k, v in BETAS.items() if k != "steps_offset"}
    return kind.from_config(kind(**betas, **more).config)


@pytest.mark.parametrize(
    ("name", "config", "order"),
    [
        ("DDIMScheduler", {"clip_sample": False}, 1),
        ("DDPMScheduler", {"clip_sample": False}, 1),
        ("EulerDiscreteScheduler", {}, 1),
        ("EulerAncestralDiscreteScheduler", {}, 1),
        ("LCMScheduler", {}, 1),
        ("TCDScheduler", {}, 1),
        ("HeunDiscreteScheduler", {}, 2),
        ("KDPM2DiscreteScheduler", {}, 2),
        ("KDPM2AncestralDiscreteScheduler", {}, 2),
        ("DPMSolverMultistepScheduler", {}, 2),
        ("DPMSolverMultistepScheduler", {"solver_order": 3, "use_karras_sigmas": True}, 3),
        ("DPMSolverSinglestepScheduler", {}, 2),
        ("DEISMultistepScheduler", {}, 2),
        ("PNDMScheduler", {"skip_prk_steps": True}, 5),
        ("UniPCMultistepScheduler", {}, 3),
        ("UniPCMultistepScheduler", {"solver_order": 3, "use_karras_sigmas": True}, 4),
        ("UniPCMultistepScheduler", {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}, 3),
        ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, 1),
        ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}, 1),
        ("FlowMatchHeunDiscreteScheduler", {"shift": 3.0}, 2),
        ("FlowMatchLCMScheduler", {}, 1),
    ],
)
def test_linear_schedulers_become_tables(name: str, config: dict[str, Any], order: int) -> None:
    table = compile_table(scheduler(name, **config), 12)
    assert table.scheduler is None
    assert table.order == order


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("UniPCMultistepScheduler", {"solver_type": "bh1"}),  # divides by zero at its last step
        ("SASolverScheduler", {}),
        ("DDIMScheduler", {"clip_sample": True}),
        ("DPMSolverMultistepScheduler", {"thresholding": True}),
    ],
)
def test_what_is_no_weighted_sum_keeps_its_scheduler(name: str, config: dict[str, Any]) -> None:
    table = compile_table(scheduler(name, **config), 12)
    assert table.scheduler is not None
    assert len(table) == 12


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("name", ["DDIMScheduler", "EulerDiscreteScheduler"])
def test_the_predicted_clean_picture_is_the_schedulers_own(name: str, prediction: str) -> None:
    real = scheduler(
        name, prediction_type=prediction, **({"clip_sample": False} if name == "DDIMScheduler" else {})
    )
    table = compile_table(real, 5)
    real.set_timesteps(5)
    for i, timestep in enumerate(real.timesteps):
        x, m = torch.randn(2, 1, 4, 8, 8)
        real.scale_model_input(x, timestep)
        expected = real.step(m, timestep, x).pred_original_sample
        got = table.told[i, 2] * x + table.told[i, 3] * m
        assert torch.allclose(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "name", ["UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"]
)
def test_a_table_walks_with_its_scheduler_to_the_end(name: str) -> None:
    real = scheduler(name)
    table = compile_table(real, 15)
    real.set_timesteps(15)
    sample = walked = torch.randn(1, 4, 8, 8)
    past: list[torch.Tensor] = []
    for i, timestep in enumerate(real.timesteps):
        output = torch.randn(1, 4, 8, 8)
        sample = real.step(output, timestep, sample, return_dict=False)[0]
        past = [walked, output, *past][: 2 * table.order]
        walked = sum((w * term for w, term in zip(table.weights[i, 1:], past, strict=False)), torch.zeros(()))
    assert torch.allclose(walked, sample, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["FlowMatchEulerDiscreteScheduler", "DPMSolverMultistepScheduler"])
def test_flow_matching_predicts_the_clean_picture_from_a_straight_line(name: str) -> None:
    more = {} if name.startswith("Flow") else {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
    real = scheduler(name, **more)
    table = compile_table(real, 5)
    real.set_timesteps(5)
    clean, noise = torch.randn(2, 1, 4, 8, 8)
    for told, sigma in zip(table.told, real.sigmas, strict=False):
        got = told[2] * ((1 - sigma) * clean + sigma * noise) + told[3] * (noise - clean)
        assert torch.allclose(got, clean, rtol=1e-3, atol=1e-3)


def test_a_table_is_compiled_once() -> None:
    step_tables = StepTables(scheduler("EulerDiscreteScheduler"))
    assert step_tables.table(8) is step_tables.table(8)
    assert step_tables.table(8, strength=1.0) is not step_tables.table(8)
    assert step_tables.table(8, strength=0.5) is step_tables.table(8, strength=0.51)


def test_image_to_image_does_one_step_at_least() -> None:
    assert len(StepTables(scheduler("EulerDiscreteScheduler")).table(8, strength=0.01)) == 1
