"""A broken model folder is reported before torch is imported, with advice for repair."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from generation.files.model_folder import BrokenModelFolder, inspect
from tests.tiny_models import cut, edit_json, tiny_sd, tiny_sdxl

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd(tmp_path_factory.mktemp("sd"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "model")


def test_a_whole_folder_is_described(whole: Path, tmp_path: Path) -> None:
    found = inspect(str(whole))
    assert found
    assert (found.pipeline, found.variant) == ("StableDiffusionPipeline", None)
    found = inspect(str(tiny_sdxl(tmp_path / "xl")))
    assert found
    assert found.pipeline == "StableDiffusionXLPipeline"


def test_a_folder_with_half_precision_files_alone_is_loaded_by_variant(folder: Path) -> None:
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    found = inspect(str(folder))
    assert found
    assert found.variant == "fp16"


def test_a_hub_name_passes() -> None:
    assert inspect("stabilityai/stable-diffusion-xl-base-1.0") is None


BREAKAGES: list[tuple[str, Callable[[Path], object]]] = [
    ("no such folder", shutil.rmtree),
    ("model_index.json is missing", lambda f: (f / "model_index.json").unlink()),
    ("model_index.json is not readable as JSON", lambda f: cut(f / "model_index.json", 20)),
    ("model_index.json is no JSON object", lambda f: (f / "model_index.json").write_text("[]")),
    (
        "model_index.json names no pipeline",
        lambda f: edit_json(f / "model_index.json", _class_name="UNet2DConditionModel"),
    ),
    ("The folder vae/ (AutoencoderKL) is missing", lambda f: shutil.rmtree(f / "vae")),
    ("unet/config.json is missing", lambda f: (f / "unet/config.json").unlink()),
    ("unet/ holds no weights", lambda f: (f / UNET).unlink()),
    ("unet/ holds its weights as *.bin only", lambda f: (f / UNET).rename(f / "unet/pytorch_model.bin")),
    (f"{UNET} is cut off in its header (4 bytes)", lambda f: cut(f / UNET, 4)),
    (f"{UNET} is cut off in its header", lambda f: cut(f / UNET, 2000)),
    (f"{UNET} has 60000 bytes where its header says", lambda f: cut(f / UNET, 60_000)),
    (f"{UNET} is no safetensors file", lambda f: (f / UNET).write_bytes(b"\x08" + bytes(7) + b'{"a":{}}')),
    (f"{UNET} is no safetensors file", lambda f: (f / UNET).write_bytes(b"\2" + bytes(7) + b"[]")),
    (
        "unet/half-2.safetensors is missing",
        lambda f: (f / "unet/x.safetensors.index.json").write_text(
            '{"weight_map": {"a": "half-2.safetensors"}}'
        ),
    ),
]


@pytest.mark.parametrize(("said", "break_it"), BREAKAGES, ids=[said for said, _ in BREAKAGES])
def test_what_is_wrong_is_said_with_what_to_do(
    folder: Path, said: str, break_it: Callable[[Path], object]
) -> None:
    break_it(folder)
    with pytest.raises(BrokenModelFolder) as caught:
        inspect(str(folder))
    assert said in caught.value.reason
    assert caught.value.advice.endswith(".")


def test_looking_needs_no_torch() -> None:
    program = "import sys, generation.files.model_folder; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False).returncode
        == 0
    )
