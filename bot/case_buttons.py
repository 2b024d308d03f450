"""The buttons of case and appeal cards, and the forms that they open. State is the custom_id; the press decides who may."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.errors import boundary
from db.appeals import Decision

if TYPE_CHECKING:
    from bot.client import Atelier

FORM_SECONDS = 15 * 60.0
"""Nobody answers a form later than that: Discord's own tokens are dead then."""
REASON = 300  # characters


class CasePress(StrEnum):
    OPEN = "open"  # a case of a refusal; its number is the verdict's
    APPROVE = "approve"
    REMOVE = "remove"
    ESCALATE = "escalate"
    WARN = "warn"
    TIMEOUT = "timeout"
    BAN = "ban"


class CaseButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"atelier:1:case:(?P<press>open|approve|remove|escalate|warn|timeout|ban):(?P<id>[0-9]{1,19})",
):
    """`atelier:1:case:<press>:<case>`."""

    def __init__(
        self,
        press: CasePress,
        id: int,
        *,
        label: str,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        self.press = press
        self.subject = id
        super().__init__(
            discord.ui.Button(label=label, style=style, custom_id=f"atelier:1:case:{press}:{id}")
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(CasePress(match["press"]), int(match["id"]), label="·")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with boundary(interaction):
            atelier: Atelier = interaction.client
            await atelier.bench.press(interaction, self.press, self.subject)


class AppealButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"atelier:1:appeal:(?P<id>[0-9]{1,19})"
):
    """`atelier:1:appeal:<case>`, in what the member is told."""

    def __init__(self, case_id: int) -> None:
        self.case_id = case_id
        super().__init__(
            discord.ui.Button(
                label="Appeal", style=discord.ButtonStyle.primary, custom_id=f"atelier:1:appeal:{case_id}"
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with boundary(interaction):
            atelier: Atelier = interaction.client
            await atelier.hearing.open_form(interaction, self.case_id)


class AnswerButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"atelier:1:answer:(?P<decision>upheld|overturned):(?P<id>[0-9]{1,19})",
):
    """`atelier:1:answer:<decision>:<appeal>`."""

    def __init__(self, decision: Decision, appeal_id: int, *, label: str) -> None:
        self.decision = decision
        self.appeal_id = appeal_id
        super().__init__(
            discord.ui.Button(
                label=label,
                style=discord.ButtonStyle.secondary,
                custom_id=f"atelier:1:answer:{decision}:{appeal_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Decision(match["decision"]), int(match["id"]), label="·")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with boundary(interaction):
            atelier: Atelier = interaction.client
            await atelier.hearing.open_answer(interaction, self.decision, self.appeal_id)


class Form(ui.Modal):
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
