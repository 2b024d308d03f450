"""The tiles of an enlarged picture: they cover it, each sees its neighbours, and at each cut two redrawn pictures meet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.canvas.tiles import plan_tiles, tile_mask, tiles_of
from generation.files.images import NotAPicture, to_png
from generation.request import ImageSize, InputPicture, Role, Tile
from tests.drawings import drawing
from tests.pictures import waves

sides = st.integers(16, 300)
tile_sides = st.sampled_from([16, 64, 96, 128])


def planned(width: int, height: int, tile: tuple[int, int]) -> tuple[Tile, ...]:
    return plan_tiles(ImageSize(width=width, height=height), ImageSize(width=tile[0], height=tile[1]))


@given(sides, sides, st.tuples(tile_sides, tile_sides))
def test_the_cores_cover_each_pixel_once_and_lie_inside_their_tiles(
    width: int, height: int, tile: tuple[int, int]
) -> None:
    seen = np.zeros((height, width), int)
    for each in planned(width, height, tile):
        left, top, right, bottom = each.core
        seen[top:bottom, left:right] += 1
        assert (right - left) * (bottom - top) > 0
        assert each.box[0] <= left and each.box[1] <= top and right <= each.box[2] and bottom <= each.box[3]
        assert (each.box[2] - each.box[0], each.box[3] - each.box[1]) == (
            min(tile[0], width),
            min(tile[1], height),
        )
    assert (seen == 1).all()


@given(sides, sides, st.tuples(tile_sides, tile_sides))
def test_each_pixel_is_drawn_anew(width: int, height: int, tile: tuple[int, int]) -> None:
    left_over = np.ones((height, width))
    for each in planned(width, height, tile):
        left, top, right, bottom = each.box
        left_over[top:bottom, left:right] *= 1 - tile_mask(each) / 255
    assert left_over.max() == 0


def test_a_picture_twice_as_large_takes_nine_tiles_in_four_turns() -> None:
    tiles = planned(1024, 1024, (512, 512))
    assert [each.turn for each in tiles] == [0, 0, 0, 0, 1, 1, 2, 2, 3]
    assert tiles[-1].box == (256, 256, 768, 768) and tiles[-1].core == (384, 384, 640, 640)
    assert len(planned(2048, 2048, (512, 512))) == 25
    assert len(planned(64, 48, (64, 64))) == 1


@given(sides, sides)
def test_of_one_turn_no_tile_draws_where_another_does(width: int, height: int) -> None:
    drawn = np.zeros((4, height, width), int)
    for each in planned(width, height, (96, 96)):
        left, top, right, bottom = each.box
        drawn[each.turn, top:bottom, left:right] += tile_mask(each) > 0
    assert drawn.max() == 1


def test_a_tile_fades_over_the_cut_to_a_neighbour_that_is_there_and_goes_on_beyond_it_to_a_later_one() -> (
    None
):
    first, second = planned(112, 64, (64, 64))
    assert (first.core, second.core) == ((0, 0, 56, 64), (56, 0, 112, 64))
    before, after = tile_mask(first)[32], tile_mask(second)[32]
    edge = 2  # an eighth of the overlap, which is 16 pixels wide
    assert (before[: 56 + edge] == 255).all() and (before[56 + 2 * edge :] == 0).all()
    cut = 56 - second.box[0]
    assert (after[: cut - edge] == 0).all() and (after[cut + edge :] == 255).all()
    assert after[cut - 1] + after[cut] == pytest.approx(255, abs=1), "half and half at the cut"


def test_only_a_picture_that_is_redrawn_has_tiles_and_those_of_an_enlarging_model_are_larger() -> None:
    content = to_png(waves(1, 64, 64))
    large = InputPicture(source=content, role=Role.CREATIVE, factor=2)
    assert len(tiles_of(drawing(pictures=(large,)))) == 9
    assert len(tiles_of(drawing(pictures=(large,)), enlarge=2)) == 1
    assert tiles_of(drawing(pictures=(InputPicture(source=b"no picture", role=Role.UPSCALE),))) == ()
    with pytest.raises(NotAPicture):
        tiles_of(drawing(pictures=(InputPicture(source=b"no picture", role=Role.CREATIVE, factor=2),)))
