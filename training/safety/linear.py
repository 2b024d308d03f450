"""The linear model: logistic regression over n-grams by averaged stochastic gradient descent."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier

from moderation.classifier.ngrams import features

_RAREST = 3  # minimum number of texts that contain a feature
_PASSES = 12
_CERTAIN = 8.0  # logit of a category with only positive or only negative rows


@dataclass(frozen=True, slots=True)
class Linear:
    names: list[str]
    idf: NDArray[np.float32]
    weights: NDArray[np.float32]  # (features, outputs)
    bias: NDArray[np.float32]

    def pruned(self, most: int) -> Linear:
        """Returns a model with the `most` features of largest weight, sorted by name."""
        strength = np.abs(self.weights).max(axis=1) * self.idf
        kept = sorted((int(at) for at in np.argsort(-strength)[:most]), key=self.names.__getitem__)
        return Linear([self.names[at] for at in kept], self.idf[kept], self.weights[kept], self.bias)


class Counts:
    """The features of every text, counted once for all folds."""

    def __init__(self, texts: Sequence[str]) -> None:
        counters = [Counter(features(text)) for text in texts]
        present = Counter(name for counter in counters for name in counter)
        self.names = sorted(name for name, count in present.items() if count >= _RAREST)
        index = {name: at for at, name in enumerate(self.names)}
        columns, values, ends = [], [], [0]
        for counter in counters:
            found = [(index[name], count) for name, count in counter.items() if name in index]
            columns.extend(column for column, _ in found)
            values.extend(count for _, count in found)
            ends.append(len(columns))
        self.matrix: Any = csr_matrix(  # scipy's type stubs do not allow row selection by array
            (np.array(values, np.float32), np.array(columns, np.int32), np.array(ends, np.int64)),
            shape=(len(texts), len(self.names)),
        )


def scaled(counts: Any, idf: NDArray[np.float32]) -> Any:
    """Returns rows of 1 + log count, times idf, normalised to length 1, as moderation.classifier.ngrams reads a text."""
    out = counts.copy()
    out.data = (1 + np.log(out.data)) * idf[out.indices]
    norms = np.sqrt(np.asarray(out.multiply(out).sum(axis=1)).ravel())
    out.data /= np.repeat(np.where(norms > 0, norms, 1), np.diff(out.indptr))
    return out


def fit(
    counts: Counts,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    unsafe: NDArray[np.bool_],
    category: NDArray[np.int64],
    *,
    categories: int,
    strength: float,
    seed: int,
) -> Linear:
    """Fits a model on `rows` of the counts, each with its weight. The first output is unsafe or not. One output per category
    follows, fitted on unsafe rows."""
    present = np.asarray((counts.matrix[rows] > 0).sum(axis=0)).ravel()
    idf = (np.log((1 + len(rows)) / (1 + present)) + 1).astype(np.float32)
    data = scaled(counts.matrix[rows], idf)
    columns = [_logistic(data, unsafe[rows], weights, strength, seed)]
    known = category[rows] >= 0
    for number in range(categories):
        columns.append(
            _logistic(data[known], category[rows][known] == number, weights[known], 10 * strength, seed)
        )
    table = np.stack([column for column, _ in columns], axis=1).astype(np.float32)
    table[present < _RAREST] = 0
    return Linear(counts.names, idf, table, np.array([bias for _, bias in columns], np.float32))


def _logistic(
    data: Any, labels: NDArray[np.bool_], weights: NDArray[np.float64], strength: float, seed: int
) -> tuple[NDArray[np.float64], float]:
    if labels.all() or not labels.any():  # all labels are equal
        return np.zeros(data.shape[1]), _CERTAIN if labels.any() else -_CERTAIN
    settings: dict[str, Any] = {"loss": "log_loss", "max_iter": _PASSES, "tol": None, "average": True}
    model = SGDClassifier(alpha=strength, random_state=seed, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data, labels, sample_weight=weights)
    fitted = cast("Any", model)
    return fitted.coef_[0], float(fitted.intercept_[0])
