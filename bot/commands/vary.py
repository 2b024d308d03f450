"""/vary: variations of a picture that the member sends."""

import discord
from discord import app_commands

from bot.client import Interaction
from bot.gallery.picture_orders import demand_light
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import Level
from bot.ui import command


@command("command-vary")
@app_commands.choices(strength=[app_commands.Choice(name=each.value, value=each.value) for each in Level])
async def vary(
    interaction: Interaction, picture: discord.Attachment, strength: str, prompt: str | None = None
) -> None:
    wish = PromptInput(prompt=prompt or "")
    demand_light(picture)
    await interaction.client.picture_orders.vary(interaction, picture.url, Level(strength), wish)
