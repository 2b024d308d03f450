"""Finds the lines of text in a map of scores, and cuts them out of their picture. Knows no network.

The map is that of differentiable binarization (https://arxiv.org/abs/1911.08947): its areas are smaller than the lines, so that
neighbours don't touch. Each area becomes the smallest rectangle around it, at any angle, which is then widened again.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_INSIDE = 0.3  # the least score of a pixel of a line
_SURE = 0.5  # the least mean score of a line
_LEAST_SIDE = 3  # pixels of the map
_WIDENED = 1.6  # times area by circumference
_UPRIGHT = 1.5  # times as high as wide: a line that runs downwards

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: its corners from the upper left one, clockwise along the direction of reading. Pixels of the map."""

    corners: Points  # (4, 2), x before y

    @property
    def width(self) -> float:
        return math.dist(*self.corners[:2])

    @property
    def height(self) -> float:
        return math.dist(*self.corners[1:3])

    def cut(self, picture: Image.Image, scale: tuple[float, float], height: int, most: int) -> Image.Image:
        """Returns the line from the picture, straightened, `height` high and at most `most` wide.

        `scale`: pixels of the picture by those of the map, horizontally and vertically.
        """
        across, down = scale
        corners = self.corners * (across, down)
        wide, high = math.dist(*corners[:2]), math.dist(*corners[1:3])
        width = min(most, max(height // 2, math.ceil(wide * height / max(high, 1.0))))
        upper_left, upper_right, lower_right, lower_left = corners.tolist()
        quad = (*upper_left, *lower_left, *lower_right, *upper_right)
        return picture.transform(
            (width, height), Image.Transform.QUAD, quad, resample=Image.Resampling.BICUBIC
        )


def find_lines(scores: NDArray[np.float32], most: int) -> list[Line]:
    """Returns at most `most` lines, the largest ones, in the order of reading. `scores`: (height, width), 0 to 1."""
    found = [line for area in _areas(scores > _INSIDE) if (line := _line_of(area, scores)) is not None]
    largest = sorted(found, key=lambda each: each.width * each.height, reverse=True)[:most]
    return _in_order(largest)


def _areas(mask: NDArray[np.bool_]) -> list[Points]:
    """Returns the pixels at the left and right ends of each connected area, row by row: (n, 2), x before y."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]  # behind the last pixel
    parents = list(range(len(rows)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    for upper, lower in _touching(rows.tolist(), starts.tolist(), ends.tolist()):
        parents[root(upper)] = root(lower)
    members: dict[int, list[tuple[int, int]]] = {}
    for run, (row, start, end) in enumerate(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True)):
        members.setdefault(root(run), []).extend([(start, row), (end - 1, row)])
    return [np.array(points, np.float64) for points in members.values()]


def _touching(rows: list[int], starts: list[int], ends: list[int]) -> Iterator[tuple[int, int]]:
    """Yields pairs of runs that touch in adjacent rows, also at corners. The runs are sorted by row and column."""
    upper = 0
    for lower, row in enumerate(rows):
        while upper < lower and (
            rows[upper] < row - 1 or (rows[upper] == row - 1 and ends[upper] < starts[lower])
        ):
            upper += 1
        other = upper
        while other < lower and rows[other] == row - 1 and starts[other] <= ends[lower]:
            yield other, lower
            other += 1


def _line_of(area: Points, scores: NDArray[np.float32]) -> Line | None:
    """Returns the widened rectangle around an area; None if it is too small or its score too low."""
    corners = _smallest_rectangle(area)
    wide, high = math.dist(*corners[:2]) + 1, math.dist(*corners[1:3]) + 1
    if min(wide, high) < _LEAST_SIDE or _mean_inside(corners, scores) < _SURE:
        return None
    further = _WIDENED * wide * high / (2 * (wide + high)) + 0.5
    along = (corners[1] - corners[0]) / max(wide - 1, 1e-6)
    down = np.array([-along[1], along[0]])
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    moved = [corner + further * (x * along + y * down) for corner, (x, y) in zip(corners, signs, strict=True)]
    return Line(np.array(moved) + 0.5)


def _smallest_rectangle(points: Points) -> Points:
    """Returns the corners of the smallest rectangle around the points, as `Line` has them."""
    hull = _hull(points)
    edges = np.diff(np.vstack([hull, hull[:1]]), axis=0)
    angles = np.unique(np.round(np.arctan2(edges[:, 1], edges[:, 0]) % (math.pi / 2), 4))
    turns = np.stack([np.cos(angles), np.sin(angles), -np.sin(angles), np.cos(angles)], 1).reshape(-1, 2, 2)
    turned = np.einsum("aij,nj->ani", turns, hull)
    low, high = turned.min(1), turned.max(1)  # (angles, 2)
    best = int(np.argmin(np.prod(high - low + 1, axis=1)))
    (left, top), (right, bottom) = low[best], high[best]
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) @ turns[best]
    wide, tall = right - left + 1, bottom - top + 1
    # The angle is below a right one: the same rectangle is also one turned by more, with its sides exchanged.
    if (angles[best] > math.pi / 4) if max(wide, tall) < _UPRIGHT * min(wide, tall) else tall > wide:
        corners = np.roll(corners, 1, axis=0)
    if (corners[1] - corners[0])[0] < -1e-6:
        corners = np.roll(corners, 2, axis=0)
    return corners


def _hull(points: Points) -> Points:
    """Returns the convex hull (Andrew's monotone chain)."""
    ordered = [tuple(each) for each in np.unique(points, axis=0).tolist()]
    if len(ordered) < 3:
        return np.array(ordered)

    def half(path: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
        kept: list[tuple[float, ...]] = []
        for x, y in path:
            while len(kept) > 1 and _is_right_turn(kept[-2], kept[-1], (x, y)):
                kept.pop()
            kept.append((x, y))
        return kept[:-1]

    return np.array(half(ordered) + half(ordered[::-1]))


def _is_right_turn(first: tuple[float, ...], second: tuple[float, ...], third: tuple[float, ...]) -> bool:
    return (second[0] - first[0]) * (third[1] - first[1]) <= (second[1] - first[1]) * (third[0] - first[0])


def _mean_inside(corners: Points, scores: NDArray[np.float32]) -> float:
    """Returns the mean score of the pixels in the rectangle."""
    height, width = scores.shape
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0)), (width - 1, height - 1)).astype(int)
    ys, xs = np.mgrid[top : bottom + 1, left : right + 1]
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    inside = np.ones(xs.shape, bool)
    for side in (along, down):
        length = math.hypot(*side)
        if length > 0:
            at = ((xs - corners[0][0]) * side[0] + (ys - corners[0][1]) * side[1]) / length
            inside &= (at >= -0.5) & (at <= length + 0.5)
    return float(scores[top : bottom + 1, left : right + 1][inside].mean()) if inside.any() else 0.0


def _in_order(lines: list[Line]) -> list[Line]:
    """Sorts from top to bottom; lines whose middles are at nearly the same height, from left to right."""
    waiting = sorted(lines, key=lambda each: float(each.corners[:, 1].mean()))
    ordered: list[Line] = []
    while waiting:
        first = waiting[0]
        middle = float(first.corners[:, 1].mean())
        row = [each for each in waiting if float(each.corners[:, 1].mean()) - middle < first.height / 2]
        ordered += sorted(row, key=lambda each: float(each.corners[:, 0].mean()))
        waiting = waiting[len(row) :]
    return ordered
