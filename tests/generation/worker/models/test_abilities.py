"""What diffusers' own classes and a model's configuration files say that it can do."""

import inspect
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest

from generation.abilities import Abilities, GuidanceKind
from generation.files.distilled import distilled_by
from generation.worker.models import abilities
from tests.generation.worker.loaded import model
from tests.tiny_models import edit_json

EMBEDDED = {"transformer": {"guidance_embeds": True}}
NOT_EMBEDDED = {"transformer": {"guidance_embeds": False}}


def of(name: str, configs: dict[str, dict[str, Any]] | None = None, **index: Any) -> Abilities:
    return abilities.of_class(getattr(diffusers, name), index, configs or {})


@pytest.mark.parametrize(
    ("name", "starts", "masks"),
    [
        ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"),
        (
            "StableDiffusionPAGPipeline",
            "StableDiffusionPAGImg2ImgPipeline",
            "StableDiffusionPAGInpaintPipeline",
        ),
        ("SanaSprintPipeline", "SanaSprintImg2ImgPipeline", ""),
        ("KandinskyV22CombinedPipeline", "KandinskyV22Img2ImgCombinedPipeline", ""),
        ("SanaPipeline", "", ""),
        ("Lumina2Pipeline", "", ""),
        ("HiDreamImagePipeline", "", ""),
        ("LongCatImagePipeline", "", ""),
        ("Krea2Pipeline", "", ""),
    ],
)
def test_a_model_starts_from_pictures_where_diffusers_has_a_sibling_class(
    name: str, starts: str, masks: str
) -> None:
    can = of(name)
    assert (can.draws_text, can.starts_by, can.masks_by) == (True, starts, masks)
    assert can.advice == ""


@pytest.mark.parametrize(
    "name", ["Flux2Pipeline", "Flux2KleinKVPipeline", "FluxKontextPipeline", "ZImageOmniPipeline"]
)
def test_reference_pictures_are_no_start_pictures(name: str) -> None:
    can = of(name)
    assert can.draws_text
    assert not can.starts
    assert can.references >= 1


@pytest.mark.parametrize(
    ("name", "starts", "has_strength", "masks"),
    [
        ("StableDiffusionXLImg2ImgPipeline", True, True, False),  # also SDXL's refiner
        ("StableDiffusionInstructPix2PixPipeline", True, False, False),
        ("QwenImageEditPipeline", True, False, False),
        ("QwenImageEditPlusPipeline", True, False, False),
        ("FluxFillPipeline", False, True, True),
        ("FluxControlPipeline", False, True, False),
        ("StableDiffusionControlNetPipeline", False, True, False),
        ("StableDiffusionUpscalePipeline", False, True, False),
        ("WanPipeline", False, True, False),
        ("StableDiffusionAttendAndExcitePipeline", False, True, False),
        ("StableAudioPipeline", False, True, False),
    ],
)
def test_a_model_that_draws_no_prompt_alone_says_what_it_does_instead(
    name: str, starts: bool, has_strength: bool, masks: bool
) -> None:
    can = of(name)
    assert not can.draws_text
    assert (can.starts, can.has_strength, can.masks) == (starts, has_strength, masks)
    assert can.is_useful == (starts or masks)
    assert name in can.advice
    assert ("remix" in can.advice) == starts


@pytest.mark.parametrize(
    ("name", "configs", "index", "kind", "argument"),
    [
        ("StableDiffusionXLPipeline", {}, {}, GuidanceKind.FREE, "guidance_scale"),
        (
            "StableDiffusionPipeline",
            {"unet": {"time_cond_proj_dim": 256}},
            {},
            GuidanceKind.EMBEDDED,
            "guidance_scale",
        ),
        ("FluxPipeline", EMBEDDED, {}, GuidanceKind.EMBEDDED, "guidance_scale"),
        ("FluxPipeline", NOT_EMBEDDED, {}, GuidanceKind.NONE, ""),
        ("QwenImagePipeline", NOT_EMBEDDED, {}, GuidanceKind.FREE, "true_cfg_scale"),
        ("HunyuanImagePipeline", EMBEDDED, {}, GuidanceKind.EMBEDDED, "distilled_guidance_scale"),
        ("HunyuanImagePipeline", NOT_EMBEDDED, {}, GuidanceKind.NONE, ""),
        ("SanaSprintPipeline", {}, {}, GuidanceKind.EMBEDDED, "guidance_scale"),
        ("Flux2KleinPipeline", NOT_EMBEDDED, {"is_distilled": True}, GuidanceKind.NONE, ""),
        ("Flux2KleinPipeline", NOT_EMBEDDED, {"is_distilled": False}, GuidanceKind.FREE, "guidance_scale"),
        ("Flux2Pipeline", EMBEDDED, {}, GuidanceKind.EMBEDDED, "guidance_scale"),
    ],
)
def test_guidance_has_the_name_and_the_meaning_that_the_pipeline_gives_it(
    name: str, configs: dict[str, dict[str, Any]], index: dict[str, Any], kind: GuidanceKind, argument: str
) -> None:
    can = of(name, configs, **index)
    assert (can.guidance.kind, can.guidance.argument) == (kind, argument)
    if kind is not GuidanceKind.FREE:
        assert not can.takes_negative


def test_z_image_is_guided_by_any_number_above_zero() -> None:
    assert of("ZImagePipeline").guidance.off == 0


@pytest.mark.parametrize(
    ("name", "configs", "index", "steps"),
    [
        ("Flux2KleinPipeline", NOT_EMBEDDED, {"is_distilled": True}, (4, 0)),
        ("FluxPipeline", NOT_EMBEDDED, {}, (4, 0)),
        ("FluxPipeline", EMBEDDED, {}, (0, 0)),
        ("SanaSprintPipeline", {}, {}, (2, 4.5)),
        ("StableDiffusionPipeline", {}, {}, (0, 0)),
        ("StableDiffusionPipeline", {"unet": {"time_cond_proj_dim": 256}}, {}, (4, 0)),
    ],
)
def test_a_distilled_model_says_what_it_was_made_for(
    name: str, configs: dict[str, dict[str, Any]], index: dict[str, Any], steps: tuple[int, float]
) -> None:
    can = of(name, configs, **index)
    assert (can.steps, can.scale) == steps


def test_schnell_is_known_in_every_class_that_draws_with_it() -> None:
    names = [name for name in dir(diffusers) if name.startswith("Flux") and name.endswith("Pipeline")]
    assert len(names) > 10
    for name in names:
        parameters = inspect.signature(getattr(diffusers, name).__call__).parameters
        is_known = distilled_by(name, {}, {"transformer": {"guidance_embeds": False}}) is not None
        assert is_known == ("true_cfg_scale" in parameters or name == "Flux2KleinKVPipeline"), name


def test_a_folder_says_before_it_is_loaded_what_the_loaded_model_says(
    flux_folder: Path, tmp_path: Path
) -> None:
    early, loaded = abilities.of_files(str(flux_folder)), model(flux_folder).abilities
    assert early is not None
    assert early.multiple == 0
    assert loaded.multiple == 16
    assert (early.pipeline, early.guidance, early.starts_by) == (
        loaded.pipeline,
        loaded.guidance,
        loaded.starts_by,
    )
    schnell = shutil.copytree(flux_folder, tmp_path / "schnell")
    edit_json(schnell / "transformer" / "config.json", guidance_embeds=False)
    told = abilities.of_files(str(schnell))
    assert told is not None
    assert told.guidance.kind is GuidanceKind.NONE


@pytest.mark.parametrize("source", ["owner/name", "/nowhere", ""])
def test_a_source_that_is_no_folder_says_nothing_early(source: str) -> None:
    assert abilities.of_files(source) is None


def test_a_folder_of_an_unknown_class_says_nothing_early(sd_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sd_folder, tmp_path / "odd")
    edit_json(folder / "model_index.json", _class_name="NoSuchPipeline")
    assert abilities.of_files(str(folder)) is None
