"""The figures of the evaluation, from features, fits and latents. No models, no files."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Shares of the pictures whose own caption is the best of all candidates, or among the five best."""

    top_1: float
    top_5: float


def recognised(fits: Tensor, own: Tensor) -> Recognised:
    """fits: (pictures, captions), larger is nearer; own: (pictures,), each picture's caption."""
    mine = fits.gather(1, own.unsqueeze(1))
    rank = (fits > mine).sum(1)
    return Recognised(top_1=_share(rank < 1), top_5=_share(rank < 5))


def frechet(one: Tensor, other: Tensor) -> float:
    """Fréchet distance of two clouds of features, (n, d) each, taken as Gaussian (Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500, there on Inception's features: the figures don't compare)."""
    first, second = one.double(), other.double()
    means = (first.mean(0) - second.mean(0)).square().sum()
    a, b = torch.cov(first.T), torch.cov(second.T)
    root = _root(a)
    between = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (means + a.trace() + b.trace() - 2 * between).item()


def nearest(points: Tensor, others: Tensor, chunk: int = 8192) -> Tensor:
    """Root mean square distance of each of `points` (n, d) to the nearest of `others` (m, d). (n,)"""
    best = torch.full((len(points),), math.inf)
    for part in others.split(chunk):
        best = torch.minimum(best, torch.cdist(points, part.float()).amin(1))
    return best / math.sqrt(points.shape[1])


def near_copies(drawn: Tensor, painted: Tensor, taught: Tensor, quantile: float = 0.05) -> float:
    """The share of `drawn` that lie as near to something taught as only one in twenty of `painted` does, which
    are fresh compositions and no copies. So a twentieth is expected of a model that copies nothing."""
    threshold = nearest(painted, taught).quantile(quantile)
    return _share(nearest(drawn, taught) < threshold)


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T


def _share(hits: Tensor) -> float:
    return hits.float().mean().item()
