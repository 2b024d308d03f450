"""bfloat16: mixed schedulers, steps, guidance and seeds in one batch, against diffusers' own pipeline in bfloat16."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from generation.request import GenerationRequest
from generation.worker.denoise.schedulers import NoiseInstead
from generation.worker.models.loading import Model
from generation.worker.output.decode import to_tensor
from tests.generation.worker import reference
from tests.generation.worker.company import draw_in_company, with_schedulers
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ASKED = 40.0
"""dB."""

SCHEDULERS: dict[str, dict[str, Any]] = {
    "DDIMScheduler": {},
    "EulerDiscreteScheduler": {},
    "EulerAncestralDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {},
    "DPMSolverMultistepScheduler karras": {"use_karras_sigmas": True},
    "DPMSolverMultistepScheduler sde": {"algorithm_type": "sde-dpmsolver++"},
    "UniPCMultistepScheduler": {},
    "LCMScheduler": {},
    "TCDScheduler": {},
}


def expected(one: Model, request: GenerationRequest) -> Tensor:
    """Returns the reference (3, height, width). Pipelines draw their noise in their own precision, which differs from float32
    noise. Here the pipeline gets the loop's noise, rounded."""
    generator = torch.Generator().manual_seed(request.drawing.seed)
    # The loop keeps a VAE with `force_upcast` in float32; among the pipelines only XL's does.
    vae = copy.deepcopy(one.pipe.vae).to(torch.bfloat16)
    pipe = type(one.pipe)(**{**one.pipe.components, "vae": vae})
    pipe.set_progress_bar_config(disable=True)
    with NoiseInstead(lambda shape: torch.randn(shape, generator=generator).to(torch.bfloat16)):
        return to_tensor(reference.picture(pipe, request.drawing, 0))


def psnr(left: Tensor, right: Tensor) -> float:
    return -10 * math.log10(float(((left - right) ** 2).mean()))


def mixed(one: Model, number: int) -> list[tuple[Model, GenerationRequest]]:
    return [
        (one, order(f"{number}", negative="blurry", steps=7, guidance=5.0, seed=number)),
        (one, order(f"{number}+", text="tea", steps=4, guidance=1.0, seed=100 + number)),
    ]


def check(orders: list[tuple[Model, GenerationRequest]]) -> None:
    slots = draw_in_company(orders, seed=1)
    drawn = [one.codec.decode(slot.sample[None])[0] for slot, (one, _) in zip(slots, orders, strict=True)]
    wanted = [expected(one, request) for one, request in orders]
    for (one, request), got, want in zip(orders, drawn, wanted, strict=True):
        assert psnr(got, want) >= ASKED, (one.scheduler_name(), request.job, psnr(got, want))
    assert psnr(drawn[0], wanted[2]) < ASKED - 10, "the bound tells pictures apart"


def test_all_schedulers_in_one_batch_of_half_precision_draw_what_the_pipeline_draws(sd_folder: Path) -> None:
    base = model(sd_folder, torch.bfloat16)
    check([pair for n, one in enumerate(with_schedulers(base, SCHEDULERS)) for pair in mixed(one, n)])


def test_flow_matching_in_half_precision_draws_what_the_pipeline_draws(sd3_folder: Path) -> None:
    base = model(sd3_folder, torch.bfloat16)
    base.pipe.set_progress_bar_config(disable=True)
    check([*mixed(base, 1), *mixed(base, 2)])


def test_the_parts_of_t5_that_overflow_in_float16_stay_in_float32(sd3_folder: Path) -> None:
    pipe = model(sd3_folder, torch.float16).pipe
    dtypes = {name.split(".")[-2]: each.dtype for name, each in pipe.text_encoder_3.named_parameters()}
    assert (dtypes["wo"], dtypes["q"]) == (torch.float32, torch.float16)
    assert {each.dtype for each in pipe.transformer.parameters()} == {torch.float16}
