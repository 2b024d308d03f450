"""Inpainting: a part of the picture stays unchanged."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generation.protocol import Failed, Finished, Generate, Previewed
from generation.worker.output.decode import Finisher
from tests.drawings import start_from
from tests.generation.worker.company import SCHEDULERS, draw_in_company, relative_difference, with_schedulers
from tests.generation.worker.requests import model, order, png
from tests.generation.worker.test_loop import Stage
from tests.tiny_models import SIDE

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
    assert half.background is not None
    drawn = half.background.mask.paste(torch.ones(3, SIDE, SIDE))
    assert torch.allclose(drawn, (half.background.mask.pixels + 1) / 2, atol=0.01)
