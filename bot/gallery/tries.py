"""The answer to a prompt that a model has no words for: what it does not know, and buttons that order what it draws well."""

from enum import StrEnum
from typing import Final

import discord
from discord import ui

from bot.studio import UnknownWords
from bot.ui import BLUE, Button, Language, View, card, row

_LONGEST: Final = 50  # characters of a prompt in a custom_id


class TryPress(StrEnum):
    TRY = "try"


class TryButton(Button, actions=TryPress, of={str: f"[a-z0-9' -]{{1,{_LONGEST}}}", int: "[0-9]{1,2}"}):
    """`try:<prompt>:<place of the model in the settings>`. The prompt is screened like a typed one."""


def tries_card(say: Language, error: UnknownWords, model: int) -> View:
    """Builds the answer. `model`: its place in the settings."""
    buttons = [
        TryButton(TryPress.TRY, prompt, model, label=prompt, style=discord.ButtonStyle.primary)
        for prompt in error.tries
        if len(prompt) <= _LONGEST
    ]
    text = ui.TextDisplay(say.sentence(error) or "")
    return card(text, row(*buttons), colour=BLUE)
