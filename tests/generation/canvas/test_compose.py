"""A picture on a larger canvas: where it lies, what is filled in around it, and which part is masked."""

import io
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

from generation.canvas.compose import composed, region_mask
from generation.files.images import NotAPicture, open_picture, to_png
from generation.request import Drawing, ImageSize, InputPicture, Placement, Region, Role
from tests.drawings import drawing

SIDE = 96
MIDDLE = Placement(left=0.25, top=0.25, width=0.5, height=0.5)
TO_THE_RIGHT = Placement(left=0.5, top=0.0, width=1.0, height=1.0)


def picture(side: int = SIDE) -> Image.Image:
    """Returns a disc on a ground that changes from left to right, with fine noise."""
    rows, columns = np.mgrid[:side, :side]
    ground = np.stack([40 + columns * 120 // side, 90 + rows * 60 // side, np.full((side, side), 170)], -1)
    noise = np.random.default_rng(3).normal(0, 4, ground.shape)
    is_disc = (np.hypot(rows - side / 2, columns - side / 2) < side / 4)[..., None]
    return Image.fromarray(np.where(is_disc, (220, 40, 30), ground + noise).clip(0, 255).astype(np.uint8))


def laid(enlarge: int = 1, *, side: int = SIDE, **more: Any) -> Drawing[bytes]:
    start = InputPicture(source=to_png(picture(side * enlarge)), role=Role.START, strength=0.5, **more)
    size = ImageSize(width=side, height=side)
    return composed(drawing(size=size, pictures=(start,)), enlarge)


def contents(found: Drawing[bytes]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Returns the start picture, (height, width, 3), and the mask, (height, width)."""
    start, mask = found.picture(Role.START), found.picture(Role.MASK)
    assert start is not None and mask is not None
    grey = Image.open(io.BytesIO(mask.source))
    return np.asarray(open_picture(start.source)).astype(int), np.asarray(grey.convert("L"))


def test_a_drawing_that_lays_nothing_stays_as_it_is() -> None:
    start = InputPicture(source=b"not even a picture", role=Role.START)
    asked = drawing(pictures=(start,))
    assert composed(asked) is asked
    assert composed(drawing()) == drawing()


def test_a_picture_that_is_slid_keeps_its_pixels() -> None:
    start, mask = contents(laid(placement=TO_THE_RIGHT))
    own = np.asarray(picture()).astype(int)
    assert np.array_equal(start[:, SIDE // 2 :], own[:, : SIDE // 2])
    assert (mask[:, SIDE // 2 :] == 0).all() and (mask[:, : SIDE // 2] == 255).all()


def test_the_canvas_has_the_size_of_the_finished_picture_so_that_old_pixels_stay() -> None:
    start, mask = contents(laid(enlarge=4, side=32, placement=TO_THE_RIGHT))
    assert start.shape[:2] == mask.shape == (128, 128)
    assert np.array_equal(start[:, 64:], np.asarray(picture(128)).astype(int)[:, :64])


def test_a_zoomed_out_picture_is_shrunk_into_the_middle() -> None:
    start, mask = contents(laid(placement=MIDDLE))
    quarter = SIDE // 4
    shrunk = picture().resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS)
    assert np.array_equal(start[quarter:-quarter, quarter:-quarter], np.asarray(shrunk).astype(int))
    assert (mask == 0).sum() == (SIDE // 2) ** 2


def test_the_guess_continues_the_border_and_nothing_of_the_middle() -> None:
    start, mask = contents(laid(placement=MIDDLE))
    shown = start[mask == 255]
    redness = shown[:, 0] - shown[:, 2]
    assert redness.max() < 60, "the disc would be 190"
    # Beside the border, the guess differs from the old pixels about as much as they do from each other.
    quarter = SIDE // 4
    inside = start[quarter:-quarter, quarter : quarter + 4]
    across = np.abs(start[quarter:-quarter, quarter] - start[quarter:-quarter, quarter - 1]).mean()
    assert across < 2 * np.abs(np.diff(inside, axis=1)).mean()


def test_the_guess_is_as_rough_as_the_border() -> None:
    start, _ = contents(laid(side=256, placement=TO_THE_RIGHT))
    far = start[:, 20:100]
    rough = np.abs(np.diff(far, axis=1)).mean()
    old = np.abs(np.diff(start[:, 130:150], axis=1)).mean()
    assert old / 2 < rough < old * 2


def test_the_guess_is_the_same_for_the_same_seed() -> None:
    assert laid(placement=MIDDLE) == laid(placement=MIDDLE)


@examples(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 8), min_size=1), st.sampled_from([(96, 96), (96, 48), (40, 72)]))
def test_a_region_is_redrawn_inside_its_cells_alone(cells: set[int], size: tuple[int, int]) -> None:
    region = Region(rows=3, columns=3, cells=tuple(sorted(cells)))
    mask = np.asarray(region_mask(region, ImageSize(width=size[0], height=size[1])))
    for cell in range(9):
        row, column = divmod(cell, 3)
        part = mask[
            size[1] * row // 3 + 1 : size[1] * (row + 1) // 3 - 1,
            size[0] * column // 3 + 1 : size[0] * (column + 1) // 3 - 1,
        ]
        assert (part.max() == 0) if cell not in cells else (part.max() == 255), cell


def test_a_region_has_a_soft_edge_but_none_at_the_edge_of_the_picture() -> None:
    mask = np.asarray(region_mask(Region(rows=3, columns=3, cells=(0,)), ImageSize(width=192, height=192)))
    assert mask[0, 0] == 255
    row = mask[10, :64].astype(int)
    assert (np.diff(row) <= 0).all() and len(set(row)) > 6 and row[-1] < 40


def test_a_finer_grid_is_a_region_too() -> None:
    cells = tuple(row * 64 + column for row in range(16, 48) for column in range(16, 48))
    region = Region(rows=64, columns=64, cells=cells)
    mask = np.asarray(region_mask(region, ImageSize(width=128, height=128)))
    assert mask[64, 64] == 255 and mask[8, 8] == 0


def test_the_mask_of_a_large_region_takes_no_longer_than_its_pixels_do() -> None:
    began = time.process_time()
    region_mask(Region(rows=3, columns=3, cells=(4,)), ImageSize(width=1024, height=1024))
    assert time.process_time() - began < 4, "a filter of minima takes half a minute"


def test_a_region_keeps_the_whole_picture_around_it() -> None:
    start, mask = contents(laid(region=Region(rows=3, columns=3, cells=(4,))))
    assert np.array_equal(start, np.asarray(picture()).astype(int))
    assert (mask > 0).mean() < 1 / 8


def test_what_is_no_picture_is_told() -> None:
    start = InputPicture(source=b"no picture", role=Role.START, placement=MIDDLE)
    with pytest.raises(NotAPicture):
        composed(drawing(pictures=(start,)))
