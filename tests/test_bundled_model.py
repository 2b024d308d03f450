"""The shipped weights: they are small enough, safe to load, and draw the requested pictures."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from bot.studio.orders.captions import Captions
from bot.studio.orders.order import GalleryAction
from bot.studio.orders.outpainting import PLACEMENTS, outpainting_strength
from bot.studio.settings import BUNDLED, BUNDLED_MODEL
from db.jobs import JobAction
from generation import __main__ as command
from generation.canvas.compose import composed
from generation.files.images import open_picture
from generation.protocol import Finished, Generate
from generation.request import GenerationRequest, ImageSize, InputPicture, Role
from tests.drawings import start_from
from tests.generation.worker.requests import order
from tests.generation.worker.test_loop import Stage

pytestmark = pytest.mark.slow

SIDE = 128
MOST = 40_000_000  # bytes


def wish(text: str, *, seed: int = 1, pictures: tuple[InputPicture[bytes], ...] = ()) -> GenerationRequest:
    return order(
        f"{text} {seed}"[:10],
        text,
        size=ImageSize(width=SIDE, height=SIDE),
        steps=20,
        seed=seed,
        pictures=pictures,
    )


def draw(request: GenerationRequest) -> NDArray[np.int16]:
    """Returns (128, 128, 3)."""
    (picture,) = draw_each(request)
    return picture


def draw_each(*requests: GenerationRequest) -> list[NDArray[np.int16]]:
    stage = Stage(BUNDLED_MODEL)
    stage.say(*(Generate(request=request) for request in requests))
    stage.finish()
    found = {finished.job: finished.pictures[0] for finished in stage.of(Finished)}
    return [np.asarray(open_picture(found[each.job]).convert("RGB"), dtype=np.int16) for each in requests]


def middle(picture: NDArray[np.int16]) -> NDArray[np.float64]:
    return picture[SIDE // 3 : -SIDE // 3, SIDE // 3 : -SIDE // 3].mean((0, 1))


def edge(picture: NDArray[np.int16]) -> NDArray[np.float64]:
    """Returns the median colour of the four corners."""
    return np.median(picture[[2, 2, -3, -3], [2, -3, 2, -3]], axis=0)


def encoded(picture: NDArray[np.int16] | Image.Image) -> bytes:
    out = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture.astype(np.uint8))
    image.save(out, "PNG")
    return out.getvalue()


def test_it_fits_into_the_repository_and_holds_no_code() -> None:
    files = [path for path in BUNDLED_MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST
    assert not [path for path in files if path.suffix in {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".py"}]


def test_its_weights_are_in_half_precision() -> None:
    for file in BUNDLED_MODEL.rglob("*.safetensors"):
        with safe_open(file, "np") as weights:
            types = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118
        assert types <= {"F16", "I64"}, file


def test_a_red_apple_from_the_command_line_is_red(tmp_path: Path) -> None:
    output = tmp_path / "apple.png"
    assert command.main(["a red apple", "--seed", "1", "-o", str(output)]) == 0
    picture = np.asarray(Image.open(output).convert("RGB"), dtype=np.int16)
    red, green, blue = middle(picture)
    assert red > green + 60 and red > blue + 60
    assert edge(picture).min() > 220  # on white, the default background


@pytest.mark.parametrize(
    ("colour", "rgb"), [("blue", (60, 120, 220)), ("pink", (248, 150, 190)), ("black", (25, 25, 30))]
)
def test_a_background_is_what_it_is_called(colour: str, rgb: tuple[int, int, int]) -> None:
    picture = draw(wish(f"a house on a {colour} background"))
    assert np.abs(edge(picture) - rgb).max() < 40


def test_a_tint_is_what_it_is_called() -> None:
    red, _, blue = middle(draw(wish("a blue cat")))
    assert blue > red + 30


def test_other_words_draw_other_things_and_another_seed_another_picture() -> None:
    house, tree, again = (
        draw(wish(text, seed=seed)) for text, seed in (("a house", 1), ("a tree", 1), ("a house", 2))
    )
    assert np.abs(house - tree).mean() > 10
    assert np.abs(house - again).mean() > 2


def test_what_it_was_never_taught_is_no_noise() -> None:
    """Noise differs from pixel to pixel; a drawing is mostly smooth."""
    picture = draw(wish("the quarterly tax report of a lighthouse"))
    steps = np.abs(np.diff(picture, axis=1)).mean()
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.int16)
    assert steps < np.abs(np.diff(noise, axis=1)).mean() / 6


def test_a_variation_stays_near_the_picture_that_it_is_of() -> None:
    base = draw(wish("a car"))
    varied = draw(wish("a car", seed=9, pictures=start_from(encoded(base), strength=0.5)))
    other = draw(wish("a car", seed=9))
    assert 1 < np.abs(varied - base).mean() < np.abs(other - base).mean()


def test_a_region_is_drawn_anew_and_the_rest_is_kept_to_the_pixel() -> None:
    base = draw(wish("a tree on a light blue background"))
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (SIDE // 2, 0, SIDE, SIDE))
    init = start_from(encoded(base), strength=1.0, mask=encoded(mask))
    mended = draw(wish("a house on a light blue background", seed=3, pictures=init))
    assert np.array_equal(mended[:, : SIDE // 2], base[:, : SIDE // 2])
    assert np.abs(mended[:, SIDE // 2 :] - base[:, SIDE // 2 :]).mean() > 5


def steps_across(
    picture: NDArray[np.int16], old: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the differences of neighbouring pixels across the border of the old part, and inside of it."""
    across, inside = list[NDArray[np.float64]](), list[NDArray[np.float64]]()
    for axis in (0, 1):
        steps = np.abs(np.diff(picture, axis=axis)).mean(-1)
        before, after = (np.delete(old, at, axis) for at in (-1, 0))
        across.append(steps[before != after])
        inside.append(steps[before & after])
    return np.concatenate(across), np.concatenate(inside)


def test_beyond_its_border_a_picture_goes_on_without_a_seam() -> None:
    texts = ("a fox on a blue background", "a castle on a dark blue background")
    bases = draw_each(*(wish(text) for text in texts))
    laid = [
        (base, placement)
        for base in bases
        for placement in (PLACEMENTS[GalleryAction.ZOOM_LITTLE], PLACEMENTS[GalleryAction.PAN_LEFT])
    ]
    captions = Captions([replace(BUNDLED, source=str(BUNDLED_MODEL))])
    requests: list[GenerationRequest] = []
    for number, (base, placement) in enumerate(laid):
        start = InputPicture(
            source=encoded(base), role=Role.START, strength=outpainting_strength(BUNDLED), placement=placement
        )
        asked = wish(f"{number} {texts[number // 2]}", seed=5, pictures=(start,)).drawing
        plan = captions.drawn(replace(asked, model=BUNDLED.name), JobAction.ZOOM)
        made = replace(wish(f"{number}", seed=5), drawing=composed(asked), plan=plan)
        requests.append(made)
    for picture, request in zip(draw_each(*requests), requests, strict=True):
        start, mask = request.drawing.pictures
        began = np.asarray(open_picture(start.source), dtype=np.int16)
        old = np.asarray(Image.open(io.BytesIO(mask.source))) == 0
        assert np.array_equal(picture[old], began[old]), "the old pixels stay"
        across, inside = steps_across(picture, old)
        assert across.mean() < inside.mean()
        assert np.abs(picture[~old] - np.median(picture[~old], axis=0)).mean() < 12, "no second object"
        assert np.abs(picture[~old] - began[~old]).max() > 2, "it is drawn, not guessed alone"
