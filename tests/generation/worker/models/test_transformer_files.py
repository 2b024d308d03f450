"""Transformers in one file, safetensors or GGUF, in the layout of their first publication: they draw the same as folders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from diffusers.loaders import single_file_utils
from torch import Tensor

from generation.files.checkpoint import PREFIX, inspect_checkpoint
from generation.files.model_source import inspect_entry
from generation.request import Lora, LoraEntry, LoraName
from generation.worker.models.loading import Model
from generation.worker.models.model_cache import footprint
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.single_files import (
    original_chroma,
    original_flux,
    original_flux2,
    original_qwen_image,
    original_sd3,
    original_vae,
    original_z_image,
    save,
    save_gguf,
    sd3_with_two_widths,
    unpacked,
)
from tests.tiny_loras import tiny_lora

FAMILIES: dict[str, tuple[str, str, str, Callable[[dict[str, Tensor]], dict[str, Tensor]]]] = {
    "sd3_folder": ("Stable Diffusion 3", PREFIX, "Q8_0", original_sd3),
    "flux_folder": ("FLUX.1", "", "Q4_0", original_flux),
    "chroma_folder": ("Chroma", PREFIX, "Q8_0", original_chroma),
    "flux2_folder": ("FLUX.2", PREFIX, "Q4_0", original_flux2),
    "z_image_folder": ("Z-Image", "", "Q4_0", original_z_image),
    "qwen_folder": ("Qwen-Image", PREFIX, "Q8_0", original_qwen_image),
}
"""Fixture -> the architecture, the prefix of the names in its file, a kind of GGUF, and the tensors as they were published."""

PUBLISHED_WIDTH = 3072
"""diffusers takes the width of FLUX.1 and Chroma from no configuration: its code has this number."""


@dataclass(frozen=True, kw_only=True)
class Case:
    folder: Path
    architecture: str
    kind: str
    tensors: dict[str, Tensor]  # in the original layout
    bytes: int  # of the folder's model
    expected: Tensor  # the latents that the folder draws, with weights that a GGUF file holds exactly


@pytest.fixture(scope="module", params=FAMILIES)
def case(request: pytest.FixtureRequest) -> Case:
    architecture, prefix, kind, original = FAMILIES[request.param]
    folder: Path = request.getfixturevalue(request.param)
    whole = model(folder)
    transformer = whole.pipe.transformer
    state = transformer.state_dict()
    transformer.load_state_dict({name: unpacked(name, value, kind) for name, value in state.items()})
    tensors = {prefix + name: value for name, value in original(transformer.state_dict()).items()}
    return Case(
        folder=folder,
        architecture=architecture,
        kind=kind,
        tensors=tensors,
        bytes=footprint(whole.pipe),
        expected=drawn(whole),
    )


@pytest.fixture(autouse=True)
def tiny_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces that number by the width of the tiny models, so that the real conversion runs."""
    for name in ("flux", "chroma"):
        function: Any = getattr(single_file_utils, f"convert_{name}_transformer_checkpoint_to_diffusers")
        constants = function.__code__.co_consts
        assert PUBLISHED_WIDTH in constants
        tiny = tuple(32 if each == PUBLISHED_WIDTH else each for each in constants)
        monkeypatch.setattr(function, "__code__", function.__code__.replace(co_consts=tiny))


def difference(one: Tensor, other: Tensor) -> float:
    """Not zero: two files of the same weights are read to other addresses, for which torch has other kernels."""
    return float((one - other).norm() / other.norm())


def drawn(one: Model) -> Tensor:
    return draw_in_company([(one, order(guidance=3.0))], seed=1)[0].sample


def test_a_transformer_in_its_original_layout_draws_the_same_as_its_folder(
    case: Case, tmp_path: Path
) -> None:
    file = save(case.tensors, tmp_path / "one.safetensors")
    assert inspect_checkpoint(str(file)).architecture.name == case.architecture
    assert difference(drawn(model(file, base=str(case.folder))), case.expected) < 1e-5


def test_a_gguf_file_draws_the_same_as_a_folder_with_its_weights_and_takes_less_memory(
    case: Case, tmp_path: Path
) -> None:
    file = save_gguf(case.tensors, tmp_path / "packed.gguf", case.kind)
    small = model(file, base=str(case.folder))
    assert difference(drawn(small), case.expected) < 1e-4
    told = [inspect_entry(one).bytes(4) or 0 for one in (entry(case.folder), small.entry)]
    saved = case.bytes - footprint(small.pipe)
    assert saved > 0.05 * told[0]
    assert abs(saved - (told[0] - told[1])) < 0.02 * told[0]


def test_stable_diffusion_3_with_its_other_parts_takes_them_from_the_file(
    sd3_folder: Path, tmp_path: Path
) -> None:
    base = sd3_with_two_widths(sd3_folder, tmp_path / "base")
    whole = model(base)
    pipe = whole.pipe
    tensors = {PREFIX + key: value for key, value in original_sd3(pipe.transformer.state_dict()).items()}
    tensors |= {f"first_stage_model.{key}": value for key, value in original_vae(pipe.vae).items()}
    for name, part in (("clip_l", "text_encoder"), ("clip_g", "text_encoder_2"), ("t5xxl", "text_encoder_3")):
        state: dict[str, Tensor] = getattr(pipe, part).state_dict()
        tensors |= {f"text_encoders.{name}.transformer.{key}": value for key, value in state.items()}
    file = save(tensors, tmp_path / "one.safetensors")
    found = inspect_checkpoint(str(file))
    assert found.parts == ("transformer", "text_encoder", "text_encoder_2", "text_encoder_3", "vae")
    for part in found.parts:
        for weights in (base / part).glob("*.safetensors"):
            weights.unlink()
    assert difference(drawn(model(file, base=str(base))), drawn(whole)) < 1e-5


def test_a_gguf_file_wears_a_lora_and_goes_through_the_hosts_memory(
    z_image_folder: Path, tmp_path: Path
) -> None:
    whole = model(z_image_folder)
    file = save_gguf(original_z_image(whole.pipe.transformer.state_dict()), tmp_path / "packed.gguf", "Q8_0")
    lora = tiny_lora(z_image_folder, tmp_path / "ink.safetensors", 3, "transformer")
    listed = LoraEntry(name=LoraName("ink"), source=str(lora))
    small = model(file, base=str(z_image_folder), loras=(listed,))
    worn = order(guidance=3.0, loras=(Lora(name=LoraName("ink"), weight=1.0),))
    plain, inked = (draw_in_company([(small, wish)], seed=1)[0].sample for wish in (order(), worn))
    assert difference(plain, inked) > 0.01
    small.offload.climb("streamed")
    assert difference(draw_in_company([(small, worn)], seed=1)[0].sample, inked) < 1e-5
