"""Suggestions of the server's styles, for options that name one."""

from collections.abc import Iterable

from discord import app_commands

from bot.client import Interaction
from bot.permissions import is_moderator
from bot.ui import markdown
from db import Style


async def styles_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Returns the server's styles whose name or words contain the typed text."""
    found = await interaction.client.parts.styles.like(interaction.guild_id, current)
    return _choices(found)


async def removed_styles_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Returns the styles that moderators removed and that can come back."""
    if not is_moderator(interaction):
        return []
    removed = await interaction.client.parts.takedown.removed_styles.removed(interaction.guild_id or 0)
    named = {each.name: each for each in reversed(removed) if current.strip().casefold() in each.name}
    return _choices(reversed(named.values()))


def _choices(styles: Iterable[Style]) -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(
            name=markdown.short(f"{each.name} · {each.words or each.loras}", 100), value=each.name
        )
        for each in list(styles)[:25]
    ]
