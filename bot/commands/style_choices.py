"""Suggestions of the server's styles, for options that name one."""

from discord import app_commands

from bot.client import Interaction
from bot.ui import markdown


async def styles_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Returns the server's styles whose name or words contain the typed text."""
    found = await interaction.client.parts.styles.like(interaction.guild_id, current)
    return [
        app_commands.Choice(
            name=markdown.short(f"{each.name} · {each.words or each.loras}", 100), value=each.name
        )
        for each in found[:25]
    ]
