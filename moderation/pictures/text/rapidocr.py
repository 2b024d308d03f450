"""PP-OCRv6's small networks (Apache-2.0), from the package rapidocr: they read Latin letters, Chinese, Japanese and Greek.

Only the two ONNX files of the package are used, as files: the package itself needs OpenCV and nine more. The preparation of
pictures follows https://github.com/RapidAI/RapidOCR.
"""

import math
from importlib import metadata
from itertools import groupby
from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from moderation.onnx_file import open_packaged
from moderation.pictures.text.lines import Line, find_lines

PACKAGE = "rapidocr"
VERSION = "3.10.0"
NAME = "rapidocr"
_FINDS, _READS = "rapidocr/models/PP-OCRv6_det_small.onnx", "rapidocr/models/PP-OCRv6_rec_small.onnx"
ADVICE = f"pip install --no-deps {PACKAGE}=={VERSION}"

_MOST_PIXELS = (
    736 * 736
)  # of the map: the first network's memory grows with it, and 1,000 by 1,000 take 400 MB
_LEAST_SIDE = 480  # pixels: small letters are found when the picture is enlarged
_MULTIPLE = 32  # of the map's sides
_LINE_HEIGHT = 48  # pixels: what the second network takes
_LONGEST_LINE = 1600  # pixels, at that height
_MOST_LINES = 32
_SURE = 0.6
"""The least mean probability of a line's letters. Patterns that are no text are read with less."""
_UPRIGHT = 0.95
"""The mean probability from which a line does not stand on its head."""
_SHORT = 2  # letters
_SURE_OF_SHORT = 0.98
"""The same for lines of at most `_SHORT` letters: in patterns without text, those are found most."""
_BLANK = 0


class RapidOcr:
    """Reads pictures. Safe to call from several threads."""

    def __init__(self, finds: onnxruntime.InferenceSession, reads: onnxruntime.InferenceSession) -> None:
        self._finds, self._reads = finds, reads
        letters = reads.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._letters = ["", *letters, " "]

    def read(self, picture: Image.Image) -> str:
        """Returns what is written in the picture, with a blank between lines; empty if nothing was recognised.

        `picture`: RGB, any size.
        """
        found, scale = self._lines(picture)
        return " ".join(text for line in found if (text := self._text(line, picture, scale)))

    def _lines(self, picture: Image.Image) -> tuple[list[Line], tuple[float, float]]:
        width, height = map_size(picture.width, picture.height)
        small = picture.resize((width, height), Image.Resampling.BILINEAR)
        (scores,) = self._finds.run(None, {"x": _prepared(small)})
        # (1, 1, height, width)
        lines = find_lines(cast("NDArray[np.float32]", scores)[0, 0], _MOST_LINES)
        return lines, (picture.width / width, picture.height / height)

    def _text(self, line: Line, picture: Image.Image, scale: tuple[float, float]) -> str:
        cut = line.cut(picture, scale, _LINE_HEIGHT, _LONGEST_LINE)
        text, sure = self._recognised(cut)
        if sure < _UPRIGHT:
            text, sure = max((text, sure), self._recognised(cut.rotate(180)), key=lambda each: each[1])
        return text if sure >= (_SURE if len(text) > _SHORT else _SURE_OF_SHORT) else ""

    def _recognised(self, line: Image.Image) -> tuple[str, float]:
        """Returns the text, and the mean probability of its letters."""
        (output,) = self._reads.run(None, {"x": _prepared(line)})
        # (1, steps, letters): at each step the probability of each letter, and of none
        steps = cast("NDArray[np.float32]", output)[0]
        best, sure = steps.argmax(1).tolist(), steps.max(1).tolist()
        letters: list[str] = []
        probabilities: list[float] = []
        for letter, run in groupby(zip(best, sure, strict=True), key=lambda each: each[0]):
            if letter != _BLANK:
                letters.append(self._letters[letter])
                probabilities.append(max(each for _, each in run))
        return "".join(letters).strip(), sum(probabilities) / len(probabilities) if probabilities else 0.0


def map_size(width: int, height: int) -> tuple[int, int]:
    """Returns the size at which lines are looked for: the picture's own proportions, within limits."""
    scale = max(1.0, _LEAST_SIDE / max(width, height))
    scale = min(scale, math.sqrt(_MOST_PIXELS / (width * height)))
    sides = (max(_MULTIPLE, round(each * scale / _MULTIPLE) * _MULTIPLE) for each in (width, height))
    return next(sides), next(sides)


def _prepared(picture: Image.Image) -> NDArray[np.float32]:
    """Returns (1, 3, height, width), blue first, -1 to 1."""
    values = np.asarray(picture, np.float32)[:, :, ::-1] / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def is_installed() -> bool:
    try:
        metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    return True


def load() -> RapidOcr:
    """Loads both networks. Raises DetectorBroken."""
    # Memory for the largest picture so far would stay with each of them: 130 MB more than what they need between two pictures.
    finds, reads = (
        open_packaged(NAME, PACKAGE, file, ADVICE, keeps_memory=False) for file in (_FINDS, _READS)
    )
    return RapidOcr(finds, reads)
