"""The filter's training on a few rows: the bot can read the files that it writes."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moderation.classifier.ngrams import load, save
from moderation.prompts.rules import Rules, load_rules
from moderation.verdict import Category
from training.safety.corpus import (
    CAPTIONS,
    CATEGORIES,
    HELD_OUT,
    HELD_OUT_TOO,
    REAL_USERS,
    examples,
    lessons,
)
from training.safety.linear import Counts, fit, scaled
from training.safety.train import HeldOut, mix
from training.safety.variants import STYLES, shown, variants

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


def test_both_halves_hold_out_harmless_prompts_and_harm() -> None:
    assert HELD_OUT.intersection(HELD_OUT_TOO) == {"multilingual_hatecheck"}
    assert HELD_OUT & CAPTIONS
    assert HELD_OUT_TOO & REAL_USERS


def test_variants_keep_the_label_and_go_out_with_either_source(data: Path, rules: Rules) -> None:
    found = examples(data, rules, seed=0)
    texts = {(example.source, example.is_unsafe): [] for example in found}
    for example in found:
        texts[example.source, example.is_unsafe].append(example.text)
    written = variants(found)
    assert written == variants(found)
    assert {variant.source for variant in written} >= {"coprov2_train", "coco_captions", STYLES}
    for variant in written:
        if variant.source != STYLES and variant.is_unsafe:
            assert any(text in variant.text for text in texts[variant.source, True])
    assert any(variant.beside for variant in written)
    for variant in written:
        if variant.beside:
            assert variant.is_of(frozenset({variant.beside}))
            assert variant.is_of(frozenset({variant.source}))


def test_what_is_left_out_is_in_no_lesson(data: Path, rules: Rules) -> None:
    found = examples(data, rules, seed=0)
    written = variants(found)
    left_out = frozenset({"coprov2_train", "coco_captions"})
    taught = lessons(found, left_out, random.Random(0))
    assert {found[at].source for at in taught}.isdisjoint(left_out)
    assert {"i2p", "rules"} <= {found[at].source for at in taught}
    assert not any(written[at].is_of(left_out) for at in shown(written, left_out, random.Random(0)))


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
    mixture = mix(found, HeldOut(logits[:, None], (logits + chance.normal(size=len(found)))[:, None]))
    assert mixture.encoder > mixture.ngrams >= 0


def test_the_halves_are_weighed_by_what_they_find_among_hardly_any_harmless_prompt(
    data: Path, rules: Rules
) -> None:
    found = [example for example in examples(data, rules, seed=0) if example.source != "rules"] * 200
    chance = np.random.default_rng(0)
    unsafe = np.array([example.is_unsafe for example in found])
    both = chance.normal(size=(2, len(found))) + np.where(
        unsafe, 2.0, -2.0
    )  # the errors of the two are independent
    noise = chance.normal(size=len(found))
    helped = mix(found, HeldOut(both[0][:, None], both[1][:, None]))
    alone = mix(found, HeldOut(both[0][:, None], noise[:, None]))
    assert helped.ngrams / helped.encoder == pytest.approx(1.0, abs=0.4)
    assert alone.ngrams / alone.encoder <= 0.2


def test_a_source_has_one_say_however_many_rows_it_has(data: Path, rules: Rules) -> None:
    chance = np.random.default_rng(0)
    found = [example for example in examples(data, rules, seed=0) if example.source != "rules"] * 20
    encoder = np.array([chance.normal(2 if example.is_unsafe else -2, 1.5) for example in found])
    ngrams = np.array([chance.normal(1 if example.source == "i2p" else 0, 1.5) for example in found])
    often = np.repeat(np.arange(len(found)), [30 if example.source == "i2p" else 1 for example in found])
    once = mix(found, HeldOut(encoder[:, None], ngrams[:, None]))
    more = mix([found[at] for at in often], HeldOut(encoder[often, None], ngrams[often, None]))
    assert more.ngrams / more.encoder == pytest.approx(once.ngrams / once.encoder, rel=0.05)
