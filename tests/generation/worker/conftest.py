"""Tiny models, built once a session and loaded once a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.tiny_models import (
    tiny_bundled,
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

# On a busy machine two OpenMP threads are many times slower than one.
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def on_the_cpu() -> Iterator[None]:
    """Uses the CPU even when there is a GPU: pictures are compared with pipelines on one device. test_cuda.py tests the GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generation.worker.loop.pick_device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(scope="session")
def sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sdxl(tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="session")
def bundled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("bundled"))


@pytest.fixture(scope="session")
def sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd3(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="session")
def flux_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_flux(tmp_path_factory.mktemp("flux"))


@pytest.fixture(scope="session")
def flux2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_flux2(tmp_path_factory.mktemp("flux2"))


@pytest.fixture(scope="session")
def klein_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_klein(tmp_path_factory.mktemp("klein"))


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen_image(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="session")
def chroma_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chroma(tmp_path_factory.mktemp("chroma"))


@pytest.fixture(scope="session")
def z_image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_z_image(tmp_path_factory.mktemp("z_image"))
