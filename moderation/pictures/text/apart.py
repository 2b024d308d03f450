"""Reads texts in pictures in a process of its own, which leaves the processor to others.

In the bot's process, the reader's work between the networks' runs held the event loop up, and its memory stayed with the bot.
`python -m moderation.pictures.text.apart` is that process.
"""

import os
import sys
from collections.abc import Callable

from PIL import Image

from moderation.pictures.asked_process import AskedProcess, answer_questions
from moderation.pictures.text import rapidocr

NICE = 5
"""Of 19: an order must be answered within three seconds, and a text may wait."""
_COMMAND = (sys.executable, "-m", "moderation.pictures.text.apart")


class ReaderApart:
    def __init__(self) -> None:
        """Starts the process. Raises DetectorBroken."""
        self.asked = AskedProcess(rapidocr.NAME, _COMMAND, rapidocr.ADVICE)

    def read(self, picture: Image.Image) -> str:
        """As `RapidOcr.read`. Raises DetectorBroken."""
        return self.asked.ask(picture)


def _load() -> Callable[[Image.Image], str]:
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICE)
    return rapidocr.load().read


if __name__ == "__main__":
    answer_questions(_load)
