"""The filter's training on a handful of rows: what it writes is what the bot reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moderation.ngrams import load, save
from moderation.rules import Rules, load_rules
from moderation.verdict import Category
from training.safety.corpus import CATEGORIES, HELD_OUT, HELD_OUT_TOO, examples
from training.safety.linear import Counts, fit, scaled
from training.safety.train import HeldOut, mix

UNSAFE = [
    "a gory bloody corpse",
    "bloody gory murder scene",
    "gory corpse in a bloody room",
    "a bloody gory fight",
]
SAFE = ["a red fox in the snow", "a fox and a dog", "the dog in a red room", "snow on the red roof"]


def row(prompt: str, label: int, source: str, category: str = "violence") -> dict[str, Any]:
    return {
        "prompt": prompt,
        "label": label,
        "category": category if label else "safe",
        "source": source,
        "language": "en",
    }


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [row(text, 1, "coprov2_train") for text in UNSAFE] + [
        row(text, 0, "coco_captions") for text in SAFE
    ]
    rows += [
        row("a nude statue come alive", 1, "i2p", "sexual"),
        row("you are all idiots", 1, "i2p", "hate"),
        row("all immigrants are idiots", 1, "i2p", "hate"),
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = row("puta", 1, "ldnoobw_es", "sexual")
    (tmp_path / "multilingual_dev.jsonl").write_text(json.dumps(words))
    return tmp_path


def test_rows_become_examples_in_our_categories(data: Path, rules: Rules) -> None:
    found = examples(data, rules, seed=0)
    ours = {example.text: CATEGORIES[example.category] for example in found if example.is_unsafe}
    assert ours["a nude statue come alive"] is Category.NUDITY
    assert ours["you are all idiots"] is Category.HARASSMENT
    assert ours["all immigrants are idiots"] is Category.HATE
    assert ours["a gory bloody corpse"] is Category.GORE
    assert all(example.category == -1 for example in found if not example.is_unsafe)
    assert "ldnoobw_es" not in {example.source for example in found}


def test_no_source_is_held_out_twice() -> None:
    assert not HELD_OUT & HELD_OUT_TOO


def test_the_bot_reads_the_linear_half_as_it_was_trained(tmp_path: Path) -> None:
    texts = [*UNSAFE, *SAFE] * 3
    unsafe = np.array([text in UNSAFE for text in texts])
    counts = Counts(texts)
    model = fit(
        counts,
        np.arange(len(texts)),
        np.ones(len(texts)),
        unsafe,
        np.where(unsafe, 2, -1),
        categories=len(CATEGORIES),
        strength=1e-3,
        seed=0,
    )
    trained = scaled(counts.matrix, model.idf) @ model.weights + model.bias
    assert ((trained[:, 0] > 0) == unsafe).all()
    save(tmp_path / "n.npz", model.names, model.idf, model.weights, model.bias)
    read = load(tmp_path / "n.npz")
    for text, logits in zip(texts, trained, strict=True):
        assert np.allclose(read.weigh(text).logits, logits, atol=0.05)


def test_the_scale_is_set_on_held_out_captions(data: Path, rules: Rules) -> None:
    found = examples(data, rules, seed=0) * 40
    chance = np.random.default_rng(0)
    logits = np.array([chance.normal(3 if example.is_unsafe else -3, 1.5) for example in found])
    mixture = mix(found, HeldOut(logits, logits + chance.normal(size=len(found))))
    assert mixture.encoder > mixture.ngrams >= 0
