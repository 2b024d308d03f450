"""The card of /ideas: prompts as buttons, one for a random prompt, and one for other ideas."""

from collections.abc import Sequence
from enum import StrEnum

import discord
from discord import ui

from bot.gallery.tries import try_buttons
from bot.ui import BLUE, NUMBER, Button, Language, View, card, row
from generation import ModelName

MOST = 5
"""Ideas on a card: one row of buttons."""


class IdeaPress(StrEnum):
    SURPRISE = "surprise"
    MORE = "ideas"


class IdeaButton(Button, actions=IdeaPress, of=NUMBER):
    """`surprise:<place of the model in the settings>`, and `ideas:` with the same."""


def ideas_card(say: Language, prompts: Sequence[str], name: ModelName, model: int) -> View:
    """Builds the card. `model`: the place of the model `name` in the settings."""
    surprise = IdeaButton(
        IdeaPress.SURPRISE,
        model,
        label=say("ideas-surprise"),
        emoji="🎲",
        style=discord.ButtonStyle.success,
    )
    more = IdeaButton(IdeaPress.MORE, model, label=say("ideas-more"), emoji="🔄")
    text = ui.TextDisplay(say("ideas-title", model=name))
    return card(text, row(*try_buttons(prompts, model)), row(surprise, more), colour=BLUE)
