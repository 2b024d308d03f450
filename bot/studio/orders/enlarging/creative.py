"""*Upscale creative*: a picture is enlarged, and then redrawn tile by tile in its model's own size."""

from generation import Abilities, ModelEntry

CREATIVE_FACTOR = 2

_STRENGTH = 0.3
"""Of the schedule. Details are new, and what a tile shows stays; the prompt is about the whole picture, so more of it would draw
its subject into every tile.
"""


def can_be_creative(entry: ModelEntry, can: Abilities | None) -> bool:
    """Returns whether the model redraws tiles: those that can keep a part of a picture. `can`: None while that is not known.

    A model of single objects draws one into every tile: by eye, the bundled model's pictures were worse at 0.2 and at 0.35.
    """
    return not entry.adapts_prompts and (can is None or can.masks)


def creative_strength(steps: int) -> float:
    """Returns the share of the schedule that is run for each tile: at least one step of it."""
    return max(_STRENGTH, 1 / steps)
