"""A job with a plan: each picture has a prompt of its own, and some are mirrored; the file keeps the prompt as it was typed."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest
from PIL import Image, ImageOps

from generation.files.images import read_parameters
from generation.protocol import Configure, Event, Finished, Generate, Order, Previewed
from generation.request import GenerationRequest, ModelName, PlannedPicture, Prompt
from generation.worker.loop import Loop
from tests.generation.worker.requests import entry, order

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def drawn(folder: Path, request: GenerationRequest) -> tuple[Sequence[bytes], list[bytes]]:
    """Returns the pictures, and the previews."""
    orders: SimpleQueue[Order] = SimpleQueue()
    events: list[Event] = []
    loop = Loop(orders, events.append)
    orders.put(
        Configure(models=(entry(folder),), default=ModelName("tiny"), preview_seconds=0.0, pinned_rows=8)
    )
    orders.put(Generate(request=request))
    while not any(isinstance(event, Finished) for event in events):
        loop.take_orders()
        loop.sweep()
        loop.seat()
        loop.step()
        loop.retire()
        if not loop.jobs:
            loop.image_encoder.close()
    (finished,) = [event for event in events if isinstance(event, Finished)]
    return finished.pictures, [event.picture for event in events if isinstance(event, Previewed)]


def test_each_picture_is_drawn_by_its_plan(sd_folder: Path) -> None:
    typed = order(text="un renard", images=2)
    plan = (
        PlannedPicture(prompt=Prompt(text="a fox")),
        PlannedPicture(prompt=Prompt(text="a fox on a blue background"), is_mirrored=True),
    )
    pictures, previews = drawn(sd_folder, replace(typed, plan=plan))
    alone = [
        drawn(sd_folder, order(text=each.prompt.text, seed=1 + index))[0][0]
        for index, each in enumerate(plan)
    ]
    first, second, own, turned = (Image.open(io.BytesIO(picture)) for picture in (*pictures, *alone))
    assert first.tobytes() == own.tobytes()
    assert second.tobytes() == ImageOps.mirror(turned).tobytes()
    assert previews
    assert all(read_parameters(picture).startswith("un renard\n") for picture in pictures)
