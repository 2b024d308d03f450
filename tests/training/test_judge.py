"""The judge learns to distinguish compositions, and its fits agree."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training import config
from training.build import as_float, as_tensor
from training.judge import Judge, Labels, load
from training.scenes.scene import Scene

PLAIN = Scene(caption="a fox", kind="single", concepts=("fox",), drawings=("fox",), background="white")


def test_scenes_become_six_answers() -> None:
    labels = Labels(["apple", "fox"])
    pair = replace(PLAIN, kind="pair", concepts=("fox", "apple"), drawings=("fox", "red apple"))
    assert labels.of([PLAIN]).tolist()[0][:2] == [1, 2]  # no object to its right
    assert labels.of([pair]).tolist()[0][:2] == [1, 0]
    told = [PLAIN, pair, replace(PLAIN, tint="blue"), replace(PLAIN, background="red")]
    told += [replace(PLAIN, kind="small"), replace(PLAIN, is_flat=True), replace(PLAIN, background="night")]
    told += [replace(PLAIN, kind="alone", concepts=(), drawings=(), background="night")]
    rows = {tuple(row) for row in labels.of(told).tolist()}
    assert len(rows) == len(told)
    for row in rows:
        assert all(answer < count for answer, count in zip(row, labels.choices, strict=True))


def test_a_caption_fits_by_the_sum_of_its_likelihoods() -> None:
    torch.manual_seed(0)
    labels = Labels(["apple", "fox"])
    judge = Judge(labels.choices).eval()
    pictures = torch.rand(3, 3, 128, 128) * 2 - 1
    answers = labels.of([PLAIN, replace(PLAIN, tint="blue")])
    fits = judge.fit_of(pictures, answers)
    logits = judge.answers(pictures)
    by_hand = sum(logits[i].log_softmax(1)[1, answers[1, i]].item() for i in range(6))
    assert fits.shape == (3, 2)
    assert fits[1, 1].item() == pytest.approx(by_hand, rel=1e-4)


def test_a_judge_of_other_concepts_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(Judge(Labels(["apple"]).choices).state_dict(), tmp_path / "judge.safetensors")
    with pytest.raises(RuntimeError):
        load(tmp_path / "judge.safetensors", Labels(["apple", "fox"]))


def test_pixels_become_numbers_around_zero() -> None:
    from PIL import Image

    pixels = as_float(as_tensor([Image.new("RGB", (4, 4), (0, 255, 0))]))
    assert pixels.shape == (1, 3, 4, 4)
    assert pixels[0, :, 0, 0].tolist() == [-1, 1, -1]


def test_the_settings_file_is_whole() -> None:
    settings = config.load()
    mix = settings.mix
    assert mix.tinted + mix.small + mix.pair < 1
    assert settings.judge.mix(mix).pair > mix.pair
