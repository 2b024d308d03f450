"""A short way to a loaded model."""

from pathlib import Path
from typing import Any

import torch

from generation.worker.models.loading import Model, load
from tests.generation.worker.requests import entry


def model(folder: Path, dtype: torch.dtype = torch.float32, **more: Any) -> Model:
    """Loads a model on the CPU. `more` holds fields of its entry."""
    return load(entry(folder, **more), torch.device("cpu"), dtype)
