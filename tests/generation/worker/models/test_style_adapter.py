"""Style pictures in shared slots: the same pictures as diffusers' own pipeline with an IP-Adapter, and others do not change."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from generation.files.model_source import inspect_entry
from generation.files.styles.adapter_file import inspect_style_adapter
from generation.files.tensor_file import BrokenModelFolder
from generation.request import GenerationRequest, InputPicture, Lora, LoraEntry, LoraName, Role
from generation.worker.denoise.batch_state import COMPILED_ROW_COUNTS
from generation.worker.denoise.style_rows import StyleTokens, style_arguments
from generation.worker.models.abilities import of_files
from generation.worker.models.loading import BrokenModel, Model, UnusableRequest
from generation.worker.models.model_cache import footprint
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order, png
from tests.tiny_loras import tiny_lora
from tests.tiny_models import edit_json
from tests.tiny_styles import tiny_style_adapter

pytestmark = [
    # diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

RED, BLUE = (200, 40, 90), (20, 60, 220)
NEAR = 1e-4
"""Relative difference of latents, as for other pictures of the loop."""


def styled(colour: tuple[int, int, int], strength: float, **more: Any) -> dict[str, Any]:
    picture = InputPicture(source=png(colour), role=Role.STYLE, strength=strength)
    return {"pictures": (picture, *more.pop("pictures", ())), **more}


@pytest.fixture(scope="module")
def adapter(sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_style_adapter(sd_folder, tmp_path_factory.mktemp("style"))


@pytest.fixture(scope="module")
def lora(sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LoraEntry:
    file = tiny_lora(sd_folder, tmp_path_factory.mktemp("loras") / "ink.safetensors", 2, "unet")
    return LoraEntry(name=LoraName("ink"), source=str(file))


@pytest.fixture(scope="module")
def one(sd_folder: Path, adapter: Path, lora: LoraEntry) -> Model:
    return model(sd_folder, style_adapter=str(adapter), loras=(lora,))


def drawn_by_diffusers(
    folder: Path, adapter: Path, request: GenerationRequest, lora: LoraEntry | None = None
) -> Tensor:
    pipe: Any = DiffusionPipeline.from_pretrained(folder, **dict.fromkeys(["safety_checker"]))
    pipe.set_progress_bar_config(disable=True)
    if lora is not None:
        pipe.load_lora_weights(lora.source, adapter_name="ink")
        pipe.set_adapters(["ink"], [request.drawing.loras[0].weight])
    drawing, more = request.drawing, dict[str, Any]()
    if picture := drawing.picture(Role.STYLE):
        pipe.load_ip_adapter(
            str(adapter.parent), subfolder="", weight_name=adapter.name, local_files_only=True
        )
        pipe.set_ip_adapter_scale(picture.strength)
        more["ip_adapter_image"] = Image.open(io.BytesIO(picture.source)).convert("RGB")
    found: Tensor = pipe(
        prompt=drawing.prompt.text,
        negative_prompt=drawing.prompt.negative or None,
        num_inference_steps=drawing.steps,
        guidance_scale=drawing.guidance,
        height=drawing.size.height,
        width=drawing.size.width,
        generator=torch.Generator().manual_seed(drawing.seed),
        output_type="latent",
        **more,
    ).images
    return found[0]


def apart(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def test_rows_with_two_strengths_and_without_a_style_share_a_batch_and_equal_the_pipeline(
    sd_folder: Path, adapter: Path, one: Model
) -> None:
    orders = [
        order("1", **styled(RED, 1.0), negative="fog"),
        order("2", **styled(RED, 0.3), steps=6, guidance=7.0),
        order("3", **styled(BLUE, 0.6), guidance=1.0, seed=7),
        order("4"),
        order("5", guidance=1.0, seed=9),
    ]
    slots = draw_in_company([(one, each) for each in orders], seed=1)
    assert len({slot.key for slot in slots}) == 1
    for slot, each in zip(slots, orders, strict=True):
        assert apart(slot.latents, drawn_by_diffusers(sd_folder, adapter, each)) < NEAR, each.job
    plain = drawn_by_diffusers(sd_folder, adapter, order())
    assert apart(slots[0].latents, plain) > 0.05 < apart(slots[1].latents, plain)


def test_a_row_without_a_picture_gets_exactly_nothing(one: Model) -> None:
    rows, width = 3, one.pipe.unet.config.cross_attention_dim
    x, text = torch.randn(rows, 4, 8, 8), torch.randn(rows, 7, width)
    with torch.inference_mode():
        plain = one.pipe.unet(x, torch.tensor([9.0] * rows), text, return_dict=False)[0]
        shown = StyleTokens(tokens=torch.randn(4, width), strength=0.5)
        told = style_arguments([None, shown, None], torch.device("cpu"))
        found = one.pipe.unet(x, torch.tensor([9.0] * rows), text, return_dict=False, **told)[0]
        nothing = style_arguments([shown, StyleTokens(tokens=shown.tokens, strength=0.0), shown], x.device)
        off = one.pipe.unet(x, torch.tensor([9.0] * rows), text, return_dict=False, **nothing)[0]
    assert style_arguments([None, None], torch.device("cpu")) == {}
    for row in (0, 2):
        assert apart(found[row], plain[row]) < 1e-6
    assert apart(found[1], plain[1]) > 0.01
    assert apart(off[1], plain[1]) < 1e-6


def test_a_lora_works_beside_a_style(sd_folder: Path, adapter: Path, one: Model, lora: LoraEntry) -> None:
    wearing = (Lora(name=lora.name, weight=0.8),)
    both = order("1", **styled(RED, 0.7), loras=wearing)
    (slot,) = draw_in_company([(one, both)], seed=1)
    expected = drawn_by_diffusers(sd_folder, adapter, both, lora)
    assert apart(slot.latents, expected) < NEAR
    without = order("2", **styled(RED, 0.7))
    (plain,) = draw_in_company([(one, without)], seed=1)
    assert apart(plain.latents, drawn_by_diffusers(sd_folder, adapter, without)) < NEAR
    assert apart(plain.latents, expected) > 0.01


@pytest.mark.parametrize("is_plus", [False, True])
def test_sdxl_and_an_adapter_with_a_resampler_too(
    sdxl_folder: Path, tmp_path: Path, *, is_plus: bool
) -> None:
    file = tiny_style_adapter(sdxl_folder, tmp_path, is_plus=is_plus)
    xl, asked = model(sdxl_folder, style_adapter=str(file)), order(**styled(BLUE, 0.8))
    slots = draw_in_company([(xl, asked), (xl, order("2"))], seed=1)
    assert apart(slots[0].latents, drawn_by_diffusers(sdxl_folder, file, asked)) < NEAR
    assert apart(slots[1].latents, drawn_by_diffusers(sdxl_folder, file, order("2"))) < NEAR


def test_a_compiled_denoiser_is_not_compiled_again_for_style_pictures(one: Model) -> None:
    """It would be for each number of rows, which takes minutes each time."""
    calls: list[int] = []

    def compiled(*args: Any, **more: Any) -> Any:
        calls.append(len(args[0]))
        return one.unet._call_impl(*args, **more)

    slots = [one.seat(order(**styled(RED, 1.0)).drawing, 0), *(one.seat(order().drawing, 0) for _ in "12")]
    one.unet._compiled_call_impl = compiled
    try:
        one.advance(slots, sizes=COMPILED_ROW_COUNTS)
        assert not calls
        one.advance(slots[1:], sizes=COMPILED_ROW_COUNTS)
        assert calls == [4]
        assert one.unet._compiled_call_impl is compiled
    finally:
        one.unet._compiled_call_impl = None


def test_kept_style_pictures_count_as_memory_and_go_when_it_is_short(one: Model) -> None:
    assert one.styles
    one.make_room()
    slot = one.seat(order(**styled(RED, 1.0)).drawing, 0)
    (row, *_) = slot.rows
    assert row.style
    assert one.styles.kept.bytes == 2 * row.style.tokens.nbytes < one.grown_bytes
    one.make_room()
    assert one.grown_bytes == one.adapters.bytes


def test_its_weights_count_in_the_models_memory_and_in_what_it_can_do(
    sd_folder: Path, adapter: Path, one: Model
) -> None:
    weights = inspect_style_adapter(str(adapter)).weights
    plain = inspect_entry(entry(sd_folder)).bytes(4)
    assert plain and inspect_entry(one.entry).bytes(4) == plain + 4 * weights
    # The encoder also has buffers: the numbers of its places.
    assert footprint(one.pipe) - one.adapters.bytes == pytest.approx(
        footprint(model(sd_folder).pipe) + 4 * weights, rel=1e-3
    )
    assert one.abilities.has_style_adapter and one.abilities.styles
    known = of_files(str(sd_folder), str(adapter))
    assert known and known.styles
    bare = of_files(str(sd_folder))
    assert bare and not bare.styles


def test_a_model_without_an_adapter_takes_no_style(sd_folder: Path) -> None:
    with pytest.raises(UnusableRequest, match="takes no style pictures"):
        model(sd_folder).seat(order(**styled(RED, 1.0)).drawing, 0)


def changed(change: Callable[[dict[str, Tensor]], None]) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        tensors = load_file(file)
        change(tensors)
        save_file(tensors, file)

    return damage


def drop(tensors: dict[str, Tensor], *prefixes: str) -> None:
    for name in [name for name in tensors if name.startswith(prefixes)]:
        del tensors[name]


def shorten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def lose_the_encoder(file: Path) -> None:
    shutil.rmtree(file.parent / "image_encoder")


def take_another_encoder(file: Path) -> None:
    edit_json(file.parent / "image_encoder" / "config.json", projection_dim=7)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Path.unlink, "There is no such file"),
        (shorten, "bytes where its header says"),
        (changed(lambda tensors: drop(tensors, "ip_adapter.1.")), "has 3 layers where the model has 4"),
        (changed(lambda tensors: drop(tensors, "ip_adapter.")), "holds no IP-Adapter"),
        (changed(lambda tensors: drop(tensors, "image_proj.proj.")), "of another kind"),
        (lose_the_encoder, "is missing beside it"),
        (take_another_encoder, "gives 7 numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_a_sentence(
    sd_folder: Path, adapter: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    shutil.copytree(adapter.parent, tmp_path / "style")
    file = tmp_path / "style" / adapter.name
    damage(file)
    with pytest.raises(BrokenModel, match=said):
        model(sd_folder, style_adapter=str(file))


def test_an_adapter_for_another_model_is_reported_before_it_is_loaded(
    sdxl_folder: Path, klein_folder: Path, adapter: Path
) -> None:
    with pytest.raises(BrokenModelFolder, match="32 wide where the model's are 64"):
        inspect_entry(entry(sdxl_folder, style_adapter=str(adapter)))
    with pytest.raises(BrokenModelFolder, match="has no U-Net"):
        inspect_entry(entry(klein_folder, style_adapter=str(adapter)))
    other = adapter.with_suffix(".bin")
    other.touch()
    with pytest.raises(BrokenModelFolder, match="may run code"):
        inspect_style_adapter(str(other))
