"""The figures of the evaluation, computed from features, fits and latents. No models, no files."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Shares of the pictures whose own caption fits best, or is among the five best."""

    top_1: float
    top_5: float


def recognised(fits: Tensor, own: Tensor) -> Recognised:
    """Returns the shares. `fits`: (pictures, captions), larger is nearer; `own`: (pictures,), the index of each picture's
    caption."""
    mine = fits.gather(1, own.unsqueeze(1))
    rank = (fits > mine).sum(1)
    return Recognised(top_1=_share(rank < 1), top_5=_share(rank < 5))


def frechet(one: Tensor, other: Tensor) -> float:
    """Returns the Fréchet distance of two sets of features, (n, d) each, treated as Gaussian (Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500). The paper uses Inception's features, so its figures are not comparable."""
    first, second = one.double(), other.double()
    means = (first.mean(0) - second.mean(0)).square().sum()
    a, b = torch.cov(first.T), torch.cov(second.T)
    root = _root(a)
    between = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (means + a.trace() + b.trace() - 2 * between).item()


def nearest(points: Tensor, others: Tensor, chunk: int = 8192) -> Tensor:
    """Returns (n,): the root mean square distance of each of `points` (n, d) to the nearest of `others` (m, d)."""
    best = torch.full((len(points),), math.inf)
    for part in others.split(chunk):
        best = torch.minimum(best, torch.cdist(points, part.float()).amin(1))
    return best / math.sqrt(points.shape[1])


def near_copies(drawn: Tensor, painted: Tensor, taught: Tensor, quantile: float = 0.05) -> float:
    """Returns the share of `drawn` that is closer to a training sample than 95 % of `painted`. `painted` are new compositions,
    not copies. A model that copies nothing therefore scores about 5 %."""
    threshold = nearest(painted, taught).quantile(quantile)
    return _share(nearest(drawn, taught) < threshold)


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T


def _share(hits: Tensor) -> float:
    return hits.float().mean().item()
