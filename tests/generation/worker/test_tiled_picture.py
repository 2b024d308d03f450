"""*Upscale creative*: an enlarged picture is redrawn tile by tile, and no border of a tile shows."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from bot.studio.settings import BUNDLED
from generation.canvas.tiles import plan_tiles
from generation.files.images import read_parameters, to_png
from generation.protocol import (
    Cancel,
    Cancelled,
    Configure,
    Failed,
    Finished,
    Generate,
    Previewed,
    Stepped,
    Upscale,
)
from generation.request import GenerationRequest, ImageSize, InputPicture, JobId, Role, UpscaleRequest
from tests.drawings import upscale_of
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.pictures import SIDE, waves

SMALL = to_png(waves(5, SIDE, SIDE), "a fox\nSteps: 7")
Pixels = npt.NDArray[np.float64]


def square(side: int) -> ImageSize:
    return ImageSize(width=side, height=side)


def creative(
    job: str = "a",
    small: bytes = SMALL,
    side: int = SIDE,
    strength: float = 0.5,
    enlarge: int = 1,
    **more: Any,
) -> GenerationRequest:
    """Builds the order of a picture twice as large. `side`: pixels of the model's own pictures."""
    large = InputPicture(source=small, role=Role.CREATIVE, strength=strength, factor=2)
    asked = order(job, pictures=(large,), size=square(side), **more)
    return replace(asked, tiles=plan_tiles(square(2 * side), square(side * enlarge)))


def pixels(content: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(float)


def seams(change: Pixels, borders: list[int]) -> list[tuple[float, float]]:
    """Returns, for rows and columns, how much a picture's change differs from one pixel to the next: at most at the borders of
    tiles, and at most elsewhere. `change`: (height, width, 3).
    """
    found: list[tuple[float, float]] = []
    for axis in (0, 1):
        steps = np.abs(np.diff(change, axis=axis)).mean((1 - axis, 2))
        is_near = np.zeros(len(steps), bool)
        for border in borders:
            is_near[border - 4 : border + 4] = True
        found.append((float(steps[is_near].max()), float(steps[~is_near].max())))
    return found


def test_no_border_of_a_tile_shows() -> None:
    """With real weights, which draw the castle anew in every tile. Without the masks' soft edges, or without masks, it fails."""
    side = BUNDLED.side
    emoji = replace(BUNDLED, source="models/bundled", enlarge=1)
    usual: dict[str, Any] = {"text": "a castle on a yellow background", "model": emoji.name, "steps": 10}

    def made(*asked: GenerationRequest | UpscaleRequest) -> list[bytes]:
        stage = Stage()
        stage.say(Configure(models=(emoji,), default=emoji.name))
        for each in asked:
            is_drawn = isinstance(each, GenerationRequest)
            stage.say(Generate(request=each) if is_drawn else Upscale(request=each))
        stage.finish()
        return [stage.of(Finished, each.job)[0].pictures[0] for each in asked]

    (small,) = made(order(size=square(side), seed=8, **usual))
    large = made(upscale_of(small), creative("anew", small, side, 0.3, seed=3, **usual))
    plain, anew = map(pixels, large)
    change = anew - plain
    assert np.abs(change).mean() > 3
    cuts, ends = [3 * side // 4, 5 * side // 4], [side // 2, side, 3 * side // 2]
    for at_borders, elsewhere in seams(change, cuts + ends):
        assert at_borders <= elsewhere


def test_the_seam_measure_sees_a_step_of_a_few_levels() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (128, 128, 3))
    assert all(at_borders <= elsewhere for at_borders, elsewhere in seams(noise, [48, 64, 80]))
    noise[:, 48:80] += 6
    _, (at_borders, elsewhere) = seams(noise, [48, 64, 80])
    assert at_borders > 2 * elsewhere


def test_the_tiles_become_one_picture_that_says_how_it_was_made(sd_folder: Path) -> None:
    stage = Stage(sd_folder, preview_seconds=0.0)
    stage.say(Generate(request=creative()))
    seated = list[tuple[int, ...]]()
    stage.loop.take_orders()
    while stage.loop.jobs:
        stage.loop.seat()
        seated += [tuple(job.slots) for job in stage.loop.jobs.values()]
        stage.loop.step()
        stage.loop.retire()
    stage.loop.image_encoder.close()
    assert list(dict.fromkeys(seated)) == [(0, 1, 2, 3), (4, 5), (6, 7), (8,)], (
        "each from its finished neighbours"
    )
    (finished,) = stage.of(Finished)
    (content,) = finished.pictures
    assert pixels(content).shape == (2 * SIDE, 2 * SIDE, 3)
    told = read_parameters(content)
    for part in ("a red fox", "Steps: 4", "Denoising strength: 0.5", "Hires upscale: 2", "Seed: 1"):
        assert part in told
    # Nine tiles of two steps each; those of a turn share their steps.
    assert [(each.done, each.total) for each in stage.of(Stepped)] == [
        (done, 18) for done in (4, 8, 10, 12, 14, 16, 17, 18)
    ]
    looks = [Image.open(io.BytesIO(each.picture)) for each in stage.of(Previewed)]
    assert looks and all(look.size == (256, 256) for look in looks)


def test_its_tiles_share_steps_with_other_members_pictures(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    stage.say(Generate(request=creative(steps=9)), Generate(request=order("whole", steps=9)))
    stage.turn()
    slots = [slot for job in stage.loop.jobs.values() for slot in job.slots.values()]
    assert len(slots) == 5 and len({slot.key for slot in slots}) == 1
    assert {slot.step for slot in slots} == {1}


def test_it_is_cancelled_between_two_steps(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    stage.say(Generate(request=creative()))
    stage.turn(3)
    stage.say(Cancel(job=JobId("a")))
    stage.finish()
    assert stage.of(Cancelled) and not stage.of(Finished) and not stage.loop.jobs


def test_the_tiles_of_a_model_that_enlarges_are_enlarged_too(bundled_folder: Path) -> None:
    stage, large = Stage(), entry(bundled_folder, enlarge=2)
    small = to_png(waves(5, 2 * SIDE, 2 * SIDE))
    stage.say(Configure(models=(large,), default=large.name))
    asked = creative(small=small)
    asked = replace(asked, tiles=plan_tiles(square(4 * SIDE), square(2 * SIDE)))
    stage.say(Generate(request=asked))
    stage.finish()
    assert pixels(stage.of(Finished)[0].pictures[0]).shape == (4 * SIDE, 4 * SIDE, 3)
    assert stage.of(Stepped)[-1].total == 18


def test_a_tile_of_numbers_that_are_no_colours_fails_the_picture(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    stage.say(Generate(request=creative()))
    stage.turn()
    (job,) = stage.loop.jobs.values()
    with torch.inference_mode():
        job.slots[2].sample.fill_(torch.inf)
    stage.finish()
    assert [event.kind for event in stage.of(Failed)] == ["numbers"] and not stage.of(Finished)


def test_a_picture_that_cannot_be_read_is_the_inputs_fault(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    stage.say(Generate(request=creative(small=b"no picture")))
    stage.finish()
    assert [event.kind for event in stage.of(Failed)] == ["input"]
