"""Flow-matching models, in the same loop as the U-Nets."""

from pathlib import Path
from typing import Any

import pytest
import torch

from generation.protocol import Failed, Finished, Generate, Previewed
from generation.request import ImageSize, ModelName
from generation.worker.output.decode import to_tensor
from tests.drawings import start_from
from tests.generation.worker import reference
from tests.generation.worker.company import draw_in_company, relative_difference, with_schedulers
from tests.generation.worker.denoise.test_inpaint import mask
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png
from tests.generation.worker.test_loop import Stage

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FLOWS: dict[str, dict[str, Any]] = {
    "FlowMatchEulerDiscreteScheduler": {},
    "FlowMatchHeunDiscreteScheduler": {},
    "UniPCMultistepScheduler": {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
    "DPMSolverMultistepScheduler": {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
}


def test_sd3_mixes_schedulers_steps_guidance_and_seeds_and_comes_out_as_from_the_pipeline(
    sd3_folder: Path,
) -> None:
    orders = [
        (one, order(f"{i}", text=text, negative=negative, steps=steps, guidance=guidance, seed=i))
        for one in with_schedulers(model(sd3_folder), FLOWS)
        for i, (text, negative, steps, guidance) in enumerate(
            [("a red fox", "", 4, 1.0), ("tea", "blurry", 7, 5.0)]
        )
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=1), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, (one.scheduler_name(), request)


@pytest.mark.parametrize("strength", [0.35, 0.8])
def test_sd3_starts_from_a_picture_as_the_pipeline_does(sd3_folder: Path, strength: float) -> None:
    orders = [
        (one, order(f"{i}", steps=7, pictures=start_from(png(), strength=strength), seed=i))
        for i, one in enumerate(
            with_schedulers(
                model(sd3_folder), {name: FLOWS[name] for name in FLOWS if name.startswith("FlowMatch")}
            )
        )
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=2), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, (one.scheduler_name(), request)


def test_sd3_inpaints_as_the_pipeline_does(sd3_folder: Path) -> None:
    base = model(sd3_folder)
    base.pipe.set_progress_bar_config(disable=True)
    orders = [
        (base, order(f"{strength}", steps=6, pictures=start_from(png(), strength=strength, mask=mask())))
        for strength in (0.6, 1.0)
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=3), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, request


def test_flux_is_told_its_guidance_and_comes_out_as_from_the_pipeline(flux_folder: Path) -> None:
    base = model(flux_folder)
    base.pipe.set_progress_bar_config(disable=True)
    wide = ImageSize(width=96, height=64)
    orders = [
        (base, order("1", guidance=3.5, size=wide)),
        (base, order("2", text="tea", steps=6, guidance=1.0, seed=9, size=wide)),
        (base, order("3", steps=6, pictures=start_from(png(), strength=0.55), size=wide)),
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=4), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, request


@pytest.mark.parametrize("name", ["sd3_folder", "flux_folder"])
def test_latents_are_decoded_as_the_pipeline_decodes_them(name: str, request: pytest.FixtureRequest) -> None:
    base = model(request.getfixturevalue(name))
    base.pipe.set_progress_bar_config(disable=True)
    (slot,) = draw_in_company([(base, order())], seed=5)
    drawn = base.codec.decode(slot.sample[None])[0]
    expected = to_tensor(reference.picture(base.pipe, order().drawing, 0))
    assert float((drawn - expected).abs().max()) < 1 / 255


def test_the_loop_serves_transformers_and_unets_side_by_side(
    sd_folder: Path, sd3_folder: Path, flux_folder: Path
) -> None:
    stage = Stage(sd_folder, sd3_folder, flux_folder, preview_seconds=0.0)
    stage.say(*(Generate(request=order(name, model=ModelName(name))) for name in ("tiny", "other", "third")))
    stage.finish()
    assert not stage.of(Failed)
    assert {event.job for event in stage.of(Finished)} == {"tiny", "other", "third"}
    assert {event.job for event in stage.of(Previewed)} == {"tiny", "other", "third"}


def test_a_size_that_a_transformer_cannot_cut_into_tokens_is_the_inputs_fault(flux_folder: Path) -> None:
    stage = Stage(flux_folder)
    stage.say(Generate(request=order("a", size=ImageSize(width=72, height=64))))
    stage.finish()
    assert "multiples of 16" in stage.of(Failed)[0].reason


def test_the_same_picture_comes_out_bit_for_bit_in_any_company_of_the_same_size(sd3_folder: Path) -> None:
    base = model(sd3_folder)
    left, right = (
        draw_in_company([(base, order(seed=5)), (base, order(seed=other))], seed=0)[0] for other in (1, 2)
    )
    assert torch.equal(left.sample, right.sample)


def test_flux_is_told_the_time_as_its_pipeline_tells_it(flux_folder: Path) -> None:
    one = model(flux_folder, torch.bfloat16)
    request = order(steps=5)
    told: list[torch.Tensor] = []

    def note(_: Any, __: Any, more: dict[str, Any]) -> None:
        told.append(more["timestep"][:1].clone())

    hook = one.pipe.transformer.register_forward_pre_hook(note, with_kwargs=True)
    slot = one.seat(request.drawing, 0)
    while not slot.is_finished:
        one.advance([slot])
    ours, told[:] = told.copy(), []
    reference.latents(one.pipe, request.drawing, 0)
    hook.remove()
    assert [time.dtype for time in ours] == [time.dtype for time in told]
    assert torch.equal(torch.cat(ours), torch.cat(told))
