"""The numbered grid over a picture."""

import numpy as np
from PIL import Image

from generation.canvas.numbered import numbered
from generation.files.images import open_picture, to_png


def test_each_cell_of_a_picture_gets_a_mark_and_the_picture_stays_visible() -> None:
    shown = open_picture(numbered(to_png(Image.new("RGB", (96, 48), (60, 120, 60))), 3, 3))
    assert shown.size == (768, 384)
    pixels = np.asarray(shown).astype(int)
    is_marked = np.abs(pixels - (60, 120, 60)).max(-1) > 60
    for row in range(3):
        for column in range(3):
            cell = is_marked[row * 128 + 20 : row * 128 + 108, column * 256 + 40 : column * 256 + 216]
            assert 0 < cell.mean() < 0.4
    assert is_marked.mean() < 0.15
