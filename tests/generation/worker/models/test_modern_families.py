"""Z-Image, FLUX.2, Qwen-Image and Chroma in the step loop: equal to diffusers' own pipelines, alone and in company."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from bot.studio.orders.order import GalleryAction
from bot.studio.orders.outpainting import PLACEMENTS
from generation.canvas.compose import composed
from generation.files.images import open_picture
from generation.protocol import Failed, Finished, Generate, Previewed
from generation.request import ImageSize, InputPicture, Role
from generation.worker.models.loading import Model
from generation.worker.output.decode import to_tensor
from tests.drawings import start_from
from tests.generation.worker import reference
from tests.generation.worker.company import draw_in_company, relative_difference
from tests.generation.worker.denoise.test_inpaint import mask
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png
from tests.generation.worker.test_loop import Stage, opened
from tests.tiny_models import edit_json, tiny_klein

pytestmark = pytest.mark.slow

FOLDERS = ["z_image_folder", "klein_folder", "flux2_folder", "qwen_folder", "chroma_folder"]
STARTING = ["z_image_folder", "qwen_folder", "chroma_folder"]
MASKING = ["z_image_folder", "qwen_folder"]
WIDE = ImageSize(width=96, height=64)


@pytest.fixture(scope="module")
def loaded() -> dict[str, Model]:
    """Models by the name of their fixture: each is loaded once."""
    return {}


@pytest.fixture
def base(request: pytest.FixtureRequest, loaded: dict[str, Model]) -> Model:
    name = request.param
    if name not in loaded:
        loaded[name] = quiet(model(request.getfixturevalue(name)))
    return loaded[name]


def quiet(one: Model) -> Model:
    one.pipe.set_progress_bar_config(disable=True)
    return one


@pytest.mark.parametrize("base", FOLDERS, indirect=True)
def test_pictures_of_mixed_steps_and_guidance_are_the_pipelines_own(base: Model) -> None:
    orders = [
        (base, order("1", text="a red fox", guidance=3.5, steps=4, size=WIDE)),
        (base, order("2", text="tea on a table, and a blue cup", guidance=1.0, steps=6, seed=9, size=WIDE)),
        (base, order("3", text="a hill", guidance=7.0, steps=3, seed=3, size=WIDE)),
    ]
    for slot, (one, request) in zip(draw_in_company(orders, seed=4), orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, request


@pytest.mark.parametrize("base", FOLDERS, indirect=True)
def test_guidance_changes_the_picture(base: Model) -> None:
    low, high = draw_in_company([(base, order("1", guidance=1.0)), (base, order("2", guidance=7.0))], seed=1)
    assert float((low.latents - high.latents).abs().max()) > 1e-3


@pytest.mark.parametrize("base", ["z_image_folder", "qwen_folder", "chroma_folder"], indirect=True)
def test_a_negative_prompt_is_read_as_the_pipeline_reads_it(base: Model) -> None:
    request = order("1", negative="rain and a very long grey sky", guidance=4.0)
    (slot,) = draw_in_company([(base, request)], seed=1)
    assert relative_difference(slot, base, request) < 1e-4


@pytest.mark.parametrize("strength", [0.35, 0.8])
@pytest.mark.parametrize("base", STARTING, indirect=True)
def test_a_picture_starts_from_another_as_the_sibling_pipeline_does(base: Model, strength: float) -> None:
    request = order("1", steps=7, pictures=start_from(png(), strength=strength), size=WIDE)
    (slot,) = draw_in_company([(base, request)], seed=1)
    assert relative_difference(slot, base, request) < 1e-4


@pytest.mark.parametrize("base", ["z_image_folder", "qwen_folder"], indirect=True)
def test_a_mask_is_filled_as_the_sibling_pipeline_does(base: Model) -> None:
    request = order("1", steps=6, pictures=start_from(png(), strength=0.6, mask=mask()))
    (slot,) = draw_in_company([(base, request)], seed=1)
    assert relative_difference(slot, base, request) < 1e-4


@pytest.mark.parametrize("press", [GalleryAction.ZOOM_LITTLE, GalleryAction.PAN_LEFT])
@pytest.mark.parametrize("base", MASKING, indirect=True)
def test_a_picture_goes_on_beyond_its_border_and_keeps_its_pixels(base: Model, press: GalleryAction) -> None:
    assert base.abilities.masks
    start = InputPicture(source=png(), role=Role.START, strength=0.9, placement=PLACEMENTS[press])
    request = order("1", steps=4, size=WIDE, pictures=(start,))
    request = replace(request, drawing=composed(request.drawing))
    (slot,) = draw_in_company([(base, request)], seed=6)
    assert relative_difference(slot, base, request) < 1e-4, "as diffusers' inpainting pipeline draws it"
    canvas, is_new = (to_tensor(open_picture(each.source)) for each in request.drawing.pictures)
    drawn, is_kept = base.develop([slot])[0], is_new == 0
    assert torch.equal(drawn[is_kept], canvas[is_kept]) and is_kept.any()
    assert (drawn - canvas)[~is_kept].abs().mean() > 0.02


@pytest.mark.parametrize("base", FOLDERS, indirect=True)
def test_latents_become_the_pipelines_own_picture(base: Model) -> None:
    (slot,) = draw_in_company([(base, order())], seed=5)
    drawn = base.develop([slot])[0]
    expected = to_tensor(reference.picture(base.pipe, order().drawing, 0))
    assert float((drawn - expected).abs().max()) < 1 / 255


@pytest.mark.parametrize("base", ["z_image_folder"], indirect=True)
def test_z_image_draws_several_sizes_in_one_call(base: Model) -> None:
    sizes = [ImageSize(width=64, height=64), ImageSize(width=80, height=48), ImageSize(width=32, height=96)]
    orders = [
        (
            base,
            order(
                f"{i}", text=" ".join(["fox"] * (1 + 9 * i)), size=size, steps=3 + i, guidance=2.0 * i, seed=i
            ),
        )
        for i, size in enumerate(sizes)
    ]
    slots = [one.seat(request.drawing, 0) for one, request in orders]
    calls: list[int] = []

    def note(_: Any, told: Any) -> None:
        calls.append(len(told[0]))

    hook = base.pipe.transformer.register_forward_pre_hook(note)
    while live := [slot for slot in slots if not slot.is_finished]:
        base.advance(live)
    hook.remove()
    assert len({slot.key for slot in slots}) == len({slot.key for slot in slots[:1]}) == 1
    # The first picture has no guidance, so one row.
    assert calls == [5, 5, 5, 4, 2]
    for slot, (one, request) in zip(slots, orders, strict=True):
        assert relative_difference(slot, one, request) < 1e-4, request


@pytest.mark.parametrize("base", ["z_image_folder"], indirect=True)
def test_z_image_without_guidance_is_drawn_by_one_row(base: Model) -> None:
    request = order("1", guidance=0.0)
    (slot,) = draw_in_company([(base, request)], seed=1)
    assert len(slot.rows) == 1
    assert relative_difference(slot, base, request) < 1e-4


def test_a_distilled_klein_has_no_second_row(tmp_path: Path) -> None:
    base = quiet(model(tiny_klein(tmp_path, is_distilled=True)))
    request = order("1", guidance=7.0)
    (slot,) = draw_in_company([(base, request)], seed=1)
    assert len(slot.rows) == 1
    assert relative_difference(slot, base, request) < 1e-4
    assert not base.abilities.is_guided
    assert base.abilities.steps == 4


def test_flux_schnell_draws_without_guidance(flux_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(flux_folder, tmp_path / "schnell")
    edit_json(folder / "transformer" / "config.json", guidance_embeds=False)
    base = quiet(model(folder))
    orders = [(base, order("1", guidance=3.5)), (base, order("2", guidance=1.0, steps=2, seed=4))]
    for slot, (one, request) in zip(draw_in_company(orders, seed=4), orders, strict=True):
        assert len(slot.rows) == 1
        assert relative_difference(slot, one, request) < 1e-4, request


@pytest.mark.parametrize("base", ["qwen_folder"], indirect=True)
def test_qwen_image_is_guided_beside_a_blank_negative(base: Model) -> None:
    plain, guided = (order(guidance=guidance) for guidance in (1.0, 7.0))
    slots = draw_in_company([(base, plain), (base, guided)], seed=2)
    assert [len(slot.rows) for slot in slots] == [1, 2]
    assert float((slots[0].latents - slots[1].latents).abs().max()) > 1e-3
    for slot, request in zip(slots, (plain, guided), strict=True):
        assert relative_difference(slot, base, request) < 1e-4


@pytest.mark.parametrize("base", ["qwen_folder"], indirect=True)
def test_texts_of_a_family_with_any_length_share_steps_by_their_bucket(base: Model) -> None:
    keys = [base.seat(order(text=text).drawing, 0).key for text in ("fox", "a fox and some tea", "fox " * 60)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_worker_draws_them_with_previews(name: str, request: pytest.FixtureRequest) -> None:
    stage = Stage(request.getfixturevalue(name), preview_seconds=0.0)
    # For Z-Image all three share their steps, and are decoded by size.
    small = ImageSize(width=80, height=48)
    stage.say(Generate(request=order("a", images=2)), Generate(request=order("b", size=small)))
    stage.finish()
    assert not stage.of(Failed)
    drawn = {event.job: opened(event.pictures[0]).size for event in stage.of(Finished)}
    assert drawn == {"a": (64, 64), "b": (80, 48)}
    assert (
        {event.job for event in stage.of(Finished)}
        == {event.job for event in stage.of(Previewed)}
        == {"a", "b"}
    )


@pytest.mark.parametrize("base", ["chroma_folder"], indirect=True)
def test_chroma_fills_no_masks_because_the_pipeline_to_compare_with_does_not_run(base: Model) -> None:
    assert base.abilities.starts
    assert not base.abilities.masks
    fill: Any = diffusers.ChromaInpaintPipeline(**base.pipe.components)
    with pytest.raises(AttributeError, match="guidance_embeds"):
        fill("a fox", image=open_picture(png()), mask_image=open_picture(mask()), num_inference_steps=1)


@pytest.mark.parametrize("base", ["klein_folder", "flux2_folder"], indirect=True)
def test_flux2_starts_from_no_picture(base: Model) -> None:
    assert not base.abilities.starts
    assert not base.abilities.masks
    assert base.abilities.references > 1
