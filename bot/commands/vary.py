"""/vary, /blend and /edit: pictures from pictures that the member sends."""

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.client import Interaction
from bot.commands.imagine import choices_of
from bot.gallery.picture_orders import demand_light
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import Editors, Level
from bot.ui import command


@command("command-vary")
@app_commands.choices(strength=[app_commands.Choice(name=each.value, value=each.value) for each in Level])
async def vary(
    interaction: Interaction, picture: discord.Attachment, strength: str, prompt: str | None = None
) -> None:
    demand_light(picture.size)
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
        demand_light(each.size)
    addresses = [each.url for each in files]
    await interaction.client.picture_orders.blend(interaction, addresses, PromptInput(prompt=prompt))


@command("command-edit")
async def edit(
    interaction: Interaction,
    instruction: str,
    picture: discord.Attachment,
    second: discord.Attachment | None = None,
    third: discord.Attachment | None = None,
    fourth: discord.Attachment | None = None,
    fifth: discord.Attachment | None = None,
    sixth: discord.Attachment | None = None,
    seventh: discord.Attachment | None = None,
    eighth: discord.Attachment | None = None,
    ninth: discord.Attachment | None = None,
    tenth: discord.Attachment | None = None,
    model: str | None = None,
    images: Range[int, 1, 4] | None = None,
) -> None:
    optional = (second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth)
    files = [picture, *(each for each in optional if each is not None)]
    for each in files:
        demand_light(each.size)
    wish = PromptInput(prompt=instruction, model=model, images=images)
    await interaction.client.picture_orders.edit(interaction, [each.url for each in files], wish)


@edit.autocomplete("model")
async def editors_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    editors = await interaction.client.picture_orders.models(Editors, interaction.guild_id)
    return choices_of(interaction, current, editors.known)
