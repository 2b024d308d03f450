"""Step tables compared with the scheduler objects from which they were made."""

from typing import Any

import diffusers
import pytest
import torch

from generation.worker.denoise import step_table
from generation.worker.denoise.schedulers import Timing
from generation.worker.denoise.step_table import StepTable, StepTables, compile_table
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


@pytest.mark.parametrize("name", ["EDMEulerScheduler", "EDMDPMSolverMultistepScheduler"])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_edm_schedulers_predict_the_clean_picture_by_their_own_formula(name: str, prediction: str) -> None:
    edm = getattr(diffusers, name)(prediction_type=prediction, sigma_data=0.5)
    table = compile_table(edm, 9)
    edm.set_timesteps(9)
    generator = torch.Generator().manual_seed(0)
    for i, timestep in enumerate(edm.timesteps):
        sample = torch.randn(1, 4, 8, 8, generator=generator) * edm.sigmas[i]
        output = torch.randn(1, 4, 8, 8, generator=generator)
        _, in_scale, of_sample, of_output = table.told[i].tolist()
        torch.testing.assert_close(in_scale * sample, edm.scale_model_input(sample, timestep))
        if name == "EDMEulerScheduler":
            expected = edm.step(output, timestep, sample).pred_original_sample
        else:
            expected = edm.convert_model_output(output, sample=sample)
            edm.step(output, timestep, sample)
        torch.testing.assert_close(of_sample * sample + of_output * output, expected)


def test_a_table_is_compiled_once() -> None:
    step_tables = StepTables(scheduler("EulerDiscreteScheduler"))
    assert step_tables.table(8) is step_tables.table(8)
    assert step_tables.table(8, strength=1.0) is not step_tables.table(8)
    assert step_tables.table(8, strength=0.5) is step_tables.table(8, strength=0.51)


@pytest.mark.parametrize(
    ("strength", "down", "up"),
    [
        (None, 8, 8),
        (1.0, 8, 8),
        (0.99, 7, 8),
        (0.875, 7, 7),
        (0.51, 4, 5),
        (0.5, 4, 4),
        (0.25, 2, 2),
        (0.125, 1, 1),
        (0.01, 1, 1),
        (0.0, 1, 1),
    ],
)
def test_image_to_image_does_the_steps_of_its_strength_and_one_at_least(
    strength: float | None, down: int, up: int
) -> None:
    tables = StepTables(scheduler("FlowMatchEulerDiscreteScheduler"))
    assert len(tables.table(8, strength)) == down
    assert len(tables.table(8, strength, Timing(rounds_up=True))) == up


def test_of_one_step_one_remains() -> None:
    tables = StepTables(scheduler("EulerDiscreteScheduler"))
    assert [len(tables.table(1, strength)) for strength in (None, 1.0, 0.5, 0.0)] == [1, 1, 1, 1]


def test_the_last_steps_of_a_schedule_are_those_of_the_whole() -> None:
    tables = StepTables(scheduler("DDIMScheduler", clip_sample=False))
    whole, half = tables.table(8), tables.table(8, 0.5)
    assert torch.equal(half.told, whole.told[4:])
    assert torch.allclose(half.weights, whole.weights[4:], atol=1e-6)
    assert torch.equal(half.kept, whole.kept[4:])


def test_a_picture_without_a_start_picture_begins_with_noise_alone() -> None:
    for name, most in (("DDIMScheduler", 1.0), ("EulerDiscreteScheduler", 14.0)):
        real = scheduler(name, **({"clip_sample": False} if name == "DDIMScheduler" else {}))
        tables = StepTables(real)
        alone = tables.table(8)
        real.set_timesteps(8)
        assert (alone.start_noise, alone.start_init) == (float(real.init_noise_sigma), 0.0)
        assert alone.start_noise <= most * 1.1
        mixed = tables.table(8, 0.5)
        at = real.timesteps[4:5]
        one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
        assert mixed.start_init == pytest.approx(float(real.add_noise(one, zero, at)))
        assert mixed.start_noise == pytest.approx(float(real.add_noise(zero, one, at)))


def test_a_mask_over_the_whole_strength_begins_with_noise_alone() -> None:
    tables = StepTables(scheduler("DDIMScheduler", clip_sample=False))
    assert tables.table(8, 1.0, is_masked=True).start_init == 0.0
    assert tables.table(8, 1.0).start_init > 0.0
    assert tables.table(8, 0.5, is_masked=True).start_init == tables.table(8, 0.5).start_init > 0.0
    assert tables.table(8, 0.5, is_masked=True) is not tables.table(8, 0.5)


def test_the_kept_part_of_a_mask_loses_its_noise_step_by_step() -> None:
    real = scheduler("DDIMScheduler", clip_sample=False)
    kept = compile_table(real, 6, is_masked=True).kept
    real.set_timesteps(6)
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    assert kept.shape == (6, 2)
    assert kept[-1].tolist() == [1.0, 0.0]
    for row, at in zip(kept, real.timesteps[1:], strict=False):
        assert row[0] == pytest.approx(float(real.add_noise(one, zero, at[None])))
        assert row[1] == pytest.approx(float(real.add_noise(zero, one, at[None])))
    assert StepTable(
        told=torch.zeros(1, 4), weights=torch.zeros(1, 3), draws=(False,), start_noise=1.0, start_init=0.0
    ).kept.shape == (0, 2)


@pytest.mark.parametrize(
    ("name", "config", "is_table"),
    [
        ("DDIMScheduler", {"clip_sample": False}, True),
        ("PNDMScheduler", {"skip_prk_steps": True}, True),  # looks back as far as a table can
        ("UniPCMultistepScheduler", {}, False),  # remembers a sample, which a mask would change
    ],
)
def test_with_a_mask_a_table_remembers_nothing_that_the_mask_changes(
    name: str, config: dict[str, Any], is_table: bool
) -> None:
    table = compile_table(scheduler(name, **config), 12, is_masked=True)
    assert (table.scheduler is None) is is_table
    assert (table.order > 0) is is_table


def test_a_table_says_which_steps_draw_noise() -> None:
    def draws(name: str, **more: Any) -> tuple[bool, ...]:
        return compile_table(scheduler(name, **more), 4).draws

    assert draws("EulerDiscreteScheduler") == (False,) * 4
    assert draws("EulerAncestralDiscreteScheduler") == (True,) * 4
    assert draws("DDPMScheduler", clip_sample=False) == (True, True, True, False)
    assert draws("DDIMScheduler", clip_sample=True) == (False,) * 4, "its own scheduler draws"


class Odd(diffusers.DDIMScheduler):
    """Draws twice in a step."""

    def step(self, *args: Any, **more: Any) -> Any:
        torch.randn((1, 1, 1, 1))
        torch.randn((1, 1, 1, 1))
        return super().step(*args, **more)


class Nearly(diffusers.DDIMScheduler):
    """A step that is a weighted sum but for a small part of it."""

    part = 0.0

    def step(self, *args: Any, **more: Any) -> Any:
        *_, sample = args  # output, timestep, sample
        following = super().step(*args, **more)[0]
        return (following * (1 + self.part * sample.abs().max()),)


def as_scheduler(kind: Any) -> Any:
    return kind(clip_sample=False)


def test_a_scheduler_that_draws_twice_in_a_step_keeps_its_object() -> None:
    assert compile_table(as_scheduler(Odd), 4).scheduler is not None


@pytest.mark.parametrize(("part", "is_table"), [(0.0, True), (1e-7, True), (1e-3, False)])
def test_a_step_may_differ_from_its_table_by_rounding(
    part: float, is_table: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nearly, "part", part)
    assert (compile_table(as_scheduler(Nearly), 4).scheduler is None) is is_table


def test_only_the_tables_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_table, "CACHED_TABLES", 2)
    tables = StepTables(as_scheduler(diffusers.DDIMScheduler))
    two, three = tables.table(2), tables.table(3)
    assert tables.table(2) is two
    tables.table(4)
    assert tables.table(2) is two
    assert tables.table(3) is not three
