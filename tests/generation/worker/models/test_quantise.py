"""Weights of one byte: less memory, nearly the same picture."""

from pathlib import Path
from typing import Any

import pytest
import torch

from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.worker.models.model_cache import footprint
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order


def test_without_its_package_it_is_refused_at_start(sd_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none(name: str) -> None:
        """Finds no package."""

    monkeypatch.setattr("generation.files.model_source.find_spec", find_none)
    with pytest.raises(BrokenModelFolder, match="pip install torchao=="):
        inspect_entry(entry(sd_folder, quantise="int8"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["sd_folder", "flux_folder"])
def test_int8_takes_less_memory_and_draws_nearly_the_same(name: str, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("torchao", reason="the package torchao is not installed")
    folder: Path = request.getfixturevalue(name)
    plain, small = model(folder), model(folder, quantise="int8")
    denoiser: Any = getattr(small.pipe, "unet", None) or small.pipe.transformer
    linear = [part for part in denoiser.modules() if isinstance(part, torch.nn.Linear)]
    saved = sum(part.weight.numel() * 3 - part.out_features * 4 for part in linear)
    assert saved > 0
    assert footprint(plain.pipe) - footprint(small.pipe) >= saved
    (one,), (other,) = (draw_in_company([(each, order())], seed=1) for each in (plain, small))
    assert 0 < float((one.sample - other.sample).norm() / one.sample.norm()) < 0.02
