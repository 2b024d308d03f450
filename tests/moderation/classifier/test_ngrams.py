from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.classifier.ngrams import Ngrams, features, load, save

_NAMES = sorted({*features("a red fox jumps"), *features("the red dog"), "red_fox", "red_red"})
_CHANCE = np.random.default_rng(0)
_IDF = _CHANCE.uniform(1, 3, len(_NAMES)).astype(np.float32)
_WEIGHTS = _CHANCE.normal(size=(len(_NAMES), 3)).astype(np.float32)
_BIAS = np.array([0.5, -1, 0], np.float32)
MODEL = Ngrams({name: at for at, name in enumerate(_NAMES)}, _IDF, _WEIGHTS, _BIAS)
texts = st.lists(st.sampled_from(["a", "red", "fox", "dog", "jumps", "unknown", "the"]), max_size=12).map(
    " ".join
)


def slowly(text: str) -> np.ndarray:
    """Computes the formula of the docstring feature by feature."""
    found = [name for name in features(text) if name in MODEL.features]
    value = {name: (1 + np.log(found.count(name))) * _IDF[MODEL.features[name]] for name in found}
    norm = np.sqrt(sum(each**2 for each in value.values())) or 1
    return _BIAS + sum(
        (each / norm * _WEIGHTS[MODEL.features[name]] for name, each in value.items()), np.zeros(3)
    )


@given(texts)
def test_logits_are_what_the_formula_says(text: str) -> None:
    assert np.allclose(MODEL.weigh(text).logits, slowly(text), atol=1e-4)


@given(texts)
def test_the_words_shares_add_up_to_the_first_logit(text: str) -> None:
    weighed = MODEL.weigh(text)
    assert weighed.shares.sum() + _BIAS[0] == pytest.approx(float(weighed.logits[0]), abs=1e-3)
    assert len(weighed.words) == len(weighed.shares) == len(text.split())


def test_saving_keeps_the_weights_to_a_128th(tmp_path: Path) -> None:
    save(tmp_path / "n.npz", _NAMES, _IDF, _WEIGHTS, _BIAS)
    read = load(tmp_path / "n.npz")
    assert list(read.features) == _NAMES
    assert np.abs(read.weights - _WEIGHTS).max() <= np.abs(_WEIGHTS).max() / 127
    assert np.allclose(read.bias, _BIAS)
