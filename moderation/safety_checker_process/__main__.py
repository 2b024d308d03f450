"""`python -m moderation.safety_checker_process SOURCE`: the process behind moderation/pictures/safety_checker.py."""

import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPImageProcessor

from moderation.pictures.asked_process import answer_questions
from moderation.pictures.safety_checker import BLACKS_OUT

_SLOPE = 3.0  # of the score by cosine: 0.05 below blacking out is 0.70


class Checker:
    def __init__(self, source: str) -> None:
        # transformers knows a model's class only at run time. Files of torch's pickle format may run code when they are read.
        self._model: Any = StableDiffusionSafetyChecker.from_pretrained(source, use_safetensors=True)
        self._model.eval()
        side = self._model.config.vision_config.image_size
        self._prepare: Any = CLIPImageProcessor(size={"shortest_edge": side}, crop_size=side)

    @torch.inference_mode()
    def score(self, picture: Image.Image) -> float:
        """Returns a score from 0 to 1: how far the nearest concept exceeds its own threshold.

        It computes the same as the checker's `forward`, which decides which pictures to black out, but before its rounding.
        """
        model = self._model
        pixels = self._prepare(picture, return_tensors="pt").pixel_values
        seen = model.visual_projection(model.vision_model(pixels)[1])
        special = _cosines(seen, model.special_care_embeds) - model.special_care_embeds_weights
        adjustment = 0.01 if bool((special > 0).any()) else 0.0
        beyond = (
            float((_cosines(seen, model.concept_embeds) - model.concept_embeds_weights).max()) + adjustment
        )
        return min(1.0, max(0.0, BLACKS_OUT + _SLOPE * beyond))


def _cosines(seen: torch.Tensor, concepts: torch.Tensor) -> torch.Tensor:
    return (F.normalize(seen) @ F.normalize(concepts).T)[0]


def load() -> Callable[[Image.Image], str]:
    checker = Checker(sys.argv[1])
    return lambda picture: f"{checker.score(picture):.6f}"


if __name__ == "__main__":
    answer_questions(load)
