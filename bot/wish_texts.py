"""What is added to prompts, in sentences."""

from __future__ import annotations

from bot import texts
from bot.wish_errors import BadPresetName, EmptyPreset, NestedPreset, TooManyPresets, UnknownPreset


def sentence(error: Exception) -> str | None:
    """What is said instead of drawing; None for what belongs elsewhere."""
    match error:
        case UnknownPreset():
            said = f"You have no preset `{texts.code(error.name)}`."
            if not error.nearest:
                return f"{said} `/preset save` makes one."
            return f"{said} Did you mean `{texts.code(error.nearest)}`? `/preset list` shows them all."
        case BadPresetName():
            return (
                f"`{texts.code(error.name)}` can't be a preset's name: it takes one word of at most {error.limit} letters, "
                "digits, `-` and `_`."
            )
        case NestedPreset():
            return "A preset can't ask for another preset: write what is in that one instead."
        case EmptyPreset():
            return "There is nothing to save: a preset takes words, parameters such as `--ar 3:2`, or both."
        case TooManyPresets():
            return f"You have {error.limit} presets already, which is the most. Delete one with `/preset delete`."
        case _:
            return None
