"""Forms of short texts, which Discord opens over a message."""

from typing import Any

import discord
from discord import ui

FORM_SECONDS = 15 * 60.0
"""Seconds. Discord's own tokens expire then, so a later answer is useless."""
REASON = 300  # characters


class TextForm(ui.Modal):
    """A form of short texts; `submit` gets them in order. Its errors are answered like a button's."""

    def __init__(self, title: str, fields: dict[str, ui.TextInput[Any]], submit: Any) -> None:
        """`fields`: label to input. `submit`: called with the interaction and the values, stripped."""
        super().__init__(title=title, timeout=FORM_SECONDS)
        self._inputs = list(fields.values())
        self._submit = submit
        for label, entry in fields.items():
            self.add_item(ui.Label(text=label, component=entry))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        # Discord's clients keep the length, but a sender of their own need not.
        values = (each.value.strip()[: each.max_length] for each in self._inputs)
        await interaction.client.routes.run(interaction, self._submit, *values)


def line(
    custom_id: str, *, most: int = REASON, default: str = "", is_required: bool = False
) -> ui.TextInput[Any]:
    """Builds a one-line input of a form."""
    return ui.TextInput(custom_id=custom_id, max_length=most, default=default or None, required=is_required)


def paragraph(custom_id: str, *, most: int, is_required: bool = True) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=custom_id, style=discord.TextStyle.paragraph, max_length=most, required=is_required
    )
