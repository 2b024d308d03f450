"""Buttons that turn the pages of a list. The whole question is in the custom_id, so a page turns after a restart too."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import boundary

if TYPE_CHECKING:
    from bot.client import Atelier

Turn = Callable[[discord.Interaction[Any], str], Awaitable[None]]


class PageButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"atelier:1:page:(?P<list>history|log|cases):(?P<cursor>[\w.:-]{1,75})",
):
    """`atelier:1:page:<list>:<cursor>`; what a cursor means is the list's own affair."""

    def __init__(self, name: str, cursor: str, *, label: str, is_disabled: bool = False) -> None:
        self.name = name
        self.cursor = cursor
        super().__init__(
            discord.ui.Button(
                label=label,
                disabled=is_disabled,
                style=discord.ButtonStyle.secondary,
                custom_id=f"atelier:1:page:{name}:{cursor}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        return cls(match["list"], match["cursor"], label="·")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with boundary(interaction):
            atelier: Atelier = interaction.client
            await atelier.lists[self.name](interaction, self.cursor)
