"""diffusers' checker at tiny size, in its own process, gives the same answer as the class itself."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

from moderation.pictures import safety_checker
from moderation.pictures.check import DetectorBroken
from moderation.pictures.safety_checker import SafetyChecker
from moderation.verdict import Category
from tests.pictures import blobs, waves

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SIDE = 32
PICTURES = [*(waves(seed) for seed in range(4)), *(blobs(seed) for seed in range(4))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checker with random weights. Its thresholds lie between the pictures' scores, so that some pictures exceed them."""
    folder = tmp_path_factory.mktemp("checker")
    torch.manual_seed(7)
    vision = {
        "image_size": SIDE,
        "patch_size": 8,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
    }
    checker: Any = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=8))
    checker.concept_embeds.data = torch.randn(17, 8)
    checker.special_care_embeds.data = torch.randn(3, 8)
    with torch.inference_mode():
        seen = checker.visual_projection(checker.vision_model(prepared())[1])
    nearest = (F.normalize(seen) @ F.normalize(checker.concept_embeds).T).amax(dim=1).sort().values
    checker.concept_embeds_weights.data = torch.full((17,), float(nearest[3] + nearest[4]) / 2)
    checker.special_care_embeds_weights.data = torch.full((3,), 2.0)
    checker.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def detector(folder: Path) -> Generator[SafetyChecker]:
    detector = safety_checker.load(str(folder))
    yield detector
    detector.asked.close()


def prepared() -> torch.Tensor:
    prepare: Any = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SIDE)
    return prepare(PICTURES, return_tensors="pt").pixel_values


def blacked_out(folder: Path) -> list[bool]:
    """Returns the answers of the class itself."""
    checker: Any = StableDiffusionSafetyChecker.from_pretrained(folder)
    _, found = checker(prepared(), np.zeros((len(PICTURES), 8, 8, 3)))
    return list(found)


@pytest.mark.filterwarnings("ignore")
def test_it_refuses_what_the_checker_would_black_out(detector: SafetyChecker, folder: Path) -> None:
    scores = [detector.score(picture)[Category.SEXUAL] for picture in PICTURES]
    expected = blacked_out(folder)
    assert len(set(expected)) == 2, "the pictures are on both sides of the threshold"
    # The class rounds to three digits, so its answer may differ exactly on the threshold.
    assert [score > safety_checker.BLACKS_OUT for score in scores] == expected
    assert all(0 <= score <= 1 for score in scores)


def test_a_process_that_died_is_started_again(detector: SafetyChecker) -> None:
    before = detector.score(PICTURES[0])
    detector.asked.process.kill()
    detector.asked.process.wait()
    assert detector.score(PICTURES[0]) == before


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(DetectorBroken) as broken:
        safety_checker.load(str(tmp_path / "nothing"))
    assert "OSError" in str(broken.value) or "Error" in str(broken.value)
    assert "pictures.safety_checker names its weights" in str(broken.value)


def test_the_bots_own_process_stays_without_torch() -> None:
    code = "import sys, moderation.pictures.registry as d; d.load_detectors(('opennsfw',)); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
