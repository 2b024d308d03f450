"""Files of torch's pickle format are not read: they may run code."""

import pickle
from pathlib import Path

import pytest
import torch

from generation.files.model_folder import ModelFolder
from generation.request import ModelEntry, ModelName
from generation.worker.models.loading import BrokenModel, load
from generation.worker.models.sources.pipelines import load_folder
from tests.tiny_models import tiny_sd


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose denoiser is a pickle that runs code."""
    folder = tiny_sd(tmp_path / "model")
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    return folder


def test_a_folder_with_pickles_alone_is_refused_with_a_sentence(folder: Path, tmp_path: Path) -> None:
    entry = ModelEntry(name=ModelName("tiny"), source=str(folder), licence="none")
    with pytest.raises(BrokenModel, match=r"unet/ holds its weights as \*.bin only"):
        load(entry, torch.device("cpu"), torch.float32)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_is_not_read_where_the_check_of_the_folder_does_not_look(
    folder: Path, tmp_path: Path
) -> None:
    """The folder may change after the check."""
    unchecked = ModelFolder(path=folder, pipeline="StableDiffusionPipeline", variant=None, parts={})
    with pytest.raises(OSError, match="safetensors"):
        load_folder(unchecked, torch.float32)
    assert not (tmp_path / "sprung").exists()
