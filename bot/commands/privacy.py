"""/privacy: what is kept about me, as a file; and its deletion."""

from __future__ import annotations

import io

import discord
from discord import app_commands

from bot.client import Interaction
from bot.permissions import actor_of
from bot.privacy import cards as privacy_cards
from bot.studio.errors import NotYourData
from bot.texts import moderators as mod_texts
from bot.ui.components import note

_MOST = 24 * 2**20
"""Bytes: Discord takes 25 MiB in one request, with everything around the file."""


class PrivacyGroup(app_commands.Group):
    def __init__(self) -> None:
        super().__init__(name="privacy", description="What I keep about you")

    @app_commands.command(description="What I keep about you, as a file that only you see")
    async def export(self, interaction: Interaction) -> None:
        # Reading the pictures takes longer than the three seconds that Discord waits.
        await interaction.response.defer(ephemeral=True)
        member = actor_of(interaction).member
        limit = min(interaction.filesize_limit, _MOST)
        made = await interaction.client.parts.privacy.export(member, limit)
        text = "What I keep about you, in every server: `data.json`"
        if made.pictures == made.pictures_in_all:
            text += f" and {mod_texts.count(made.pictures, 'picture')}."
        else:
            left = made.pictures_in_all - made.pictures
            text += (
                f" and your newest {mod_texts.count(made.pictures, 'picture')}. {left:,} more don't fit into the "
                f"{limit / 2**20:.0f} MiB that Discord takes here; `data.json` lists them, and `/history` shows them."
            )
        text += "\n-# Left out: how the filter decides, and other people's words and names."
        file = discord.File(io.BytesIO(made.content), filename=f"atelier-{member}.zip")
        await interaction.edit_original_response(content=text, attachments=[file])

    @app_commands.command(description="Delete what I keep about you; says first what stays, and asks")
    async def delete(self, interaction: Interaction) -> None:
        member = actor_of(interaction).member
        privacy = interaction.client.parts.privacy
        view = privacy_cards.question(await privacy.outlook(member), member, privacy.settings)
        await interaction.response.send_message(view=view, ephemeral=True)


async def forget(interaction: Interaction, member: int) -> None:
    """The button that /privacy delete shows. Raises NotYourData."""
    if interaction.user.id != member:
        raise NotYourData
    by, privacy = actor_of(interaction), interaction.client.parts.privacy
    outlook = await privacy.outlook(by.member)
    cancelled = await privacy.ask_to_forget(by)
    after = privacy_cards.after(outlook, cancelled, privacy.settings)
    await interaction.response.edit_message(view=note(after))
    interaction.client.erasure_sweep.want()
