"""Plans the tiles of an enlarged picture, and their masks.

Neighbours overlap. Each tile sees as much of the other as it gives up: the cut between them lies in the middle of the overlap.
"""

import itertools

import numpy as np
import numpy.typing as npt

from generation.files.images import open_picture
from generation.request import Drawing, ImageSize, Role, Tile

_OVERLAP = 1 / 4
"""Of two neighbours, at least, as a share of the tile's side. What lies beyond the cut is the context that a tile continues."""
_EDGE = 1 / 8
"""The soft edge on each side of a cut, as a share of the overlap."""
_COLUMN, _ROW = 1, 2
"""The bits of a turn. Where one is set, the neighbours to the sides, or above and below, are drawn before."""


def tiles_of(drawing: Drawing[bytes], enlarge: int = 1) -> tuple[Tile, ...]:
    """Returns the tiles of the drawing's picture that is enlarged and redrawn; none if there is no such picture.

    `enlarge`: of the model's finished pictures. Raises generation.files.images.PictureError.
    """
    large = drawing.picture(Role.CREATIVE)
    if large is None:
        return ()
    small = open_picture(large.source)
    return plan_tiles(
        ImageSize(width=small.width * large.factor, height=small.height * large.factor),
        ImageSize(width=drawing.size.width * enlarge, height=drawing.size.height * enlarge),
    )


def plan_tiles(whole: ImageSize, tile: ImageSize) -> tuple[Tile, ...]:
    """Returns the tiles of a picture in the order of their turns. Those of one turn have none of their neighbours in it.

    A tile is never larger than the picture.
    """
    columns, rows = _spans(whole.width, tile.width), _spans(whole.height, tile.height)
    tiles = [
        Tile(
            box=(left, top, right, bottom),
            core=(core_left, core_top, core_right, core_bottom),
            turn=row % 2 * _ROW + column % 2 * _COLUMN,
        )
        for row, (top, bottom, core_top, core_bottom) in enumerate(rows)
        for column, (left, right, core_left, core_right) in enumerate(columns)
    ]
    return tuple(sorted(tiles, key=lambda each: each.turn))


def _spans(length: int, tile: int) -> list[tuple[int, int, int, int]]:
    """Returns the tiles along one side, evenly spread: where each begins and ends, and where its core does."""
    tile = min(tile, length)
    count = 1 + -(-(length - tile) // max(1, round(tile * (1 - _OVERLAP))))
    starts = [round(index * (length - tile) / max(1, count - 1)) for index in range(count)]
    cuts = [
        0,
        *((after + before + tile) // 2 for before, after in itertools.pairwise(starts)),
        length,
    ]
    return [
        (start, start + tile, *core) for start, core in zip(starts, itertools.pairwise(cuts), strict=True)
    ]


def tile_mask(tile: Tile) -> npt.NDArray[np.uint8]:
    """Returns (height, width) of the tile's box: 255 where it is redrawn, a soft edge, then 0.

    A tile fades over the cut to a neighbour that is drawn before. Where the neighbour comes later, it goes on beyond the cut: so
    at each cut two redrawn pictures meet.
    """
    left, top, right, bottom = tile.box
    across = _share((left, right), (tile.core[0], tile.core[2]), is_last=bool(tile.turn & _COLUMN))
    down = _share((top, bottom), (tile.core[1], tile.core[3]), is_last=bool(tile.turn & _ROW))
    return (255 * down[:, None] * across).round().astype(np.uint8)


def _share(box: tuple[int, int], core: tuple[int, int], *, is_last: bool) -> npt.NDArray[np.float64]:
    """Returns the tile's share in each pixel along one side, 0 to 1. `is_last`: its neighbours are drawn before."""
    pixels, share = np.arange(*box) + 0.5, np.ones(box[1] - box[0])
    for inside, context in ((pixels - core[0], core[0] - box[0]), (core[1] - pixels, box[1] - core[1])):
        if context:  # none at the edge of the picture
            edge = 2 * context * _EDGE
            share *= (inside / (2 * edge) + 0.5 if is_last else inside / edge + 2).clip(0, 1)
    return share
