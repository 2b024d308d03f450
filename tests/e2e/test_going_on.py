"""Going on from a single picture: further variations, a region, what is beyond its border, and more enlargement."""

import asyncio
import io
import re
import urllib.request

import numpy as np
import pytest
from PIL import Image

from generation.files.images import read_parameters
from playground.world.messages import Message
from tests.e2e.stage import Stage, copy, is_gallery, job_of, picture_of, picture_urls
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def single(stage: Stage, prompt: str, **options: object) -> Message:
    """Returns the card of an enlarged picture."""
    gallery = await stage.draw(stage.guest(), prompt, images=2, **options)
    return await stage.gallery(await stage.press(stage.guest(), gallery, "U2"))


def share_shown(card: Message) -> int:
    """Returns the progress on a card, in percent."""
    found = re.search(r"(\d+)%", card.texts)
    return int(found[1]) if found else 0


def distance(one: Image.Image, other: Image.Image) -> float:
    a, b = (np.asarray(each.convert("RGB"), dtype=np.float32) for each in (one, other))
    return float(np.abs(a - b).mean())


def drawn(stage: Stage, message: Message) -> list[Image.Image]:
    return [Image.open(file).convert("RGB") for file in stage.files(job_of(message))]


async def test_a_picture_is_zoomed_out_panned_and_zoomed_out_again(stage: Stage) -> None:
    large = await single(stage, "a lighthouse", model="emoji", seed=4)
    guest = stage.guest()
    zoomed = await stage.gallery(await stage.press(guest, large, "Zoom out 2×"))
    assert "picture 2, zoomed out" in zoomed.texts
    assert stage.spent(guest) == 4
    parent = stage.rows("SELECT parent FROM job_parents WHERE job = ?", job_of(large))[0]["parent"]
    row = stage.job(zoomed)
    assert (row["action"], row["parent"], row["parent_image"]) == ("zoom", parent, 1), (
        "not of the enlarged one"
    )
    original = Image.open(stage.files(parent)[1]).convert("RGB")
    for picture in drawn(stage, zoomed):
        assert picture.size == original.size == (128, 128)
        middle = picture.crop((32, 32, 96, 96))
        # The mark of the new picture is all that differs.
        assert distance(middle, original.resize((64, 64), Image.Resampling.LANCZOS)) < 2.5
    panned = await stage.gallery(await stage.press_late(guest, large, stage.custom_id(large, "left")))
    assert "picture 2, panned" in panned.texts
    half = drawn(stage, panned)[0].crop((64, 0, 128, 128))
    assert distance(half, original.crop((0, 0, 64, 128))) < 2.5
    again = await stage.gallery(await stage.press(guest, await single_of(stage, panned), "Zoom out 1.5×"))
    assert stage.job(again)["parent"] == job_of(panned)


async def single_of(stage: Stage, gallery: Message) -> Message:
    return await stage.gallery(await stage.press(stage.guest(), gallery, "U1"))


async def test_a_wide_picture_is_made_square_and_a_square_one_has_no_such_button(stage: Stage) -> None:
    wide = await stage.draw(stage.guest(), "a bridge --ar 2:1", images=1)
    square = await stage.gallery(await stage.press(stage.guest(), wide, "Make square"))
    assert "made square" in square.texts
    (first, *_) = drawn(stage, square)
    assert first.size == (64, 64)
    assert (await single_of(stage, square)).component(label="Make square") is None


async def test_subtle_changes_less_than_strong(stage: Stage) -> None:
    large = await single(stage, "a kite", model="emoji", steps=12, seed=3)
    (original,) = drawn(stage, large)
    original = original.resize((128, 128))
    apart: dict[str, float] = {}
    for label in ("Vary subtle", "Vary strong"):
        varied = await stage.gallery(await stage.press(stage.guest(), large, label))
        assert "variations of picture 1" in varied.texts
        apart[label] = float(np.mean([distance(original, each) for each in drawn(stage, varied)]))
    assert 0 < apart["Vary subtle"] < apart["Vary strong"]


async def test_a_region_is_chosen_by_numbers_and_the_rest_stays(stage: Stage) -> None:
    picture = await stage.draw(stage.guest(), "a garden", images=1)
    guest = stage.guest()
    use = await stage.press(guest, picture, "Vary region")
    cells = await use.wait_for_message()
    assert cells.is_ephemeral and "The cells have these numbers" in cells.texts
    (url,) = picture_urls(cells)
    shown = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())
    assert Image.open(io.BytesIO(shown)).size == (768, 768)
    form = await (await stage.press(guest, cells, "Choose the cells")).wait_for_modal()
    entries = {"cells": ["2", "5", "8"], "prompt": "a garden with a pond --images 2"}
    redrawn = await stage.gallery(await guest.submit(form, entries))
    assert "a region of picture 1, drawn anew" in redrawn.texts
    assert stage.spent(guest) == 2
    (original,) = drawn(stage, picture)
    for each in drawn(stage, redrawn):
        kept = (0, 0, 42, 64)
        assert distance(each.crop(kept), original.crop(kept)) < 2.5
        new = (50, 4, 64, 60)
        assert distance(each.crop(new), original.crop(new)) > 5
    refused = await stage.private(
        await guest.submit(form, {"cells": ["0"], "prompt": "a naked woman in a garden"})
    )
    assert "it reads as nudity" in refused and stage.spent(guest) == 2


async def test_an_enlarged_picture_is_enlarged_further(stage: Stage) -> None:
    large = await single(stage, "a fern")
    assert (await picture_of(large)).size == (128, 128)
    larger = await stage.gallery(await stage.press(stage.guest(), large, "Upscale 4×"))
    assert (await picture_of(larger)).size == (512, 512)
    upscale = await stage.press(stage.guest(), larger, "Upscale 2×")
    running = copy(await stage.card(upscale, lambda card: is_gallery(card) or share_shown(card) > 0))
    assert 0 < share_shown(running) < 100 and not is_gallery(running), "nine tiles, told one by one"
    largest = await stage.gallery(upscale)
    assert (await picture_of(largest)).size == (1024, 1024)
    assert largest.component(label="Upscale 2×") is not None
    assert largest.component(label="Upscale 4×") is None, "4096 pixels are too many"


async def test_a_creative_upscale_redraws_what_it_enlarges(stage: Stage) -> None:
    guest = stage.guest()
    small = await stage.draw(guest, "a fern", images=1, steps=12)
    upscale = await stage.press(guest, small, "Upscale creative")
    large = await stage.gallery(upscale)
    assert "picture 1, upscaled with new details" in large.texts and "12 steps" in large.texts
    assert (await picture_of(large)).size == (128, 128)
    assert stage.spent(guest) == 2
    row = stage.job(large)
    assert (row["action"], row["parent"]) == ("creative", job_of(small))
    (content,) = stage.files(job_of(large))
    assert "Hires upscale: 2" in read_parameters(content.read_bytes())
    again = await stage.gallery(await stage.press(guest, large, "🔄"))
    assert (await picture_of(again)).size == (128, 128)
    assert large.component(label="U1") is None


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
