"""The dispatcher together with the process that owns torch: a prompt in, PNG out."""

import asyncio
from pathlib import Path

import pytest

from generation.files.images import open_picture, read_parameters
from generation.protocol import Configure
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import Running
from generation.request import (
    GenerationRequest,
    ImageSize,
    JobId,
    MemberId,
    ModelEntry,
    ModelName,
)
from tests.drawings import drawing, upscale_of
from tests.pictures import SIDE
from tests.tiny_models import tiny_sd

pytestmark = pytest.mark.slow

TINY = ModelName("tiny")


async def test_a_prompt_becomes_pictures_and_a_picture_a_larger_one(tmp_path: Path) -> None:
    entry = ModelEntry(name=TINY, source=str(tiny_sd(tmp_path / "model")), licence="none")
    dispatch = Dispatcher(Configure(models=(entry,), default=TINY, preview_seconds=0.0))
    size = ImageSize(width=SIDE, height=SIDE)
    wanted = drawing(model=TINY, size=size, steps=4, seed=8, images=2)
    request = GenerationRequest(job=JobId("drawn"), member=MemberId(1), drawing=wanted)
    async with asyncio.timeout(110), asyncio.TaskGroup() as tasks:
        run = tasks.create_task(dispatch.run())
        ticket = dispatch.submit(request)
        seen = [progress async for progress in ticket]
        drawn = await ticket.wait_for_pictures()
        enlarge = upscale_of(drawn.pictures[0])
        enlarged = await dispatch.submit(enlarge).wait_for_pictures()
        run.cancel()
    assert any(isinstance(progress, Running) and progress.preview for progress in seen)
    assert [read_parameters(png).split("Seed: ")[1].split(",")[0] for png in drawn.pictures] == ["8", "9"]
    assert open_picture(drawn.pictures[0]).size == (SIDE, SIDE)
    assert open_picture(enlarged.pictures[0]).size == (2 * SIDE, 2 * SIDE)
    assert dispatch.state.seconds_per_cost is not None
