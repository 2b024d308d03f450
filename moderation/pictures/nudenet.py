"""NudeNet's small detector: finds naked parts of bodies anywhere in the picture. Its weights are under the AGPL-3.0, so the owner
decides whether to install them.

The preparation of pictures and the reading of results follow `nudenet.py` in https://github.com/notAI-tech/NudeNet. The positions
of the parts are not used, so overlapping boxes are not removed.
"""

from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from moderation.onnx_file import open_packaged
from moderation.verdict import Category

PACKAGE = "nudenet"
_FILE = "nudenet/320n.onnx"
_ADVICE = f"Install it: pip install --no-deps {PACKAGE}==3.4.2 (its weights are under the AGPL-3.0)"

_SIDE = 320  # pixels
_EXPOSED = {
    2: "buttocks",
    3: "female breast",
    4: "female genitalia",
    6: "anus",
    14: "male genitalia",
}
"""The numbers of its classes that are nudity. The other 13 are faces, feet, bellies and covered parts."""


class NudeNet:
    name = "nudenet"

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name

    def score(self, picture: Image.Image) -> dict[Category, float]:
        (found,) = self._session.run(None, {self._input: prepared(picture)})
        # (1, 4 + classes, anchors): a box and the scores of each class, 0 to 1
        classes = cast("NDArray[np.float32]", found)[0, 4:]
        return {Category.NUDITY: float(classes[list(_EXPOSED)].max())}


def prepared(picture: Image.Image) -> NDArray[np.float32]:
    """Returns (1, 3, 320, 320), 0 to 1: the picture in the upper left corner of a black square."""
    picture = picture.convert("RGB")
    side = max(picture.size)
    square = Image.new("RGB", (side, side))
    square.paste(picture)
    small = square.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    channels = np.asarray(small, np.float32).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(channels / np.float32(255))


def load() -> NudeNet:
    """Loads the detector. Raises DetectorBroken."""
    return NudeNet(open_packaged("nudenet", PACKAGE, _FILE, _ADVICE))
