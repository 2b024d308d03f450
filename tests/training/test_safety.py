"""The filter's training on a few rows: the bot can read the files that it writes."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.classifier import universal
from moderation.classifier.classifier import Voices
from moderation.classifier.ngrams import load, save
from moderation.prompts.rules import Rules, load_rules
from moderation.verdict import Category
from training.safety import heads, two_lives
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
from training.safety.train import VOICES, HeldOut, mix
from training.safety.two_lives import Half
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


def test_the_bot_reads_the_universal_head_as_it_was_trained(tmp_path: Path) -> None:
    texts = [*UNSAFE, *SAFE] * 8
    unsafe = np.array([text in UNSAFE for text in texts])
    embedded = heads.universal_embeddings(texts)
    head = heads.fit_head(embedded, unsafe, np.ones(len(texts), np.float32))
    trained = heads.logits(head, embedded)
    assert trained[unsafe].mean() > trained[~unsafe].mean() + 1
    heads.save_universal(head, tmp_path / "u.npz")
    assert np.allclose(universal.load(tmp_path / "u.npz").logits(texts), trained, atol=1e-3)


def test_only_new_texts_are_embedded(tmp_path: Path) -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return np.array([[len(text)] for text in texts], np.float32)

    first = heads.remembered(embed, ["a", "bb", "a"], tmp_path / "kept.npz")
    again = heads.remembered(embed, ["ccc", "bb"], tmp_path / "kept.npz")
    assert (first[:, 0].tolist(), again[:, 0].tolist()) == ([1, 2, 1], [3, 2])
    assert asked == ["a", "bb", "ccc"]


def held_out(voices: NDArray[np.float64]) -> HeldOut:
    """`voices`: (examples, 3)."""
    return HeldOut(voices[:, :1], voices[:, 1:2], voices[:, 2])


def test_the_scale_is_set_on_held_out_captions(data: Path, rules: Rules) -> None:
    found = examples(data, rules, seed=0) * 10
    chance = np.random.default_rng(0)
    told = held_out(chance.normal(size=(len(found), 3)))
    mixture = mix(found, told)
    captions = [at for at, example in enumerate(found) if example.source in CAPTIONS]
    scores = [
        mixture.overall(Voices(**dict(zip(VOICES, map(float, told.voices[at]), strict=True))))
        for at in captions
    ]
    assert np.mean(np.array(scores) >= 0.5) == pytest.approx(0.03, abs=0.025)
    assert max(scores) >= 0.94


def test_a_voice_counts_by_its_say_however_loud_it_is(data: Path, rules: Rules) -> None:
    found = examples(data, rules, seed=0) * 10
    voices = np.random.default_rng(0).normal(size=(len(found), 3))
    quiet, loud = mix(found, held_out(voices)), mix(found, held_out(voices * [1, 1, 50]))
    assert loud.universal * 50 == pytest.approx(quiet.universal)
    assert loud.bias == pytest.approx(quiet.bias)


def test_no_phrase_is_in_both_halves() -> None:
    mend, judge = (set(two_lives.harmless(half)) for half in Half)
    assert len(mend) >= 200
    assert len(judge) >= 200
    assert mend.isdisjoint(judge)
    assert two_lives.harmful(Half.MEND)
    assert two_lives.harmful(Half.JUDGE)


def test_the_judging_half_is_in_no_lesson(data: Path, rules: Rules) -> None:
    prompts = {example.prompt for example in examples(data, rules, seed=0)}
    assert prompts.issuperset(two_lives.harmless(Half.MEND))
    assert prompts.isdisjoint(two_lives.harmless(Half.JUDGE))
    assert prompts.isdisjoint(phrase for _, phrase in two_lives.harmful(Half.JUDGE))


def test_descriptions_of_poses_differ_and_stay_the_same() -> None:
    assert two_lives.poses(50) == two_lives.poses(50)
    assert len(set(two_lives.poses(50))) == 50
