"""A broken model folder is reported before torch is imported, with advice for repair."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from generation.files.model_folder import inspect
from generation.files.tensor_file import BrokenModelFolder
from tests.tiny_models import cut, edit_json, tiny_sd, tiny_sdxl

pytestmark = pytest.mark.slow

UNET = "unet/diffusion_pytorch_model.safetensors"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 3438167540\n"


def shards(folder: Path, present: list[int], listed: list[int] | None) -> None:
    """Splits the U-Net's weights by name. `listed`: in the index; None: there is no index."""
    for number in present:
        shutil.copy(folder / UNET, folder / "unet" / _shard(number))
    if listed is not None:
        index = {"weight_map": {str(number): _shard(number) for number in listed}}
        (folder / f"{UNET}.index.json").write_text(json.dumps(index))
    (folder / UNET).unlink()


def _shard(number: int) -> str:
    return f"diffusion_pytorch_model-{number:05d}-of-00002.safetensors"


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


def test_weights_are_counted_once_however_often_a_folder_holds_them(folder: Path) -> None:
    """Stable Diffusion 1.5's own folder has weights before averaging (non_ema), half-precision weights and pickles too."""
    once = inspect(str(folder))
    assert once
    for kind in ("non_ema", "fp16"):
        shutil.copy(folder / UNET, folder / f"unet/diffusion_pytorch_model.{kind}.safetensors")
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(b"x")
    assert inspect(str(folder)) == once
    assert once.variant is None


def test_a_part_that_is_null_is_left_out(folder: Path) -> None:
    edit_json(folder / "model_index.json", image_encoder=[None, None])
    found = inspect(str(folder))
    assert found
    assert "image_encoder" in found.left_out


def cached(folder: Path, cache: Path, name: str, commit: str = "0123abcd") -> Path:
    """Puts a folder into the hub's cache as the hub's library does: files in blobs/, links to them in snapshots/."""
    place = cache / f"models--{name.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    (place / "blobs").mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    for number, file in enumerate(path for path in sorted(folder.rglob("*")) if path.is_file()):
        blob = shutil.copy(file, place / "blobs" / str(number))
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


def test_a_hubs_model_in_the_cache_is_checked_like_a_folder(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = cached(whole, tmp_path / "hub", "owner/tiny")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = inspect("owner/tiny")
    assert found
    assert found.path == snapshot
    alone = inspect(str(whole))
    assert alone
    assert found.parts == alone.parts
    assert inspect("owner/tiny", revision="v2") is None
    assert inspect("owner/tiny", revision="0123abcd") == found
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert inspect("owner/tiny") == found
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert inspect("owner/tiny") is None


def test_a_link_to_a_blob_that_is_gone_is_said(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = cached(whole, tmp_path / "hub", "owner/tiny")
    for name in (UNET, "tokenizer/tokenizer.json", "scheduler/scheduler_config.json", "model_index.json"):
        (snapshot / name).resolve().unlink()
        with pytest.raises(BrokenModelFolder) as caught:
            inspect(str(snapshot))
        assert f"{name} is a link to a file that is gone" in caught.value.reason
    # By its hub name, it is fetched again.
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert inspect("owner/tiny") is None


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
    (f"{UNET} is a Git LFS pointer", lambda f: (f / UNET).write_bytes(POINTER)),
    ("vae/config.json is a Git LFS pointer", lambda f: (f / "vae/config.json").write_bytes(POINTER)),
    (
        "tokenizer/spiece.model is a Git LFS pointer",
        lambda f: (f / "tokenizer/spiece.model").write_bytes(POINTER),
    ),
    (f"{UNET} is a pickle under another name", lambda f: torch.save({"a": torch.zeros(3)}, f / UNET)),
    (f"{UNET} is a pickle under another name", lambda f: (f / UNET).write_bytes(pickle.dumps([1, 2]))),
    (f"{UNET} is a GGUF file", lambda f: (f / UNET).write_bytes(b"GGUF\3\0\0\0" + bytes(40))),
    (f"{UNET} is a web page", lambda f: (f / UNET).write_bytes(b"<!DOCTYPE html><title>Log in</title>")),
    ("unet/unet.safetensors is never loaded", lambda f: (f / UNET).rename(f / "unet/unet.safetensors")),
    ("tokenizer/ holds no vocabulary", lambda f: (f / "tokenizer/tokenizer.json").unlink()),
    (
        "tokenizer/merges.txt is missing",
        lambda f: (f / "tokenizer/tokenizer.json").rename(f / "tokenizer/vocab.json"),
    ),
    (
        "scheduler/scheduler_config.json is missing",
        lambda f: (f / "scheduler/scheduler_config.json").unlink(),
    ),
    (
        "The installed diffusers has no DreamScheduler",
        lambda f: edit_json(f / "model_index.json", scheduler=["diffusers", "DreamScheduler"]),
    ),
    (
        "The installed diffusers has no DreamPipeline",
        lambda f: edit_json(f / "model_index.json", _class_name="DreamPipeline"),
    ),
    (
        "Its unet is quantised by bitsandbytes, which can't be read",
        lambda f: edit_json(f / "unet/config.json", quantization_config={"quant_method": "bitsandbytes"}),
    ),
    ("model_index.json names no vae", lambda f: edit_json(f / "model_index.json", vae=[None, None])),
    ("model_index.json names no unet", lambda f: edit_json(f / "model_index.json", unet=None)),
    ("unet/diffusion_pytorch_model.safetensors.index.json is missing", lambda f: shards(f, [1, 2], None)),
    ("unet/diffusion_pytorch_model-00002-of-00002.safetensors is missing", lambda f: shards(f, [1], [1, 2])),
    (
        "The files that unet/diffusion_pytorch_model.safetensors.index.json lists are missing",
        lambda f: shards(f, [], [1, 2]),
    ),
    (
        "no variant of the weights in common: unet/ as bf16; vae/ as fp16",
        lambda f: [
            (f / part / "diffusion_pytorch_model.safetensors").rename(
                f / part / f"diffusion_pytorch_model.{variant}.safetensors"
            )
            for part, variant in (("unet", "bf16"), ("vae", "fp16"))
        ],
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
