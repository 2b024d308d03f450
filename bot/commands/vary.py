"""/vary and /blend: pictures from pictures that the member sends."""

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
    demand_light(picture)
    wish = PromptInput(prompt=prompt or "")
    await interaction.client.picture_orders.vary(interaction, picture.url, Level(strength), wish)


@command("command-blend")
async def blend(
    interaction: Interaction,
    first: discord.Attachment,
    second: discord.Attachment,
    prompt: str,
    third: discord.Attachment | None = None,
    fourth: discord.Attachment | None = None,
    fifth: discord.Attachment | None = None,
) -> None:
    files = [each for each in (first, second, third, fourth, fifth) if each is not None]
    for each in files:
        demand_light(each)
    addresses = [each.url for each in files]
    await interaction.client.picture_orders.blend(interaction, addresses, PromptInput(prompt=prompt))
