"""Inpainting: a part of the picture stays unchanged."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generation.protocol import Configure, Failed, Finished, Generate, Previewed
from generation.request import ImageSize
from generation.worker.denoise.inpaint import meeting, read_pixels
from generation.worker.models.pipeline_model import PipelineModel
from generation.worker.output.decode import Finisher
from tests.drawings import start_from
from tests.generation.worker.company import SCHEDULERS, draw_in_company, relative_difference, with_schedulers
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order, png
from tests.generation.worker.test_loop import Stage
from tests.pictures import SIDE

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def mask(box: tuple[int, int, int, int] = (0, 0, SIDE // 2, SIDE)) -> bytes:
    """Returns a mask that is white inside the box."""
    picture = Image.new("L", (SIDE, SIDE), 0)
    picture.paste(255, box)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def test_masks_of_all_schedulers_share_batches_and_come_out_as_from_the_inpainting_pipeline(
    sd_folder: Path,
) -> None:
    orders = [
        (
            one,
            order(
                f"{i}",
                steps=7,
                seed=i,
                pictures=start_from(png(), strength=(0.5, 1.0)[i % 2], mask=mask((8 * (i % 4), 16, 60, 60))),
            ),
        )
        for i, one in enumerate(with_schedulers(model(sd_folder), SCHEDULERS))
    ]
    orders += [
        (orders[0][0], order("whole", steps=5)),
        (orders[1][0], order("changed", pictures=start_from(png(), strength=0.7))),
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=5), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, (one.scheduler_name(), request.job)


def test_sdxl_inpaints_too(sdxl_folder: Path) -> None:
    base = model(sdxl_folder)
    base.pipe.set_progress_bar_config(disable=True)
    request = order(steps=6, pictures=start_from(png(), strength=0.6, mask=mask()))
    (slot,) = draw_in_company([(base, request)], seed=6)
    assert relative_difference(slot, base, request) < 1e-4


def test_the_bundled_layout_keeps_every_pixel_that_the_mask_does_not_show(bundled_folder: Path) -> None:
    stage = Stage(bundled_folder, preview_seconds=0.0)
    stage.say(Generate(request=order(pictures=start_from(png(), strength=1.0, mask=mask()))))
    stage.finish()
    (finished,) = stage.of(Finished)
    drawn, began = pixels(finished.pictures[0]), pixels(png())
    assert np.array_equal(drawn[:, SIDE // 2 :], began[:, SIDE // 2 :])
    assert np.abs(drawn[:, : SIDE // 2] - began[:, : SIDE // 2]).max() > 10
    assert stage.of(Previewed)


def test_a_mask_that_is_no_picture_is_the_inputs_fault(bundled_folder: Path) -> None:
    stage = Stage(bundled_folder)
    stage.say(Generate(request=order(pictures=start_from(png(), strength=1.0, mask=b"no picture"))))
    stage.finish()
    assert [event.kind for event in stage.of(Failed)] == ["input"]


def test_a_white_mask_at_full_strength_draws_what_no_picture_would(bundled_folder: Path) -> None:
    base = model(bundled_folder)
    white = start_from(png(), strength=1.0, mask=mask((0, 0, SIDE, SIDE)))
    masked, free = draw_in_company([(base, order(pictures=white)), (base, order())], seed=7)
    assert torch.allclose(masked.sample, free.sample, rtol=1e-4, atol=1e-4)
    pictures = Finisher(torch.device("cpu")).finish(base.develop([masked, free]))
    assert np.abs(pictures[0].wait().astype(int) - pictures[1].wait()).max() <= 1


def test_a_grey_edge_of_the_mask_blends(bundled_folder: Path) -> None:
    base = model(bundled_folder)
    out = io.BytesIO()
    Image.new("L", (SIDE, SIDE), 128).save(out, "PNG")
    half = base.seat(order(pictures=start_from(png(), strength=1.0, mask=out.getvalue())).drawing, 0)
    assert half.mask is not None
    drawn = half.mask.paste(torch.ones(3, SIDE, SIDE))
    own = read_pixels(png(), ImageSize(width=SIDE, height=SIDE))
    assert torch.allclose(drawn, (own + 1) / 2, atol=0.01)


def test_an_enlarged_picture_keeps_the_start_pictures_own_pixels(bundled_folder: Path) -> None:
    stage = Stage()
    large_model = entry(bundled_folder, enlarge=2)
    stage.say(Configure(models=(large_model,), default=large_model.name))
    large = png(side=2 * SIDE)
    stage.say(Generate(request=order(pictures=start_from(large, strength=0.8, mask=mask()))))
    stage.finish()
    drawn, began = pixels(stage.of(Finished)[0].pictures[0]), pixels(large)
    assert drawn.shape == began.shape
    edge = SIDE + 6  # the mask has half the size, so its own edge is soft
    assert np.array_equal(drawn[:, edge:], began[:, edge:])
    assert np.abs(drawn[:, :SIDE] - began[:, :SIDE]).max() > 10


def test_the_new_part_meets_the_old_one_where_the_colours_were_off() -> None:
    """As after a VAE that changes colours: everything drawn is darker by a fifth."""
    pixels = torch.full((3, 64, 64), 0.7)
    kept = torch.zeros(1, 64, 64)
    kept[:, :, 32:] = 1
    drawn = meeting(pixels - 0.2, pixels, kept)
    assert abs(float(drawn[0, 32, 31]) - 0.7) < 0.04
    assert abs(float(drawn[0, 32, 0]) - 0.5) < 0.01
    steps = (drawn[0, 32, 1:33] - drawn[0, 32, :32]).abs().max()
    assert steps < 0.06, "no seam: it was 0.2"
    assert torch.equal(meeting(pixels, pixels, torch.zeros_like(kept)), pixels)


def test_a_pipelines_picture_keeps_its_pixels_too(sd_folder: Path) -> None:
    """diffusers' own inpainting pipelines return the kept part as the VAE gives it back."""
    base = model(sd_folder)
    whole = PipelineModel(base.entry, base.pipe, base.device, base.dtype)
    slot = whole.seat(order(steps=2, pictures=start_from(png(), strength=1.0, mask=mask())).drawing, 0)
    while not slot.is_finished:
        whole.advance([slot])
    (drawn,) = whole.develop([slot])
    began = read_pixels(png(), ImageSize(width=SIDE, height=SIDE))
    assert torch.equal(drawn[:, :, SIDE // 2 :], began[:, :, SIDE // 2 :])
    assert (drawn - began).abs().max() > 0.05
