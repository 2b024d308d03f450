"""The loop draws the same pictures as diffusers' own pipeline, with any other orders in the batch."""

import copy
import random
from pathlib import Path

import pytest
import torch

from generation.request import ImageSize
from generation.worker.denoise.batch_state import ROW_COUNTS
from generation.worker.models.loading import Model
from generation.worker.output.decode import to_tensor
from tests.drawings import start_from
from tests.generation.worker import reference
from tests.generation.worker.company import SCHEDULERS, draw_in_company, relative_difference, with_schedulers
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_pictures_of_all_schedulers_share_batches_and_come_out_as_from_the_pipeline(sd_folder: Path) -> None:
    chance = random.Random(7)
    orders = [
        (
            one,
            order(
                f"{i}",
                text=chance.choice(["a red fox", "two cups of tea, please", ""]),
                negative=chance.choice(["", "blurry"]),
                steps=chance.choice([4, 7, 11]),
                guidance=chance.choice([1.0, 3.5, 8.0]),
                seed=chance.randrange(10**9),
            ),
        )
        for i, one in enumerate(with_schedulers(model(sd_folder), SCHEDULERS) * 2)
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=1), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, (one.scheduler_name(), request)


def test_image_to_image_starts_later_in_the_schedule_as_the_pipeline_does(sd_folder: Path) -> None:
    orders = [
        (one, order(f"{i}", steps=7, pictures=start_from(png(), strength=strength), seed=i))
        for i, (one, strength) in enumerate(
            (one, strength)
            for one in with_schedulers(model(sd_folder), SCHEDULERS)
            for strength in (0.35, 0.8)
        )
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=2), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, (one.scheduler_name(), request)


@pytest.mark.parametrize("negative", ["", "blurry"])
def test_sdxl_has_its_pooled_text_and_sizes(sdxl_folder: Path, negative: str) -> None:
    base = model(sdxl_folder)
    base.pipe.set_progress_bar_config(disable=True)
    orders = [
        (base, order("1", negative=negative, size=ImageSize(width=96, height=64))),
        (base, order("2", text="tea", guidance=1.0, steps=6, size=ImageSize(width=96, height=64))),
        (
            base,
            order(
                "3",
                size=ImageSize(width=96, height=64),
                steps=6,
                pictures=start_from(png(side=200), strength=0.5),
            ),
        ),
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=3), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, request


def test_the_bundled_layout_encodes_with_bert_and_decodes_with_a_tiny_autoencoder(
    bundled_folder: Path,
) -> None:
    base = model(bundled_folder)
    base.pipe.set_progress_bar_config(disable=True)
    orders = [(base, order(f"{i}", seed=i, steps=5 + i)) for i in range(3)]
    slots = draw_in_company(orders, seed=4)
    for slot, (one, request) in zip(slots, orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4
    drawn = base.codec.decode(torch.stack([slots[0].sample]))[0]
    expected = reference.picture(base.pipe, orders[0][1].drawing, 0)
    assert float((drawn - to_tensor(expected)).abs().max()) < 1 / 255


@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_weighted_parts_are_weighted_rows(sd_folder: Path, guidance: float) -> None:
    base = model(sd_folder)
    texts = ["a red fox", "a red fox::3", "a red fox::1 a red fox::2", "fox::3 tea::1", "tea:: fox::3"]
    orders = [(base, order(text, text=text, guidance=guidance)) for text in texts]
    plain, one, twice, mixed, turned = (slot.sample for slot in draw_in_company(orders, seed=8))
    assert torch.allclose(one, plain, rtol=1e-4, atol=1e-4)
    assert torch.allclose(twice, plain, rtol=1e-4, atol=1e-4)
    assert torch.allclose(turned, mixed, rtol=1e-4, atol=1e-4)
    expected = weighted_by_hand(base, {"fox": 0.75, "tea": 0.25}, guidance)
    assert torch.allclose(mixed, expected, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def weighted_by_hand(base: Model, shares: dict[str, float], guidance: float) -> torch.Tensor:
    """Computes composable diffusion (Liu et al., 2022): the sum of the parts' directions away from the empty prompt."""
    scheduler = copy.deepcopy(base.pipe.scheduler)
    scheduler.set_timesteps(order().drawing.steps)
    texts = ["", *shares]
    embedded = torch.cat([base.pipe.encode_prompt(text, "cpu", 1, False)[0] for text in texts])
    sample = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(order().drawing.seed))
    for timestep in scheduler.timesteps:
        repeated = sample.expand(len(texts), -1, -1, -1)
        nothing, *parts = base.unet(repeated, timestep, encoder_hidden_states=embedded).sample
        towards = sum((share * part for share, part in zip(shares.values(), parts, strict=True)), 0 * nothing)
        output = nothing + guidance * (towards - nothing)
        sample = scheduler.step(output[None], timestep, sample).prev_sample
    return sample[0]


def test_a_picture_is_the_same_alone_and_as_the_third_of_an_order(sd_folder: Path) -> None:
    base = model(sd_folder)
    third, alone = base.seat(order(seed=5, images=4).drawing, 2), base.seat(order(seed=7).drawing, 0)
    while not third.is_finished:
        base.advance([base.seat(order(seed=99).drawing, 0), third])
        base.advance([alone])
    assert torch.allclose(third.sample, alone.sample, rtol=1e-4, atol=1e-4)


def test_with_the_same_padded_rows_a_picture_is_the_same_bit_for_bit(sd_folder: Path) -> None:
    base = model(sd_folder)
    in_three, in_four = base.seat(order(seed=5).drawing, 0), base.seat(order(seed=5).drawing, 0)
    while not in_three.is_finished:
        base.advance([in_three, *(base.seat(order(seed=s).drawing, 0) for s in (1, 2))], sizes=ROW_COUNTS)
        base.advance([*(base.seat(order(seed=s).drawing, 0) for s in (3, 4, 6)), in_four], sizes=ROW_COUNTS)
    assert torch.equal(in_three.sample, in_four.sample)
