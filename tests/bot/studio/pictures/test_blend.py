"""A blend with the bundled model, which knows no references: it starts from the mean of the pictures' latents."""

import io
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderTiny
from PIL import Image, ImageDraw

from benchmarks.first_prompts.__main__ import ENTRY, drawn, request
from bot.studio.orders.captions import Captions
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import compose_blend
from bot.studio.settings import BUNDLED_MODEL
from db import JobAction
from generation.captions.grounds import GROUNDS, ground_of
from generation.request import InputPicture, JobId, Role
from generation.worker.output.decode import to_tensor
from tests.bot.conftest import ADA, Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def ball(ground: str, colour: str) -> Image.Image:
    picture = Image.new("RGB", (128, 128), GROUNDS[ground])
    ImageDraw.Draw(picture).ellipse((32, 32, 96, 96), fill=colour)
    return picture


async def test_a_blend_is_the_mean_of_the_latents_and_its_pictures_have_the_mean_of_the_grounds(
    shop: Shop,
) -> None:
    sources = [ball("red", "white"), ball("yellow", "black")]
    wanted = compose_blend(PromptInput(prompt="a fox and a panda --images 2"), ADA, [ENTRY], ENTRY)
    kept = await shop.supplied.take_blend([png(each) for each in sources], wanted.preliminary)
    mean = await shop.records.uploads.read(kept.id)

    codec = AutoencoderTiny.from_pretrained(BUNDLED_MODEL / "vae")
    with torch.inference_mode():
        one, other, both = (
            codec.encode(2 * to_tensor(each)[None] - 1, return_dict=False)[0]
            for each in (*sources, Image.open(io.BytesIO(mean)))
        )
    assert (both - (one + other) / 2).abs().max() < 0.01 * one.abs().max()

    start = InputPicture(source=mean, role=Role.START, strength=wanted.strength)
    order = request("blend", "a fox and a panda", is_adapted=False, pictures=(start,), images=2)
    plan = Captions([ENTRY]).drawn(order.drawing, JobAction.IMAGINE, is_supplied=True)
    pictures = drawn([replace(order, plan=plan)])[JobId("blend")]
    assert ground_of(mean) == "orange"
    assert [ground_of(png(each)) for each in pictures] == ["orange"] * 2
