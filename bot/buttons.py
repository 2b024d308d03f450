"""The button of cards and galleries. Its state is its custom_id; whether a press is allowed is decided in the press."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self, cast

import discord

from bot.errors import boundary
from bot.orders import Press
from generation.request import JobId

if TYPE_CHECKING:
    from bot.client import Atelier

VERSION = 1
"""Of the custom_id's form: messages posted with an older form keep their old pattern beside the new one."""


def row(*buttons: discord.ui.DynamicItem[Any]) -> discord.ui.ActionRow[Any]:
    """A row of dynamic items; discord.py's annotations know them in classic views only."""
    return discord.ui.ActionRow(*cast(Any, buttons))


class GalleryButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"atelier:1:(?P<press>up|vary|reroll|remix|delete|cancel):(?P<job>[a-z2-7]{10}):(?P<image>[0-3])",
):
    """`atelier:1:<press>:<job>:<image>`; nothing that the database knows is in it."""

    def __init__(
        self,
        press: Press,
        job: JobId,
        image: int = 0,
        *,
        label: str | None = None,
        emoji: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        self.press = press
        self.job = job
        self.image = image
        super().__init__(
            discord.ui.Button(
                label=label,
                emoji=emoji,
                style=style,
                custom_id=f"atelier:{VERSION}:{press}:{job}:{image}",
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
        # A label only satisfies the constructor: the message shows what was posted.
        return cls(Press(match["press"]), JobId(match["job"]), int(match["image"]), label="·")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        # discord.py only logs what a dynamic item raises: the boundary must stand here.
        async with boundary(interaction):
            atelier: Atelier = interaction.client
            await atelier.galleries.press(self.press, self.job, self.image, interaction)
