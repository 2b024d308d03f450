"""Buttons that order a prompt, and the answer to a prompt that a model has no words for."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import discord
from discord import ui

from bot.studio import UnknownWords
from bot.ui import BLUE, Button, Language, View, card, row

_PROMPT: Final = "[a-z0-9', -]{1,50}"
"""A prompt in a custom_id."""


class TryPress(StrEnum):
    TRY = "try"


class TryButton(Button, actions=TryPress, of={str: _PROMPT, int: "[0-9]{1,4}"}):
    """`try:<prompt>:<place of the model in the settings>`. The prompt is screened like a typed one."""


def try_buttons(prompts: Sequence[str], model: int) -> list[TryButton]:
    """Builds a button for each prompt that a custom_id can hold. `model`: its place in the settings."""
    return [
        TryButton(TryPress.TRY, prompt, model, label=prompt, style=discord.ButtonStyle.primary)
        for prompt in prompts
        if re.fullmatch(_PROMPT, prompt)
    ]


def tries_card(say: Language, error: UnknownWords, model: int) -> View:
    """Builds the answer. `model`: its place in the settings."""
    text = ui.TextDisplay(say.sentence(error) or "")
    return card(text, row(*try_buttons(error.tries, model)), colour=BLUE)
