"""The evaluation's figures on point sets with known results."""

import pytest
import torch

from training.measures import frechet, near_copies, nearest, recognised


def cloud(seed: int, count: int = 4000, width: int = 6) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def test_recognised_counts_ranks() -> None:
    fits = torch.tensor([[9.0, 1, 2, 3, 4, 5, 6], [9, 1, 2, 3, 4, 5, 6], [9, 1, 2, 3, 4, 5, 6]])
    found = recognised(fits, torch.tensor([0, 5, 1]))  # ranks 0, 2 and 6
    assert found.top_1 == pytest.approx(1 / 3)
    assert found.top_5 == pytest.approx(2 / 3)


def test_frechet_of_two_samples_of_one_cloud_is_next_to_nothing() -> None:
    assert frechet(cloud(1), cloud(2)) < 0.02


def test_frechet_of_a_shifted_cloud_is_the_shift_squared() -> None:
    shift = torch.tensor([3.0, 0, 0, 0, 4, 0])
    assert frechet(cloud(1), cloud(1) + shift) == pytest.approx(25, rel=1e-3)


def test_frechet_of_a_wider_cloud() -> None:
    """Each axis adds (2 - 1)² for the difference of the deviations."""
    assert frechet(cloud(1), 2 * cloud(1)) == pytest.approx(6, rel=0.05)


def test_nearest_is_a_root_mean_square() -> None:
    found = nearest(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [30.0, 40.0]]), chunk=1)
    assert found.item() == pytest.approx((25 / 2) ** 0.5)


def test_near_copies_are_told_from_fresh_ones() -> None:
    taught, painted = cloud(1), cloud(2, 500)
    assert near_copies(cloud(3, 500), painted, taught) == pytest.approx(0.05, abs=0.04)
    copies = taught[:500] + 0.001 * cloud(4, 500)
    assert near_copies(copies, painted, taught) > 0.95
