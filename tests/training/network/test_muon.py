"""The step of the optimiser."""

import pytest
import torch

from training.network.muon import orthogonal


@pytest.mark.parametrize("shape", [(3, 16, 48), (3, 48, 16)])
def test_muons_step_is_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    result = orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    singular = torch.linalg.svdvals(result)
    assert singular.min() > 0.4 and singular.max() < 1.4
