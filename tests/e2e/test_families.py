"""One model of each of ten pipeline classes, through the shipped bot and its worker."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from diffusers import DiffusionPipeline
from PIL import Image

from generation.worker.models.abilities import of_files
from playground.world.messages import Message
from tests.e2e.stage import Options, Stage, on_stage, picture_of
from tests.generation.worker import reference
from tests.generation.worker.requests import order
from tests.tiny_models import (
    edit_json,
    tiny_chroma,
    tiny_flux,
    tiny_flux2,
    tiny_klein,
    tiny_qwen_image,
    tiny_sd,
    tiny_sd3,
    tiny_sdxl,
    tiny_z_image,
)

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(240),
    # diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def tiny_pag(folder: Path) -> Path:
    """A variant of Stable Diffusion that the loop leaves to its own class."""
    edit_json(tiny_sd(folder) / "model_index.json", _class_name="StableDiffusionPAGPipeline")
    return folder


MAKERS: Mapping[str, Callable[[Path], Path]] = {
    "StableDiffusionPipeline": tiny_sd,
    "StableDiffusionXLPipeline": tiny_sdxl,
    "StableDiffusionPAGPipeline": tiny_pag,
    "StableDiffusion3Pipeline": tiny_sd3,
    "FluxPipeline": tiny_flux,
    "Flux2Pipeline": tiny_flux2,
    "Flux2KleinPipeline": tiny_klein,
    "ZImagePipeline": tiny_z_image,
    "QwenImagePipeline": tiny_qwen_image,
    "ChromaPipeline": tiny_chroma,
}
SAME = 40.0
"""dB. A posted picture differs by its invisible mark alone."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("families")
    return {name: make(folder / name) for name, make in MAKERS.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, model: Path, folders: dict[str, Path]
) -> AsyncGenerator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    async with on_stage(folder, shutil.copytree(model, folder / "tiny"), Options(more=folders)) as stage:
        yield stage


def pixels(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(picture.convert("RGB"), np.float64)


def drawn_alone(folder: Path) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Returns the pixels of the pipeline's own pictures, one for each scale of guidance."""
    pipe: Any = DiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    asked = [order(text="a red fox", seed=5, steps=4, guidance=guidance).drawing for guidance in (4.0, 30.0)]
    return [pixels(reference.picture(pipe, each, 0)) for each in asked]


def is_drawn(message: Message) -> bool:
    return message.component(label="U1") is not None


@pytest.mark.parametrize("name", MAKERS)
async def test_a_model_draws_its_pipelines_own_picture_and_does_what_its_buttons_offer(
    stage: Stage, folders: dict[str, Path], name: str
) -> None:
    abilities = of_files(str(folders[name]))
    assert abilities is not None and abilities.pipeline == name
    ben = stage.guest()
    galleries = [
        await stage.card(
            await stage.imagine(ben, f"a red fox --seed 5 --steps 4 --cfg {guidance} --images 1", model=name),
            is_drawn,
        )
        for guidance in (4, 30)
    ]
    posted = [pixels(await picture_of(gallery)) for gallery in galleries]
    expected = await asyncio.to_thread(drawn_alone, folders[name])
    for ours, theirs in zip(posted, expected, strict=True):
        assert 10 * np.log10(255**2 / max(((ours - theirs) ** 2).mean(), 1e-9)) > SAME
    # Guidance changes the picture as the pipeline does. Some tiny models change less than the mark, but in their own pattern.
    change, wanted = posted[1] - posted[0], expected[1] - expected[0]
    assert abilities.is_guided and (change * wanted).sum() > 0.5 * (wanted**2).sum() > 0

    gallery = galleries[0]
    offered = [label for label in ("V1", "Remix") if gallery.component(label=label)]
    assert offered == (["V1", "Remix"] if abilities.starts else [])
    if abilities.starts:
        await stage.gallery(await stage.press(ben, gallery, "V1"))
        form = await (await stage.press(ben, gallery, "Remix")).wait_for_modal()
        remix = await stage.gallery(await ben.submit(form, {"prompt": "a blue cup --images 1"}))
        assert stage.job(remix)["model"] == name
    assert stage.spent(ben) == (7 if abilities.starts else 2)
