"""Makes control maps of drawings and photographs, without a model: white lines on black. Uses numpy and Pillow, no torch.

Edges are Canny's: J. Canny, "A Computational Approach to Edge Detection", 1986.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from generation.control.kinds import ControlKind
from generation.files.images import fitted, open_picture
from generation.request import ImageSize

_Grey = npt.NDArray[np.float32]  # (height, width), from 0 to 255
_Lines = npt.NDArray[np.bool_]  # (height, width)

_PAPER_CELLS = 32
"""Cells along the longer side in which the brightness of the paper is measured."""
_PAPER_REACH = 9
"""Cells on each side of a square that surely shows some paper. Odd, as Pillow's filters want it."""
_FAINTEST = 12.0
"""How much, of 255, a line differs at least from its paper."""
_LINE = 0.4
"""The share of the darkest lines' difference from which a pixel counts as a line."""

_BLUR = 1.0  # pixels, the deviation of the Gaussian against noise
_WEAK, _STRONG = 50.0, 100.0
"""Sums of Sobel's filter, at most 1020: an edge has a strong pixel, and goes on along weak ones."""


def control_map(content: bytes, kind: ControlKind, size: ImageSize) -> Image.Image:
    """Returns the lines of a picture, cut to this size. `kind`: SCRIBBLE or EDGES.

    Raises generation.files.images.PictureError.
    """
    picture = fitted(open_picture(content), size).convert("L")
    lines = scribble_lines(picture) if kind is ControlKind.SCRIBBLE else edge_lines(picture)
    return Image.fromarray(np.where(lines, 255, 0).astype(np.uint8)).convert("RGB")


def scribble_lines(picture: Image.Image) -> _Lines:
    """Returns where a grey picture shows lines: dark ones on light paper, or light ones on dark paper.

    Uneven light does no harm.
    """
    grey = np.asarray(picture, np.float32)
    is_light = bool(np.median(grey) >= 127.5)
    scale = _PAPER_CELLS / max(picture.size)
    cells = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    coarse = picture.resize(cells, Image.Resampling.BOX)
    reach = ImageFilter.MaxFilter(_PAPER_REACH) if is_light else ImageFilter.MinFilter(_PAPER_REACH)
    smooth = coarse.filter(reach).filter(ImageFilter.GaussianBlur(_PAPER_REACH / 4))
    paper = np.asarray(smooth.resize(picture.size, Image.Resampling.BICUBIC), np.float32)
    off = paper - grey if is_light else grey - paper
    return off > max(_FAINTEST, _LINE * float(np.percentile(off, 99.5)))


def edge_lines(picture: Image.Image) -> _Lines:
    """Returns the edges of a grey picture, one pixel wide."""
    grey = _blurred(np.asarray(picture, np.float32))
    across, down = _sobel(grey), _sobel(grey.T).T
    strength = np.hypot(across, down)
    thin = _is_largest(strength, across, down)
    return _followed(thin & (strength >= _STRONG), thin & (strength >= _WEAK))


def _blurred(grey: _Grey) -> _Grey:
    places = np.arange(-3, 4)
    weights = np.exp(-(places**2) / (2 * _BLUR**2)).astype(np.float32)
    weights /= weights.sum()
    for _ in range(2):  # along the columns, then along the rows
        wide = np.pad(grey, ((3, 3), (0, 0)), mode="edge")
        blurred = np.zeros_like(grey)
        for start, weight in enumerate(weights):
            blurred += weight * wide[start : start + len(grey)]
        grey = blurred.T
    return grey


def _sobel(grey: _Grey) -> _Grey:
    """Returns how much brighter the picture becomes to the right."""
    wide = np.pad(grey, 1, mode="edge")
    smooth = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    return (smooth[:, 2:] - smooth[:, :-2]).astype(np.float32)


def _is_largest(strength: _Grey, across: _Grey, down: _Grey) -> _Lines:
    """Returns where no neighbour across the edge is stronger, so that edges are thin."""
    wide = np.pad(strength, 1)
    height, width = strength.shape
    # The direction of the change, in eighths of a turn: 0 to the right, 1 down to the right, 2 down, 3 down to the left.
    eighth = np.round(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4
    found = np.zeros(strength.shape, bool)
    for direction, (y, x) in enumerate([(0, 1), (1, 1), (1, 0), (1, -1)]):
        ahead, behind = (
            wide[1 + sign * y : 1 + sign * y + height, 1 + sign * x : 1 + sign * x + width]
            for sign in (1, -1)
        )
        found |= (eighth == direction) & (strength > behind) & (strength >= ahead)
    return found


def _followed(strong: _Lines, weak: _Lines) -> _Lines:
    """Returns the strong pixels and the weak ones that are connected to them. Visits each pixel once."""
    weak, found = np.pad(weak, 1), np.pad(strong, 1)
    width = weak.shape[1]
    around = np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])
    open_pixels, reached = (weak & ~found).ravel(), found.ravel()
    border = np.flatnonzero(reached)
    while border.size:
        near = np.unique((border[:, None] + around).ravel())
        border = near[open_pixels[near]]
        open_pixels[border] = False
        reached[border] = True
    return reached.reshape(weak.shape)[1:-1, 1:-1]
