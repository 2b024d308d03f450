"""The buttons of case and appeal cards, and the forms that they open. State is the custom_id; the press decides who may."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import discord
from discord import ui

from bot.errors import boundary
from bot.gallery.buttons import FORM_SECONDS, NUMBER, Button

REASON = 300  # characters


class CaseAction(StrEnum):
    OPEN = "case:open"  # a case of a refusal; its number is the verdict's
    APPROVE = "case:approve"
    REMOVE = "case:remove"
    ESCALATE = "case:escalate"
    WARN = "case:warn"
    TIMEOUT = "case:timeout"
    BAN = "case:ban"


class AppealPress(StrEnum):
    APPEAL = "appeal"  # in what the member is told; the number is the case's
    UPHOLD = "answer:upheld"
    OVERTURN = "answer:overturned"


class CaseButton(Button, actions=CaseAction, of=NUMBER):
    """`case:<press>:<case>`."""


class AppealButton(Button, actions=AppealPress, of=NUMBER):
    """`appeal:<case>` and `answer:<decision>:<appeal>`."""


class TextForm(ui.Modal):
    """A form of short texts; `submit` gets them in order. What it raises is told as a button's errors are."""

    def __init__(self, title: str, fields: dict[str, ui.TextInput[Any]], submit: Any) -> None:
        """`fields`: label to input. `submit`: called with the interaction and the values, stripped."""
        super().__init__(title=title, timeout=FORM_SECONDS)
        self._inputs = list(fields.values())
        self._submit = submit
        for label, entry in fields.items():
            self.add_item(ui.Label(text=label, component=entry))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        async with boundary(interaction):
            await self._submit(interaction, *(each.value.strip() for each in self._inputs))


def line(
    custom_id: str, *, most: int = REASON, default: str = "", is_required: bool = False
) -> ui.TextInput[Any]:
    """One line of a form."""
    return ui.TextInput(custom_id=custom_id, max_length=most, default=default or None, required=is_required)


def paragraph(custom_id: str, *, most: int, is_required: bool = True) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=custom_id, style=discord.TextStyle.paragraph, max_length=most, required=is_required
    )
