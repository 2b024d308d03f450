"""How a picture lies on a larger canvas after each button that goes beyond its border."""

from collections.abc import Mapping

from bot.studio.errors import IsSquare
from bot.studio.orders.order import GalleryAction
from db import JobAction
from generation import ImageSize, ModelEntry, Placement

OUTPAINTING: Mapping[GalleryAction, JobAction] = {
    GalleryAction.ZOOM_LITTLE: JobAction.ZOOM,
    GalleryAction.ZOOM_MUCH: JobAction.ZOOM,
    GalleryAction.PAN_LEFT: JobAction.PAN,
    GalleryAction.PAN_RIGHT: JobAction.PAN,
    GalleryAction.PAN_UP: JobAction.PAN,
    GalleryAction.PAN_DOWN: JobAction.PAN,
    GalleryAction.SQUARE: JobAction.SQUARE,
}


def outpainting_strength(model: ModelEntry) -> float:
    """Returns the share of the schedule that the new part is drawn in.

    Most models draw it nearly from noise. One that draws a single object on a plain ground keeps the guess, which continues the
    ground: measured by eye with the bundled model, whose objects came twice from 0.6 on.
    """
    return 0.5 if model.adapts_prompts else 0.9


def _shrunk(factor: float) -> Placement:
    """Returns the middle of the canvas. `factor`: how far it is zoomed out."""
    share = 1 / factor
    return Placement(left=(1 - share) / 2, top=(1 - share) / 2, width=share, height=share)


def _slid(right: float, down: float) -> Placement:
    return Placement(left=right, top=down, width=1.0, height=1.0)


PLACEMENTS: Mapping[GalleryAction, Placement] = {
    GalleryAction.ZOOM_LITTLE: _shrunk(1.5),
    GalleryAction.ZOOM_MUCH: _shrunk(2.0),
    # To look to the left, the picture slides to the right.
    GalleryAction.PAN_LEFT: _slid(0.5, 0.0),
    GalleryAction.PAN_RIGHT: _slid(-0.5, 0.0),
    GalleryAction.PAN_UP: _slid(0.0, 0.5),
    GalleryAction.PAN_DOWN: _slid(0.0, -0.5),
}
"""A canvas of the picture's own size. `middle_of_square` is the one for SQUARE."""


def middle_of_square(size: ImageSize) -> Placement:
    """Returns the place of a picture whose longer side fills a square. Raises IsSquare."""
    longer = max(size.width, size.height)
    if size.width == size.height:
        raise IsSquare
    width, height = size.width / longer, size.height / longer
    return Placement(left=(1 - width) / 2, top=(1 - height) / 2, width=width, height=height)
