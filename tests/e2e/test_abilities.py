"""What a model can't do is not offered, through the whole bot: a refiner, and a distilled model without guidance."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stage import Options, Stage, on_stage
from tests.tiny_models import edit_json, tiny_klein

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, model: Path) -> AsyncGenerator[Stage]:
    """A refiner as the default model "tiny", and a distilled FLUX.2 klein as "twin"."""
    folder = tmp_path_factory.mktemp("abilities")
    refiner = shutil.copytree(model, folder / "refiner")
    edit_json(refiner / "model_index.json", _class_name="StableDiffusionImg2ImgPipeline")
    klein = tiny_klein(folder / "klein", is_distilled=True)
    async with on_stage(folder, refiner, Options(twin=str(klein))) as stage:
        await stage.until(lambda: "the worker is ready" in stage.log.read_text("utf-8"), timeout=60)
        yield stage


async def test_a_refiner_draws_no_prompt_alone_and_is_used_in_a_remix(stage: Stage) -> None:
    assert (
        "model tiny: It is a StableDiffusionImg2ImgPipeline, which can't draw from a prompt alone"
        in stage.said()
    )
    ben = stage.guest()
    refused = await stage.private(await ben.slash("gallery", "imagine", prompt="a fox"))
    assert "can't draw from a prompt alone" in refused
    assert "✏️" in refused
    assert stage.spent(ben) == 0
    choices = await ben.autocomplete("gallery", "imagine", prompt="x", focused="model", model="")
    assert [each["value"] for each in choices] == ["twin", "emoji"]
    gallery = await stage.draw(ben, "an apple", model="emoji", images=1)
    form = await (await stage.press(ben, gallery, "Remix")).wait_for_modal()
    remix = await stage.gallery(await ben.submit(form, {"prompt": "an apple --model tiny --images 1"}))
    assert stage.job(remix)["model"] == "tiny"


async def test_a_distilled_model_offers_no_variation_and_says_what_it_ignores(stage: Stage) -> None:
    use = await stage.imagine(stage.guest(), "a fox --cfg 9 --no rain", model="twin", images=2)
    gallery = await stage.card(use, lambda message: message.component(label="U1") is not None)
    assert not any(gallery.component(label=label) for label in ("V1", "V2", "Remix"))
    assert "This model ignores `--no`, `--cfg`" in gallery.texts
    assert "cfg 9" not in gallery.texts
