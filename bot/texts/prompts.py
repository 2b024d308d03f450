"""What is added to prompts, in sentences."""

from __future__ import annotations

import math

from bot.studio.prompt_errors import (
    BadPresetName,
    EmptyPreset,
    FileTooLarge,
    FileUnreachable,
    NestedPreset,
    NoPromptInFile,
    TooManyPresets,
    UnknownPreset,
)
from bot.texts import members as texts


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
        case FileTooLarge():
            what = "PNG" if error.is_picture else "text file"
            return f"That {what} has {_size(error.bytes)}; at most {_size(error.limit)} can be read."
        case FileUnreachable():
            return "That file could not be fetched from Discord. Try again."
        case NoPromptInFile():
            return (
                "There is no prompt in that file: it takes a text in UTF-8, or a PNG that says how it was drawn, as mine do. "
                "A grid of four says nothing; press U1 under it."
            )
        case _:
            return None


def _size(bytes: int) -> str:
    """Rounded up: what is too large by one byte must not read as large enough."""
    return (
        f"{math.ceil(bytes / 2**10):,} KiB"
        if bytes < 2**20
        else f"{math.ceil(bytes / 2**20 * 10) / 10:g} MiB"
    )
