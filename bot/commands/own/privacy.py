"""/privacy: the member's data as a file, and its deletion."""

import io

import discord
from discord import app_commands

from bot.client import Interaction
from bot.privacy import cards as privacy_cards
from bot.studio import NotYourData
from bot.ui import command, note, say_to, text
from generation import MemberId

_MOST = 24 * 2**20
"""Bytes: Discord allows 25 MiB per request, including the data around the file."""


class PrivacyGroup(app_commands.Group):
    def __init__(self) -> None:
        super().__init__(name="privacy", description=text("command-privacy"))

    @command("command-privacy-export")
    async def export(self, interaction: Interaction) -> None:
        # Reading the pictures takes longer than the three seconds that Discord waits.
        await interaction.response.defer(ephemeral=True)
        member = MemberId(interaction.user.id)
        limit = min(interaction.filesize_limit, _MOST)
        made = await interaction.client.parts.privacy.export(member, limit)
        left = made.pictures_in_all - made.pictures
        said = say_to(interaction)("privacy-export", pictures=made.pictures, left=left, limit=limit)
        file = discord.File(io.BytesIO(made.content), filename=f"atelier-{member}.zip")
        await interaction.edit_original_response(content=said, attachments=[file])

    @command("command-privacy-delete")
    async def delete(self, interaction: Interaction) -> None:
        member = MemberId(interaction.user.id)
        privacy = interaction.client.parts.privacy
        outlook = await privacy.outlook(member)
        view = privacy_cards.question(outlook, member, privacy.settings, say_to(interaction))
        await interaction.response.send_message(view=view, ephemeral=True)


async def forget(interaction: Interaction, member: int) -> None:
    """Answers the button of /privacy delete. Raises NotYourData."""
    if interaction.user.id != member:
        raise NotYourData
    privacy, asker = interaction.client.parts.privacy, MemberId(interaction.user.id)
    outlook = await privacy.outlook(asker)
    cancelled = await privacy.ask_to_forget(asker)
    after = privacy_cards.after(outlook, cancelled, privacy.settings, say_to(interaction))
    await interaction.response.edit_message(view=note(after))
    interaction.client.erasure_sweep.want()
