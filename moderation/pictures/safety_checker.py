"""diffusers' StableDiffusionSafetyChecker in a separate process: it needs torch, which the bot's process does not load.

The reply to a picture is a number.
"""

import sys

from PIL import Image

from moderation.pictures.asked_process import AskedProcess
from moderation.pictures.check import DetectorBroken
from moderation.verdict import Category

BLACKS_OUT = 0.85
"""The score of a picture that the checker would only just black out. The standard policy refuses from here on."""

COMMAND = (sys.executable, "-m", "moderation.safety_checker_process")
_ADVICE = (
    "pictures.safety_checker names its weights: the folder of a StableDiffusionSafetyChecker in diffusers' layout, "
    "as in the subfolder safety_checker of a Stable Diffusion 1.5 model"
)


class SafetyChecker:
    name = "safety-checker"

    def __init__(self, source: str) -> None:
        self.asked = AskedProcess(self.name, [*COMMAND, source], _ADVICE)

    def score(self, picture: Image.Image) -> dict[Category, float]:
        """Returns the score. From BLACKS_OUT on, the checker itself would black out the picture. Raises DetectorBroken."""
        return {Category.SEXUAL: float(self.asked.ask(picture))}


def load(source: str) -> SafetyChecker:
    """Loads the detector. `source`: a folder or hub name. Raises DetectorBroken."""
    if not source:
        raise DetectorBroken(SafetyChecker.name, "pictures.safety_checker is empty", _ADVICE)
    return SafetyChecker(source)
